"""Expressions of a mapping: a small safe part of Python, evaluated on whole columns.

Names are columns, `column("Unit price")` is one whose name is no word; there are constants, arithmetic, comparisons,
`and`, `or`, `not`, dictionaries of constants, calls of `functions`, and joins: `lookup("source", key, "key column",
"value column")`, by several keys `lookup("source", [key, other], ["key column", "other column"], "value column")`.
Nothing else parses.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import did_you_mean
from features.ingest.columns import Column, judged, refuse_text, whole
from features.ingest.functions import functions
from features.ingest.money import money_minor
from features.ingest.texts import with_point
from features.ingest.unread import NUMBERS, Note, Notes, left, looked_up, noted

_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_COMPARISON: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LOOKUP, _COLUMN = "lookup", "column"
_WITHOUT_POINT = 2
"""Arguments of `money_minor` where it is not said what stands before the decimals: the source says it."""
_LOOKUP_FORM = (
    'lookup is written lookup("source", key, "key column", "value column"), '
    "or with lists of as many keys as key columns"
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its text, its tree, and what it names.

    Attributes
    ----------
    columns
        Columns of its own source.
    lookups
        For each join the source, its key columns, and last its value column.
    line
        Where it stands in its file, if that is known.
    """

    text: str
    tree: ast.expr
    columns: frozenset[str]
    lookups: frozenset[tuple[str, ...]]
    line: int = 0


def parse(text: str) -> tuple[Expression | None, list[str]]:
    """Parse an expression; return it, or None and every problem."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return None, [f"'{text}' is not an expression: {error}"]
    problems: list[str] = []
    columns: set[str] = set()
    lookups: set[tuple[str, ...]] = set()
    try:
        _check(tree, problems, columns, lookups)
    except RecursionError:
        problems.append("the expression is nested too deeply")
    if problems:
        return None, [f"in '{text}': {problem}" for problem in problems]
    return Expression(text, tree, frozenset(columns), frozenset(lookups)), []


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression is evaluated.

    Attributes
    ----------
    source
        The source whose columns it names.
    frames
        All sources by name.
    notes
        What could not be read of their columns.
    point
        What stands before the decimals in the source.
    """

    source: str
    frames: Mapping[str, pd.DataFrame]
    notes: Mapping[tuple[str, str], Notes]
    point: str = "."

    @property
    def frame(self) -> pd.DataFrame:
        """The columns that it names."""
        return self.frames[self.source]


def evaluate(expression: Expression, place: Place) -> tuple[Column, Notes]:
    """Return the value of an expression, a Series or a constant, and notes of what could not be read."""
    return _value(expression.tree, place)


def _check(node: ast.expr, problems: list[str], columns: set[str], lookups: set[tuple[str, ...]]) -> None:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.Name(id=name):
            columns.add(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            _check_all([left, right], problems, columns, lookups)
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            _check(operand, problems, columns, lookups)
        case ast.BoolOp(values=values):
            _check_all(values, problems, columns, lookups)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISON:
            _check_all([left, right], problems, columns, lookups)
        case ast.Dict(keys=keys, values=values):
            if not all(isinstance(part, ast.Constant) for part in [*keys, *values]):
                problems.append("a dictionary may hold constants only")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            _check_call(name, arguments, problems, columns, lookups)
        case _:
            problems.append(f"'{ast.unparse(node)}' is not allowed; use columns, constants, operators and functions")


def _check_call(
    name: str, arguments: list[ast.expr], problems: list[str], columns: set[str], lookups: set[tuple[str, ...]]
) -> None:
    if name == _LOOKUP:
        match arguments:
            case [ast.Constant(str(source)), keys, key_columns, ast.Constant(str(value_column))]:
                names = [getattr(each, "value", None) for each in _each(key_columns)]
                if len(_each(keys)) != len(names) or not all(isinstance(each, str) for each in names):
                    problems.append(_LOOKUP_FORM)
                    return
                lookups.add((source, *map(str, names), value_column))
                _check_all(_each(keys), problems, columns, lookups)
            case _:
                problems.append(_LOOKUP_FORM)
        return
    if name == _COLUMN:
        match arguments:
            case [ast.Constant(str(named))]:
                columns.add(named)
            case _:
                problems.append('column is written column("name")')
        return
    if name not in functions():
        problems.append(f"function '{name}' is unknown.{did_you_mean(name, [*functions(), _LOOKUP, _COLUMN])}")
    _check_all(arguments, problems, columns, lookups)


def _check_all(
    nodes: Collection[ast.expr], problems: list[str], columns: set[str], lookups: set[tuple[str, ...]]
) -> None:
    for node in nodes:
        _check(node, problems, columns, lookups)


def _value(node: ast.expr, place: Place) -> tuple[Column, Notes]:
    value, notes = _bare(node, place)
    return value, left(notes, value)


def _values(nodes: Iterable[ast.expr], place: Place) -> tuple[list[Column], Notes]:
    """Return the values of several expressions, and all their notes."""
    values: list[Column] = []
    notes: dict[int, Note] = {}
    for node in nodes:
        value, found = _value(node, place)
        values.append(value)
        notes |= found
    return values, notes


def _bare(node: ast.expr, place: Place) -> tuple[Column, Notes]:
    match node:
        case ast.Constant(value=value):
            return value, {}
        case ast.Name(id=name):
            return _column(name, place)
        case ast.BinOp(left=left, op=op, right=right):
            parts, notes = _values([left, right], place)
            refuse_text("arithmetic", *parts)
            return _ARITHMETIC[type(op)](*parts), notes
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value, notes = _value(operand, place)
            return -value, notes
        case ast.UnaryOp(operand=operand):
            negated, _ = _value(operand, place)
            return ~judged(negated) if isinstance(negated, pd.Series) else not negated, {}
        case ast.BoolOp(op=op, values=values):
            combine = operator.and_ if isinstance(op, ast.And) else operator.or_
            parts, _ = _values(values, place)
            told = [judged(part) if isinstance(part, pd.Series) else part for part in parts]
            return functools.reduce(combine, told), {}
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(type(op), *_values([left, right], place)[0]), {}
        case ast.Dict():
            return ast.literal_eval(node), {}
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(named))]) if name == _COLUMN:
            return _column(named, place)
        case ast.Call(func=ast.Name(id=name), args=[source, keys, key_columns, value_column]) if name == _LOOKUP:
            given, notes = _values(_each(keys), place)
            other, column = ast.literal_eval(source), ast.literal_eval(value_column)
            names = [ast.literal_eval(each) for each in _each(key_columns)]
            rows = _row_of(given, place.frames[other], names, place.frame.index)
            held = whole(place.frames[other][column].reset_index(drop=True), pd.RangeIndex(0))
            found = looked_up(place.notes.get((other, column), {}), rows)
            return held.reindex(rows).set_axis(place.frame.index), {**notes, **found}
        case ast.Call(func=ast.Name(id=name), args=arguments):
            parts, notes = _values(arguments, place)
            if name == money_minor.__name__ and len(parts) == _WITHOUT_POINT:
                parts.append(place.point)
            if name in NUMBERS:
                return noted(name, parts, functions()[name](with_point(parts[0], place.point), *parts[1:]), notes)
            return noted(name, parts, functions()[name](*parts), notes)
    raise AssertionError(f"unchecked expression {ast.unparse(node)}")


def _column(name: str, place: Place) -> tuple[Column, Notes]:
    return place.frame[name], place.notes.get((place.source, name), {})


def _compared(kind: type[ast.cmpop], one: Column, other: Column) -> Column:
    """Compare; with what is missing no comparison holds but `!=`, whatever the type of the columns."""
    if kind not in (ast.Eq, ast.NotEq) and isinstance(one, pd.Series) and isinstance(other, pd.Series):
        refuse_text("a comparison of two columns", one, other)
    told = _COMPARISON[kind](one, other)
    is_masked = isinstance(told, pd.Series) and isinstance(told.dtype, pd.BooleanDtype)
    return told.fillna(kind is ast.NotEq).astype(bool) if is_masked else told


def _each(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.List) else [node]


def _row_of(keys: list[Column], table: pd.DataFrame, key_columns: list[str], index: pd.Index) -> NDArray[np.float64]:
    """Return for each row the number of the first row of the table with these keys; NaN if it has none."""
    asked = pd.DataFrame({name: whole(key, index) for name, key in zip(key_columns, keys, strict=True)})
    held = table[key_columns].assign(**{_ROW: np.arange(len(table))}).dropna().drop_duplicates(key_columns)
    if held.empty or asked.isna().all().any():
        return np.full(len(index), np.nan)
    for name in key_columns:
        if _is_number(asked[name].dropna()) != _is_number(held[name]):
            raise TypeError(f"the key '{name}' is a number on one side and text on the other; use text() or number()")
    return asked.merge(held, how="left", on=key_columns)[_ROW].to_numpy(dtype=np.float64)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.infer_objects()))


_ROW = "__row__"
