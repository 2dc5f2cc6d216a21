"""Evaluating a mapping: from the frames of the sources to the rows of canonical tables, still untyped."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import MappingError, did_you_mean
from features.ingest.columns import Column, whole
from features.ingest.expressions import Expression, evaluate
from features.ingest.mapping import Mapping, TableRule
from features.ingest.sources import stacked

SOURCE_ROW, RULE = "__source_row__", "__rule__"
"""Columns of made rows: the row of the source they come from, from 0, and the number of the rule that made them."""

_FAILURES = (TypeError, ValueError, AttributeError, KeyError, OverflowError, IndexError)


class Evaluation:
    """Evaluates the expressions of a mapping over its sources, and collects what is wrong with them.

    Parameters
    ----------
    frames
        The sources by name; derived columns are added to them.
    """

    def __init__(self, mapping: Mapping, frames: dict[str, pd.DataFrame]) -> None:
        self._mapping = mapping
        self._frames = frames
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
                self._frames[source][name] = value[0]

    def rows(self, rule: TableRule, number: int) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
        """Return the rows that a rule makes, and which rows of its source it chose; problems are kept for `finish`."""
        frame = self._frames[rule.source]
        chosen = np.ones(len(frame), dtype=bool)
        if rule.where is not None:
            condition = self._value(f"{rule.table}.where", rule.where, rule.source)
            if condition is not None:
                told = whole(condition[0], frame.index).astype("boolean").fillna(False)
                chosen = told.to_numpy(dtype=bool)
        columns = {
            name: self._value(f"{rule.table}.{name}", expression, rule.source)
            for name, expression in rule.fields.items()
        }
        made = {name: value[0] for name, value in columns.items() if value is not None}
        rows = pd.DataFrame(made, index=frame.index)[chosen]
        rows[SOURCE_ROW] = np.flatnonzero(chosen)
        rows[RULE] = number
        return rows, chosen

    def finish(self) -> None:
        """Raise what went wrong in `rows`, as `derive` does."""
        self._raise()

    def _value(self, place: str, expression: Expression, source: str) -> tuple[Column] | None:
        """Return the value of an expression, in a tuple as the value may be None; None if it has none."""
        where = f"line {expression.line}: {place}"
        asked = [(source, name) for name in sorted(expression.columns)]
        asked += [(other, name) for other, *names in sorted(expression.lookups) for name in names]
        unknown = [self._no_column(where, other, name) for other, name in asked if name not in self._columns(other)]
        self._problems += unknown
        if unknown:
            return None
        try:
            return (evaluate(expression, self._frames[source], self._frames),)
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
        found.append({"source": source, "row": int(row) + 1, "content": frames[source].iloc[int(row)].to_dict()})
    return found
