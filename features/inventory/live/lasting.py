"""Amounts of one key that last from a start to an end of their own, told and taken back one by one.

The numbers are those of `features.levels`. Who asks about the present finds what is not over yet, which is little; what
is over is looked through only for a question about the past.
"""

from __future__ import annotations

import numpy as np

from features.codes import Ints
from features.errors import TimelineError
from features.timeline import NEVER


class Lasting:
    """Rows of whole numbers, each lasting on `[since, until)`.

    Parameters
    ----------
    width
        How many numbers a row has.
    """

    __slots__ = ("_newest", "_open", "_over")

    def __init__(self, width: int) -> None:
        self._open, self._over = _Rows(2 + width), _Rows(2 + width)
        self._newest = -NEVER
        """From this instant on nothing starts, and nothing ends that is not open."""

    def add(self, since: int, until: int, *values: int) -> None:
        """Add a row."""
        if until < NEVER:
            self._over.append((since, until, *values))
            self._newest = max(self._newest, until)
        else:
            self._open.append((since, until, *values))
        self._newest = max(self._newest, since)

    def remove(self, since: int, until: int, *values: int) -> None:
        """Take back a row that was added with the same arguments."""
        (self._over if until < NEVER else self._open).take((since, until, *values))

    def at(self, cutoff: int) -> Ints:
        """Return the values of the rows that last at the cutoff: int64 [r, width]."""
        if cutoff >= self._newest:
            return self._open.rows[:, 2:]
        lasting = (rows[(rows[:, 0] <= cutoff) & (cutoff < rows[:, 1])] for rows in (self._open.rows, self._over.rows))
        return np.concatenate([rows[:, 2:] for rows in lasting])


class _Rows:
    """Rows of whole numbers, in no order."""

    __slots__ = ("_count", "_held")

    def __init__(self, width: int) -> None:
        self._held = np.empty((2, width), dtype=np.int64)
        self._count = 0

    @property
    def rows(self) -> Ints:
        """The rows: int64 [n, width]."""
        return self._held[: self._count]

    def append(self, row: tuple[int, ...]) -> None:
        if self._count == len(self._held):
            self._held = np.concatenate([self._held, np.empty_like(self._held)])
        self._held[self._count] = row
        self._count += 1

    def take(self, row: tuple[int, ...]) -> None:
        """Take out a row; the last takes its place."""
        begun = np.flatnonzero(self.rows[:, 0] == row[0])
        found = begun[(self._held[begun] == row).all(axis=1)]
        if not len(found):
            raise TimelineError(f"No amount {row} was added, so none can be taken back.")
        self._count -= 1
        self._held[found[0]] = self._held[self._count]
