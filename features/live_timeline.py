"""The point-in-time engine for one fact and one question at a time: added in any order, taken back, asked.

The arithmetic is that of `features.timeline`, whose words are used here too. Facts stand in sorted arrays by key; one
that is the newest of its key is appended, an older one shifts what came after it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from features.errors import TimelineError
from features.timeline import Ints, starts_of


class LiveTimeline:
    """Facts by key, seen through windows.

    Parameters
    ----------
    windows : sequence of w positive ints
        Lengths in microseconds.
    n_values : int
        How many values each fact has.
    """

    __slots__ = ("_by_key", "_nothing", "n_values", "windows")

    def __init__(self, windows: Sequence[int], n_values: int) -> None:
        self.windows = tuple(windows)
        self.n_values = n_values
        self._nothing = [0] * (len(self.windows) * (1 + n_values))
        self._by_key: dict[Hashable, _Facts] = {}

    def add(self, key: Hashable, occurred: int, known: int, values: Sequence[int]) -> None:
        """Add one fact."""
        facts = self._by_key.get(key)
        if facts is None:
            facts = self._by_key[key] = _Facts(self.n_values)
        start = known if known > occurred else occurred
        facts.started.add(start, values)
        facts.happened.add(occurred, values)
        for window in self.windows:
            if start - occurred > window:
                facts.never_in(window).add(occurred, start, values)

    def remove(self, key: Hashable, occurred: int, known: int, values: Sequence[int]) -> None:
        """Take back a fact that was added with the same arguments."""
        facts = self._by_key.get(key)
        if facts is None:
            raise TimelineError(f"No fact of key {key!r} was added, so none can be taken back.")
        start = known if known > occurred else occurred
        facts.started.remove(start, values)
        facts.happened.remove(occurred, values)
        for window in self.windows:
            if start - occurred > window:
                facts.never_in(window).remove(occurred, start, values)

    def add_many(self, keys: Sequence[Hashable], codes: Ints, occurred: Ints, known: Ints, values: Ints) -> None:
        """Add facts in bulk: `keys[codes[i]]` is the key of fact i. Keys that already hold facts are merged.

        Parameters
        ----------
        keys : sequence of k hashables
        codes, occurred, known : int64 [n]
        values : int64 [n, m]
        """
        starts = starts_of(occurred, known)
        for code, chosen in _by_code(codes, starts):
            facts = self._by_key.setdefault(keys[code], _Facts(self.n_values))
            facts.started.add_sorted(starts[chosen], values[chosen])
        for code, chosen in _by_code(codes, occurred):
            self._by_key[keys[code]].happened.add_sorted(occurred[chosen], values[chosen])
        for window in self.windows:
            for fact in np.flatnonzero(starts - occurred > window).tolist():
                never = self._by_key[keys[codes[fact]]].never_in(window)
                never.add(int(occurred[fact]), int(starts[fact]), values[fact].tolist())

    def at(self, key: Hashable, cutoff: int) -> list[int]:
        """Return count and sums of the key's facts at the cutoff, window after window: length w x (1 + m)."""
        facts = self._by_key.get(key)
        if facts is None:
            return self._nothing.copy()
        position = bisect_right(facts.started.times, cutoff)
        before = [sums[position] for sums in facts.started.sums]
        times, happened = facts.happened.times, facts.happened.sums
        answer: list[int] = []
        for window in self.windows:
            gone = bisect_right(times, cutoff - window)
            answer.append(position - gone)
            for total, sums in zip(before, happened, strict=True):
                answer.append(total - sums[gone])
        if facts.never:
            for place, window in enumerate(self.windows):
                never = facts.never.get(window)
                if never is not None:
                    first = place * (1 + self.n_values)
                    for offset, number in enumerate(never.alive(cutoff, window)):
                        answer[first + offset] -= number
        return answer

    def __contains__(self, key: Hashable) -> bool:
        return key in self._by_key

    def __len__(self) -> int:
        return sum(len(facts.started.times) for facts in self._by_key.values())


class LiveSpans:
    """How many things of a key last at a cutoff, each from a start to an end of its own."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[Hashable, tuple[_Sums, _Sums]] = {}

    def add(self, key: Hashable, start: int, end: int) -> None:
        """Add one that lasts on `[start, end)`."""
        started, ended = self._by_key.setdefault(key, (_Sums(0), _Sums(0)))
        started.add(start, ())
        ended.add(end, ())

    def remove(self, key: Hashable, start: int, end: int) -> None:
        """Take back one that was added with the same arguments."""
        spans = self._by_key.get(key)
        if spans is None:
            raise TimelineError(f"No span of key {key!r} was added, so none can be taken back.")
        started, ended = spans
        started.remove(start, ())
        ended.remove(end, ())

    def add_many(self, keys: Sequence[Hashable], codes: Ints, starts: Ints, ends: Ints) -> None:
        """Add in bulk: `keys[codes[i]]` is the key of span i; codes, starts and ends are int64 [n]."""
        nothing = np.empty((len(codes), 0), dtype=np.int64)
        for place, times in enumerate((starts, ends)):
            for code, chosen in _by_code(codes, times):
                spans = self._by_key.setdefault(keys[code], (_Sums(0), _Sums(0)))
                spans[place].add_sorted(times[chosen], nothing[chosen])

    def at(self, key: Hashable, cutoff: int) -> int:
        """Return how many of the key last at the cutoff."""
        spans = self._by_key.get(key)
        if spans is None:
            return 0
        return bisect_right(spans[0].times, cutoff) - bisect_right(spans[1].times, cutoff)


class LiveLatest:
    """Which observation of a key, among those known at a cutoff, happened last; each carries what is to be answered."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[Hashable, tuple[list[int], list[_Observed], list[_Observed]]] = {}

    def add(self, key: Hashable, occurred: int, known: int, answer: Sequence[float]) -> None:
        """Add an observation; among equals of both clocks the one added last is the newest."""
        starts, observed, newest = self._by_key.setdefault(key, ([], [], []))
        start = max(occurred, known)
        position = bisect_right(starts, start)
        starts.insert(position, start)
        observed.insert(position, (occurred, known, answer))
        _refresh(observed, newest, position)

    def remove(self, key: Hashable, occurred: int, known: int, answer: Sequence[float]) -> None:
        """Take back an observation that was added with the same arguments."""
        starts, observed, newest = self._by_key.get(key, ([], [], []))
        if (occurred, known, answer) not in observed:
            raise TimelineError(f"No observation of {key!r} at {occurred} was added, so none can be taken back.")
        position = observed.index((occurred, known, answer))
        del starts[position], observed[position]
        _refresh(observed, newest, position)

    def at(self, key: Hashable, cutoff: int) -> Sequence[float] | None:
        """Return the answer of the key's newest observation known at the cutoff, or None."""
        entry = self._by_key.get(key)
        if entry is None:
            return None
        position = bisect_right(entry[0], cutoff)
        return entry[2][position - 1][2] if position else None


_Observed = tuple[int, int, Sequence[float]]


class _Sums:
    """Sorted times with running sums of the values; `sums[v][i]` is the sum of value v over the first i times."""

    __slots__ = ("sums", "times")

    def __init__(self, n_values: int) -> None:
        self.times = array("q")
        self.sums = [array("q", (0,)) for _ in range(n_values)]

    def add(self, time: int, values: Sequence[int]) -> None:
        times = self.times
        if not times or time >= times[-1]:
            times.append(time)
            for sums, value in zip(self.sums, values, strict=True):
                sums.append(sums[-1] + value)
            return
        position = bisect_right(times, time)
        times.insert(position, time)
        for sums, value in zip(self.sums, values, strict=True):
            sums.insert(position, sums[position])
            _shift(sums, position + 1, value)

    def remove(self, time: int, values: Sequence[int]) -> None:
        # Which of several facts of the same time goes does not matter: a search never stops between them.
        position = bisect_right(self.times, time) - 1
        if position < 0 or self.times[position] != time:
            raise TimelineError(f"No fact at {time} was added, so none can be taken back.")
        del self.times[position]
        for sums, value in zip(self.sums, values, strict=True):
            del sums[position]
            _shift(sums, position, -value)

    def add_sorted(self, times: Ints, values: Ints) -> None:
        if len(self.times):
            old = np.array(self.times, dtype=np.int64)
            old_values = np.diff(np.array([list(sums) for sums in self.sums], dtype=np.int64), axis=1).T
            times = np.concatenate([old, times])
            values = np.concatenate([old_values.reshape(len(old), -1), values])
            order = np.argsort(times, kind="stable")
            times, values = times[order], values[order]
        self.times = array("q", np.ascontiguousarray(times, dtype=np.int64).tobytes())
        sums = np.zeros((values.shape[1], len(times) + 1), dtype=np.int64)
        np.cumsum(values.T, axis=1, out=sums[:, 1:])
        self.sums = [array("q", row.tobytes()) for row in sums]


class _Pair:
    """Some facts, by when they started and by when they happened."""

    __slots__ = ("happened", "started")

    def __init__(self, n_values: int) -> None:
        self.started = _Sums(n_values)
        self.happened = _Sums(n_values)

    def add(self, occurred: int, start: int, values: Sequence[int]) -> None:
        self.started.add(start, values)
        self.happened.add(occurred, values)

    def remove(self, occurred: int, start: int, values: Sequence[int]) -> None:
        self.started.remove(start, values)
        self.happened.remove(occurred, values)

    def alive(self, cutoff: int, window: int) -> Iterator[int]:
        started = bisect_right(self.started.times, cutoff)
        gone = bisect_right(self.happened.times, cutoff - window)
        yield started - gone
        for before, after in zip(self.started.sums, self.happened.sums, strict=True):
            yield before[started] - after[gone]


class _Facts(_Pair):
    """All facts of a key, and for each window apart those learnt too late ever to live in it."""

    __slots__ = ("never",)

    def __init__(self, n_values: int) -> None:
        super().__init__(n_values)
        self.never: dict[int, _Pair] | None = None

    def never_in(self, window: int) -> _Pair:
        if self.never is None:
            self.never = {}
        if window not in self.never:
            self.never[window] = _Pair(len(self.started.sums))
        return self.never[window]


def _by_code(codes: Ints, times: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each code with the positions that have it, in order of time."""
    order = np.lexsort((times, codes))
    present, first = np.unique(codes[order], return_index=True)
    bounds = [*first.tolist(), len(order)]
    for place, code in enumerate(present.tolist()):
        yield code, order[bounds[place] : bounds[place + 1]]


def _shift(sums: array[int], start: int, value: int) -> None:
    """Add `value` to every sum from `start` on."""
    if not value:
        return
    tail = np.frombuffer(sums, dtype=np.int64)[start:]
    tail += value


def _refresh(observed: list[_Observed], newest: list[_Observed], position: int) -> None:
    """Bring the running newest up to date from `position` on."""
    del newest[position:]
    for entry in observed[position:]:
        newest.append(entry if not newest or entry[:2] >= newest[-1][:2] else newest[-1])
