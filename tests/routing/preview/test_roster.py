"""Who looks at the queue is read as people write it, and is there by the clock on their wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from routing.errors import RosterError
from routing.preview.roster import Shift

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def spans(text: str, since: datetime = MONDAY, *, days: float = 7) -> list[str]:
    """Write when a group is there as `2 08:00 2 17:00`, days of March and hours in UTC."""
    until = since + timedelta(days=days)
    return [f"{each.begins:%-d %H:%M} {each.ends:%-d %H:%M}" for each in Shift.parse(text).spans(since, until)]


class TestOneGroup:
    def test_is_there_around_the_clock_if_nothing_is_said(self) -> None:
        assert (Shift.parse("3").people, Shift.parse("3").words) == (3, "3")
        assert [str(Shift.parse(each)) for each in ("3", "3 sat 00:00-24:00", "1 sat")] == [
            "3 around the clock",
            "3 sat 00:00-24:00",
            "1 sat around the clock",
        ]
        assert spans("3", days=2) == ["2 00:00 3 00:00", "3 00:00 4 00:00"]

    def test_comes_on_its_days_and_hours(self) -> None:
        assert spans("1 tue,thu-fri 08:00-17:30") == ["3 08:00 3 17:30", "5 08:00 5 17:30", "6 08:00 6 17:30"]
        assert spans("1 sat-mon") == ["2 00:00 3 00:00", "7 00:00 8 00:00", "8 00:00 9 00:00"]

    def test_stays_over_midnight(self) -> None:
        assert spans("1 mon 22:00-06:00") == ["2 22:00 3 06:00"]
        assert spans("1 sun 22:00-06:00") == ["2 00:00 2 06:00", "8 22:00 9 00:00"]

    def test_is_there_as_far_as_it_is_asked_about(self) -> None:
        assert spans("1 08:00-17:00", MONDAY + timedelta(hours=9), days=1) == ["2 09:00 2 17:00", "3 08:00 3 09:00"]

    def test_goes_by_the_clock_of_its_place_also_when_that_is_changed(self) -> None:
        before = datetime(2026, 3, 27, tzinfo=UTC)  # clocks go forward on Sunday the 29th
        assert spans("1 08:00-16:00 Europe/Berlin", before, days=4) == [
            "27 07:00 27 15:00",
            "28 07:00 28 15:00",
            "29 06:00 29 14:00",
            "30 06:00 30 14:00",
        ]
        night = Shift.parse("1 sat 22:00-06:00 Europe/Berlin").spans(before, before + timedelta(days=4))
        assert [each.ends - each.begins for each in night] == [timedelta(hours=7)]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "'' is no number of people from 1 to 10,000"),
            ("0", "'0' is no number of people"),
            ("10001", "'10001' is no number of people"),
            ("two", "'two' is no number of people"),
            ("²", "'²' is no number of people"),
            ("1 mon-fry", "'fry' is no weekday; they are mon, tue, wed, thu, fri, sat, sun"),
            ("1 08:00-25:00", "'08:00-25:00' are no hours of a day"),
            ("1 24:00-08:00", "'24:00-08:00' are no hours of a day"),
            ("1 08:60-17:00", "'08:60-17:00' are no hours of a day"),
            ("1 8-17", "'8-17' is neither days, nor hours, nor a time zone"),
            ("1 08:00-17:00 mon-fri", "'mon-fri' is neither"),
            ("1 mon-fri 08:00-17:00 Europe/Atlantis", "'Europe/Atlantis' is neither"),
            ("1 mon-fri 08:00-17:00 UTC too", "'too' is neither"),
        ],
    )
    def test_that_cannot_be_read_is_said_with_what_to_write(self, text: str, why: str) -> None:
        with pytest.raises(RosterError) as refused:
            Shift.parse(text)
        assert why in str(refused.value)
        assert "'3 mon-fri 08:00-17:00 Europe/Berlin'" in str(refused.value)
