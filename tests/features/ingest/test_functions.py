"""The functions of mappings, column by column, with what is missing and with clocks that jump."""

from __future__ import annotations

import pandas as pd
import pytest

from features.ingest.columns import Column
from features.ingest.functions import functions

AMSTERDAM = "Europe/Amsterdam"


def call(name: str, *arguments: object) -> Column:
    return functions()[name](*arguments)


def shown(column: pd.Series) -> list[object]:
    """Values of a column as plain Python; None where missing, times as ISO text."""
    return [
        None if pd.isna(value) else value.isoformat() if isinstance(value, pd.Timestamp) else value for value in column
    ]


def utc(*texts: str | None) -> pd.Series:
    return pd.to_datetime(pd.Series(texts), utc=True, format="ISO8601")


class TestText:
    def test_joins_and_is_missing_where_a_part_is(self) -> None:
        joined = call("text", pd.Series(["AS", "UA"]), pd.Series([1, None], dtype="Int64"), "-x")
        assert shown(joined) == ["AS1-x", None]

    def test_of_constants_is_a_constant(self) -> None:
        assert call("text", "a", 1) == "a1"


class TestChoosing:
    def test_if_else_takes_by_row(self) -> None:
        condition = pd.Series([True, False])
        assert shown(call("if_else", condition, pd.Series([1, 2]), pd.Series([3, 4]))) == [1, 4]
        assert shown(call("if_else", condition, None, pd.Series(["x", "y"]))) == [None, "y"]
        assert call("if_else", False, 1, 2) == 2

    def test_first_of_takes_the_first_that_is_present(self) -> None:
        columns = (pd.Series([None, 1.0, None]), pd.Series([2.0, 3.0, None]), pd.Series([9.0, 9.0, 9.0]))
        assert shown(call("first_of", *columns)) == [2.0, 1.0, 9.0]

    def test_present_and_missing_are_opposites(self) -> None:
        column = pd.Series([1.0, None])
        assert shown(call("present", column)) == [True, False]
        assert shown(call("missing", column)) == [False, True]

    def test_translate_leaves_missing_what_is_missing(self) -> None:
        words = {"1": "one"}
        assert shown(call("translate", pd.Series(["1", "2", None]), words)) == ["one", None, None]
        assert shown(call("translate", pd.Series(["1", "2", None]), words, "other")) == ["one", "other", None]
        assert shown(call("translate", pd.Series([1, 2]), {1: "one"})) == ["one", None]

    def test_typical_fills_with_the_median_of_its_like(self) -> None:
        column = pd.Series([10.0, 20.0, 31.0, None, None])
        kind = pd.Series(["a", "a", "a", "a", "b"])
        assert shown(call("typical", column, kind)) == [10.0, 20.0, 31.0, 20.0, None]

    def test_row_number_counts_from_one(self) -> None:
        assert shown(call("row_number", pd.Series(["x", "y"]))) == [1, 2]


class TestUnits:
    @pytest.mark.parametrize(
        ("name", "given", "expected"),
        [
            ("number", "12.5", 12.5),
            ("fahrenheit_to_celsius", 212, 100.0),
            ("miles_to_km", "2", 3.218688),
            ("mph_to_ms", 10, 4.4704),
            ("inches_to_mm", 1, 25.4),
            ("hhmm_minutes", 1545, 945.0),
            ("hhmm_minutes", 2400, 1440.0),
        ],
    )
    def test_is_converted(self, name: str, given: object, expected: float) -> None:
        converted = call(name, pd.Series([given, None, "n/a"]))
        assert converted[0] == pytest.approx(expected)
        assert shown(converted[1:]) == [None, None]


class TestParseTime:
    def test_without_an_offset_it_is_local(self) -> None:
        times = pd.Series(["2026-07-01 12:00", "2026-01-01T12:00:00", "soon", None])
        assert shown(call("parse_time", times, AMSTERDAM)) == [
            "2026-07-01T10:00:00+00:00",
            "2026-01-01T11:00:00+00:00",
            None,
            None,
        ]

    def test_with_an_offset_the_offset_counts_row_by_row(self) -> None:
        times = pd.Series(["2026-07-01T12:00:00Z", "2026-07-01T12:00:00+05:30", "2026-07-01T12:00:00"])
        assert shown(call("parse_time", times, AMSTERDAM)) == [
            "2026-07-01T12:00:00+00:00",
            "2026-07-01T06:30:00+00:00",
            "2026-07-01T10:00:00+00:00",
        ]

    def test_takes_times_of_a_table_with_types(self) -> None:
        naive = pd.Series(pd.to_datetime(["2026-07-01 12:00", None]))
        assert shown(call("parse_time", naive, AMSTERDAM)) == ["2026-07-01T10:00:00+00:00", None]
        assert shown(call("parse_time", utc("2026-07-01T12:00:00Z", None), AMSTERDAM)) == [
            "2026-07-01T12:00:00+00:00",
            None,
        ]


class TestWallClock:
    def at(self, day: int, minutes: float | None, month: int = 3) -> list[object]:
        columns = (pd.Series([number]) for number in (2026, month, day, minutes))
        return shown(call("wall_clock", *columns, AMSTERDAM))

    def test_is_what_a_clock_there_shows(self) -> None:
        assert self.at(1, 12 * 60) == ["2026-03-01T11:00:00+00:00"]

    def test_minutes_beyond_midnight_are_the_next_day(self) -> None:
        assert self.at(1, 25 * 60) == ["2026-03-02T00:00:00+00:00"]

    def test_a_time_that_never_comes_is_the_first_after_it(self) -> None:
        assert self.at(29, 2 * 60 + 30) == ["2026-03-29T01:00:00+00:00"]

    def test_a_time_that_comes_twice_is_the_first_of_the_two(self) -> None:
        assert self.at(25, 2 * 60 + 30, month=10) == ["2026-10-25T00:30:00+00:00"]

    def test_a_missing_part_and_a_day_that_is_none_are_missing(self) -> None:
        assert self.at(1, None) == [None]
        assert self.at(31, 0, month=2) == [None]

    def test_zones_may_differ_by_row(self) -> None:
        columns = (pd.Series([number] * 2) for number in (2026, 1, 1, 720))
        zones = pd.Series(["America/New_York", "Asia/Tokyo"])
        assert shown(call("wall_clock", *columns, zones)) == ["2026-01-01T17:00:00+00:00", "2026-01-01T03:00:00+00:00"]


class TestNextWallClock:
    def after(self, instant: str | None, minutes: float) -> list[object]:
        return shown(call("next_wall_clock", utc(instant), pd.Series([minutes]), AMSTERDAM))

    def test_is_today_if_it_is_still_to_come(self) -> None:
        assert self.after("2026-07-01T08:00:00Z", 12 * 60) == ["2026-07-01T10:00:00+00:00"]

    def test_is_tomorrow_if_it_is_past_or_now(self) -> None:
        assert self.after("2026-07-01T12:00:00Z", 12 * 60) == ["2026-07-02T10:00:00+00:00"]
        assert self.after("2026-07-01T10:00:00Z", 12 * 60) == ["2026-07-02T10:00:00+00:00"]

    def test_twenty_four_hundred_is_midnight(self) -> None:
        assert self.after("2026-07-01T08:00:00Z", 24 * 60) == ["2026-07-01T22:00:00+00:00"]

    def test_is_missing_after_nothing(self) -> None:
        assert self.after(None, 60) == [None]


def test_plus_minutes_moves_an_instant_either_way() -> None:
    moved = call("plus_minutes", utc("2026-07-01T08:00:00Z", None), pd.Series([-30.0, 5.0]))
    assert shown(moved) == ["2026-07-01T07:30:00+00:00", None]
