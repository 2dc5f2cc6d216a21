"""Reads the conditions of a policy bundle, checked against the declared facts, their types and units.

A condition is a mapping: `{fact: late_probability, at_least: 0.6}`, or `all:` / `any:` with a list of conditions, or
`not:` with one. A value may name a threshold of the bundle: `at_least: $notify_from`. No condition can see the clock:
time comes in as facts such as `hours_to_promise`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from routing.conditions import Condition, Leaf, all_of, any_of, known_leaf, leaf, negation, wording
from routing.errors import did_you_mean, listed
from routing.facts import ORDERED, Declaration, FactType, describe, plain
from routing.marks import Path, shown
from routing.ranges import empty_range
from routing.scope import Scope

_COMPARISONS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "at_least": (operator.ge, "at least"),
    "above": (operator.gt, "above"),
    "at_most": (operator.le, "at most"),
    "below": (operator.lt, "below"),
}
_OPERATORS_BY_TYPE: dict[FactType, tuple[str, ...]] = {
    **dict.fromkeys(ORDERED, (*_COMPARISONS, "between", "is", "in", "known")),
    FactType.TEXT: ("is", "in", "known"),
    FactType.ENUMERATION: ("is", "in", "known"),
    FactType.FLAG: ("is", "known"),
    FactType.LIST: ("rows_at_least", "some_row", "known"),
}
OPERATORS = (*_COMPARISONS, "between", "is", "in", "known", "rows_at_least", "some_row")
_COMBINATIONS = ("all", "any", "not")
DEEPEST = 16
"""How many combinations (`all`, `any`, `not`) may stand inside one another."""


def read_condition(data: object, path: Path, scope: Scope, *, inside: int = 0) -> Condition | None:
    """Read one condition, which stands in so many combinations; None if a problem was found in it (and noted)."""
    if not isinstance(data, dict) or not data:
        scope.findings.error(
            path, f"found {shown(data)}, expected a condition such as {{fact: late_probability, at_least: 0.6}}."
        )
        return None
    combination = next((word for word in _COMBINATIONS if word in data), None)
    if combination is None:
        return _read_leaf(data, path, scope)
    if len(data) > 1:
        others = listed(key for key in data if key != combination)
        scope.findings.error(path, f"`{combination}` stands beside {others}. Put them into the parts of an `all`.")
        return None
    if inside == DEEPEST:
        found = f"found `{combination}` inside {DEEPEST} others, which nobody can follow"
        scope.findings.error(path, f"{found}. Put the inner conditions into rules of their own.")
        return None
    if combination == "not":
        part = read_condition(data["not"], (*path, "not"), scope, inside=inside + 1)
        return None if part is None else negation(part)
    return _read_parts(combination, data[combination], (*path, combination), scope, inside=inside + 1)


def _read_parts(word: str, data: object, path: Path, scope: Scope, *, inside: int) -> Condition | None:
    if not isinstance(data, list) or not data:
        scope.findings.error(path, f"found {shown(data)}, expected a list with at least one condition.")
        return None
    read = [read_condition(item, (*path, index), scope, inside=inside) for index, item in enumerate(data)]
    parts = tuple(part for part in read if part is not None)
    if len(parts) < len(read):
        return None
    if word == "any":
        return any_of(parts)
    if (empty := empty_range(parts)) is not None:
        fact, low, high = empty
        found = f"nothing is left of `{fact}` between {describe(low)} and {describe(high)}"
        scope.findings.error(path, f"{found}: this can never hold. Move a bound, or drop one.")
    return all_of(parts)


def _read_leaf(data: dict[str, Any], path: Path, scope: Scope) -> Condition | None:
    findings = scope.findings
    if "fact" not in data:
        found = listed(data)
        hint = did_you_mean(next(iter(data)), ("fact", *_COMBINATIONS))
        findings.error(path, f"found {found}, expected `fact` with an operator, or `all`, `any` or `not`.{hint}")
        return None
    name = data["fact"]
    words = [key for key in data if key != "fact"]
    for word in words:
        if word not in OPERATORS:
            hint = did_you_mean(word, OPERATORS) or f" Expected one of {listed(OPERATORS)}."
            findings.error((*path, word), f"'{word}' is not an operator.{hint}")
    declaration = scope.fact(name, (*path, "fact"))
    if declaration is None:
        return None
    if len(words) != 1:
        findings.error(path, f"found {listed(words)} for `{name}`, expected exactly one operator. Use `all` for more.")
        return None
    word = words[0]
    allowed = _OPERATORS_BY_TYPE[declaration.type]
    if word not in OPERATORS:
        return None
    if word not in allowed:
        findings.error(
            (*path, word), f"`{word}` does not fit `{name}`, which is {declaration.expected}. Use {listed(allowed)}."
        )
        return None
    return _OPERATOR_READERS[word](declaration, data[word], (*path, word), scope)


def _read_comparison(declaration: Declaration, data: object, path: Path, scope: Scope) -> Leaf | None:
    word = str(path[-1])
    value = _read_value(declaration, data, path, scope)
    if value is None:
        return None
    compare, words = _COMPARISONS[word]
    return leaf(
        declaration.name, word, (value,), lambda given: compare(given, value), f"{words} {_value_text(value, data)}"
    )


def _read_is(declaration: Declaration, data: object, path: Path, scope: Scope) -> Leaf | None:
    value = _read_value(declaration, data, path, scope)
    if value is None:
        return None
    return leaf(declaration.name, "is", (value,), lambda given: bool(given == value), f"is {_value_text(value, data)}")


def _read_in(declaration: Declaration, data: object, path: Path, scope: Scope) -> Leaf | None:
    if not isinstance(data, list) or not data:
        scope.findings.error(path, f"found {shown(data)}, expected a list with at least one value.")
        return None
    values = [_read_value(declaration, item, (*path, index), scope) for index, item in enumerate(data)]
    if any(value is None for value in values):
        return None
    members = frozenset(values)
    text = listed(_value_text(value, item) for value, item in zip(values, data, strict=True))
    return leaf(declaration.name, "in", tuple(sorted(members)), lambda given: given in members, f"in {text}")


def _read_between(declaration: Declaration, data: object, path: Path, scope: Scope) -> Leaf | None:
    if not isinstance(data, list) or len(data) != 2:
        scope.findings.error(path, f"found {shown(data)}, expected [from, to]: from included, to not.")
        return None
    low, high = (_read_value(declaration, item, (*path, index), scope) for index, item in enumerate(data))
    if low is None or high is None:
        return None
    if low >= high:
        scope.findings.error(
            path,
            f"the interval from {_value_text(low, data[0])} to {_value_text(high, data[1])} is empty. Swap its ends.",
        )
        return None
    text = f"from {_value_text(low, data[0])} to below {_value_text(high, data[1])}"
    return leaf(declaration.name, "between", (low, high), lambda given: bool(low <= given < high), text)


def _read_known(declaration: Declaration, data: object, path: Path, scope: Scope) -> Leaf | None:
    if not isinstance(data, bool):
        scope.findings.error(path, f"found {shown(data)}, expected true or false.")
        return None
    return known_leaf(declaration.name, data)


def _read_rows_at_least(declaration: Declaration, data: object, path: Path, scope: Scope) -> Leaf | None:
    if isinstance(data, bool) or not isinstance(data, int) or data < 1:
        scope.findings.error(path, f"found {shown(data)}, expected a whole number from 1.")
        return None
    text = f"with {data} row{'s' if data > 1 else ''} or more"
    return leaf(declaration.name, "rows_at_least", (data,), lambda given: len(given) >= data, text)


def _read_some_row(declaration: Declaration, data: object, path: Path, scope: Scope) -> Leaf | None:
    inner = read_condition(data, path, scope.of_rows(declaration))
    if inner is None:
        return None
    test = inner.test
    return leaf(
        declaration.name,
        "some_row",
        (inner.form,),
        lambda given: any(test(row) for row in given),
        f"with a row where {wording(inner)}",
        inner=inner,
    )


_OPERATOR_READERS: dict[str, Callable[[Declaration, object, Path, Scope], Leaf | None]] = {
    **dict.fromkeys(_COMPARISONS, _read_comparison),
    "between": _read_between,
    "is": _read_is,
    "in": _read_in,
    "known": _read_known,
    "rows_at_least": _read_rows_at_least,
    "some_row": _read_some_row,
}


def _read_value(declaration: Declaration, data: object, path: Path, scope: Scope) -> Any:
    """Read a value to compare a fact with: a literal of the fact's type, or `$threshold` of its unit."""
    value = data
    if isinstance(data, str) and data.startswith("$"):
        threshold = scope.threshold(data, path)
        if threshold is None:
            return None
        if threshold.unit != declaration.unit:
            found = f"in {declaration.unit}" if declaration.unit else declaration.expected
            scope.findings.error(
                path, f"'{data}' is in {threshold.unit}, `{declaration.name}` is {found}. Compare like with like."
            )
            return None
        value = threshold.value
    mistake = value_mistake(declaration, value)
    if mistake and isinstance(data, str) and data in scope.declarations:
        mistake = (
            f"`{data}` is a fact, and a condition compares `{declaration.name}` with a value. Declare what lies between"
            " the two as a fact of its own, e.g. their difference, and compare that."
        )
    if mistake:
        scope.findings.error(path, mistake)
        return None
    return value


def value_mistake(declaration: Declaration, value: object) -> str | None:
    """Say what is wrong with a literal for a fact, or return None."""
    if declaration.type is FactType.ENUMERATION and isinstance(value, str) and value not in declaration.values:
        hint = did_you_mean(value, declaration.values) or f" Expected {declaration.expected}."
        return f"'{value}' is not a value of `{declaration.name}`.{hint}"
    if declaration.accepts(value):
        return None
    quote = " Put it in quotes." if declaration.unit is None and isinstance(value, bool | int | float) else ""
    return f"found {shown(value)} for `{declaration.name}`, expected {declaration.expected}.{quote}"


def _value_text(value: object, written: object) -> str:
    name = f" ({written})" if isinstance(written, str) and written.startswith("$") else ""
    return f"{describe(plain(value))}{name}"
