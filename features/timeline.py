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
from collections.abc import Callable, Sequence

import numpy as np

from features.codes import BLOCK, NEVER, Codes, Ints, Sums, check_keys, each, sort_codes, starts_of
from features.errors import TimelineError

__all__ = ["NEVER", "Ints", "Latest", "Spans", "Timeline", "starts_of"]


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
        check_keys(keys)
        if min(windows, default=1) <= 0:
            raise TimelineError(f"A window must be longer than nothing. Found windows of {list(windows)} microseconds.")
        self.windows = tuple(windows)
        self.n_values = len(values)
        self._codes = Codes(keys, starts_of(occurred, known), occurred)
        self._never = [self._outlived(window, keys, occurred, known, values) for window in self.windows]

        def side(times: Callable[[], Ints]) -> Sums:
            return Sums(self._codes.of(keys, times()), values)

        sides: tuple[Callable[[], Ints], ...] = (lambda: starts_of(occurred, known), lambda: occurred)
        self._started, self._happened = each(side, sides, len(keys))

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
        order = sort_codes(self._codes.of(keys, cutoffs))
        answers = np.empty((len(keys), len(self.windows), 1 + self.n_values), dtype=np.int64)

        def answer(first: int) -> None:
            block = order[first : first + BLOCK]
            answers[block] = self._alive(keys[block], cutoffs[block])

        each(answer, range(0, len(keys), BLOCK), len(keys))
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
    ) -> tuple[Sums, Sums] | None:
        """Return both sides of the facts that were learnt after they had left the window, None if there are none."""
        late = np.flatnonzero(known - occurred > window)
        if not len(late):
            return None
        columns = [column[late] for column in values]
        return (
            Sums(self._codes.of(keys[late], known[late]), columns),
            Sums(self._codes.of(keys[late], occurred[late]), columns),
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
        check_keys(keys)
        if bool((ends < starts).any()):
            raise TimelineError(f"No span may end before it starts. Found {int((ends < starts).sum())} that do.")
        self._codes = Codes(keys, starts, ends)
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
        self._codes = Codes(keys, starts, ends)
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
