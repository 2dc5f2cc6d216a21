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
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.errors import did_you_mean
from features.ingest.columns import Column, whole
from features.ingest.functions import functions

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


def evaluate(expression: Expression, frame: pd.DataFrame, sources: Mapping[str, pd.DataFrame]) -> Column:
    """Return the value of an expression over the columns of a frame: a Series, or a constant."""
    return _value(expression.tree, frame, sources)


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


def _value(node: ast.expr, frame: pd.DataFrame, sources: Mapping[str, pd.DataFrame]) -> Column:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return frame[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_value(left, frame, sources), _value(right, frame, sources))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, frame, sources)
        case ast.UnaryOp(operand=operand):
            negated = _value(operand, frame, sources)
            return ~negated if isinstance(negated, pd.Series) else not negated
        case ast.BoolOp(op=op, values=values):
            combine = operator.and_ if isinstance(op, ast.And) else operator.or_
            return functools.reduce(combine, [_value(part, frame, sources) for part in values])
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARISON[type(op)](_value(left, frame, sources), _value(right, frame, sources))
        case ast.Dict():
            return ast.literal_eval(node)
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=named)]) if name == _COLUMN:
            return frame[named]
        case ast.Call(func=ast.Name(id=name), args=[source, keys, key_columns, value_column]) if name == _LOOKUP:
            given = [_value(key, frame, sources) for key in _each(keys)]
            table = sources[ast.literal_eval(source)]
            names = [ast.literal_eval(each) for each in _each(key_columns)]
            return _look_up(given, table, names, ast.literal_eval(value_column), frame.index)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return functions()[name](*(_value(argument, frame, sources) for argument in arguments))
    raise AssertionError(f"unchecked expression {ast.unparse(node)}")


def _each(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.List) else [node]


def _look_up(
    keys: list[Column], table: pd.DataFrame, key_columns: list[str], value_column: str, index: pd.Index
) -> Column:
    """Return for each row the value of the first row of the table with these keys; missing if it has none."""
    asked = pd.DataFrame({name: whole(key, index) for name, key in zip(key_columns, keys, strict=True)})
    found = table.dropna(subset=key_columns).drop_duplicates(key_columns)
    held = found[key_columns].assign(**{_HELD: found[value_column]})
    if held.empty or asked.isna().all().any():
        return pd.Series(None, index=index, dtype=object)
    for name in key_columns:
        if _is_number(asked[name].dropna()) != _is_number(held[name]):
            raise TypeError(f"the key '{name}' is a number on one side and text on the other; use text() or number()")
    return asked.merge(held, how="left", on=key_columns)[_HELD].set_axis(index)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.infer_objects()))


_HELD = "__held__"
