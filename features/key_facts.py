"""The facts of one key: when they start to live in each window and when they cease, and what lives at a cutoff."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from features.errors import TimelineError
from features.timeline import NEVER, Ints

Values = tuple[int, int]
"""The two numbers that each fact carries: what is summed."""

Fact = tuple[int, int, int, Values]
"""When it occurred, from when it was known, from when it was no longer held to be so, and its values."""

AT_MOST_WAITING = 32
"""So many facts wait to be put in order; with one more all of them are, together."""

_FEW = 4
"""So few facts are put in order one by one."""


class KeyFacts:
    """The facts of one key.

    `held` is the last answer and between which instants it holds: who asks about the present asks there again.

    A new fact *waits* outside the order. From when the last of those that wait started to live until the first of them
    leaves the shortest window they all live in every window, so `_young`, how many they are and their sums on that
    stretch of time, is all that an answer there takes. Who asks about another instant has them put in order first.

    Parameters
    ----------
    windows : sequence of w positive ints, the shortest first
        Lengths in microseconds.
    """

    __slots__ = ("_steps", "_waiting", "_windows", "_young", "held")

    def __init__(self, windows: Sequence[int]) -> None:
        self._windows = windows
        self._steps = tuple([_Steps() for _ in range(1 + len(windows))])
        self._waiting: list[Fact] | None = None
        self._young = _NONE_YOUNG
        self.held = NOTHING_HELD

    @classmethod
    def missing(cls, answer: Sequence[float]) -> KeyFacts:
        """Return what stands for the facts of a leg that has no such key: the answer is always the same."""
        facts = cls(())
        facts.held = -NEVER, NEVER, answer
        return facts

    def add(self, fact: Fact) -> None:
        """Add a fact."""
        self.held = NOTHING_HELD
        occurred, known, withdrawn, values = fact
        start, end = max(occurred, known), min(occurred + self._windows[0], withdrawn)
        if end <= start:  # it is over in the shortest window before it starts to live
            self._insert(fact)
            return
        since, until, count, first, second = self._young
        self._young = max(since, start), min(until, end), count + 1, first + values[0], second + values[1]
        if self._waiting is None:
            self._waiting = []
        self._waiting.append(fact)
        if len(self._waiting) > AT_MOST_WAITING:
            self._settle()

    def remove(self, fact: Fact) -> None:
        """Take out a fact that was added."""
        self.held = NOTHING_HELD
        self._settle()
        for steps, time in zip(self._steps, self._life(fact), strict=True):
            steps.delete(time, fact[3])

    def merge(self, occurred: Ints, known: Ints, until: Ints, values: Ints) -> None:
        """Add many facts."""
        self.held = NOTHING_HELD
        starts, last = np.maximum(occurred, known), np.maximum(occurred, until)
        ends = [np.maximum(starts, np.minimum(occurred + window, last)) for window in self._windows]
        for steps, times in zip(self._steps, (starts, *ends), strict=True):
            steps.merge(times, values)

    def at(self, cutoff: int) -> Sequence[float]:
        """Return count and both sums of what lives at the cutoff, window after window."""
        since, until, alive = self.held
        return alive if since <= cutoff < until else self._answer(cutoff)

    def _answer(self, cutoff: int) -> list[int]:
        if not self._young[0] <= cutoff < self._young[1]:
            self._settle()
        since, until, count, first, second = self._young
        born, *ceased = self._steps
        begin, end, passed, one, other = born.held
        if not begin <= cutoff < end:
            begin, end, passed, one, other = born.move(cutoff)
        since, until = max(since, begin), min(until, end)
        count, first, second = count + passed, first + one, second + other
        alive: list[int] = []
        for steps in ceased:
            begin, end, passed, one, other = steps.held
            if not begin <= cutoff < end:
                begin, end, passed, one, other = steps.move(cutoff)
            if begin > since:
                since = begin
            if end < until:
                until = end
            alive += (count - passed, first - one, second - other)
        self.held = since, until, alive
        return alive

    def _settle(self) -> None:
        """Put in order what waits."""
        waiting, self._waiting, self._young = self._waiting or (), None, _NONE_YOUNG
        if len(waiting) <= _FEW:
            for fact in waiting:
                self._insert(fact)
        else:
            occurred, known, until, values = zip(*waiting, strict=True)
            columns = [np.array(column, dtype=np.int64) for column in (occurred, known, until, values)]
            self.merge(columns[0], columns[1], columns[2], columns[3])

    def _insert(self, fact: Fact) -> None:
        for steps, time in zip(self._steps, self._life(fact), strict=True):
            steps.insert(time, fact[3])

    def _life(self, fact: Fact) -> list[int]:
        """Return when a fact starts to live and, for each window, when it ceases; at once if it never lives there."""
        occurred, known, until, _ = fact
        start = known if known > occurred else occurred
        last = until if until > occurred else occurred
        life = [start]
        for window in self._windows:
            end = occurred + window
            if end > last:
                end = last
            life.append(end if end > start else start)
        return life

    def __len__(self) -> int:
        return len(self._steps[0].times) + len(self._waiting or ())


NOTHING_HELD: tuple[int, int, Sequence[float]] = (NEVER, NEVER, ())
"""The last answer where there is none: it holds at no instant."""

_NEAR = 8
"""So few instants beyond the last answer are stepped over; farther ones are searched for."""

_Passed = tuple[int, int, int, int, int]
"""On `[since, until)` so many instants have passed, with these sums of both values."""

_FORGOTTEN: _Passed = (NEVER, -NEVER, 0, 0, 0)
_NONE_YOUNG: _Passed = (-NEVER, NEVER, 0, 0, 0)


class _Steps:
    """Instants in order, each with the values of a fact, and the running sums of both values.

    After the first i instants the sums are `sums[2 * i]` and `sums[2 * i + 1]`: side by side, for one look at memory.
    `held` is what had passed when it was last asked. Who asks about the present asks there again, or near.
    """

    __slots__ = ("held", "sums", "times")

    def __init__(self) -> None:
        self.times, self.sums = array("q"), array("q", (0, 0))
        self.held = _FORGOTTEN

    def move(self, cutoff: int) -> _Passed:
        """Return what has passed at the cutoff, and hold it."""
        times, passed = self.times, self.held[2]
        end, near = len(times), passed + _NEAR
        if passed and times[passed - 1] <= cutoff and (near >= end or cutoff < times[near]):
            while passed < end and times[passed] <= cutoff:
                passed += 1
        else:
            passed = bisect_right(times, cutoff)
        since = times[passed - 1] if passed else -NEVER
        until = times[passed] if passed < end else NEVER
        held = self.held = since, until, passed, self.sums[2 * passed], self.sums[2 * passed + 1]
        return held

    def insert(self, time: int, values: Values) -> None:
        """Put in an instant."""
        times, sums = self.times, self.sums
        first, second = values
        since, until, passed, one, other = self.held
        if time < since:
            self.held = _FORGOTTEN
        elif time < until:
            self.held = since, time, passed, one, other
        if not times or time >= times[-1]:
            times.append(time)
            sums.append(sums[-2] + first)
            sums.append(sums[-2] + second)
            return
        position = bisect_right(times, time)
        times.insert(position, time)
        sums[2 * position : 2 * position] = sums[2 * position : 2 * position + 2]
        self._shift(position + 1, first, second)

    def delete(self, time: int, values: Values) -> None:
        """Take out an instant that was put in."""
        # Which of several facts of the same instant goes does not matter: a search never stops between them.
        position = bisect_right(self.times, time) - 1
        if position < 0 or self.times[position] != time:
            raise TimelineError(f"No fact at {time} was added, so none can be taken back.")
        self.held = _FORGOTTEN
        del self.times[position]
        del self.sums[2 * position : 2 * position + 2]
        self._shift(position, -values[0], -values[1])

    def merge(self, times: Ints, values: Ints) -> None:
        """Put in many."""
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
        position = bisect_right(self.times, int(times[0])) if len(times) else len(self.times)
        if position < len(self.times):
            later = np.array(self.times[position:], dtype=np.int64)
            of_later = np.diff(np.array(self.sums[2 * position :], dtype=np.int64).reshape(-1, 2), axis=0)
            times, values = np.concatenate([later, times]), np.concatenate([of_later, values])
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        sums = np.cumsum(values, axis=0) + np.array(self.sums[2 * position : 2 * position + 2], dtype=np.int64)
        self.held = _FORGOTTEN
        self.times[position:] = array("q", times.astype(np.int64).tobytes())
        self.sums[2 * position + 2 :] = array("q", sums.astype(np.int64).tobytes())

    def _shift(self, start: int, first: int, second: int) -> None:
        """Add to both sums from `start` on."""
        tail = np.frombuffer(self.sums, dtype=np.int64)[2 * start :]
        if first:
            tail[0::2] += first
        if second:
            tail[1::2] += second
