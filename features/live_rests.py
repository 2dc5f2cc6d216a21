"""The rests of shipments for one report and one question at a time: the numbers of `features.rests`.

A report that comes in its turn ends the rest before it, and nothing else changes. Where one comes out of turn or is
taken back, the rests of its shipment are worked out anew, and only what differs is taken back and put in.
"""

from __future__ import annotations

from bisect import insort_right
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from features.board import Board
from features.history import WINDOWS
from features.legs import Legs
from features.live_timeline import LiveTimeline
from features.rests import LEVELS, WINDOW, Kind, Rest, rest_between, rests_of, rests_of_many
from features.timeline import NEVER
from features.tracking import Group, Reports, scan_of, scans_of

if TYPE_CHECKING:
    from features.records import DeliveryEvent


_ESTIMATE = Group.ESTIMATE  # read once: Python 3.11 takes long to read a member


class Trail:
    """What is reported of one shipment.

    Attributes
    ----------
    scans
        The newest last.
    """

    __slots__ = ("_newest", "_start", "scans")

    def __init__(self, events: Collection[DeliveryEvent]) -> None:
        self.scans = scans_of(events)
        reports = [scan for scan in self.scans if scan.group is not _ESTIMATE]
        self._newest, self._start = (
            reports[-1] if reports else None,
            max([each.start for each in reports], default=-NEVER),
        )

    def rests(self, announced: int) -> list[Rest]:
        """Return the rests, see `rests_of`."""
        return rests_of(self.scans, announced)

    def put(self, event: DeliveryEvent, announced: int) -> tuple[Sequence[Rest], Sequence[Rest]]:
        """Take in an event that was not there, where none corrects another; return the rests that go and that come."""
        scan = scan_of(event)
        if scan is None:
            return (), ()
        if scan.group is _ESTIMATE:
            insort_right(self.scans, scan)
            return (), ()
        before, is_last = self._newest, self._start <= scan.start
        self._start = max(self._start, scan.start)
        if before is None or (is_last and before < scan):
            self._newest = scan
            insort_right(self.scans, scan)
            rest = None if before is None else rest_between(before, scan, scan.start, NEVER, announced)
            return (), () if rest is None else (rest,)
        was = self.rests(announced)
        insort_right(self.scans, scan)
        self._newest = max(before, scan)
        return was, self.rests(announced)


class LiveRests:
    """Rests by each of `rests.LEVELS`."""

    def __init__(self, board: Board) -> None:
        self._timeline = LiveTimeline([WINDOWS[WINDOW]], board)

    def replace(self, old: Sequence[Rest], new: Sequence[Rest]) -> None:
        """Take back the rests of a shipment as they were, and put in those that it has now."""
        if old:
            was, now = Counter(old), Counter(new)
            old, new = [*(was - now).elements()], [*(now - was).elements()]
        for change, rests in ((self._timeline.remove, old), (self._timeline.add, new)):
            for kind, fact in rests:
                for key in _keys(kind):
                    change(key, *fact)

    def load(self, legs: Legs) -> None:
        """Put in the rests of many shipments at once; the outcome equals `replace` of each."""
        event, occurred, known, until, minutes = rests_of_many(legs, Reports.of(legs))
        told = legs.told.frame.iloc[event]
        values = np.stack([minutes * minutes, minutes], axis=1)
        status = told["status"].to_numpy(dtype=object)
        place = told["place"].astype("str").fillna("").to_numpy(dtype=object)
        kinds = list(zip(place.tolist(), status.tolist(), strict=True))
        for keys in zip(*map(_keys, kinds), strict=True):
            named: dict[Hashable, int] = {}
            codes = np.array([named.setdefault(key, len(named)) for key in keys], dtype=np.int64)
            self._timeline.add_many(list(named), codes, occurred, known, until, values)

    def rows(self, kind: Kind | None, *, lasting: bool) -> list[int]:
        """Return where each level is asked after a kind of report, None for none; see `LiveTimeline.rows`."""
        keys = (None,) * len(LEVELS) if kind is None else _keys(kind)
        return [row for key in keys for row in self._timeline.rows(key, lasting=lasting)]


def _keys(kind: Kind) -> tuple[Hashable, Hashable, Hashable]:
    """Return under what a rest counts, at each of `rests.LEVELS`."""
    return (), kind[1:], kind
