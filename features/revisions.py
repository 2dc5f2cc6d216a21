"""Facts that may be taken back: a second timeline holds what was withdrawn, known from the instant of withdrawal.

A fact is held to be so on `[known, until)`. In a window of length `w` it lives on
`[max(occurred, known), occurred + w)` less `[max(occurred, until), occurred + w)`: two timelines of the ordinary kind.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from features.live_timeline import LiveTimeline, Values
from features.timeline import NEVER, Ints, Timeline


class RevisedTimeline:
    """`features.timeline.Timeline` of facts that are held to be so until an instant of their own.

    Parameters
    ----------
    keys, occurred, known, windows, values
        As there.
    until : int64 [n]
        `NEVER` for what was not withdrawn.
    """

    __slots__ = ("_told", "_withdrawn")

    def __init__(
        self, keys: Ints, occurred: Ints, known: Ints, until: Ints, windows: Sequence[int], values: Sequence[Ints]
    ) -> None:
        self._told = Timeline(keys, occurred, known, windows, values)
        back = until < NEVER
        self._withdrawn = (
            Timeline(keys[back], occurred[back], until[back], windows, [column[back] for column in values])
            if back.any()
            else None
        )

    def at(self, keys: Ints, cutoffs: Ints) -> Ints:
        """Return count and sums of the facts of each key that live at its cutoff, as `Timeline.at`."""
        alive = self._told.at(keys, cutoffs)
        return alive if self._withdrawn is None else alive - self._withdrawn.at(keys, cutoffs)


class LiveRevisedTimeline:
    """`features.live_timeline.LiveTimeline` of facts that are held to be so until an instant of their own."""

    __slots__ = ("_told", "_withdrawn")

    def __init__(self, windows: Sequence[int]) -> None:
        self._told = LiveTimeline(windows)
        self._withdrawn = LiveTimeline(windows)

    def add(self, key: Hashable, occurred: int, known: int, until: int, values: Values) -> None:
        """Add one fact; `until` is `NEVER` for what was not withdrawn."""
        self._told.add(key, occurred, known, values)
        if until != NEVER:
            self._withdrawn.add(key, occurred, until, values)

    def remove(self, key: Hashable, occurred: int, known: int, until: int, values: Values) -> None:
        """Take out a fact that was added with the same arguments, as if it had never been there."""
        self._told.remove(key, occurred, known, values)
        if until != NEVER:
            self._withdrawn.remove(key, occurred, until, values)

    def add_many(
        self, keys: Sequence[Hashable], codes: Ints, occurred: Ints, known: Ints, until: Ints, values: Ints
    ) -> None:
        """Add facts in bulk: `keys[codes[i]]` is the key of fact i."""
        self._told.add_many(keys, codes, occurred, known, values)
        back = until < NEVER
        if back.any():
            self._withdrawn.add_many(keys, codes[back], occurred[back], until[back], values[back])

    def at(self, key: Hashable, cutoff: int) -> Sequence[int]:
        """Return count and both sums of the key's facts at the cutoff, window after window: length w x 3."""
        alive = self._told.at(key, cutoff)
        if key not in self._withdrawn:
            return alive
        return [one - other for one, other in zip(alive, self._withdrawn.at(key, cutoff), strict=True)]
