"""Amounts that last: what is in force at a cutoff, added up by key, and of that what stands up to a rank.

An amount lasts on `[start, end)`: a level of stock until another is told, the want of an order until it is picked. What
lasts at a cutoff is what had started by then less what had ended by then, both from running sums, as in
`features.timeline`. `Ranked` takes of it only what has a rank up to a bound ("due no later than ours"). For that the
amounts of a key are cut into blocks of 1, 2, 4, ... places, each in order of rank; any first places of a key are at
most one block of each size (Bentley and Saxe's logarithmic method). Sums are of whole numbers, so they are exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.codes import BLOCK, NEVER, Codes, Ints, Sums, check_keys, each, sort_codes
from features.errors import TimelineError


class Levels:
    """Amounts by key that last from a start to an end of their own.

    Parameters
    ----------
    keys : int64 [n], not negative
    starts, ends : int64 [n]
        Each counts on `[start, end)`; `NEVER` where it is not over.
    values : m columns of int64 [n]

    Raises
    ------
    TimelineError
        If shapes disagree or a key is negative.
    """

    __slots__ = ("_codes", "_ended", "_started", "n_values")

    def __init__(self, keys: Ints, starts: Ints, ends: Ints, values: Sequence[Ints]) -> None:
        _check_shapes(keys, starts, ends, *values)
        self.n_values = len(values)
        self._codes = Codes(keys, starts, ends)
        self._started = Sums(self._codes.of(keys, starts), values)
        self._ended = Sums(self._codes.of(keys, ends), values)

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return count and sums of what lasts of each key at its cutoff: int64 [q, 1 + m]. A negative key has none."""
        codes = self._codes.of(keys, cutoffs)
        order = sort_codes(codes)
        answers = np.empty((len(keys), 1 + self.n_values), dtype=np.int64)

        def answer(first: int) -> None:
            block = slice(first, first + BLOCK)
            answers[order[block]] = self._started.up_to(codes[block]) - self._ended.up_to(codes[block])

        each(answer, range(0, len(keys), BLOCK), len(keys))
        return answers


class Ranked:
    """Amounts by key that last from a start to an end of their own, each with a rank.

    Parameters
    ----------
    keys, starts, ends, values
        As of `Levels`.
    ranks : int64 [n]

    Raises
    ------
    TimelineError
        If shapes disagree or a key is negative.
    """

    __slots__ = ("_ended", "_started")

    def __init__(self, keys: Ints, starts: Ints, ends: Ints, ranks: Ints, values: Sequence[Ints]) -> None:
        _check_shapes(keys, starts, ends, ranks, *values)
        over = ends < NEVER
        self._started = _Blocks(keys, starts, ranks, values)
        self._ended = _Blocks(keys[over], ends[over], ranks[over], [column[over] for column in values])

    def at(self, keys: Ints, cutoffs: Ints, bounds: Ints) -> Ints:
        """Return count and sums of what lasts of each key at its cutoff and has a rank of at most its bound.

        Parameters
        ----------
        keys : int64 [q]
            Negative for a key without amounts.
        cutoffs, bounds : int64 [q]

        Returns
        -------
        int64 [q, 1 + m]
        """
        return self._started.up_to(keys, cutoffs, bounds) - self._ended.up_to(keys, cutoffs, bounds)


class _Blocks:
    """Amounts in order of key and time, asked up to a time and a rank."""

    __slots__ = ("_codes", "_first", "_keys", "_place", "_rank", "_ranks", "_sizes", "_times", "_values")

    def __init__(self, keys: Ints, times: Ints, ranks: Ints, values: Sequence[Ints]) -> None:
        self._codes = Codes(keys, times)
        times = self._codes.of(keys, times)
        order = sort_codes(times)
        self._times, keys = times, keys[order]
        self._keys, first, count = np.unique(keys, return_index=True, return_counts=True)
        self._first = first.astype(np.int64)
        self._place = np.arange(len(keys)) - np.repeat(first, count)
        self._sizes = int(count.max(initial=0)).bit_length()
        self._ranks, rank = np.unique(ranks[order], return_inverse=True)
        self._rank = rank.astype(np.int64)
        self._values = [column[order] for column in values]

    def up_to(self, keys: Ints, cutoffs: Ints, bounds: Ints) -> Ints:
        """Return count and sums of what is at or before each cutoff and has a rank of at most its bound."""
        answers = np.zeros((len(keys), 1 + len(self._values)), dtype=np.int64)
        if not len(self._keys):
            return answers
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        first = self._first[found]
        places = np.searchsorted(self._times, self._codes.of(keys, cutoffs), side="right") - first
        places[self._keys[found] != keys] = 0
        below = np.searchsorted(self._ranks, bounds, side="right")
        for size in range(self._sizes):
            asked = np.flatnonzero(places >> size & 1)
            begin = first[asked] + (places[asked] >> size + 1 << size + 1)
            codes, sums = self._blocks_of(size)
            # A block is full, so the places before it in order of rank are those before it in order of time.
            end = np.searchsorted(codes, begin * len(self._ranks) + below[asked])
            answers[asked, 0] += end - begin
            answers[asked, 1:] += sums[end] - sums[begin]
        return answers

    def _blocks_of(self, size: int) -> tuple[Ints, Ints]:
        """Return codes of (beginning of the block of 2^size places, rank) in order, and running sums of the values."""
        begin = np.arange(len(self._place)) - (self._place & (1 << size) - 1)
        codes = begin * len(self._ranks) + self._rank
        made = Sums(codes, self._values)
        return made.codes, made.sums


def _check_shapes(keys: Ints, *columns: Ints) -> None:
    if {len(column) for column in columns} != {len(keys)}:
        raise TimelineError(
            f"Amounts need two times and all values for each key. Found {len(keys)} keys and columns of "
            f"{[len(column) for column in columns]}."
        )
    check_keys(keys)
