"""The rests of shipments for one report and one question at a time: the numbers of `features.rests`.

A report that is told last changes only the rests beside it, wherever it belongs. Where one is told earlier than others
or is taken back, the rests of its shipment are worked out anew, and only what differs is taken back and put in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from features.board import Board
from features.history import WINDOWS
from features.legs import Legs
from features.live_timeline import LiveTimeline
from features.rests import LEVELS, WINDOW, Kind, Rest, rest_between, rests_of, rests_of_many
from features.timeline import NEVER
from features.tracking import Group, Reports, Scan, scan_of, scans_of

if TYPE_CHECKING:
    from features.records import DeliveryEvent


_ESTIMATE = Group.ESTIMATE  # read once: Python 3.11 takes long to read a member


class Trail:
    """What is reported of one shipment; `put` takes it that no event corrects another.

    Attributes
    ----------
    scans
        The newest last.
    """

    __slots__ = ("_start", "scans")

    def __init__(self, events: Collection[DeliveryEvent]) -> None:
        self.scans = scans_of(events)
        self._start = max([scan.start for scan in self.scans if scan.group is not _ESTIMATE], default=-NEVER)

    def rests(self, announced: int) -> list[Rest]:
        """Return the rests, see `rests_of`."""
        return rests_of(self.scans, announced)

    def put(self, event: DeliveryEvent, announced: int) -> tuple[Sequence[Rest], Sequence[Rest]]:
        """Take in an event that was not there, where none corrects another; return the rests that go and that come."""
        scan = scan_of(event)
        if scan is None:
            return (), ()
        place = bisect_right(self.scans, scan)
        if scan.group is _ESTIMATE:
            self.scans.insert(place, scan)
            return (), ()
        if scan.start < self._start:
            was = self.rests(announced)
            self.scans.insert(place, scan)
            return was, self.rests(announced)
        before, after = _first_report(reversed(self.scans[:place])), _first_report(self.scans[place:])
        self.scans.insert(place, scan)
        self._start = start = scan.start
        to_it = None if before is None else rest_between(before, scan, start, NEVER, announced)
        if after is None:  # most often
            return (), () if to_it is None else (to_it,)
        gone, come = [], [to_it, rest_between(scan, after, start, NEVER, announced)]
        if before is not None:  # they stood side by side until now
            since = max(before.start, after.start)
            gone.append(rest_between(before, after, since, NEVER, announced))
            come.append(rest_between(before, after, since, start, announced))
        return [rest for rest in gone if rest is not None], [rest for rest in come if rest is not None]


def _first_report(scans: Iterable[Scan]) -> Scan | None:
    """Return the first of some scans that is no estimate, None if all are."""
    for scan in scans:
        if scan.group is not _ESTIMATE:
            return scan
    return None


class LiveRests:
    """Rests by each of `rests.LEVELS`."""

    def __init__(self, board: Board) -> None:
        self._timeline = LiveTimeline([WINDOWS[WINDOW]], board)

    def replace(self, old: Sequence[Rest], new: Sequence[Rest]) -> None:
        """Take back the rests of a shipment as they were, and put in those that it has now."""
        if old:
            new = self._let_go(old, [*new])
        for kind, fact in new:
            for key in _keys(kind):
                self._timeline.add(key, fact)

    def _let_go(self, old: Sequence[Rest], new: list[Rest]) -> list[Rest]:
        """Take back the old rests but for those that are among the new ones; return which of these are to be put in."""
        for rest in old:
            kind, fact = rest
            if rest in new:
                new.remove(rest)
                continue
            revised = next((one for one in new if one.revises(rest)), None)
            for key in _keys(kind):
                if revised is None:
                    self._timeline.remove(key, fact)
                else:
                    self._timeline.revise(key, fact, revised.fact.until)
            if revised is not None:
                new.remove(revised)
        return new

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
