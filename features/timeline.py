"""The point-in-time engine: what was known at a cutoff, exactly, for one question or for a million.

A *fact* lives on the half-open interval `[start, end)`. A fact inside a window of length `w` lives on
`[max(occurred, known), occurred + w)`: it counts from the moment it is both past and known, until it has left the
window. The count and the sums of what lives at a cutoff are then a difference of two prefix sums, found by two binary
searches: one over the starts, one over the ends. Nothing is sampled on a grid and nothing is stale.

Values are int64, so sums are exact and do not depend on the order in which facts were added; that is what makes a
batch build and the online state agree to the last bit. Times are int64 microseconds since 1970 in UTC.

`Timeline` answers many questions over sorted arrays; `LiveTimeline` holds the same arrays by key, takes facts one by
one, in any order, gives them back, and answers one question in microseconds. `Latest` and `LiveLatest` are the same
pair for "the newest observation known".
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.errors import TimelineError

Ints = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
"""A time that does not come: the end of a fact that is not over."""


def starts_of(occurred: Ints, known: Ints) -> Ints:
    """Return when each fact starts to count: when it is both past and known."""
    return np.maximum(occurred, known)


def ends_of(occurred: Ints, known: Ints, window: int) -> Ints:
    """Return when each fact leaves a window of `window` microseconds.

    A fact learnt only after it had left never lives: its end is its start.
    """
    return np.maximum(occurred + window, np.maximum(occurred, known))


class Timeline:
    """Facts by key over sorted arrays, for many questions at once.

    Parameters
    ----------
    keys : int64 [n], not negative
        Whose fact it is.
    starts, ends : int64 [n]
        The interval `[start, end)` on which the fact lives; `end >= start`. `ends` may also be [n, w]: one column a
        window, all of which share the starts.
    values : int64 [n, m]
        What is summed.

    Raises
    ------
    TimelineError
        If shapes disagree, a key is negative or a fact ends before it starts.
    """

    __slots__ = ("_codes", "_end_codes", "_end_sums", "_start_codes", "_start_sums", "n_values", "n_windows")

    def __init__(self, keys: Ints, starts: Ints, ends: Ints, values: Ints) -> None:
        ends = ends[:, None] if ends.ndim == 1 else ends
        if not len(keys) == len(starts) == len(ends) == len(values):
            raise TimelineError(
                f"A timeline needs one start, end and value for each key. "
                f"Found {len(keys)} keys, {len(starts)} starts, {len(ends)} ends, {len(values)} values."
            )
        if len(keys) and (int(keys.min()) < 0 or bool((ends < starts[:, None]).any())):
            raise TimelineError("Keys must not be negative and no fact may end before it starts.")
        self.n_values = values.shape[1]
        self.n_windows = ends.shape[1]
        self._codes = _Codes(keys, np.concatenate([starts[:, None], ends], axis=1))
        self._start_codes, self._start_sums = self._sorted(keys, starts, values)
        by_window = [self._sorted(keys, ends[:, window], values) for window in range(self.n_windows)]
        self._end_codes = [codes for codes, _ in by_window]
        self._end_sums = [sums for _, sums in by_window]

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return count and sums of the facts of each key that live at its cutoff.

        Parameters
        ----------
        keys : int64 [q]
            Negative for a key without facts.
        cutoffs : int64 [q]

        Returns
        -------
        int64 [q, w, 1 + m]
            The count first, then the sums, for each window.
        """
        # Sorted questions walk the arrays in order; unsorted ones miss the cache at every step of every search.
        order = np.lexsort((cutoffs, keys))
        wanted = self._codes.of(keys[order], cutoffs[order])
        answers = np.empty((len(keys), self.n_windows, 1 + self.n_values), dtype=np.int64)
        started = np.searchsorted(self._start_codes, wanted, side="right")
        for window, (codes, sums) in enumerate(zip(self._end_codes, self._end_sums, strict=True)):
            ended = np.searchsorted(codes, wanted, side="right")
            answers[order, window, 0] = started - ended
            answers[order, window, 1:] = self._start_sums[started] - sums[ended]
        answers[keys < 0] = 0
        return answers

    def _sorted(self, keys: Ints, times: Ints, values: Ints) -> tuple[Ints, Ints]:
        codes = self._codes.of(keys, times)
        order = np.argsort(codes, kind="stable")
        sums = np.zeros((len(keys) + 1, values.shape[1]), dtype=np.int64)
        np.cumsum(values[order], axis=0, out=sums[1:])
        return codes[order], sums


class _Codes:
    """Puts (key, time) into one integer that sorts the same way, so that one binary search finds both."""

    __slots__ = ("_instants", "_origin", "_span")

    def __init__(self, keys: Ints, times: Ints) -> None:
        finite = times[times != NEVER]
        low, high = (int(finite.min()), int(finite.max())) if len(finite) else (0, 0)
        self._origin = low
        self._span = high - low + 4  # room for a time before all, one after all, and NEVER
        self._instants: Ints | None = None
        if (int(keys.max(initial=0)) + 1) * self._span > NEVER:
            # Too many keys over too long a time for 63 bits: rank the instants instead. Same order, one search more.
            self._instants = np.unique(finite)
            self._span = len(self._instants) + 3

    def of(self, keys: Ints, times: Ints) -> Ints:
        """Return the code of each (key, time)."""
        if self._instants is None:
            offset = np.clip(times, self._origin - 1, self._origin + self._span - 4) - self._origin + 1
        else:
            offset = np.searchsorted(self._instants, times, side="right")
        # An end that never comes sorts after every cutoff, even one later than all facts.
        offset = np.where(times == NEVER, self._span - 1, offset)
        return np.asarray(keys * self._span + offset, dtype=np.int64)


class LiveTimeline:
    """The same facts by key, for one question at a time, with facts added and taken back in any order.

    Parameters
    ----------
    n_windows, n_values : int
        How many ends and how many values each fact has.
    """

    __slots__ = ("_by_key", "n_values", "n_windows")

    def __init__(self, n_windows: int, n_values: int) -> None:
        self.n_windows = n_windows
        self.n_values = n_values
        self._by_key: dict[Hashable, list[_Prefix]] = {}

    def add(self, key: Hashable, start: int, ends: Sequence[int], values: Sequence[int]) -> None:
        """Add one fact that lives on `[start, ends[w])` in window w."""
        prefixes = self._by_key.get(key)
        if prefixes is None:
            prefixes = self._by_key[key] = [_Prefix(self.n_values) for _ in range(1 + self.n_windows)]
        prefixes[0].add(start, values)
        for prefix, end in zip(prefixes[1:], ends, strict=True):
            prefix.add(end, values)

    def remove(self, key: Hashable, start: int, ends: Sequence[int], values: Sequence[int]) -> None:
        """Take back a fact that was added with the same arguments."""
        prefixes = self._by_key.get(key)
        if prefixes is None:
            raise TimelineError(f"No fact of key {key!r} was added, so none can be taken back.")
        prefixes[0].remove(start, values)
        for prefix, end in zip(prefixes[1:], ends, strict=True):
            prefix.remove(end, values)

    def add_many(self, keys: Sequence[Hashable], codes: Ints, starts: Ints, ends: Ints, values: Ints) -> None:
        """Add facts in bulk: `keys[codes[i]]` is the key of fact i. Keys that already hold facts are merged.

        Parameters
        ----------
        keys : sequence of k hashables
        codes, starts : int64 [n]
        ends : int64 [n, w]
        values : int64 [n, m]
        """
        for window in range(1 + self.n_windows):
            times = starts if window == 0 else ends[:, window - 1]
            order = np.lexsort((times, codes))
            bounds = np.searchsorted(codes[order], np.arange(len(keys) + 1))
            for code in np.unique(codes).tolist():
                prefixes = self._by_key.setdefault(
                    keys[code], [_Prefix(self.n_values) for _ in range(1 + self.n_windows)]
                )
                chosen = order[bounds[code] : bounds[code + 1]]
                prefixes[window].add_sorted(times[chosen], values[chosen])

    def at(self, key: Hashable, cutoff: int) -> list[int]:
        """Return count and sums of the key's facts at the cutoff, window after window: length w x (1 + m)."""
        prefixes = self._by_key.get(key)
        if prefixes is None:
            return [0] * (self.n_windows * (1 + self.n_values))
        started, *others = prefixes
        position = bisect_right(started.times, cutoff)
        before = [sums[position] for sums in started.sums]
        answer: list[int] = []
        for prefix in others:
            ended = bisect_right(prefix.times, cutoff)
            answer.append(position - ended)
            for total, sums in zip(before, prefix.sums, strict=True):
                answer.append(total - sums[ended])
        return answer

    def __contains__(self, key: Hashable) -> bool:
        return key in self._by_key

    def __len__(self) -> int:
        return sum(len(prefixes[0].times) for prefixes in self._by_key.values())


class _Prefix:
    """Sorted times with prefix sums of the values; `sums[v][i]` is the sum of value v over the first i times."""

    __slots__ = ("sums", "times")

    def __init__(self, n_values: int) -> None:
        self.times = array("q")
        self.sums = [array("q", [0]) for _ in range(n_values)]

    def add(self, time: int, values: Sequence[int]) -> None:
        position = bisect_right(self.times, time)
        if position == len(self.times):
            self.times.append(time)
            for sums, value in zip(self.sums, values, strict=True):
                sums.append(sums[-1] + value)
            return
        self.times.insert(position, time)
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


def _shift(sums: array[int], start: int, value: int) -> None:
    """Add `value` to every sum from `start` on."""
    if not value:
        return
    tail = np.frombuffer(sums, dtype=np.int64)[start:]
    tail += value


class Latest:
    """For many questions: which observation of a key, among those known at the cutoff, happened last.

    Parameters
    ----------
    keys : int64 [n], not negative
    occurred, known : int64 [n]
    """

    __slots__ = ("_codes", "_newest", "_start_codes")

    def __init__(self, keys: Ints, occurred: Ints, known: Ints) -> None:
        starts = starts_of(occurred, known)
        self._codes = _Codes(keys, starts)
        codes = self._codes.of(keys, starts)
        by_age = np.lexsort((known, occurred, keys))
        rank = np.empty(len(keys), dtype=np.int64)
        rank[by_age] = np.arange(len(keys))
        order = np.argsort(codes, kind="stable")
        self._start_codes = codes[order]
        # Ranks rise with the key, so the running maximum never reaches back into another key.
        self._newest = by_age[np.maximum.accumulate(rank[order])] if len(keys) else by_age

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return the index of each key's newest known observation, or -1: int64 [q]."""
        found = np.searchsorted(self._start_codes, self._codes.of(keys, cutoffs), side="right")
        first = np.searchsorted(self._start_codes, self._codes.of(keys, np.full(len(keys), -NEVER)), side="right")
        none = (found == first) | (keys < 0)
        if not len(self._newest):
            return np.full(len(keys), -1, dtype=np.int64)
        return np.where(none, -1, self._newest[np.maximum(found - 1, 0)])


class LiveLatest:
    """The same, one observation and one question at a time; each observation carries what is to be answered."""

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


def _refresh(observed: list[_Observed], newest: list[_Observed], position: int) -> None:
    """Bring the running newest up to date from `position` on."""
    del newest[position:]
    for entry in observed[position:]:
        newest.append(entry if not newest or entry[:2] >= newest[-1][:2] else newest[-1])
