"""The functions of mappings, column by column, with what is missing and with clocks that jump."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

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

    def test_whole_numbers_stay_whole_beside_what_is_missing(self) -> None:
        ids, other = pd.Series([1001, 7]), pd.Series([None, 5], dtype="Int64")
        condition = pd.Series([True, False])
        for taken in (
            call("if_else", condition, ids, None),
            call("if_else", condition, ids, other.where(condition)),
            call("first_of", ids.astype("Int64").where(condition), None),
            call("greatest", ids, pd.Series([3, None], dtype="Int64")),
        ):
            assert shown(call("text", taken)) == ["1001", None]
        keys = pd.Series(["a", None])
        for counted in (call("occurrence", keys), call("group_count", keys), call("group_first", ids // 1000, keys)):
            assert shown(call("text", counted)) == ["1", None]

    def test_columns_of_two_kinds_are_taken_as_they_are(self) -> None:
        ids, condition = pd.Series([1, 2], dtype="Int64"), pd.Series([True, False])
        assert shown(call("if_else", condition, ids, pd.Series(["a", "b"]))) == [1, "b"]
        assert shown(call("if_else", condition, ids, 2.5)) == [1, 2.5]
        assert shown(call("first_of", ids.where(condition), pd.Series([0.5, 1.5]))) == [1, 1.5]

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

    def test_a_clock_shows_no_more_than_24_hours_and_59_minutes(self) -> None:
        given = pd.Series([0, 59, 60, 1275, 2359, 2400, 2401, -5, 9.5])
        assert shown(call("hhmm_minutes", given)) == [0, 59, None, None, 1439, 1440, None, None, None]


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

    def test_blanks_around_it_are_no_part_of_it(self) -> None:
        times = pd.Series([" 2026-03-02", "2026-03-02T12:00Z ", " 2026-07-01 12:00 "])
        assert shown(call("parse_time", times, AMSTERDAM)) == [
            "2026-03-01T23:00:00+00:00",
            "2026-03-02T12:00:00+00:00",
            "2026-07-01T10:00:00+00:00",
        ]

    def test_a_day_written_as_a_number_is_one(self) -> None:
        assert shown(call("parse_time", pd.Series([20260302, None], dtype="Int64"), "UTC")) == [
            "2026-03-02T00:00:00+00:00",
            None,
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

    def test_a_part_that_is_missing_spoils_no_other_row(self) -> None:
        year = pd.Series([2026, None], dtype="Int64")
        assert shown(call("wall_clock", year, 3, 1, 720, "UTC")) == ["2026-03-01T12:00:00+00:00", None]

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

    def test_is_the_second_time_that_it_comes_on_a_day_if_the_first_is_past(self) -> None:
        assert self.after("2026-10-25T00:15:00Z", 150) == ["2026-10-25T00:30:00+00:00"]
        assert self.after("2026-10-25T00:45:00Z", 150) == ["2026-10-25T01:30:00+00:00"]
        assert self.after("2026-10-25T01:15:00Z", 150) == ["2026-10-25T01:30:00+00:00"]
        assert self.after("2026-10-25T01:45:00Z", 150) == ["2026-10-26T01:30:00+00:00"]

    def test_is_missing_after_nothing(self) -> None:
        assert self.after(None, 60) == [None]


def test_plus_minutes_moves_an_instant_either_way() -> None:
    moved = call("plus_minutes", utc("2026-07-01T08:00:00Z", None), pd.Series([-30.0, 5.0]))
    assert shown(moved) == ["2026-07-01T07:30:00+00:00", None]


class TestExtremes:
    def test_greatest_and_least_take_by_row_and_are_missing_where_one_is(self) -> None:
        one, other = pd.Series([1.0, 5.0, None]), pd.Series([3.0, 2.0, 9.0])
        assert shown(call("greatest", one, other, 2)) == [3.0, 5.0, None]
        assert shown(call("least", one, other)) == [1.0, 2.0, None]
        assert call("greatest", 1, 2) == 2
        assert call("least", None, 2) is None

    def test_text_is_not_compared_or_added_up_as_if_it_were_numbers(self) -> None:
        column, key = pd.Series(["10", "9"]), pd.Series(["a", "a"])
        for name in ("greatest", "least"):
            with pytest.raises(TypeError, match=f"{name} needs numbers or instants and found the text '10'"):
                call(name, column, 5)
        for name in ("group_sum", "group_least", "group_greatest"):
            with pytest.raises(TypeError, match=f"{name} needs numbers or instants and found the text '10'"):
                call(name, column, key)

    def test_of_instants_are_the_latest_and_the_earliest(self) -> None:
        one, other = utc("2026-03-01T00:00Z", None), utc("2026-03-02T00:00Z", "2026-03-02T00:00Z")
        assert shown(call("greatest", one, other)) == ["2026-03-02T00:00:00+00:00", None]
        assert shown(call("least", one, other)) == ["2026-03-01T00:00:00+00:00", None]

    def test_one_of_finds_the_values(self) -> None:
        assert shown(call("one_of", pd.Series(["a", "b", None]), "a", "c")) == [True, False, False]


class TestTexts:
    def test_are_stripped_written_large_and_small_and_replaced(self) -> None:
        column = pd.Series([" Ab ", None])
        assert shown(call("strip", column)) == ["Ab", None]
        assert shown(call("upper", column)) == [" AB ", None]
        assert shown(call("lower", column)) == [" ab ", None]
        assert shown(call("replace", pd.Series(["a.b.", None]), ".", "-")) == ["a-b-", None]

    def test_part_cuts_and_is_missing_beyond_the_last(self) -> None:
        assert shown(call("part", pd.Series(["dep_1", "rcs", None]), "_", 1)) == ["1", None, None]

    def test_pieces_are_found_as_they_are_written(self) -> None:
        column = pd.Series(["See ASN-1", "12.5", None])
        assert shown(call("starts_with", column, "See ")) == [True, False, False]
        assert shown(call("contains", column, ".")) == [False, True, False]

    def test_rounded_rounds(self) -> None:
        assert shown(call("rounded", pd.Series(["2.346", "x"]), 2)) == [2.35, None]


class TestMoneyMinor:
    @pytest.mark.parametrize(
        ("text", "currency", "point", "minor"),
        [
            (" $43.23 ", "USD", ".", 4323),
            ("1,043.20", "USD", ".", 104320),
            ("EUR 12", "EUR", ".", 1200),
            ("1.043,20 €", "EUR", ",", 104320),
            ("1 043,20", "EUR", ",", 104320),
            ("CHF 1'043.20", "CHF", ".", 104320),
            ("(3.50)", "USD", ".", -350),
            ("3.50-", "USD", ".", -350),
            ("-3.5", "USD", ".", -350),
            (".5", "USD", ".", 50),
            ("1500", "JPY", ".", 1500),
            ("1.234", "KWD", ".", 1234),
            ("0.29", "USD", ".", 29),
            ("9007199254740.99", "USD", ".", 900719925474099),
            ("$0.7134", "USD", ".", 71.34),
            ("−5.00", "USD", ".", -500),
            ("$-3.50", "USD", ".", -350),
            ("3.50 EUR-", "EUR", ".", -350),
            ("(€3.50)", "EUR", ".", -350),
            ("12,50", "EUR", ",", 1250),
            ("12,50", "EUR", ".", None),
            ("0,125", "EUR", ".", None),
            ("1,04,320", "USD", ".", None),
            ("1,043'200", "USD", ".", None),
            ("1.5E3", "USD", ".", None),
            ("5.00 CR", "USD", ".", None),
            ("(-5)", "USD", ".", None),
            ("--5", "USD", ".", None),
            ("5%", "USD", ".", None),
            ("12 EUR/100", "EUR", ".", None),
            ("12 EUR", "USD", ".", None),
            ("€12", "USD", ".", None),
            ("$12", "EUR", ".", None),
            ("12 £", "EUR", ".", None),
            ("CA$12", "CAD", ".", 1200),
            ("E£12", "EGP", ".", 1200),
            ("¥12", "CNY", ".", 1200),
            ("See ASN-93 (ID#:1281)", "USD", ".", None),
            ("Invoiced Separately", "USD", ".", None),
            ("1.2.3", "USD", ".", None),
            ("$", "USD", ".", None),
            (None, "USD", ".", None),
        ],
    )
    def test_reads_what_people_write(self, text: str | None, currency: str, point: str, minor: float | None) -> None:
        assert shown(call("money_minor", pd.Series([text]), currency, point)) == [minor]

    def test_numbers_have_their_point_whatever_the_source_writes(self) -> None:
        column = pd.Series([123.125, 1e-5, 0.29, None])
        assert shown(call("money_minor", column, "EUR", ",")) == [12312.5, 0.001, 29, None]
        assert shown(call("money_minor", pd.Series([5, None], dtype="Int64"), "EUR", ",")) == [500, None]

    def test_the_currency_may_differ_by_row(self) -> None:
        assert shown(call("money_minor", pd.Series(["5", "5"]), pd.Series(["JPY", "USD"]))) == [5, 500]

    @given(st.integers(-(10**12), 10**12))
    def test_no_cent_is_lost(self, minor: int) -> None:
        text = f"{'-' if minor < 0 else ''}{abs(minor) // 100:,}.{abs(minor) % 100:02}"
        assert shown(call("money_minor", pd.Series([text]), "USD")) == [minor]


class TestCurrencyOf:
    def test_is_the_code_or_the_sign_or_the_default(self) -> None:
        column = pd.Series(["12 EUR", "$5", "7", None])
        assert shown(call("currency_of", column, {"$": "USD"})) == ["EUR", "USD", None, None]
        assert shown(call("currency_of", column, {"$": "USD"}, "GBP")) == ["EUR", "USD", "GBP", None]


class TestConvert:
    @pytest.mark.parametrize(
        ("unit", "to", "factor"),
        [
            ("lb", "kg", 0.45359237),
            ("oz", "g", 28.349523125),
            ("mi", "km", 1.609344),
            ("in", "cm", 2.54),
            ("ft3", "m3", 0.028316846592),
            ("kn", "km/h", 1.852),
            ("inHg", "hPa", 33.8638866667),
            ("kg", "kg", 1.0),
        ],
    )
    def test_knows_the_units(self, unit: str, to: str, factor: float) -> None:
        (value,) = call("convert", pd.Series(["2"]), unit, to)
        assert value == pytest.approx(2 * factor)

    def test_takes_the_unit_of_each_row(self) -> None:
        converted = call("convert", pd.Series([1.0, 2.0, 3.0, None]), pd.Series(["kg", "lb", "stone", "kg"]), "kg")
        assert shown(converted) == [1.0, pytest.approx(0.90718474), None, None]

    def test_refuses_units_that_do_not_fit(self) -> None:
        with pytest.raises(ValueError, match="knows no unit 'stone'"):
            call("convert", pd.Series([1]), "kg", "stone")
        with pytest.raises(ValueError, match="no way from 'km' to 'kg'"):
            call("convert", pd.Series([1]), "km", "kg")

    def test_pounds_and_cubic_feet_have_their_own(self) -> None:
        assert shown(call("pounds_to_kg", pd.Series(["10"]))) == [pytest.approx(4.5359237)]
        assert shown(call("cubic_feet_to_m3", pd.Series(["10"]))) == [pytest.approx(0.28316846592)]


class TestMoreTimes:
    def test_a_form_is_read_in_its_zone_and_the_rest_is_missing(self) -> None:
        column = pd.Series(["2-Jun-06", "Date Not Captured", None])
        assert shown(call("parse_time_as", column, "%d-%b-%y", "UTC")) == ["2006-06-02T00:00:00+00:00", None, None]
        zones = pd.Series([AMSTERDAM, AMSTERDAM, AMSTERDAM])
        assert shown(call("parse_time_as", column, "%d-%b-%y", zones))[0] == "2006-06-01T22:00:00+00:00"

    def test_a_form_with_an_offset_needs_no_zone(self) -> None:
        column = pd.Series(["02/06/2006 10:00 +0200"])
        assert shown(call("parse_time_as", column, "%d/%m/%Y %H:%M %z", "UTC")) == ["2006-06-02T08:00:00+00:00"]

    def test_a_constant_is_an_instant_and_a_zone_may_differ_by_row(self) -> None:
        assert call("parse_time", "2000-01-03T00:00:00Z", "UTC") == pd.Timestamp("2000-01-03", tz="UTC")
        local = pd.Series(["2026-03-02 12:00", "2026-03-02 12:00"])
        zones = pd.Series([AMSTERDAM, "America/New_York"])
        found = shown(call("parse_time", local, zones))
        assert found == ["2026-03-02T11:00:00+00:00", "2026-03-02T17:00:00+00:00"]

    def test_a_row_whose_zone_is_none_is_missing_and_spoils_no_other(self) -> None:
        zones = pd.Series([AMSTERDAM, "Mars/Olympus", None])
        local = pd.Series(["2026-03-02 12:00"] * 3)
        assert shown(call("parse_time", local, zones)) == ["2026-03-02T11:00:00+00:00", None, None]
        after = utc(*["2026-03-02T12:00Z"] * 3)
        assert shown(call("next_wall_clock", after, 840, zones)) == ["2026-03-02T13:00:00+00:00", None, None]

    def test_a_time_without_a_zone_as_excel_holds_it_is_local(self) -> None:
        column = pd.Series(pd.to_datetime(["2026-03-02 12:00", None]))
        assert shown(call("parse_time", column, AMSTERDAM)) == ["2026-03-02T11:00:00+00:00", None]

    def test_days_are_added_and_minutes_counted(self) -> None:
        start = utc("2026-03-01T00:00Z", None)
        assert shown(call("plus_days", start, 2)) == ["2026-03-03T00:00:00+00:00", None]
        assert shown(call("minutes_between", start, call("plus_days", start, 1))) == [1440.0, None]


class TestGroups:
    def test_rows_are_counted_added_and_compared_with_their_like(self) -> None:
        key, other = pd.Series(["a", "a", None, "b"]), pd.Series([1, 1, 1, 1])
        column = pd.Series([5.0, None, 7.0, 2.0])
        assert shown(call("occurrence", key)) == [1, 2, None, 1]
        assert shown(call("group_count", key, other)) == [2, 2, None, 1]
        assert shown(call("group_sum", column, key)) == [5, 5, None, 2]
        assert shown(call("group_least", column, key)) == [5, 5, None, 2]
        assert shown(call("group_greatest", column, key)) == [5, 5, None, 2]
        assert shown(call("group_first", column, key)) == [5, 5, None, 2]
