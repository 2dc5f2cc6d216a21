"""The point-in-time engine for one fact and one question at a time: added in any order, taken back, asked.

The numbers are those of `features.timeline` and `features.revisions`, whose words are used here too. What lives in a
window at a cutoff is what had started by then less what had ceased, so each window of a key has its own instants of
ceasing: one search a window, and nothing to correct for facts learnt too late or withdrawn. Facts stand in sorted
arrays by key; one that is the newest of its key is appended, an older one shifts what came after it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort_right
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from features.errors import TimelineError
from features.timeline import NEVER, Ints, starts_of

Values = tuple[int, int]
"""The two numbers that each fact carries: what is summed."""


class LiveTimeline:
    """Facts by key, seen through windows; each is held to be so until an instant of its own.

    Parameters
    ----------
    windows : sequence of w positive ints
        Lengths in microseconds.
    """

    __slots__ = ("_by_key", "_nothing", "windows")

    def __init__(self, windows: Sequence[int]) -> None:
        self.windows = tuple(windows)
        self._nothing = (0, 0, 0) * len(self.windows)
        self._by_key: dict[Hashable, KeyFacts] = {}

    def add(self, key: Hashable, occurred: int, known: int, until: int, values: Values) -> None:
        """Add one fact; `until` is `NEVER` for what was not withdrawn."""
        facts = self._by_key.get(key)
        if facts is None:
            facts = self._by_key[key] = KeyFacts(len(self.windows))
        start, ends = self._life(occurred, known, until)
        facts.held = _NOTHING_HELD
        for steps, time in zip(facts.steps, (start, *ends), strict=True):
            steps.insert(time, values)

    def remove(self, key: Hashable, occurred: int, known: int, until: int, values: Values) -> None:
        """Take out a fact that was added with the same arguments, as if it had never been there."""
        facts = self._by_key.get(key)
        if facts is None:
            raise TimelineError(f"No fact of key {key!r} was added, so none can be taken back.")
        start, ends = self._life(occurred, known, until)
        facts.held = _NOTHING_HELD
        for steps, time in zip(facts.steps, (start, *ends), strict=True):
            steps.delete(time, values)

    def add_many(
        self, keys: Sequence[Hashable], codes: Ints, occurred: Ints, known: Ints, until: Ints, values: Ints
    ) -> None:
        """Add facts in bulk: `keys[codes[i]]` is the key of fact i. Keys that already hold facts are merged.

        Parameters
        ----------
        keys : sequence of k hashables
        codes, occurred, known, until : int64 [n]
        values : int64 [n, 2]
        """
        starts = starts_of(occurred, known)
        last = np.maximum(occurred, until)
        ends = (np.maximum(starts, np.minimum(occurred + window, last)) for window in self.windows)
        for place, times in enumerate((starts, *ends)):
            for code, chosen in _by_code(codes, times):
                facts = self._by_key.setdefault(keys[code], KeyFacts(len(self.windows)))
                facts.held = _NOTHING_HELD
                facts.steps[place].merge(times[chosen], values[chosen])

    def at(self, key: Hashable, cutoff: int) -> Sequence[float]:
        """Return count and both sums of the key's facts at the cutoff, window after window: length w x 3."""
        facts = self._by_key.get(key)
        return self._nothing if facts is None else facts.at(cutoff)

    def under(self, key: Hashable | None, missing: Sequence[float], *, lasting: bool) -> KeyFacts:
        """Return the facts of a key, to be asked again and again; of the key None the answer is always `missing`.

        Where the key has none they are made, and kept for what will be added if that is `lasting`.
        """
        facts = None if key is None else self._by_key.get(key)
        if facts is None:
            facts = KeyFacts(len(self.windows))
            if key is None:
                facts.held = -NEVER, NEVER, missing
            elif lasting:
                self._by_key[key] = facts
        return facts

    def _life(self, occurred: int, known: int, until: int) -> tuple[int, list[int]]:
        """Return when a fact starts to live and, for each window, when it ceases; at once if it never lives there."""
        start = known if known > occurred else occurred
        last = until if until > occurred else occurred
        ends = []
        for window in self.windows:
            end = occurred + window
            if end > last:
                end = last
            ends.append(end if end > start else start)
        return start, ends

    def __contains__(self, key: Hashable) -> bool:
        return key in self._by_key

    def __len__(self) -> int:
        return sum(len(facts.steps[0].times) for facts in self._by_key.values())


class LiveSpans:
    """How many things of a key last at a cutoff, each from a start to an end of its own."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[Hashable, KeySpans] = {}

    def add(self, key: Hashable, start: int, end: int) -> None:
        """Add one that lasts on `[start, end)`."""
        spans = self._by_key.get(key)
        if spans is None:
            spans = self._by_key[key] = KeySpans()
        spans.held = _NO_NUMBER_HELD
        insort_right(spans.starts, start)
        insort_right(spans.ends, end)

    def remove(self, key: Hashable, start: int, end: int) -> None:
        """Take back one that was added with the same arguments."""
        spans = self._by_key.get(key, KeySpans())
        for times, time in ((spans.starts, start), (spans.ends, end)):
            position = bisect_right(times, time) - 1
            if position < 0 or times[position] != time:
                raise TimelineError(f"No span of key {key!r} at {time} was added, so none can be taken back.")
            del times[position]
        spans.held = _NO_NUMBER_HELD

    def add_many(self, keys: Sequence[Hashable], codes: Ints, starts: Ints, ends: Ints) -> None:
        """Add in bulk: `keys[codes[i]]` is the key of span i; codes, starts and ends are int64 [n]."""
        for name, times in (("starts", starts), ("ends", ends)):
            for code, chosen in _by_code(codes, times):
                spans = self._by_key.setdefault(keys[code], KeySpans())
                spans.held = _NO_NUMBER_HELD
                held: array[int] = getattr(spans, name)
                held[:] = array("q", np.sort(np.concatenate([held, times[chosen]]).astype(np.int64)).tobytes())

    def at(self, key: Hashable, cutoff: int) -> float:
        """Return how many of the key last at the cutoff."""
        spans = self._by_key.get(key)
        return 0 if spans is None else spans.at(cutoff)

    def under(self, key: Hashable | None, *, lasting: bool) -> KeySpans:
        """Return the spans of a key, to be asked again and again; of the key None the number is always NaN.

        Where the key has none they are made, and kept for what will be added if that is `lasting`.
        """
        spans = None if key is None else self._by_key.get(key)
        if spans is None:
            spans = KeySpans()
            if key is None:
                spans.held = -NEVER, NEVER, np.nan
            elif lasting:
                self._by_key[key] = spans
        return spans

    def last_start(self, key: Hashable, cutoff: int) -> int:
        """Return when the newest of the key that had started by the cutoff started; `NEVER` if none had."""
        spans = self._by_key.get(key)
        started = 0 if spans is None else bisect_right(spans.starts, cutoff)
        return NEVER if spans is None or not started else spans.starts[started - 1]


class KeySpans:
    """When the things of one key start and when they end; `held` is the last answer and between which it holds."""

    __slots__ = ("ends", "held", "starts")

    def __init__(self) -> None:
        self.starts, self.ends = array("q"), array("q")
        self.held = _NO_NUMBER_HELD

    def at(self, cutoff: int) -> float:
        """Return how many last at the cutoff."""
        since, until, number = self.held
        return number if since <= cutoff < until else self._answer(cutoff)

    def _answer(self, cutoff: int) -> int:
        since, until, number = -NEVER, NEVER, 0
        for times, sign in ((self.starts, 1), (self.ends, -1)):
            passed = bisect_right(times, cutoff)
            number += sign * passed
            if passed:
                since = max(since, times[passed - 1])
            if passed < len(times):
                until = min(until, times[passed])
        self.held = since, until, number
        return number


_NO_NUMBER_HELD: tuple[int, int, float] = (NEVER, NEVER, 0)


class LiveLatest:
    """Which observation of a key, among those known at a cutoff, happened last; each carries what is to be answered."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[Hashable, _Series] = {}

    def add(self, key: Hashable, occurred: int, known: int, answer: Sequence[float], until: int = NEVER) -> None:
        """Add an observation; among equals of both clocks the one with the greater answer is the newest."""
        series = self._by_key.get(key)
        if series is None:
            series = self._by_key[key] = _Series()
        start = max(occurred, known)
        position = bisect_right(series.starts, start)
        series.starts.insert(position, start)
        series.observed.insert(position, (occurred, known, until, answer))
        series.refresh(position)

    def remove(self, key: Hashable, occurred: int, known: int, answer: Sequence[float], until: int = NEVER) -> None:
        """Take back an observation that was added with the same arguments."""
        series = self._by_key.get(key)
        if series is None or (occurred, known, until, answer) not in series.observed:
            raise TimelineError(f"No observation of {key!r} at {occurred} was added, so none can be taken back.")
        position = series.observed.index((occurred, known, until, answer))
        del series.starts[position], series.observed[position]
        series.refresh(position)

    def at(self, key: Hashable, cutoff: int) -> Sequence[float] | None:
        """Return the answer of the key's newest observation known at the cutoff, or None."""
        series = self._by_key.get(key)
        if series is None:
            return None
        position = bisect_right(series.starts, cutoff)
        newest = series.newest[position - 1] if position else None
        if newest is None or cutoff < newest[2]:
            return None if newest is None else newest[3]
        holding = [one for one in series.observed[:position] if cutoff < one[2]]
        return max(holding, key=_age)[3] if holding else None


_Observed = tuple[int, int, int, Sequence[float]]
"""When it occurred, was known, was withdrawn, and what it answers."""


def _age(observed: _Observed) -> tuple[int, int, Sequence[float]]:
    return observed[0], observed[1], observed[3]


class _Series:
    """The observations of one key by when they start to count, and the newest among the first i + 1 of them."""

    __slots__ = ("newest", "observed", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.observed: list[_Observed] = []
        self.newest: list[_Observed] = []

    def refresh(self, position: int) -> None:
        """Bring the running newest up to date from `position` on."""
        newest = self.newest
        del newest[position:]
        for entry in self.observed[position:]:
            newest.append(entry if not newest or _age(entry) >= _age(newest[-1]) else newest[-1])


class KeyFacts:
    """The facts of one key: when they start to live and, for each window, when they cease.

    `held` is the last answer and between which instants it holds: who asks about the present asks there again.
    """

    __slots__ = ("held", "steps")

    def __init__(self, n_windows: int) -> None:
        self.steps = tuple([_Steps() for _ in range(1 + n_windows)])
        self.held = _NOTHING_HELD

    def at(self, cutoff: int) -> Sequence[float]:
        """Return count and both sums of what lives at the cutoff, window after window."""
        since, until, alive = self.held
        return alive if since <= cutoff < until else self._answer(cutoff)

    def _answer(self, cutoff: int) -> list[int]:
        born = self.steps[0]
        if not born.since <= cutoff < born.until:
            born.move(cutoff)
        since, until = born.since, born.until
        count, first, second = born.passed, born.first, born.second
        alive: list[int] = []
        for steps in self.steps[1:]:
            if not steps.since <= cutoff < steps.until:
                steps.move(cutoff)
            if steps.since > since:
                since = steps.since
            if steps.until < until:
                until = steps.until
            alive += (count - steps.passed, first - steps.first, second - steps.second)
        self.held = since, until, alive
        return alive


_NEAR = 8
"""So few instants beyond the last answer are stepped over; farther ones are searched for."""

_NOTHING_HELD: tuple[int, int, Sequence[float]] = (NEVER, NEVER, ())


class _Steps:
    """Instants in order, each with the values of a fact, and the running sums of both values.

    After the first i instants the sums are `sums[2 * i]` and `sums[2 * i + 1]`: side by side, for one look at memory.
    `passed` is how many had passed when it was last asked, `first` and `second` are the sums then; they hold on
    `[since, until)`. Who asks about the present asks there again, or near.
    """

    __slots__ = ("first", "passed", "second", "since", "sums", "times", "until")

    def __init__(self) -> None:
        self.times, self.sums = array("q"), array("q", (0, 0))
        self._forget()

    def _forget(self) -> None:
        self.passed = self.first = self.second = 0
        self.since, self.until = NEVER, -NEVER

    def move(self, cutoff: int) -> None:
        """Let pass what has passed at the cutoff."""
        times, passed = self.times, self.passed
        end, near = len(times), passed + _NEAR
        if passed and times[passed - 1] <= cutoff and (near >= end or cutoff < times[near]):
            while passed < end and times[passed] <= cutoff:
                passed += 1
        else:
            passed = bisect_right(times, cutoff)
        self.passed, self.first, self.second = passed, self.sums[2 * passed], self.sums[2 * passed + 1]
        self.since = times[passed - 1] if passed else -NEVER
        self.until = times[passed] if passed < end else NEVER

    def insert(self, time: int, values: Values) -> None:
        times, sums = self.times, self.sums
        first, second = values
        if time < self.since:
            self._forget()
        elif time < self.until:
            self.until = time
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
        # Which of several facts of the same instant goes does not matter: a search never stops between them.
        position = bisect_right(self.times, time) - 1
        if position < 0 or self.times[position] != time:
            raise TimelineError(f"No fact at {time} was added, so none can be taken back.")
        self._forget()
        del self.times[position]
        del self.sums[2 * position : 2 * position + 2]
        self._shift(position, -values[0], -values[1])

    def merge(self, times: Ints, values: Ints) -> None:
        """Put in many, given in order of time."""
        self._forget()
        if self.times:
            values = np.concatenate([np.diff(np.array(self.sums, dtype=np.int64).reshape(-1, 2), axis=0), values])
            times = np.concatenate([np.array(self.times, dtype=np.int64), times])
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        sums = np.zeros((len(times) + 1, 2), dtype=np.int64)
        np.cumsum(values, axis=0, out=sums[1:])
        self.times, self.sums = array("q", times.astype(np.int64).tobytes()), array("q", sums.tobytes())

    def _shift(self, start: int, first: int, second: int) -> None:
        """Add to both sums from `start` on."""
        tail = np.frombuffer(self.sums, dtype=np.int64)[2 * start :]
        if first:
            tail[0::2] += first
        if second:
            tail[1::2] += second


def _by_code(codes: Ints, times: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each code with the positions that have it, in order of time."""
    order = np.lexsort((times, codes))
    present, first = np.unique(codes[order], return_index=True)
    bounds = [*first.tolist(), len(order)]
    for place, code in enumerate(present.tolist()):
        yield code, order[bounds[place] : bounds[place + 1]]
