"""The point-in-time engine for one fact and one question at a time: added in any order, taken back, asked.

The numbers are those of `features.timeline` and `features.revisions`, whose words are used here too. What lives in a
window at a cutoff is what had started by then less what had ceased (`features.key_facts`): one search a window. Facts
stand in sorted arrays by key; one that is the newest of its key is appended, an older one shifts what came after it.
Each key answers on a board (`features.board`), so that many keys can be asked at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from features.board import NOTHING, Board
from features.errors import TimelineError
from features.key_facts import Fact, KeyFacts
from features.key_spans import KeySpans
from features.timeline import NEVER, Ints


class LiveTimeline:
    """Facts by key, seen through windows; each is held to be so until an instant of its own.

    Parameters
    ----------
    windows : sequence of w positive ints, the shortest first
        Lengths in microseconds.
    board
        Where keys have their rows; one of its own if none is given.
    width
        How many values of a fact are summed: the first ones of those it carries.
    """

    __slots__ = ("_board", "_by_key", "_nothing", "_width", "windows")

    def __init__(self, windows: Sequence[int], board: Board | None = None, width: int = 2) -> None:
        self.windows, self._width = tuple(windows), width
        self._board = Board() if board is None else board
        if self.windows != tuple(sorted(windows)):
            raise TimelineError(f"The windows {list(windows)} are out of order; give the shortest first.")
        self._nothing = (0.0,) * ((1 + width) * len(self.windows))
        self._by_key: dict[Hashable, KeyFacts] = {}

    def add(self, key: Hashable, fact: Fact) -> None:
        """Add one fact, with as many values as are summed; it ends at `NEVER` if it was not withdrawn."""
        facts = self._by_key.get(key)
        if facts is None:
            facts = self._of(key)
        facts.add(fact)

    def remove(self, key: Hashable, fact: Fact) -> None:
        """Take out a fact that was added, as if it had never been there."""
        self._added(key).remove(fact)

    def revise(self, key: Hashable, fact: Fact, until: int) -> None:
        """Let a fact that was added be held to be so until another instant."""
        self._added(key).revise(fact, until)

    def forget(self, key: Hashable) -> None:
        """Have what has started looked for anew: then its row holds since the newest that is there."""
        self._of(key).forget()

    def add_many(
        self, keys: Sequence[Hashable], codes: Ints, occurred: Ints, known: Ints, until: Ints, values: Ints
    ) -> None:
        """Add facts in bulk: `keys[codes[i]]` is the key of fact i. Keys that already hold facts are merged.

        Parameters
        ----------
        keys : sequence of k hashables
        codes, occurred, known, until : int64 [n]
        values : int64 [n, width or more]
        """
        values = values[:, : self._width]
        for code, chosen in _by_code(codes):
            self._of(keys[code]).merge(*(column[chosen] for column in (occurred, known, until, values)))

    def at(self, key: Hashable, cutoff: int) -> Sequence[float]:
        """Return count and sums of the key's facts at the cutoff, window after window: length w x (1 + width)."""
        facts = self._by_key.get(key)
        return self._nothing if facts is None else facts.at(cutoff)

    def rows(self, key: Hashable | None, *, lasting: bool) -> Sequence[int]:
        """Return the rows of a key on the board: of what has started, then of what has ceased in each window.

        Where the key has no facts they are made, and kept for what will be added, if that is `lasting`; else, and for
        the key None, these are rows of nothing.
        """
        if key is None or not (lasting or key in self._by_key):
            return (NOTHING,) * (1 + len(self.windows))
        return self._of(key).rows()

    def _of(self, key: Hashable) -> KeyFacts:
        """Return the facts of a key, to be added to."""
        facts = self._by_key.get(key)
        if facts is None:
            facts = self._by_key[key] = KeyFacts(self.windows, self._board, self._width)
        return facts

    def _added(self, key: Hashable) -> KeyFacts:
        facts = self._by_key.get(key)
        if facts is None:
            raise TimelineError(f"No fact of key {key!r} was added, so none can be taken back.")
        return facts

    def __contains__(self, key: Hashable) -> bool:
        return key in self._by_key

    def __len__(self) -> int:
        return sum(map(len, self._by_key.values()))


class LiveSpans:
    """How many things of a key last at a cutoff, each from a start to an end of its own.

    Parameters
    ----------
    board
        Where keys have their rows; one of its own if none is given.
    """

    __slots__ = ("_board", "_by_key")

    def __init__(self, board: Board | None = None) -> None:
        self._board = Board() if board is None else board
        self._by_key: dict[Hashable, KeySpans] = {}

    def add(self, key: Hashable, start: int, end: int) -> None:
        """Add one that lasts on `[start, end)`."""
        self._of(key).add(start, end)

    def remove(self, key: Hashable, start: int, end: int) -> None:
        """Take back one that was added with the same arguments."""
        self._added(key).remove(start, end)

    def change(self, key: Hashable, was: tuple[int, int], now: tuple[int, int]) -> None:
        """Let one that was added last on another span."""
        self._added(key).change(was, now)

    def add_many(self, keys: Sequence[Hashable], codes: Ints, starts: Ints, ends: Ints) -> None:
        """Add in bulk: `keys[codes[i]]` is the key of span i; codes, starts and ends are int64 [n]."""
        for code, chosen in _by_code(codes):
            self._of(keys[code]).merge(starts[chosen], ends[chosen])

    def at(self, key: Hashable, cutoff: int) -> float:
        """Return how many of the key last at the cutoff."""
        spans = self._by_key.get(key)
        return 0 if spans is None else spans.at(cutoff)

    def row(self, key: Hashable | None, *, lasting: bool) -> int:
        """Return the row of a key on the board.

        Where the key has no spans they are made, and kept for what will be added, if that is `lasting`; else, and for
        the key None, it is the row of nothing.
        """
        if key is None or not (lasting or key in self._by_key):
            return NOTHING
        return self._of(key).row()

    def last_start(self, key: Hashable, cutoff: int) -> int:
        """Return when the newest of the key that had started by the cutoff started; `NEVER` if none had."""
        spans = self._by_key.get(key)
        return NEVER if spans is None else spans.last_start(cutoff)

    def _of(self, key: Hashable) -> KeySpans:
        """Return the spans of a key, to be added to."""
        spans = self._by_key.get(key)
        if spans is None:
            spans = self._by_key[key] = KeySpans(self._board)
        return spans

    def _added(self, key: Hashable) -> KeySpans:
        spans = self._by_key.get(key)
        if spans is None:
            raise TimelineError(f"No span of key {key!r} was added, so none can be taken back.")
        return spans


def _by_code(codes: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each code with the positions that have it, in order."""
    order = np.argsort(codes, kind="stable")
    present, first = np.unique(codes[order], return_index=True)
    bounds = [*first.tolist(), len(order)]
    for place, code in enumerate(present.tolist()):
        yield code, order[bounds[place] : bounds[place + 1]]
