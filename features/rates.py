"""Rates and means, each shrunk towards that of its parent as if the parent had contributed `PSEUDO_LEGS` legs.

The arithmetic is the same for one row and for many. Only operations that are rounded one way are used, element by
element, so one row and a million give the same bits. All it takes is laid out beforehand: one row costs little.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.timeline import Ints

PSEUDO_LEGS = 10.0
COUNT, SHARE, MEAN, SPREAD = range(4)
"""Numbers of a column: its legs, two shrunk averages of what they carry, and the root of the first less the square of
the second."""

_BLOCK = 2048
_WEIGHT, _ZERO = np.array(PSEUDO_LEGS), np.array(0.0)


class Column(NamedTuple):
    """Legs of one stream in one window: how many, and two sums of what they carry.

    `parent` is the column towards whose averages its own are shrunk; where it has none, they are `priors`.
    """

    parent: int | None
    priors: tuple[float, float]


class Shrunk(NamedTuple):
    """Columns, and the numbers of them that are wanted: which number of which column."""

    columns: tuple[Column, ...]
    wanted: tuple[tuple[int, int], ...]

    def beside(self, other: Shrunk) -> Shrunk:
        """Return both as one."""
        first = len(self.columns)
        columns = [
            column._replace(parent=None if column.parent is None else first + column.parent) for column in other.columns
        ]
        return Shrunk((*self.columns, *columns), (*self.wanted, *((kind, first + own) for kind, own in other.wanted)))


class Layout:
    """Where each number stands in one long row, so that whole stretches of it can be worked out at once.

    First come the sums as they are told: count and both sums, column by column. Then the averages: the priors, then
    those of columns without a parent, then of those whose parents these are, and so on. Last come the spreads.
    """

    def __init__(self, shrunk: Shrunk) -> None:
        columns, wanted = shrunk
        depths: list[int] = []
        for own, (parent, _) in enumerate(columns):
            if parent is not None and parent >= own:
                raise ValueError("a column stands before its parent; declare the parent first")
            depths.append(0 if parent is None else 1 + depths[parent])
        priors = list(dict.fromkeys(prior for column in columns if column.parent is None for prior in column.priors))
        place: dict[tuple[int, int], int] = {}
        parents: list[int] = []
        told: list[tuple[int, int]] = []
        self.bounds = [len(priors)]
        for depth in range(max(depths) + 1):
            level = [own for own in range(len(columns)) if depths[own] == depth]
            for kind in (SHARE, MEAN):
                for own in level:
                    parent = columns[own].parent
                    place[kind, own] = len(priors) + len(parents)
                    parents.append(
                        priors.index(columns[own].priors[kind - 1]) if parent is None else place[kind, parent]
                    )
                    told.append((3 * own, 3 * own + kind))
            self.bounds.append(len(priors) + len(parents))
        spread = [own for kind, own in wanted if kind == SPREAD]
        self.width, self.spreads, self.priors = 3 * len(columns), len(spread), np.array(priors)
        self.parents = np.array(parents, dtype=np.int64)
        self.counts_and_sums = np.array(told, dtype=np.int64).T.copy()
        self.squares, self.means = (
            np.array([place[kind, own] for own in spread], dtype=np.int64) for kind in (SHARE, MEAN)
        )
        for own in range(len(columns)):
            place[COUNT, own] = 3 * own - self.width
        for number, own in enumerate(spread):
            place[SPREAD, own] = self.bounds[-1] + number
        self.wanted = np.array([self.width + place[each] for each in wanted], dtype=np.int64)


class Rates:
    """The arithmetic of a layout, with the room that it takes; whoever asks again and again keeps it.

    Parameters
    ----------
    rows
        How many rows are worked out at once; none for one row, whose arrays have one dimension only.
    """

    def __init__(self, layout: Layout, *rows: int) -> None:
        self._layout = layout
        begin, end = layout.bounds[0], layout.bounds[-1]
        self._all = np.empty((layout.width + end + layout.spreads, *rows))
        self._told, self._averages = self._all[: layout.width], self._all[layout.width : layout.width + end]
        self._averages[:begin].T[:] = layout.priors
        self._legs_and_sums = np.empty((2, end - begin, *rows))
        self._legs, sums = self._legs_and_sums
        self._squares, self._means = np.empty((2, layout.spreads, *rows))
        self._spreads = self._all[layout.width + end :]
        self._levels = []
        for first, last in pairwise(layout.bounds):
            own = slice(first - begin, last - begin)
            room = np.empty((last - first, *rows))
            self._levels.append((layout.parents[own], room, sums[own], self._legs[own], self._averages[first:last]))
        self._priors = self._averages.take(self._levels[0][0], 0) * PSEUDO_LEGS

    def of(self, told: NDArray[np.float64] | Ints) -> NDArray[np.float64]:
        """Return the numbers that are wanted: float64 [wanted] or [wanted, rows], from [width] or [width, rows]."""
        layout, averages, squares, means = self._layout, self._averages, self._squares, self._means
        self._told[:] = told
        self._told.take(layout.counts_and_sums, 0, self._legs_and_sums, "clip")
        np.add(self._legs, _WEIGHT, self._legs)
        _, room, sums, legs, found = self._levels[0]
        np.add(self._priors, sums, room)
        np.divide(room, legs, found)
        for parents, room, sums, legs, found in self._levels[1:]:
            averages.take(parents, 0, room, "clip")
            np.multiply(room, _WEIGHT, room)
            np.add(room, sums, room)
            np.divide(room, legs, found)
        averages.take(layout.squares, 0, squares, "clip")
        averages.take(layout.means, 0, means, "clip")
        np.multiply(means, means, means)
        np.subtract(squares, means, squares)
        np.maximum(squares, _ZERO, out=squares)
        np.sqrt(squares, self._spreads)
        return self._all.take(layout.wanted, 0)


def rates_of(layout: Layout, told: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the numbers that are wanted of many rows: float64 [n, wanted], from float64 [n, width]."""
    found = np.empty((len(told), len(layout.wanted)))
    rates = Rates(layout, _BLOCK)
    for first in range(0, len(told), _BLOCK):
        block = told[first : first + _BLOCK].T
        if block.shape[1] < _BLOCK:
            rates = Rates(layout, block.shape[1])
        found[first : first + _BLOCK] = rates.of(block).T
    return found
