"""What many keys answered last, side by side in one table, and between which instants each of these answers holds.

Who asks many keys at once looks at one table. Most of them say what they said before; the others are asked anew and
write it into their row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.timeline import NEVER, Ints

SINCE, UNTIL, COUNT = range(3)
"""Columns of a row: the instants between which it holds, `[since, until)`, and how many there are then."""

SUMS = 5
"""How many sums follow, of what each of those carries."""

WIDTH = COUNT + 1 + SUMS
"""How many numbers a row has."""

NOTHING = 0
"""The row of what is not there: no number of it is ever other than 0."""

Rows = NDArray[np.int32]
"""Places in a table."""

_ROOM = 64
_LINE = 8
"""How many numbers a line of the cache holds."""


class Source(Protocol):
    """Whatever answers in a row of a board."""

    def write(self, cutoff: int, cells: memoryview[int], begin: int) -> bool:
        """Write what holds at the cutoff into the `WIDTH` cells from `begin` on; they hold what was written before.

        Returns
        -------
        bool
            Whether that was news for other rows, so that they may hold no longer.
        """
        ...


class Board:
    """Rows of numbers, each written by its source.

    Attributes
    ----------
    cells
        All the numbers, row after row.
    """

    __slots__ = ("_sources", "_table", "cells")

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._table = np.zeros((0, WIDTH), dtype=np.int64)
        self.put(_Nothing())

    def put(self, source: Source) -> int:
        """Return a new row, which this source writes."""
        row = len(self._sources)
        if row == len(self._table):
            table = _table(max(_ROOM, 2 * row))
            table[:row] = self._table
            self._table, self.cells = table, table.reshape(-1).data.cast("B").cast("q")
        self._sources.append(source)
        self.forget(row)
        return row

    def at(self, rows: Ints | Rows, cutoff: int) -> Ints:
        """Return what these rows say at the cutoff: int64 [len(rows), WIDTH]."""
        instant = np.array(cutoff)
        while True:
            told = self._table.take(rows, 0)
            past = ((told[:, SINCE] > instant) | (told[:, UNTIL] <= instant)).nonzero()[0]
            if not len(past):
                return told
            is_news, written = False, rows.take(past)
            for row in written.tolist():
                is_news |= self._sources[row].write(cutoff, self.cells, row * WIDTH)
            if not is_news:
                told[past] = self._table.take(written, 0)
                return told

    def of(self, rows: range, cutoff: int) -> list[int]:
        """Return what a few rows that stand together say at the cutoff, row after row.

        What one of them writes may be news for those after it, not for those before.
        """
        begin, end, cells = rows.start * WIDTH, rows.stop * WIDTH, self.cells
        for row, cell in zip(rows, range(begin, end, WIDTH), strict=True):
            if not cells[cell + SINCE] <= cutoff < cells[cell + UNTIL]:
                self._sources[row].write(cutoff, cells, cell)
        return cells[begin:end].tolist()

    def add(self, row: int, time: int, count: int, values: Sequence[int] = ()) -> None:
        """Take in that so many more are there from an instant on, with these values.

        A row that holds then holds from then on.
        """
        begin, cells = row * WIDTH, self.cells
        if time >= cells[begin + UNTIL]:
            return
        if time > cells[begin + SINCE]:
            cells[begin + SINCE] = time
        place = begin + COUNT
        cells[place] += count
        for value in values:
            place += 1
            cells[place] += value

    def begin(self, row: int, time: int, end: int, values: Sequence[int]) -> None:
        """Do as `add` and `turn` do: one more is there from an instant on, and something changes at a later one."""
        begin, cells = row * WIDTH, self.cells
        since, until = cells[begin + SINCE], cells[begin + UNTIL]
        if time < until:
            if time > since:
                cells[begin + SINCE] = since = time
            place = begin + COUNT
            cells[place] += 1
            for value in values:
                place += 1
                if value:  # most are not
                    cells[place] += value
        if end <= since:
            self.forget(row)
        elif end < until:
            cells[begin + UNTIL] = end

    def turn(self, row: int, time: int) -> None:
        """Take in that something changes at an instant: a row that holds before holds until then."""
        begin, cells = row * WIDTH, self.cells
        if time <= cells[begin + SINCE]:
            self.forget(row)
        elif time < cells[begin + UNTIL]:
            cells[begin + UNTIL] = time

    def forget(self, row: int) -> None:
        """Let a row hold at no instant."""
        begin, cells = row * WIDTH, self.cells
        cells[begin + SINCE], cells[begin + UNTIL], cells[begin + COUNT] = NEVER, -NEVER, 0


def _table(rows: int) -> Ints:
    """Return a table of zeros each row of which is one line of the processor's cache, not the ends of two."""
    numbers = np.zeros(rows * WIDTH + _LINE - 1, dtype=np.int64)
    first = -(numbers.ctypes.data // numbers.itemsize) % _LINE
    return numbers[first : first + rows * WIDTH].reshape(rows, WIDTH)


class _Nothing:
    """The source of `NOTHING`."""

    def write(self, cutoff: int, cells: memoryview[int], begin: int) -> bool:  # noqa: ARG002  as every source
        cells[begin + SINCE], cells[begin + UNTIL] = -NEVER, NEVER
        return False
