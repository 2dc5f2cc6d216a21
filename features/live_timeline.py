"""The point-in-time engine for one fact and one question at a time: added in any order, taken back, asked.

The arithmetic is that of `features.timeline`, whose words are used here too. Facts stand in sorted arrays by key; one
that is the newest of its key is appended, an older one shifts what came after it.
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
    """Facts by key, seen through windows.

    Parameters
    ----------
    windows : sequence of w positive ints
        Lengths in microseconds.
    """

    __slots__ = ("_by_key", "_nothing", "_shortest", "windows")

    def __init__(self, windows: Sequence[int]) -> None:
        self.windows = tuple(windows)
        self._shortest = min(self.windows)
        self._nothing = (0, 0, 0) * len(self.windows)
        self._by_key: dict[Hashable, _Facts] = {}

    def add(self, key: Hashable, occurred: int, known: int, values: Values) -> None:
        """Add one fact."""
        facts = self._by_key.get(key)
        if facts is None:
            facts = self._by_key[key] = _Facts()
        start = known if known > occurred else occurred
        facts.add(occurred, start, values)
        if start - occurred > self._shortest:
            for window in self.windows:
                if start - occurred > window:
                    facts.never_in(window).add(occurred, start, values)

    def remove(self, key: Hashable, occurred: int, known: int, values: Values) -> None:
        """Take back a fact that was added with the same arguments."""
        facts = self._by_key.get(key)
        if facts is None:
            raise TimelineError(f"No fact of key {key!r} was added, so none can be taken back.")
        start = known if known > occurred else occurred
        facts.remove(occurred, start, values)
        for window in self.windows:
            if start - occurred > window:
                facts.never_in(window).remove(occurred, start, values)

    def add_many(self, keys: Sequence[Hashable], codes: Ints, occurred: Ints, known: Ints, values: Ints) -> None:
        """Add facts in bulk: `keys[codes[i]]` is the key of fact i. Keys that already hold facts are merged.

        Parameters
        ----------
        keys : sequence of k hashables
        codes, occurred, known : int64 [n]
        values : int64 [n, 2]
        """
        starts = starts_of(occurred, known)
        for code, chosen in _by_code(codes, starts):
            facts = self._by_key.setdefault(keys[code], _Facts())
            facts.starts, facts.start_sums = _merged(facts.starts, facts.start_sums, starts[chosen], values[chosen])
        for code, chosen in _by_code(codes, occurred):
            facts = self._by_key[keys[code]]
            facts.times, facts.time_sums = _merged(facts.times, facts.time_sums, occurred[chosen], values[chosen])
        for window in self.windows:
            for fact in np.flatnonzero(starts - occurred > window).tolist():
                first, second = values[fact].tolist()
                never = self._by_key[keys[codes[fact]]].never_in(window)
                never.add(int(occurred[fact]), int(starts[fact]), (first, second))

    def at(self, key: Hashable, cutoff: int) -> Sequence[int]:
        """Return count and both sums of the key's facts at the cutoff, window after window: length w x 3."""
        facts = self._by_key.get(key)
        if facts is None:
            return self._nothing
        alive = facts.alive(cutoff, self.windows)
        if facts.never is not None:
            for place, window in enumerate(self.windows):
                never = facts.never.get(window)
                if never is not None:
                    for offset, number in enumerate(never.alive(cutoff, (window,))):
                        alive[3 * place + offset] -= number
        return alive

    def __contains__(self, key: Hashable) -> bool:
        return key in self._by_key

    def __len__(self) -> int:
        return sum(len(facts.starts) for facts in self._by_key.values())


class LiveSpans:
    """How many things of a key last at a cutoff, each from a start to an end of its own."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[Hashable, tuple[array[int], array[int]]] = {}

    def add(self, key: Hashable, start: int, end: int) -> None:
        """Add one that lasts on `[start, end)`."""
        starts, ends = self._by_key.setdefault(key, (array("q"), array("q")))
        insort_right(starts, start)
        insort_right(ends, end)

    def remove(self, key: Hashable, start: int, end: int) -> None:
        """Take back one that was added with the same arguments."""
        for times, time in zip(self._by_key.get(key, (array("q"), array("q"))), (start, end), strict=True):
            position = bisect_right(times, time) - 1
            if position < 0 or times[position] != time:
                raise TimelineError(f"No span of key {key!r} at {time} was added, so none can be taken back.")
            del times[position]

    def add_many(self, keys: Sequence[Hashable], codes: Ints, starts: Ints, ends: Ints) -> None:
        """Add in bulk: `keys[codes[i]]` is the key of span i; codes, starts and ends are int64 [n]."""
        for place, times in enumerate((starts, ends)):
            for code, chosen in _by_code(codes, times):
                held = self._by_key.setdefault(keys[code], (array("q"), array("q")))[place]
                held[:] = array("q", np.sort(np.concatenate([held, times[chosen]]).astype(np.int64)).tobytes())

    def at(self, key: Hashable, cutoff: int) -> int:
        """Return how many of the key last at the cutoff."""
        spans = self._by_key.get(key)
        if spans is None:
            return 0
        return bisect_right(spans[0], cutoff) - bisect_right(spans[1], cutoff)


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
        series.withdrawn += until != NEVER
        series.refresh(position)

    def remove(self, key: Hashable, occurred: int, known: int, answer: Sequence[float], until: int = NEVER) -> None:
        """Take back an observation that was added with the same arguments."""
        series = self._by_key.get(key)
        if series is None or (occurred, known, until, answer) not in series.observed:
            raise TimelineError(f"No observation of {key!r} at {occurred} was added, so none can be taken back.")
        position = series.observed.index((occurred, known, until, answer))
        del series.starts[position], series.observed[position]
        series.withdrawn -= until != NEVER
        series.refresh(position)

    def at(self, key: Hashable, cutoff: int) -> Sequence[float] | None:
        """Return the answer of the key's newest observation known at the cutoff, or None."""
        series = self._by_key.get(key)
        if series is None:
            return None
        position = bisect_right(series.starts, cutoff)
        if series.withdrawn:
            holding = [one for one in series.observed[:position] if cutoff < one[2]]
            return max(holding, key=_age)[3] if holding else None
        return series.newest[position - 1][3] if position else None


_Observed = tuple[int, int, int, Sequence[float]]
"""When it occurred, was known, was withdrawn, and what it answers."""


def _age(observed: _Observed) -> tuple[int, int, Sequence[float]]:
    return observed[0], observed[1], observed[3]


class _Series:
    """The observations of one key by when they start to count, and the newest among the first i + 1 of them."""

    __slots__ = ("newest", "observed", "starts", "withdrawn")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.observed: list[_Observed] = []
        self.newest: list[_Observed] = []
        self.withdrawn = 0

    def refresh(self, position: int) -> None:
        """Bring the running newest up to date from `position` on."""
        newest = self.newest
        del newest[position:]
        for entry in self.observed[position:]:
            newest.append(entry if not newest or _age(entry) >= _age(newest[-1]) else newest[-1])


class _Facts:
    """The facts of one key, by when they started and by when they happened, each with running sums of both values.

    After the first i times the sums are `sums[2 * i]` and `sums[2 * i + 1]`: side by side, for one look at memory.
    Those learnt too late ever to live in some window stand apart as well, by window.
    """

    __slots__ = ("never", "start_sums", "starts", "time_sums", "times")

    def __init__(self) -> None:
        self.starts, self.start_sums = array("q"), array("q", (0, 0))
        self.times, self.time_sums = array("q"), array("q", (0, 0))
        self.never: dict[int, _Facts] | None = None

    def add(self, occurred: int, start: int, values: Values) -> None:
        _insert(self.starts, self.start_sums, start, values)
        _insert(self.times, self.time_sums, occurred, values)

    def remove(self, occurred: int, start: int, values: Values) -> None:
        _delete(self.starts, self.start_sums, start, values)
        _delete(self.times, self.time_sums, occurred, values)

    def never_in(self, window: int) -> _Facts:
        if self.never is None:
            self.never = {}
        return self.never.setdefault(window, _Facts())

    def alive(self, cutoff: int, windows: Sequence[int]) -> list[int]:
        times, sums = self.times, self.time_sums
        started = bisect_right(self.starts, cutoff)
        first, second = self.start_sums[2 * started], self.start_sums[2 * started + 1]
        alive: list[int] = []
        for window in windows:
            gone = bisect_right(times, cutoff - window)
            alive += (started - gone, first - sums[2 * gone], second - sums[2 * gone + 1])
        return alive


def _insert(times: array[int], sums: array[int], time: int, values: Values) -> None:
    first, second = values
    if not times or time >= times[-1]:
        times.append(time)
        sums.append(sums[-2] + first)
        sums.append(sums[-2] + second)
        return
    position = bisect_right(times, time)
    times.insert(position, time)
    sums[2 * position : 2 * position] = sums[2 * position : 2 * position + 2]
    _shift(sums, position + 1, first, second)


def _delete(times: array[int], sums: array[int], time: int, values: Values) -> None:
    # Which of several facts of the same time goes does not matter: a search never stops between them.
    position = bisect_right(times, time) - 1
    if position < 0 or times[position] != time:
        raise TimelineError(f"No fact at {time} was added, so none can be taken back.")
    del times[position]
    del sums[2 * position : 2 * position + 2]
    _shift(sums, position, -values[0], -values[1])


def _shift(sums: array[int], start: int, first: int, second: int) -> None:
    """Add to both sums from `start` on."""
    tail = np.frombuffer(sums, dtype=np.int64)[2 * start :]
    if first:
        tail[0::2] += first
    if second:
        tail[1::2] += second


def _merged(times: array[int], sums: array[int], more: Ints, values: Ints) -> tuple[array[int], array[int]]:
    """Return times and sums with more of them, given in order of time."""
    if times:
        values = np.concatenate([np.diff(np.array(sums, dtype=np.int64).reshape(-1, 2), axis=0), values])
        more = np.concatenate([np.array(times, dtype=np.int64), more])
        order = np.argsort(more, kind="stable")
        more, values = more[order], values[order]
    running = np.zeros((len(more) + 1, 2), dtype=np.int64)
    np.cumsum(values, axis=0, out=running[1:])
    return array("q", more.astype(np.int64).tobytes()), array("q", running.tobytes())


def _by_code(codes: Ints, times: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each code with the positions that have it, in order of time."""
    order = np.lexsort((times, codes))
    present, first = np.unique(codes[order], return_index=True)
    bounds = [*first.tolist(), len(order)]
    for place, code in enumerate(present.tolist()):
        yield code, order[bounds[place] : bounds[place + 1]]
