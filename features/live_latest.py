"""The newest observation known, for one observation and one question at a time: added in any order, taken back, asked.

The numbers are those of `features.timeline.Latest`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence

from features.errors import TimelineError
from features.timeline import NEVER

Answer = Sequence[float]

_Observed = tuple[int, int, int, Answer]
"""When it occurred, was known, was withdrawn, and what it answers."""


class LiveLatest:
    """Which observation of a key, among those known at a cutoff, happened last; each carries what is to be answered."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[Hashable, KeyLatest] = {}

    def add(self, key: Hashable, occurred: int, known: int, answer: Answer, until: int = NEVER) -> None:
        """Add an observation; among equals of both clocks the one with the greater answer is the newest."""
        series = self._by_key.get(key)
        if series is None:
            series = self._by_key[key] = KeyLatest()
        series.add((occurred, known, until, answer))

    def remove(self, key: Hashable, occurred: int, known: int, answer: Answer, until: int = NEVER) -> None:
        """Take back an observation that was added with the same arguments."""
        observed = occurred, known, until, answer
        series = self._by_key.get(key)
        if series is None or observed not in series.observed:
            raise TimelineError(f"No observation of {key!r} at {occurred} was added, so none can be taken back.")
        series.remove(observed)

    def at(self, key: Hashable, cutoff: int) -> Answer | None:
        """Return the answer of the key's newest observation known at the cutoff, or None."""
        series = self._by_key.get(key)
        return None if series is None else series.at(cutoff)


class KeyLatest:
    """The observations of one key by when they start to count, and the newest among the first i + 1 of them.

    `held` is the last answer and between which instants it holds.
    """

    __slots__ = ("held", "newest", "observed", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.observed: list[_Observed] = []
        self.newest: list[_Observed] = []
        self.held = _NOTHING_HELD

    def add(self, observed: _Observed) -> None:
        """Add an observation."""
        start = max(observed[0], observed[1])
        position = len(self.starts)
        if position and start < self.starts[-1]:
            position = bisect_right(self.starts, start)
            self.starts.insert(position, start)
            self.observed.insert(position, observed)
            self._refresh(position)
        else:  # most often it counts last
            self.held = _NOTHING_HELD
            self.starts.append(start)
            self.observed.append(observed)
            newest = self.newest
            newest.append(observed if not position or _age(observed) >= _age(newest[-1]) else newest[-1])

    def remove(self, observed: _Observed) -> None:
        """Take back an observation that was added."""
        position = self.observed.index(observed)
        del self.starts[position], self.observed[position]
        self._refresh(position)

    def at(self, cutoff: int) -> Answer | None:
        """Return the answer of the newest known at the cutoff, or None."""
        since, until, answer = self.held
        if since <= cutoff < until:
            return answer
        position = bisect_right(self.starts, cutoff)
        since = self.starts[position - 1] if position else -NEVER
        until = self.starts[position] if position < len(self.starts) else NEVER
        newest = self.newest[position - 1] if position else None
        if newest is None:
            self.held = since, until, None
            return None
        if cutoff < newest[2]:
            self.held = since, min(until, newest[2]), newest[3]
            return newest[3]
        holding = [one for one in self.observed[:position] if cutoff < one[2]]  # which changes as they are withdrawn
        return max(holding, key=_age)[3] if holding else None

    def _refresh(self, position: int) -> None:
        """Bring the running newest up to date from `position` on."""
        self.held = _NOTHING_HELD
        newest = self.newest
        del newest[position:]
        for entry in self.observed[position:]:
            newest.append(entry if not newest or _age(entry) >= _age(newest[-1]) else newest[-1])


_NOTHING_HELD: tuple[int, int, Answer | None] = (NEVER, NEVER, None)


def _age(observed: _Observed) -> tuple[int, int, Answer]:
    return observed[0], observed[1], observed[3]
