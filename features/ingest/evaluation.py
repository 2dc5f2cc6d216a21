"""Evaluating a mapping: from the frames of the sources to the rows of canonical tables, still untyped."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features.errors import MappingError, did_you_mean
from features.ingest.columns import Column, judged, whole
from features.ingest.expressions import Expression, Place, evaluate
from features.ingest.mapping import Mapping, TableRule
from features.ingest.sources import Stack, stacked
from features.ingest.texts import number, with_point
from features.ingest.unread import Note, Notes, noted
from features.tables import SCHEMAS

SOURCE_ROW, RULE, UNREAD, FOUND = "__source_row__", "__rule__", "__unread__", "__found__"
"""Columns of made rows: the row of the source they come from, from 0; the number of the rule that made them; why a
field could not be read, if one could not, and what was found there."""

_FAILURES = (TypeError, ValueError, AttributeError, KeyError, OverflowError, IndexError, NotImplementedError)


class Evaluation:
    """Evaluates the expressions of a mapping over its sources, and collects what is wrong with them.

    Parameters
    ----------
    frames
        The sources by name; derived columns are added to them.
    unread
        What could not be read of their columns, by source and column.
    """

    def __init__(
        self, mapping: Mapping, frames: dict[str, pd.DataFrame], unread: MappingType[tuple[str, str], Notes]
    ) -> None:
        self._mapping = mapping
        self._frames = frames
        self._notes = dict(unread)
        self._points = {name: file.point for name, file in mapping.sources.items()}
        self._problems: list[str] = []
        self._failed: set[tuple[str, str]] = set()

    def derive(self) -> None:
        """Add the derived columns in their order, source by source, then the stacks with theirs.

        Raises
        ------
        MappingError
            If an expression names a column that is not there, or cannot be evaluated: all of them at once.
        """
        for source in self._frames:
            self._derive_columns(source)
        for name, stack in self._mapping.stacks.items():
            self._raise()  # a stack of what is not there would only say the same again
            frame = self._frames[stack.of]
            absent = [column for column in stack.needs() if column not in frame]
            self._problems += [self._no_column(f"stack.{name}", stack.of, column) for column in absent]
            self._raise()
            self._frames[name] = stacked(frame, stack)
            self._stack_notes(name, stack)
            self._points[name] = self._points[stack.of]
            self._derive_columns(name)
        self._raise()

    def _derive_columns(self, source: str) -> None:
        self._frames[source] = self._frames[source].copy()  # a wide file is in pieces, to which pandas dislikes to add
        for name, expression in self._mapping.derive.get(source, {}).items():
            follows = {(source, column) for column in expression.columns} | {
                (other, column) for other, *columns in expression.lookups for column in columns
            }
            value = None if follows & self._failed else self._value(f"derive.{source}.{name}", expression, source)
            if value is None:  # what follows from it is not a problem of its own
                self._failed.add((source, name))
            else:
                self._frames[source][name] = whole(value[0], self._frames[source].index)
                self._notes[source, name] = value[1]

    def _stack_notes(self, name: str, stack: Stack) -> None:
        for at, word in enumerate(stack.over):
            taken = {column: pattern.format(word) for column, pattern in stack.columns.items()}
            for column, of in (taken | {kept: kept for kept in stack.keep}).items():
                notes = self._notes.get((stack.of, of), {}).items()
                moved = {row * len(stack.over) + at: note for row, note in notes}
                self._notes[name, column] = {**self._notes.get((name, column), {}), **moved}

    def rows(self, rule: TableRule, number: int) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        """Return the rows that a rule makes, and which rows of its source it chose; problems are kept for `finish`."""
        frame = self._frames[rule.source]
        chosen = np.ones(len(frame), dtype=bool)
        if rule.where is not None:
            chosen = self._chosen(rule, rule.where, frame.index)
        made: dict[str, Column] = {}
        unread: dict[int, tuple[str, Note]] = {}
        for name, expression in rule.fields.items():
            value = self._field(rule, name, expression)
            if value is not None:
                made[name] = whole(value[0], frame.index)
                unread = {**{row: (name, note) for row, note in value[1].items()}, **unread}
        reasons = [(row, f"'{name}' {note.reason}", note.found) for row, (name, note) in unread.items()]
        told = pd.DataFrame(reasons, columns=["row", UNREAD, FOUND], dtype=object).set_index("row")
        for name in (UNREAD, FOUND):
            made[name] = told[name].reindex(range(len(frame))).set_axis(frame.index)
        rows = pd.DataFrame(made, index=frame.index)[chosen]
        rows[SOURCE_ROW] = np.flatnonzero(chosen)
        rows[RULE] = number
        return rows, chosen

    def finish(self) -> None:
        """Raise what went wrong in `rows`, as `derive` does."""
        self._raise()

    def _field(self, rule: TableRule, name: str, expression: Expression) -> tuple[Column, Notes] | None:
        """Return the value of a field; text of a field that is a number is read with the point of its source."""
        value = self._value(f"{rule.table}.{name}", expression, rule.source)
        point, kind = self._points[rule.source], SCHEMAS[rule.table].field(name).type
        if value is None or point == "." or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return value
        return noted("number", [value[0]], number(with_point(value[0], point)), value[1])

    def _chosen(self, rule: TableRule, where: Expression, index: pd.Index) -> NDArray[np.bool_]:
        """Return where a condition holds; where it is missing it does not."""
        value = self._value(f"{rule.table}.where", where, rule.source)
        try:
            told = judged(whole(None if value is None else value[0], index))
        except TypeError as error:
            self._problems.append(f"line {where.line}: {rule.table}.where: '{where.text}' cannot be evaluated: {error}")
            return np.ones(len(index), dtype=bool)
        return told.fillna(False).to_numpy(dtype=bool)

    def _value(self, place: str, expression: Expression, source: str) -> tuple[Column, Notes] | None:
        """Return the value of an expression and its notes; None if it has none."""
        where = f"line {expression.line}: {place}"
        asked = [(source, name) for name in sorted(expression.columns)]
        asked += [(other, name) for other, *names in sorted(expression.lookups) for name in names]
        unknown = [self._no_column(where, other, name) for other, name in asked if name not in self._columns(other)]
        self._problems += unknown
        if unknown:
            return None
        try:
            return evaluate(expression, Place(source, self._frames, self._notes, self._points[source]))
        except _FAILURES as error:
            self._problems.append(f"{where}: '{expression.text}' cannot be evaluated: {error}")
            return None

    def _columns(self, source: str) -> list[str]:
        return [str(name) for name in self._frames[source].columns] if source in self._frames else []

    def _no_column(self, where: str, source: str, name: str) -> str:
        if source not in self._frames:
            return f"{where}: stack '{source}' is made after the sources and the stacks before it; look up another"
        found = self._columns(source)
        return (
            f"{where}: source '{source}' has no column '{name}'.{did_you_mean(name, found)} Found: {', '.join(found)}"
        )

    def _raise(self) -> None:
        if self._problems:
            raise MappingError(self._mapping.path, self._problems)


def sources_of(rows: pd.DataFrame, mapping: Mapping, frames: MappingType[str, pd.DataFrame]) -> list[dict[str, object]]:
    """Return for each made row its source, the number of its row there from 1, and what that row holds."""
    found = []
    for row, rule in rows[[SOURCE_ROW, RULE]].itertuples(index=False):
        source = mapping.tables[int(rule)].source
        content = frames[source].iloc[int(row)]
        found.append({"source": source, "row": int(row) + 1, "content": content[content.notna()].to_dict()})
    return found
