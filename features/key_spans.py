"""The things of one key that last, each from a start to an end of its own, and how many last at a cutoff."""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort_right

import numpy as np

from features.errors import TimelineError
from features.timeline import NEVER, Ints


class KeySpans:
    """When the things of one key start and when they end; `held` is the last answer and between which it holds."""

    __slots__ = ("ends", "held", "starts")

    def __init__(self) -> None:
        self.starts, self.ends = array("q"), array("q")
        self.held = NO_NUMBER_HELD

    @classmethod
    def missing(cls, answer: float) -> KeySpans:
        """Return what stands for the things of a leg that has no such key: their number is always the same."""
        spans = cls()
        spans.held = -NEVER, NEVER, answer
        return spans

    def add(self, start: int, end: int) -> None:
        """Add one that lasts on `[start, end)`."""
        self.held = NO_NUMBER_HELD
        insort_right(self.starts, start)
        insort_right(self.ends, end)

    def remove(self, start: int, end: int) -> None:
        """Take back one that was added with the same arguments."""
        self.held = NO_NUMBER_HELD
        _take(self.starts, start)
        _take(self.ends, end)

    def change(self, was: tuple[int, int], now: tuple[int, int]) -> None:
        """Let one that was added last otherwise: what stays of its span stays where it is."""
        self.held = NO_NUMBER_HELD
        for times, before, after in zip((self.starts, self.ends), was, now, strict=True):
            if before != after:
                _take(times, before)
                insort_right(times, after)

    def merge(self, starts: Ints, ends: Ints) -> None:
        """Add many."""
        self.held = NO_NUMBER_HELD
        self.starts, self.ends = (
            array("q", np.sort(np.concatenate([held, times]).astype(np.int64)).tobytes())
            for held, times in ((self.starts, starts), (self.ends, ends))
        )

    def at(self, cutoff: int) -> float:
        """Return how many last at the cutoff."""
        since, until, number = self.held
        return number if since <= cutoff < until else self._answer(cutoff)

    def last_start(self, cutoff: int) -> int:
        """Return when the newest that had started by the cutoff started; `NEVER` if none had."""
        starts = self.starts
        if not starts:
            return NEVER
        if starts[-1] <= cutoff:
            return starts[-1]
        started = bisect_right(starts, cutoff)
        return starts[started - 1] if started else NEVER

    def _answer(self, cutoff: int) -> int:
        starts, ends = self.starts, self.ends
        started, ended = bisect_right(starts, cutoff), bisect_right(ends, cutoff)
        since, until, number = -NEVER, NEVER, started - ended
        if started:
            since = starts[started - 1]
        if started < len(starts):
            until = starts[started]
        if ended and ends[ended - 1] > since:
            since = ends[ended - 1]
        if ended < len(ends) and ends[ended] < until:
            until = ends[ended]
        self.held = since, until, number
        return number


NO_NUMBER_HELD: tuple[int, int, float] = (NEVER, NEVER, 0)
"""The last answer where there is none: it holds at no instant."""


def _take(times: array[int], time: int) -> None:
    position = bisect_right(times, time) - 1
    if position < 0 or times[position] != time:
        raise TimelineError(f"Nothing that starts or ends at {time} was added, so none can be taken back.")
    del times[position]
