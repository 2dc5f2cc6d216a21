"""Facts: what a policy may look at, as typed values, or as unknown with the reason why.

A fact is a scalar, a list of rows (ranked alternate carriers, say) or `Unknown`. The policy declares each fact's type
and unit; `FactReader` holds facts against those declarations and sorts them into *known*, *unknown* and *wrong* (given,
but not of the declared type). It accepts anything at all and never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from routing.canonical import rfc3339

STRONGEST_BRANCH_TAKEN = "strongest_branch_taken"
"""Name of the fact that says which branch has been taken, or put before a person, for this subject so far."""

INT_LIMIT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be determined, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """Stands for a value that is no fact at all (a set, a time without zone, ...), so that it can be recorded."""

    found: str


Scalar = bool | int | float | str | datetime
Row = Mapping[str, Scalar]
Fact = Scalar | tuple[Row, ...] | Unknown
Facts = Mapping[str, Fact]


class FactType(StrEnum):
    """Declared type of a fact."""

    PROBABILITY = "probability"
    NUMBER = "number"
    HOURS = "hours"
    MONEY_MINOR = "money_minor"
    TEXT = "text"
    FLAG = "flag"
    INSTANT = "instant"
    ENUMERATION = "enumeration"
    LIST = "list"


ORDERED = frozenset({FactType.PROBABILITY, FactType.NUMBER, FactType.HOURS, FactType.MONEY_MINOR, FactType.INSTANT})
"""Types that can be compared with at_least, above, at_most, below and between."""

IMPLIED_UNITS = {
    FactType.PROBABILITY: "probability",
    FactType.HOURS: "hours",
    FactType.MONEY_MINOR: "money_minor",
}
"""Units that follow from the type; only a `number` names its own."""

_EXPECTED = {
    FactType.PROBABILITY: "a probability from 0 to 1",
    FactType.NUMBER: "a number within 64 bits",
    FactType.HOURS: "a number of hours",
    FactType.MONEY_MINOR: "a whole number of minor units",
    FactType.TEXT: "text that is not empty",
    FactType.FLAG: "true or false",
    FactType.INSTANT: "a time with a zone",
    FactType.LIST: "a list of rows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a policy says about one fact.

    `currency` names the fact that holds the ISO 4217 code of an amount. `when_absent` is the value of a fact nobody
    gave; a fact given as `Unknown` stays unknown. `changed_by` is the owner who can have it otherwise.
    """

    name: str
    type: FactType
    unit: str | None = None
    meaning: str = ""
    values: tuple[str, ...] = ()
    columns: Mapping[str, Declaration] = field(default_factory=dict)
    currency: str | None = None
    when_absent: Scalar | None = None
    shown_to_customer: bool = False
    changed_by: str | None = None

    @property
    def expected(self) -> str:
        """What a value of this fact must be, in words."""
        if self.type is FactType.ENUMERATION:
            return f"one of {', '.join(self.values)}"
        return _EXPECTED[self.type]

    def accepts(self, value: object) -> bool:
        """Whether a value is of this type and in its range."""
        return _test_for(self)(plain(value))


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """Facts held against their declarations: each declared fact is in exactly one of the three."""

    known: dict[str, Any]
    unknown: dict[str, str]
    wrong: dict[str, str]

    def why_missing(self, name: str) -> str:
        """Say why a fact is not known."""
        if name in self.wrong:
            return f"{name} is wrong: {self.wrong[name]}"
        return f"{name} is unknown: {self.unknown[name]}"


class FactReader:
    """Holds facts against declarations; built once when a policy is loaded."""

    __slots__ = ("_amounts", "_currency", "_declarations", "_plan")

    def __init__(self, declarations: Mapping[str, Declaration], currency: str) -> None:
        self._declarations = dict(declarations)
        self._plan = [(name, _test_for(item)) for name, item in declarations.items()]
        self._amounts = [(name, item.currency) for name, item in self._declarations.items() if item.currency]
        self._currency = currency

    def read(self, facts: Mapping[str, object]) -> ReadFacts:
        """Sort facts into known, unknown and wrong. Facts that are not declared are left aside."""
        known: dict[str, Any] = {}
        unknown: dict[str, str] = {}
        wrong: dict[str, str] = {}
        for name, fits in self._plan:
            value = facts.get(name)
            if fits(value):
                known[name] = value
                continue
            declaration = self._declarations[name]
            if value is None:
                if declaration.when_absent is None:
                    unknown[name] = "it was not given"
                else:
                    known[name] = declaration.when_absent
            elif isinstance(value, Unknown):
                unknown[name] = value.reason
            else:
                read = _read(declaration, value)
                if isinstance(read, _Wrong):
                    wrong[name] = read.message
                else:
                    known[name] = read
        for name, currency_fact in self._amounts:
            if name in known and known.get(currency_fact) != self._currency:
                found = f"is in {known[currency_fact]}" if currency_fact in known else "has no known currency"
                del known[name]
                unknown[name] = f"the amount {found}, the policy counts in {self._currency}"
        return ReadFacts(known, unknown, wrong)


def plain(value: object) -> object:
    """Reduce a value to the exact builtin types of a fact, or to `Malformed`. Never raises.

    An enum member of text becomes its text, a float of another library a float, a list of mappings a tuple of dicts, a
    time the same moment in UTC: two hours before it must be two hours, also where clocks were changed in between.
    Times outside the years 1900 to 2999 and integers beyond 64 bits are malformed: nothing in freight is like that, and
    arithmetic on them overflows.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, int):
        number = int(value)
        return number if -INT_LIMIT <= number <= INT_LIMIT else Malformed("an integer beyond 64 bits")
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime):
        return _plain_time(value)
    if isinstance(value, (list, tuple)):
        return tuple([_plain_row(row) for row in value])
    return Malformed(f"a value of type {type(value).__name__}")


def describe(value: object) -> str:
    """Show a plain fact value in a message."""
    if isinstance(value, Malformed):
        return value.found
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 60 else f"'{value[:60]}…'"
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return "a row"
    return "nothing" if value is None else str(value)


_PLAIN = frozenset({bool, float, str, type(None), Unknown, Malformed})
"""Types of what is plain as it stands; an integer may be too large."""
_BEYOND_YEARS = "a time outside the years 1900 to 2999"


@dataclass(frozen=True, slots=True)
class _Wrong:
    message: str


def _plain_time(value: datetime) -> object:
    try:
        if value.utcoffset() is None:
            return Malformed("a time without a zone")
        moment = datetime.combine(value.date(), value.timetz()).astimezone(UTC)
    except OverflowError:  # on its way to UTC it left the calendar
        return Malformed(_BEYOND_YEARS)
    except Exception:  # a zone of another library may raise whatever it likes; pandas' NaT is a datetime that does
        return Malformed("a time that cannot say its zone")
    return moment if _is_instant(moment) else Malformed(_BEYOND_YEARS)


def _plain_row(row: object) -> object:
    if not isinstance(row, (dict, Mapping)):
        return row if isinstance(row, Malformed) else Malformed(f"a value of type {type(row).__name__}")
    cells: dict[str, object] = {}
    for key, value in row.items():
        if not isinstance(key, str) or key.startswith("$"):
            return Malformed("a row with a column name that is not plain text")
        cell = plain(value)
        cells[str.__str__(key)] = Malformed("a list inside a row") if isinstance(cell, tuple) else cell
    return cells


def _read(declaration: Declaration, value: object) -> object | _Wrong:
    """Read one value by the slow, complete path."""
    value = plain(value)
    if declaration.type is FactType.LIST and isinstance(value, tuple):
        return _read_rows(declaration, value)
    if declaration.accepts(value):
        return value
    return _Wrong(f"found {describe(value)}, expected {declaration.expected}")


def _read_rows(declaration: Declaration, rows: tuple[object, ...]) -> tuple[Row, ...] | _Wrong:
    read: list[Row] = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            return _Wrong(f"row {number} is {describe(row)}, expected a mapping of {', '.join(declaration.columns)}")
        cells: dict[str, Any] = {}
        for name, column in declaration.columns.items():
            cell = _read(column, row.get(name))
            if isinstance(cell, _Wrong):
                return _Wrong(f"row {number}, {name}: {cell.message}")
            cells[name] = cell
        read.append(cells)
    return tuple(read)


_Fits = Callable[[Any], bool]


def _is_probability(value: Any) -> bool:
    return (type(value) is float or type(value) is int) and 0 <= value <= 1


def _is_number(value: Any) -> bool:
    return (type(value) is float or type(value) is int) and -INT_LIMIT <= value <= INT_LIMIT


def _is_amount(value: Any) -> bool:
    return type(value) is int and -INT_LIMIT <= value <= INT_LIMIT


def _is_text(value: Any) -> bool:
    return type(value) is str and value != ""


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _is_instant(value: Any) -> bool:
    return type(value) is datetime and value.tzinfo is UTC and 1900 <= value.year <= 2999


_TESTS: dict[FactType, _Fits] = {
    FactType.PROBABILITY: _is_probability,
    FactType.NUMBER: _is_number,
    FactType.HOURS: _is_number,
    FactType.MONEY_MINOR: _is_amount,
    FactType.TEXT: _is_text,
    FactType.FLAG: _is_flag,
    FactType.INSTANT: _is_instant,
}


def _test_for(declaration: Declaration) -> _Fits:
    """Return the test whether a value is, as it stands, a value of this fact: exact builtin types, in range."""
    if declaration.type is FactType.ENUMERATION:
        return _member_test(frozenset(declaration.values))
    if declaration.type is FactType.LIST:
        return _rows_test([(name, _test_for(column)) for name, column in declaration.columns.items()])
    return _TESTS[declaration.type]


def _member_test(values: frozenset[str]) -> _Fits:
    def fits(value: Any) -> bool:
        return type(value) is str and value in values

    return fits


def _rows_test(columns: list[tuple[str, _Fits]]) -> _Fits:
    width = len(columns)

    def fits(value: Any) -> bool:
        if type(value) is not tuple:
            return False
        for row in value:
            if type(row) is not dict or len(row) != width:
                return False
            for name, cell_fits in columns:
                if not cell_fits(row.get(name)):
                    return False
        return True

    return fits
