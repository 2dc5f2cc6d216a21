"""Facts that may be taken back: a second timeline holds what was withdrawn, known from the instant of withdrawal.

A fact is held to be so on `[known, until)`. In a window of length `w` it lives on
`[max(occurred, known), occurred + w)` less `[max(occurred, until), occurred + w)`: two timelines of the ordinary kind.
"""

from __future__ import annotations

from collections.abc import Sequence

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

    __slots__ = ("_told", "_withdrawn", "windows")

    def __init__(
        self, keys: Ints, occurred: Ints, known: Ints, until: Ints, windows: Sequence[int], values: Sequence[Ints]
    ) -> None:
        self.windows = tuple(windows)
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
