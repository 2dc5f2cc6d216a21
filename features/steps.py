"""What held when: the states of things, each in force from when it counts until a newer one does.

A thing that changes is told as states under one identity. Of the states that count at a cutoff the one that happened
last is in force; of two that happened together, the one known last. `features.as_known.States` says the same of few
records; this is for columns of millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Codes, Ints, starts_of


class Steps:
    """The states of things in order of identity and time; a state that is never in force is left out.

    Parameters
    ----------
    keys : int64 [n], not negative
        Whose state it is.
    occurred, known : int64 [n]
    ties : columns of int64 [n]
        What decides between states alike in both times, first by the first, so that the order of rows does not.

    Attributes
    ----------
    keys, rows, since, until : int64 [s]
        Row `rows[i]` is in force for `keys[i]` on `[since[i], until[i])`.
    """

    __slots__ = ("_begin", "_codes", "keys", "rows", "since", "until")

    def __init__(self, keys: Ints, occurred: Ints, known: Ints, ties: Sequence[Ints] = ()) -> None:
        starts = starts_of(occurred, known)
        by_age = np.lexsort((*reversed(ties), known, occurred, keys))
        rank = np.empty(len(keys), dtype=np.int64)
        rank[by_age] = np.arange(len(keys))
        order = np.lexsort((rank, starts, keys))
        # Ranks rise with the key, so the running maximum never reaches back into another key.
        newest = np.maximum.accumulate(rank[order]) if len(keys) else rank
        keys, starts = keys[order], starts[order]
        settled = np.append(_differs(keys, starts), True)[: len(keys)]
        keys, starts, newest = keys[settled], starts[settled], newest[settled]
        turns = runs(keys, newest)
        self.keys, self.since = keys[turns], starts[turns]
        self.rows = by_age[newest[turns]]
        self.until = untils(self.keys, self.since)
        self._codes = Codes(self.keys, self.since)
        self._begin = self._codes.of(self.keys, self.since)

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return the row in force of each key at its cutoff, or -1: int64 [q]. A negative key has none."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        place = np.searchsorted(self._begin, self._codes.of(keys, cutoffs), side="right") - 1
        return np.where((place >= 0) & (self.keys[place] == keys), self.rows[place], -1)


class Facts(NamedTuple):
    """What happened by key, each held to be so on `[known, until)`: int64 [n] each; -1 for no key."""

    keys: Ints
    occurred: Ints
    known: Ints
    until: Ints

    def under(self, keys: Ints) -> Facts:
        """Return the same facts under other keys."""
        return self._replace(keys=keys)

    def where(self, chosen: NDArray[np.bool_]) -> Facts:
        """Return those that are chosen and have a key."""
        kept = chosen & (self.keys >= 0)
        return Facts(*(column[kept] for column in self))


def untils(keys: Ints, since: Ints) -> Ints:
    """Return when the next of the same key begins, `NEVER` for its last: both int64 [n], in order."""
    until = np.full(len(keys), NEVER, dtype=np.int64)
    same = keys[1:] == keys[:-1]
    until[:-1][same] = since[1:][same]
    return until


def runs(keys: Ints, *contents: Ints) -> Ints:
    """Return where each run of equal content begins within its key, of states in order that follow one another."""
    return np.flatnonzero(np.append(True, _differs(keys, *contents))[: len(keys)])


def _differs(*columns: Ints) -> NDArray[np.bool_]:
    """Tell of each row but the first whether it differs from the one before."""
    differs = np.zeros(max(len(columns[0]) - 1, 0), dtype=bool)
    for column in columns:
        differs |= column[1:] != column[:-1]
    return differs
