"""Expressions of a mapping: a small safe part of Python, evaluated on whole columns.

Names are columns; there are constants, arithmetic, comparisons, `and`, `or`, `not`, dictionaries of constants, and
calls of `functions` and of `lookup(source, key, "key column", "value column")`. Nothing else parses.
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
from features.ingest.functions import Column, functions

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
_LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its text, its tree, and the columns and sources that it names."""

    text: str
    tree: ast.expr
    columns: frozenset[str]
    lookups: frozenset[tuple[str, str, str]]


def parse(text: str) -> tuple[Expression | None, list[str]]:
    """Parse an expression; return it, or None and every problem."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return None, [f"'{text}' is not an expression: {error}"]
    problems: list[str] = []
    columns: set[str] = set()
    lookups: set[tuple[str, str, str]] = set()
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


def _check(node: ast.expr, problems: list[str], columns: set[str], lookups: set[tuple[str, str, str]]) -> None:
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
    name: str, arguments: list[ast.expr], problems: list[str], columns: set[str], lookups: set[tuple[str, str, str]]
) -> None:
    if name == _LOOKUP:
        match arguments:
            case [ast.Constant(str(source)), key, ast.Constant(str(key_column)), ast.Constant(str(value_column))]:
                lookups.add((source, key_column, value_column))
                _check(key, problems, columns, lookups)
            case _:
                problems.append('lookup is written lookup("source", key, "key column", "value column")')
        return
    if name not in functions():
        problems.append(f"function '{name}' is unknown.{did_you_mean(name, [*functions(), _LOOKUP])}")
    _check_all(arguments, problems, columns, lookups)


def _check_all(
    nodes: Collection[ast.expr], problems: list[str], columns: set[str], lookups: set[tuple[str, str, str]]
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
        case ast.Call(func=ast.Name(id=name), args=arguments):
            given = [_value(argument, frame, sources) for argument in arguments]
            return _look_up(given, sources) if name == _LOOKUP else functions()[name](*given)
    raise AssertionError(f"unchecked expression {ast.unparse(node)}")


def _look_up(values: list[Any], sources: Mapping[str, pd.DataFrame]) -> Column:
    source, key, key_column, value_column = values
    table = sources[source].drop_duplicates(key_column).set_index(key_column)[value_column]
    return key.map(table)
