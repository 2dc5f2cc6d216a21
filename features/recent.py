"""The legs told last of a key: how long they were on the way and how late they came, in whole minutes.

Quantiles do not follow from running sums, so the newest `LEGS` legs of a key are looked at themselves. A leg counts
from when it is both past and known, until it is withdrawn; one that is withdrawn is left out, not replaced, and one
that is planned anew or corrected is told anew. Quantiles are nearest-rank, so all of it is whole numbers, and one
question and a million get the same.
"""

from __future__ import annotations

from bisect import bisect_left, insort_right
from collections.abc import Hashable, Iterable, Sequence
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Codes, Ints, starts_of
from features.errors import TimelineError

LEGS = 20
"""How many legs are looked at."""

_BLOCK = 16_384
_LONGEST = np.iinfo(np.int64).max


class Run(NamedTuple):
    """One leg from end to end; in this order the newest comes last, and no two orders are possible."""

    start: int
    occurred: int
    transit: int
    delay: int
    until: int


class Typical(NamedTuple):
    """What is usual of a key. Minutes; `occurred` is when the leg told last was delivered.

    `squares` is the number of legs times the sum of squares of their delays less the square of their sum: what the
    standard deviation is made of.
    """

    legs: float
    transit: float
    slow_transit: float
    squares: float
    last_delay: float
    last_occurred: float


NOTHING = Typical(0.0, np.nan, np.nan, np.nan, np.nan, np.nan)
"""Of a key of which no leg is known."""


def typical_of(runs: Sequence[Run]) -> Typical:
    """Return what is usual of these legs, in order; the slow tenth takes longer than `slow_transit`."""
    if not runs:
        return NOTHING
    legs, last = len(runs), runs[-1]
    _, _, transits, delays, _ = zip(*runs, strict=True)
    ranked = sorted(transits)
    squares = legs * sum(map(mul, delays, delays)) - sum(delays) ** 2
    return Typical(legs, ranked[_rank(legs, 5)], ranked[_rank(legs, 9)], squares, last.delay, last.occurred)


def _rank(legs: int, tenths: int) -> int:
    """Return the place, from 0, of the nearest-rank quantile."""
    return (tenths * legs + 9) // 10 - 1


class Recent:
    """Legs by key, for many questions.

    Parameters
    ----------
    keys : int64 [n], not negative
    occurred, known, until : int64 [n]
    values : int64 [n, 2]
        Transit and delay in minutes.
    """

    def __init__(self, keys: Ints, occurred: Ints, known: Ints, until: Ints, values: Ints) -> None:
        starts = starts_of(occurred, known)
        order = np.lexsort((until, values[:, 1], values[:, 0], occurred, starts, keys))
        self._codes = Codes(keys, starts)
        self._sorted = self._codes.of(keys[order], starts[order])
        self._keys, self._occurred, self._until = keys[order], occurred[order], until[order]
        self._transits, self._delays = values[order, 0], values[order, 1]

    def at(self, keys: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return `Typical` of each key at its cutoff: float64 [q, len(Typical)]; of a negative key nothing is known."""
        answers = np.empty((len(keys), len(NOTHING)))
        answers[:] = NOTHING
        if len(self._keys):
            for first in range(0, len(keys), _BLOCK):
                block = slice(first, first + _BLOCK)
                self._answer(keys[block], cutoffs[block], answers[block])
        return answers

    def _answer(self, keys: Ints, cutoffs: Ints, answers: NDArray[np.float64]) -> None:
        end = np.searchsorted(self._sorted, self._codes.of(keys, cutoffs), side="right")
        begin = np.searchsorted(self._keys, keys, side="left")
        place = end[:, None] - LEGS + np.arange(LEGS)
        told = (place >= begin[:, None]) & (keys >= 0)[:, None]
        place = np.maximum(place, 0)
        told &= self._until[place] > cutoffs[:, None]
        legs = told.sum(axis=1)
        some = np.flatnonzero(legs)
        place, told, legs = place[some], told[some], legs[some]
        transits = np.sort(np.where(told, self._transits[place], _LONGEST), axis=1)
        delays = np.where(told, self._delays[place], 0)
        last = place[np.arange(len(some)), LEGS - 1 - np.argmax(told[:, ::-1], axis=1)]
        found = [  # as in `Typical`
            legs,
            np.take_along_axis(transits, _rank_of(legs, 5), axis=1)[:, 0],
            np.take_along_axis(transits, _rank_of(legs, 9), axis=1)[:, 0],
            legs * (delays * delays).sum(axis=1) - delays.sum(axis=1) ** 2,
            self._delays[last],
            self._occurred[last],
        ]
        answers[some] = np.stack(found, axis=1)


def _rank_of(legs: Ints, tenths: int) -> Ints:
    return np.asarray((tenths * legs + 9) // 10 - 1)[:, None]


class LiveRecent:
    """Legs by key, for one leg and one question at a time."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[Hashable, KeyRuns] = {}

    def add(self, key: Hashable, run: Run) -> None:
        """Add one leg."""
        runs = self._by_key.get(key)
        if runs is None:
            runs = self._by_key[key] = KeyRuns()
        runs.held = _NOTHING_HELD
        if not runs.told or run >= runs.told[-1]:  # most often it is the newest
            runs.told.append(run)
        else:
            insort_right(runs.told, run)

    def remove(self, key: Hashable, run: Run) -> None:
        """Take back a leg that was added."""
        runs = self._by_key.get(key, KeyRuns())
        place = bisect_left(runs.told, run)
        if place == len(runs.told) or runs.told[place] != run:
            raise TimelineError(f"No such leg of key {key!r} was added, so it cannot be taken back.")
        runs.held = _NOTHING_HELD
        del runs.told[place]

    def add_many(self, legs: Iterable[tuple[Hashable, Run]]) -> None:
        """Add legs in bulk, each with its key."""
        for key, run in legs:
            self._by_key.setdefault(key, KeyRuns()).told.append(run)
        for runs in self._by_key.values():
            runs.held = _NOTHING_HELD
            runs.told.sort()

    def at(self, key: Hashable, cutoff: int) -> Typical:
        """Return what is usual of the key at the cutoff; of the key None nothing is known."""
        runs = self._by_key.get(key)
        return NOTHING if runs is None else runs.at(cutoff)

    def under(self, key: Hashable | None, *, lasting: bool) -> KeyRuns:
        """Return the legs of a key, to be asked again and again; there are none of the key None.

        Where the key has none they are kept for what will be added if that is `lasting`.
        """
        runs = None if key is None else self._by_key.get(key)
        if runs is None:
            runs = KeyRuns()
            if key is not None and lasting:
                self._by_key[key] = runs
        return runs


class KeyRuns:
    """The legs of one key in order, and the last answer with the time on which it holds: `[since, until)`."""

    __slots__ = ("held", "told")

    def __init__(self) -> None:
        self.told: list[Run] = []
        self.held: tuple[int, int, Typical] = _NOTHING_HELD

    def at(self, cutoff: int) -> Typical:
        since, until, answer = self.held
        if since <= cutoff < until:
            return answer
        end = bisect_left(self.told, (cutoff + 1,))
        newest = self.told[max(0, end - LEGS) : end]
        standing = [run for run in newest if run.until > cutoff]
        answer = typical_of(standing)
        since = newest[-1].start if newest else -NEVER
        if len(standing) < len(newest):  # before the last withdrawal another one stood
            since = max(since, *[run.until for run in newest if run.until <= cutoff])
        until = min([run.until for run in standing], default=NEVER)
        if end < len(self.told):
            until = min(until, self.told[end].start)
        self.held = since, until, answer
        return answer


_NOTHING_HELD = (NEVER, NEVER, NOTHING)
