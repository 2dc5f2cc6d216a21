from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import IntEnum, StrEnum
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from routing.facts import Declaration, FactReader, FactType, Malformed, Unknown, describe, plain


class Tier(StrEnum):
    GOLD = "gold"


class Count(IntEnum):
    TWO = 2


class Share(float):
    """A float of another library."""


class Stamp(datetime):
    """A time of another library."""


class BrokenZone(tzinfo):
    def utcoffset(self, _moment: datetime | None) -> timedelta:
        raise RuntimeError("no zone")


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = {
    "carrier_id": Declaration(name="carrier_id", type=FactType.TEXT),
    "late_share": Declaration(name="late_share", type=FactType.PROBABILITY),
}


def read_one(value: object, fact_type: FactType, **extra: Any) -> tuple[object, str | None]:
    """Return what a value is read as, or why it is wrong."""
    reader = FactReader({"x": Declaration(name="x", type=fact_type, **extra)}, "EUR")
    read = reader.read({"x": value})
    return read.known.get("x"), read.wrong.get("x")


class TestRead:
    @pytest.mark.parametrize(
        ("fact_type", "value"),
        [
            (FactType.PROBABILITY, 0.0),
            (FactType.PROBABILITY, 1),
            (FactType.NUMBER, -3.5),
            (FactType.HOURS, 0),
            (FactType.MONEY_MINOR, 2**63 - 1),
            (FactType.TEXT, "NWX"),
            (FactType.FLAG, False),
            (FactType.INSTANT, NOON),
            (FactType.INSTANT, NOON.astimezone(timezone(timedelta(hours=-7)))),
        ],
    )
    def test_knows_a_value_of_the_declared_type(self, fact_type: FactType, value: object) -> None:
        assert read_one(value, fact_type) == (value, None)

    @pytest.mark.parametrize(
        ("fact_type", "value", "message"),
        [
            (FactType.PROBABILITY, 1.01, "found 1.01, expected a probability from 0 to 1"),
            (FactType.PROBABILITY, float("nan"), "found nan, expected a probability"),
            (FactType.PROBABILITY, True, "found true, expected a probability"),
            (FactType.NUMBER, "5", "found '5', expected a number"),
            (FactType.NUMBER, float("inf"), "found inf, expected a number"),
            (FactType.NUMBER, 2**63, "found an integer beyond 64 bits, expected a number"),
            (FactType.MONEY_MINOR, -(2**63), "found an integer beyond 64 bits, expected a whole number"),
            (FactType.MONEY_MINOR, 12.0, "found 12.0, expected a whole number of minor units"),
            (FactType.TEXT, "", "found '', expected text that is not empty"),
            (FactType.TEXT, {"a": 1}, "found a value of type dict, expected text"),
            (FactType.FLAG, 1, "found 1, expected true or false"),
            (FactType.INSTANT, datetime(2026, 3, 1), "found a time without a zone"),  # noqa: DTZ001
            (FactType.INSTANT, datetime(1, 1, 1, tzinfo=UTC), "found a time outside the years 1900 to 2999"),
            (FactType.INSTANT, datetime(2026, 3, 1, tzinfo=BrokenZone()), "found a time that cannot say its zone"),
            (FactType.INSTANT, date(2026, 3, 1), "found a value of type date"),
            (FactType.LIST, "ACE", "found 'ACE', expected a list of rows"),
        ],
    )
    def test_calls_anything_else_wrong_and_says_why(self, fact_type: FactType, value: object, message: str) -> None:
        known, wrong = read_one(value, fact_type)
        assert known is None
        assert wrong is not None
        assert wrong.startswith(message)

    def test_takes_the_plain_value_of_a_subclass(self) -> None:
        stamp = Stamp(2026, 3, 1, 12, tzinfo=UTC)
        for value, fact_type, expected in (
            (Tier.GOLD, FactType.TEXT, "gold"),
            (Count.TWO, FactType.NUMBER, 2),
            (Share(0.5), FactType.PROBABILITY, 0.5),
            (stamp, FactType.INSTANT, NOON),
        ):
            known, wrong = read_one(value, fact_type)
            assert (known, wrong, type(known)) == (expected, None, type(expected))

    @pytest.mark.parametrize("fold", [0, 1])
    def test_takes_a_time_in_any_zone_for_the_same_moment_in_utc(self, fold: int) -> None:
        autumn = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
        known, wrong = read_one(autumn, FactType.INSTANT)
        assert isinstance(known, datetime)
        assert (known, known.tzinfo, wrong) == (datetime(2026, 10, 25, fold, 30, tzinfo=UTC), UTC, None)

    @pytest.mark.parametrize("year", [1, 1900, 2999, 9999])
    def test_a_time_that_leaves_the_years_on_its_way_to_utc_is_outside_them(self, year: int) -> None:
        hours = 2 if year in (1, 1900) else -2
        edge = datetime(year, 1, 1) if hours > 0 else datetime(year, 12, 31, 23)  # noqa: DTZ001
        _, wrong = read_one(edge.replace(tzinfo=timezone(timedelta(hours=hours))), FactType.INSTANT)
        assert wrong == "found a time outside the years 1900 to 2999, expected a time with a zone"

    def test_knows_only_the_values_of_an_enumeration(self) -> None:
        assert read_one("gold", FactType.ENUMERATION, values=("gold", "blue")) == ("gold", None)
        assert read_one("golden", FactType.ENUMERATION, values=("gold", "blue")) == (
            None,
            "found 'golden', expected one of gold, blue",
        )

    def test_keeps_an_unknown_with_its_reason(self) -> None:
        reader = FactReader({"x": Declaration(name="x", type=FactType.FLAG, when_absent=True)}, "EUR")
        read = reader.read({"x": Unknown("the feed is silent")})
        assert read.known == {}
        assert read.why_missing("x") == "x is unknown: the feed is silent"

    @pytest.mark.parametrize("facts", [{}, {"x": None}])
    def test_takes_the_declared_value_of_a_fact_nobody_gave(self, facts: dict[str, object]) -> None:
        flag = Declaration(name="x", type=FactType.FLAG, when_absent=False)
        assert FactReader({"x": flag}, "EUR").read(facts).known == {"x": False}
        assert FactReader({"x": Declaration(name="x", type=FactType.FLAG)}, "EUR").read(facts).unknown == {
            "x": "it was not given"
        }

    def test_leaves_facts_aside_that_are_not_declared(self) -> None:
        read = FactReader({}, "EUR").read({"x": object()})
        assert (read.known, read.unknown, read.wrong) == ({}, {}, {})


class TestReadRows:
    def test_knows_rows_that_hold_every_column(self) -> None:
        rows = ({"carrier_id": "ACE", "late_share": 0.1},)
        assert read_one(rows, FactType.LIST, columns=COLUMNS) == (rows, None)
        assert read_one((), FactType.LIST, columns=COLUMNS) == ((), None)

    def test_takes_a_list_and_drops_columns_that_are_not_declared(self) -> None:
        rows = [{"carrier_id": Tier.GOLD, "late_share": 0.1, "note": object()}]
        assert read_one(rows, FactType.LIST, columns=COLUMNS) == (({"carrier_id": "gold", "late_share": 0.1},), None)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (({"carrier_id": "ACE", "late_share": 2.0},), "row 1, late_share: found 2.0, expected a probability"),
            (({"carrier_id": "ACE"},), "row 1, late_share: found nothing, expected a probability"),
            (({"carrier_id": "A", "late_share": 0.1}, 7), "row 2 is a value of type int, expected a mapping of"),
            (({"carrier_id": "A", "late_share": (1,)},), "row 1, late_share: found a list inside a row"),
            (({3: "A"},), "row 1 is a row with a column name that is not plain text"),
            (({"$unknown": "A"},), "row 1 is a row with a column name that is not plain text"),
            ((Malformed("a hole"),), "row 1 is a hole, expected"),
        ],
    )
    def test_calls_the_whole_list_wrong_when_a_row_is(self, rows: object, message: str) -> None:
        known, wrong = read_one(rows, FactType.LIST, columns=COLUMNS)
        assert known is None
        assert wrong is not None
        assert wrong.startswith(message)


class TestReadAmounts:
    DECLARATIONS: ClassVar = {
        "value_minor": Declaration(name="value_minor", type=FactType.MONEY_MINOR, currency="currency"),
        "currency": Declaration(name="currency", type=FactType.TEXT),
    }

    def test_knows_an_amount_in_the_currency_of_the_policy(self) -> None:
        read = FactReader(self.DECLARATIONS, "EUR").read({"value_minor": 5, "currency": "EUR"})
        assert read.known["value_minor"] == 5

    def test_never_takes_an_amount_in_another_currency_for_one_of_its_own(self) -> None:
        read = FactReader(self.DECLARATIONS, "EUR").read({"value_minor": 5, "currency": "USD"})
        assert "value_minor" not in read.known
        assert read.unknown["value_minor"] == "the amount is in USD, the policy counts in EUR"

    def test_does_not_know_an_amount_without_a_currency(self) -> None:
        read = FactReader(self.DECLARATIONS, "EUR").read({"value_minor": 5})
        assert read.unknown["value_minor"] == "the amount has no known currency, the policy counts in EUR"


class TestAccepts:
    def test_takes_a_literal_in_any_zone_and_no_value_of_another_type(self) -> None:
        instant = Declaration(name="x", type=FactType.INSTANT)
        assert instant.accepts(NOON.astimezone(timezone(timedelta(hours=-7))))
        assert not instant.accepts("2026-03-01T12:00:00Z")
        assert not Declaration(name="x", type=FactType.PROBABILITY).accepts(True)


class TestDescribe:
    def test_shows_values_briefly(self) -> None:
        assert describe("x" * 70) == f"'{'x' * 60}…'"
        assert describe(NOON) == "2026-03-01T12:00:00Z"
        assert describe(({}, {})) == "a list of 2"
        assert describe({}) == "a row"
        assert describe(None) == "nothing"


class TestPlain:
    def test_lets_a_time_that_overflows_nowhere_near_arithmetic(self) -> None:
        assert plain(datetime.max.replace(tzinfo=UTC)) == Malformed("a time outside the years 1900 to 2999")

    def test_keeps_what_stands_for_itself(self) -> None:
        for value in (None, True, Unknown("why"), Malformed("a hole"), 3, 0.5, "x", NOON):
            assert plain(value) is value or plain(value) == value
