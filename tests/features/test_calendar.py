"""Holidays, closed days and borders: known dates."""

from __future__ import annotations

from datetime import date
from math import isnan

import pytest

from features.borders import crosses_border, crosses_customs
from features.calendar import FARTHEST, LONGEST, closed_days, days_to_holiday


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


class TestDaysToHoliday:
    """Labour Day of 2014 was Monday 1 September, Columbus Day 13 October, Thanksgiving Thursday 27 November."""

    @pytest.mark.parametrize(
        ("country", "on", "ahead", "back"),
        [
            ("US", "2014-11-27", 0, 0),
            ("US", "2014-11-26", 1, 15),
            ("US", "2014-11-28", 27, 1),
            ("DE", "2014-11-27", 28, FARTHEST),
            ("US", "2014-12-31", 1, 6),
        ],
    )
    def test_looks_ahead_and_back(self, country: str, on: str, ahead: int, back: int) -> None:
        assert (days_to_holiday(country, day(on), 1), days_to_holiday(country, day(on), -1)) == (ahead, back)

    @pytest.mark.parametrize("country", [None, "ZZ"])
    def test_of_an_unknown_country_nothing_is_known(self, country: str | None) -> None:
        assert isnan(days_to_holiday(country, day("2014-11-27"), 1))
        assert isnan(closed_days(country, day("2014-11-27"), day("2014-11-28")))


class TestClosedDays:
    def test_counts_weekends_and_holidays_once_each_with_both_ends(self) -> None:
        assert closed_days("US", day("2014-11-27"), day("2014-11-30")) == 3  # Thanksgiving, Saturday, Sunday
        assert closed_days("US", day("2014-11-28"), day("2014-11-28")) == 0
        assert closed_days("US", day("2014-07-05"), day("2014-07-05")) == 1

    def test_the_weekend_is_that_of_the_country(self) -> None:
        friday = day("2014-11-28")
        assert (closed_days("SA", friday, friday), closed_days("DE", friday, friday)) == (1, 0)

    def test_is_nothing_backwards_and_has_an_end(self) -> None:
        assert closed_days("DE", day("2014-11-30"), day("2014-11-29")) == 0
        assert closed_days("DE", day("2014-01-01"), day("2019-01-01")) < LONGEST


class TestBorders:
    @pytest.mark.parametrize(
        ("one", "other", "border", "customs"),
        [("DE", "DE", 0, 0), ("DE", "FR", 1, 0), ("DE", "CH", 1, 1), ("CH", "LI", 1, 0), ("FR", "GB", 1, 1)],
    )
    def test_customs_are_passed_between_territories(self, one: str, other: str, border: int, customs: int) -> None:
        assert (crosses_border(one, other), crosses_customs(one, other)) == (border, customs)
        assert (crosses_border(other, one), crosses_customs(other, one)) == (border, customs)

    def test_are_not_known_without_a_country(self) -> None:
        assert isnan(crosses_border("DE", None))
        assert isnan(crosses_customs(None, "DE"))
