"""The point-in-time engine: what was known at a cutoff, exactly, for many questions at once.

A *fact* inside a window of length `w` lives on `[max(occurred, known), occurred + w)`: it counts from the moment it is
both past and known, until it has left the window. Let S(t) be the facts that had started by t and O(t) those that had
occurred by t. What lives at a cutoff is then S(cutoff) - O(cutoff - w), for every window from the same two sorted
arrays. Facts learnt only after they had left the window never live; they are kept apart, window by window, and taken
out again. Sums are the same difference over prefix sums. Nothing is sampled on a grid and nothing is stale.

Values are int64, so sums are exact and do not depend on the order in which facts were added; that is what makes a
batch build and the online state agree to the last bit. Times are int64 microseconds since 1970 in UTC.

`Timeline` holds facts seen through windows, `Spans` counts what has a start and an end of its own, and `Latest` finds
the newest observation known. `features.live_timeline` has the same three for one fact and one question at a time.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from features.errors import TimelineError

Ints = NDArray[np.int64]
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_BLOCK = 16_384
"""Questions answered at a time: what is reckoned for so many stays in the cache."""

_PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

NEVER = np.iinfo(np.int64).max
"""A time that does not come: the end of a fact that is not over."""


def starts_of(occurred: Ints, known: Ints) -> Ints:
    """Return when each fact starts to count: when it is both past and known."""
    return np.maximum(occurred, known)


class Timeline:
    """Facts by key, seen through windows.

    Parameters
    ----------
    keys : int64 [n], not negative
        Whose fact it is.
    occurred, known : int64 [n]
        When it happened and when we learnt it.
    windows : sequence of w positive ints
        Lengths in microseconds.
    values : m columns of int64 [n]
        What is summed.

    Raises
    ------
    TimelineError
        If shapes disagree, a key is negative or a window is empty.
    """

    __slots__ = ("_codes", "_happened", "_never", "_started", "n_values", "windows")

    def __init__(self, keys: Ints, occurred: Ints, known: Ints, windows: Sequence[int], values: Sequence[Ints]) -> None:
        if {len(column) for column in (occurred, known, *values)} != {len(keys)}:
            raise TimelineError(
                f"A timeline needs both times and all values for each key. Found {len(keys)} keys, "
                f"{len(occurred)} times of occurrence, {len(known)} times of knowledge, "
                f"columns of {[len(column) for column in values]} values."
            )
        _check_keys(keys)
        if min(windows, default=1) <= 0:
            raise TimelineError(f"A window must be longer than nothing. Found windows of {list(windows)} microseconds.")
        self.windows = tuple(windows)
        self.n_values = len(values)
        self._codes = _Codes(keys, starts_of(occurred, known), occurred)
        self._never = [self._outlived(window, keys, occurred, known, values) for window in self.windows]

        def side(times: Callable[[], Ints]) -> _Sums:
            return _Sums(self._codes.of(keys, times()), values)

        sides: tuple[Callable[[], Ints], ...] = (lambda: starts_of(occurred, known), lambda: occurred)
        self._started, self._happened = _each(side, sides, len(keys))

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
        order = _sort(self._codes.of(keys, cutoffs))
        answers = np.empty((len(keys), len(self.windows), 1 + self.n_values), dtype=np.int64)

        def answer(first: int) -> None:
            block = order[first : first + _BLOCK]
            answers[block] = self._alive(keys[block], cutoffs[block])

        _each(answer, range(0, len(keys), _BLOCK), len(keys))
        return answers

    def _alive(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Answer sorted questions."""
        now = self._codes.of(keys, cutoffs)
        started = self._started.up_to(now)
        alive = np.empty((len(keys), len(self.windows), 1 + self.n_values), dtype=np.int64)
        for place, (window, never) in enumerate(zip(self.windows, self._never, strict=True)):
            then = self._codes.of(keys, cutoffs - window)
            np.subtract(started, self._happened.up_to(then), out=alive[:, place])
            if never is not None:
                alive[:, place] -= never[0].up_to(now) - never[1].up_to(then)
        return alive

    def _outlived(
        self, window: int, keys: Ints, occurred: Ints, known: Ints, values: Sequence[Ints]
    ) -> tuple[_Sums, _Sums] | None:
        """Return both sides of the facts that were learnt after they had left the window, None if there are none."""
        late = np.flatnonzero(known - occurred > window)
        if not len(late):
            return None
        columns = [column[late] for column in values]
        return (
            _Sums(self._codes.of(keys[late], known[late]), columns),
            _Sums(self._codes.of(keys[late], occurred[late]), columns),
        )


class Spans:
    """Things by key that last from a start to an end of their own.

    Parameters
    ----------
    keys : int64 [n], not negative
    starts, ends : int64 [n]
        Each counts on `[start, end)`; `end >= start`, `NEVER` where it is not over.

    Raises
    ------
    TimelineError
        If shapes disagree, a key is negative or an end comes before its start.
    """

    __slots__ = ("_codes", "_ended", "_started")

    def __init__(self, keys: Ints, starts: Ints, ends: Ints) -> None:
        if not len(keys) == len(starts) == len(ends):
            raise TimelineError(
                f"Spans need one start and end for each key. "
                f"Found {len(keys)} keys, {len(starts)} starts, {len(ends)} ends."
            )
        _check_keys(keys)
        if bool((ends < starts).any()):
            raise TimelineError(f"No span may end before it starts. Found {int((ends < starts).sum())} that do.")
        self._codes = _Codes(keys, starts, ends)
        self._started = np.sort(self._codes.of(keys, starts))
        self._ended = np.sort(self._codes.of(keys, ends))

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return how many of each key last at its cutoff: int64 [q]. A negative key has none."""
        wanted = self._codes.of(keys, cutoffs)
        started = np.searchsorted(self._started, wanted, side="right")
        return np.asarray(started - np.searchsorted(self._ended, wanted, side="right"), dtype=np.int64)


class Latest:
    """For many questions: which observation of a key, among those known at the cutoff, happened last.

    Parameters
    ----------
    keys : int64 [n], not negative
    occurred, known : int64 [n]
    until : int64 [n]
        From when on it was no longer held to be so; `NEVER`, or left out, where it was not withdrawn.
    """

    __slots__ = ("_codes", "_newest", "_step_codes")

    def __init__(self, keys: Ints, occurred: Ints, known: Ints, until: Ints | None = None) -> None:
        starts = starts_of(occurred, known)
        ends = np.full(len(keys), NEVER, dtype=np.int64) if until is None else until
        self._codes = _Codes(keys, starts, ends)
        by_age = np.lexsort((known, occurred, keys))
        rank = np.empty(len(keys), dtype=np.int64)
        rank[by_age] = np.arange(len(keys))
        revised = np.isin(keys, np.unique(keys[ends < NEVER]))
        plain = np.flatnonzero(~revised)
        codes = self._codes.of(keys[plain], starts[plain])
        order = np.argsort(codes, kind="stable")
        # Ranks rise with the key, so the running maximum never reaches back into another key.
        codes, newest = codes[order], np.maximum.accumulate(rank[plain[order]]) if len(plain) else plain
        if len(plain) < len(keys):
            steps = np.array(_steps(keys, starts, ends, rank, np.flatnonzero(revised)), dtype=np.int64)
            codes = np.concatenate([codes, self._codes.of(steps[:, 0], steps[:, 1])])
            order = np.argsort(codes, kind="stable")
            codes, newest = codes[order], np.concatenate([newest, steps[:, 2]])[order]
        self._step_codes = codes
        self._newest = np.where(newest < 0, -1, by_age[newest]) if len(keys) else by_age

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return the index of each key's newest known observation, or -1: int64 [q]."""
        found = np.searchsorted(self._step_codes, self._codes.of(keys, cutoffs), side="right")
        first = np.searchsorted(self._step_codes, self._codes.of(keys, np.full(len(keys), -NEVER)), side="right")
        none = (found == first) | (keys < 0)
        if not len(self._newest):
            return np.full(len(keys), -1, dtype=np.int64)
        return np.where(none, -1, self._newest[np.maximum(found - 1, 0)])


def _steps(keys: Ints, starts: Ints, ends: Ints, rank: Ints, chosen: Ints) -> list[tuple[int, int, int]]:
    """Return (key, instant, rank of the newest that holds from then on, or -1) where some observation is withdrawn."""
    steps: list[tuple[int, int, int]] = []
    by_key: dict[int, list[int]] = {}
    for place in chosen.tolist():
        by_key.setdefault(int(keys[place]), []).append(place)
    for key, places in by_key.items():
        coming = sorted(places, key=lambda place: int(starts[place]))
        instants = sorted({int(time) for place in places for time in (starts[place], ends[place]) if time < NEVER})
        holding: list[tuple[int, int]] = []  # a heap of (-rank, end)
        for instant in instants:
            while coming and starts[coming[0]] <= instant:
                place = coming.pop(0)
                heapq.heappush(holding, (-int(rank[place]), int(ends[place])))
            while holding and holding[0][1] <= instant:
                heapq.heappop(holding)
            steps.append((key, instant, -holding[0][0] if holding else -1))
    return steps


class _Codes:
    """Puts (key, time) into one integer that sorts the same way, so that one binary search finds both."""

    __slots__ = ("_instants", "_origin", "_span")

    def __init__(self, keys: Ints, *times: Ints) -> None:
        # An end that never comes is no time to reckon with; only spans have such.
        finite = [some if not len(some) or some.max() < NEVER else some[some < NEVER] for some in times]
        low = min((int(some.min()) for some in finite if len(some)), default=0)
        high = max((int(some.max()) for some in finite if len(some)), default=0)
        self._origin = low
        self._span = high - low + 4  # room for a time before all, one after all, and NEVER
        self._instants: Ints | None = None
        if (int(keys.max(initial=0)) + 1) * self._span > NEVER:
            # Too many keys over too long a time for 63 bits: rank the instants instead. Same order, one search more.
            self._instants = np.unique(np.concatenate(finite))
            self._span = len(self._instants) + 3

    def of(self, keys: Ints, times: Ints) -> Ints:
        """Return the code of each (key, time)."""
        if self._instants is None:
            offset = np.clip(times, self._origin - 1, self._origin + self._span - 4)
            offset -= self._origin - 1
        else:
            offset = np.searchsorted(self._instants, times, side="right")
        # An end that never comes sorts after every cutoff, even one later than all facts.
        offset[times == NEVER] = self._span - 1
        offset += keys * self._span
        return np.asarray(offset, dtype=np.int64)


class _Sums:
    """Codes in order, and the sums of values over the first i of them: int64 [n] and [n + 1, m].

    The codes given are taken over and put in order where they stand.
    """

    __slots__ = ("codes", "sums")

    def __init__(self, codes: Ints, values: Sequence[Ints]) -> None:
        order = _sort(codes).astype(np.min_scalar_type(len(codes)))  # half the memory while the sums are made
        self.codes = codes
        self.sums = np.zeros((len(codes) + 1, len(values)), dtype=np.int64)
        for first in range(0, len(codes), _BLOCK):
            block = order[first : first + _BLOCK]
            for place, column in enumerate(values):
                running = np.take(column, block, mode="clip")
                running[0] += self.sums[first, place]
                np.cumsum(running, out=self.sums[first + 1 : first + 1 + len(block), place])

    def up_to(self, wanted: Ints) -> Ints:
        """Return count and sums of what is at or before each code: int64 [q, 1 + m]."""
        position = np.searchsorted(self.codes, wanted, side="right")
        answer = np.empty((len(wanted), 1 + self.sums.shape[1]), dtype=np.int64)
        answer[:, 0] = position
        answer[:, 1:] = np.take(self.sums, position, axis=0)
        return answer


def _each(job: Callable[[_Given], _Made], of: Iterable[_Given], size: int) -> list[_Made]:
    """Return what the job makes of each, side by side where there is much to do: numpy lets go of the interpreter."""
    if size <= _BLOCK or _PROCESSORS == 1:
        return [job(one) for one in of]
    with ThreadPoolExecutor(_PROCESSORS) as pool:
        return list(pool.map(job, of))


def _sort(codes: Ints) -> Ints:
    """Sort the codes in place and return the order they came in, about three times as fast as argsort.

    Sorting integers is far quicker than sorting their positions. So the leading bits of each code and its position
    share one integer, which is sorted; those that share all leading bits with a neighbour are then sorted by the rest.
    """
    if _is_sorted(codes):
        return np.arange(len(codes))
    low, high = int(codes.min()), int(codes.max())
    position_bits = (len(codes) - 1).bit_length()
    trailing_bits = max((high - low).bit_length() + position_bits - 63, 0)
    order = codes - low
    order >>= trailing_bits
    order <<= position_bits
    order |= np.arange(len(codes))
    order.sort()
    order &= (1 << position_bits) - 1
    codes[:] = codes[order]
    if not _is_sorted(codes):
        leading = codes - low
        leading >>= trailing_bits
        alike = leading[1:] == leading[:-1]
        unsure = np.flatnonzero(np.append(alike, False) | np.append(False, alike))
        exact = unsure[np.argsort(codes[unsure], kind="stable")]
        codes[unsure], order[unsure] = codes[exact], order[exact]
    return order


def _is_sorted(codes: Ints) -> bool:
    return bool((codes[1:] >= codes[:-1]).all())


def _check_keys(keys: Ints) -> None:
    if len(keys) and int(keys.min()) < 0:
        raise TimelineError(
            f"Keys must not be negative. Found {int((keys < 0).sum())} that are, of {len(keys)} in all; "
            f"leave out facts without a key."
        )
