"""Rests: what age of the last scan is usual, after a report of its kind at its place.

A *rest* of a shipment begins with one report and ends with the next (`features.tracking.Reports`). It belongs to the
place and the status of the report that began it, and happened when the next one did. It is held to be so from when the
shipment is announced and both reports count, until one of the two is taken back or another one between them counts;
where that one is taken back, from then on again. Of two reports of one instant the first begins no rest.

What is usual is asked by place and status, shrunk towards the status anywhere and that towards all (`features.rates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.declaration import Feature
from features.facts import Happened
from features.history import WINDOWS
from features.instants import MINUTE
from features.legs import Legs, Time
from features.rates import COUNT, MEAN, SPREAD, Column, Layout, Shrunk, rates_of
from features.revisions import RevisedTimeline
from features.timeline import NEVER, Ints
from features.tracking import Group, Reports, Scan

WINDOW = "90d"
PRIOR_REST_MINUTES = 720.0
PRIOR_REST_SPREAD_MINUTES = 720.0
MAX_REST_MINUTES = 90 * 24 * 60
"""What is longer counts as long as this."""

Kind = tuple[str, str]
"""Place of a report, empty where none is named, and its status."""

_OWNER = "carrier management"


def _declared(name: str, unit: str, meaning: str) -> Feature:
    return Feature(name, unit, meaning, "shipments, events", _OWNER, WINDOW)


FEATURES = (
    _declared("last_scan_rests", "rests", "rests after such a scan at that place that ended in the last 90 days"),
    _declared("last_scan_usual_hours", "hours", "usual time from such a scan at that place to the next scan"),
    _declared("last_scan_overdue_hours", "hours", "time since the last reported scan less what is usual there"),
    _declared(
        "last_scan_overdue_spreads",
        "spreads",
        "time since the last reported scan less what is usual there, in standard deviations of such rests",
    ),
)

_ALL, _STATUS, _KIND = range(3)
LEVELS = (_ALL, _STATUS, _KIND)
"""By what rests are looked up: all together, by status, by place and status."""

_PRIORS = (PRIOR_REST_MINUTES**2 + PRIOR_REST_SPREAD_MINUTES**2, PRIOR_REST_MINUTES)
SHRUNK = Shrunk(
    (Column(None, _PRIORS), Column(_ALL, _PRIORS), Column(_STATUS, _PRIORS)),
    ((COUNT, _KIND), (MEAN, _KIND), (SPREAD, _KIND)),
)
"""A column for each of `LEVELS`, of squares and minutes, and what the features are made of."""

WIDTH = 3
"""What is answered at each level: how many rests, the sum of their squares and of their minutes."""

_LAYOUT = Layout(SHRUNK)
_LEAST_SPREAD = 1.0
"""Minutes: rests are told in whole ones."""


class Rest(NamedTuple):
    """One rest: after which kind of report, and the fact, with the square of its minutes and these."""

    kind: Kind
    fact: Happened

    def revises(self, other: Rest) -> bool:
        """Tell whether this is the other one, held to be so until another instant."""
        occurred, known, _, values = self.fact
        return (self.kind, occurred, known, values) == (other.kind, other.fact[0], other.fact[1], other.fact[3])


class Rests(NamedTuple):
    """Rests of many shipments: int64 [n] each; `event` is the report that began it, its position among `Legs.told`."""

    event: Ints
    occurred: Ints
    known: Ints
    until: Ints
    minutes: Ints

    def where(self, chosen: Ints) -> Rests:
        """Return those at some positions."""
        return Rests(*(column[chosen] for column in self))


def rests_of(scans: Iterable[Scan], announced: int) -> list[Rest]:
    """Return the rests of one shipment; `announced` is when its first plan was known (microseconds)."""
    reports = [scan for scan in scans if scan.group is not Group.ESTIMATE]
    if is_in_order(reports):
        beside = [(first, second, second.start, NEVER) for first, second in pairwise(reports)]
    else:
        spans = _beside([(report.start, report.until) for report in reports])
        beside = [(reports[first], reports[second], known, until) for first, second, known, until in spans]
    found = (rest_between(*each, announced) for each in beside)
    return [rest for rest in found if rest is not None]


def rest_between(first: Scan, second: Scan, known: int, until: int, announced: int) -> Rest | None:
    """Return the rest between two reports that stand side by side on `[known, until)`, None if there is none."""
    known, occurred = max(known, announced), second.occurred
    if occurred == first.occurred or known >= until:
        return None
    minutes = min((occurred - first.occurred) // MINUTE, MAX_REST_MINUTES)
    return Rest((first.place, first.status), Happened(occurred, known, until, (minutes * minutes, minutes)))


def is_in_order(reports: Iterable[Scan]) -> bool:
    """Tell whether reports came to count in the order in which they happened, and none was taken back."""
    start = -NEVER
    for report in reports:
        if report.start < start or report.until < NEVER:
            return False
        start = report.start
    return True


def rests_of_many(legs: Legs, reports: Reports) -> Rests:
    """Return the rests of all shipments of the legs."""
    announced = legs.times[legs.first_rows(), Time.KNOWN]
    _, shipment, occurred, _, start, until = reports
    same = shipment[1:] == shipment[:-1]
    odd = np.zeros(len(announced), dtype=bool)
    odd[shipment[until < NEVER]] = True
    odd[shipment[1:][same & (start[1:] < start[:-1])]] = True
    first = np.flatnonzero(same & ~odd[shipment[1:]])
    after, known, ends = first + 1, start[first + 1], np.full(len(first), NEVER)
    others = _beside_in_each(shipment, start, until, np.flatnonzero(odd[shipment]))
    first, after, known, ends = (
        np.concatenate([plain, other]) for plain, other in zip((first, after, known, ends), others.T, strict=True)
    )
    known = np.maximum(known, announced[shipment[first]])
    minutes = np.minimum((occurred[after] - occurred[first]) // MINUTE, MAX_REST_MINUTES)
    found = Rests(reports.event[first], occurred[after], known, ends, minutes)
    return found.where(np.flatnonzero((occurred[after] > occurred[first]) & (known < ends)))


def _beside_in_each(shipment: Ints, start: Ints, until: Ints, chosen: Ints) -> Ints:
    """Return what `_beside` finds of each shipment of the chosen reports, by position: int64 [m, 4]."""
    found: list[tuple[int, int, int, int]] = []
    bounds = np.flatnonzero(np.diff(shipment[chosen], prepend=-1, append=-1)).tolist()
    lives = list(zip(start[chosen].tolist(), until[chosen].tolist(), strict=True))
    place = chosen.tolist()
    for begin, end in pairwise(bounds):
        offset = place[begin]  # reports of one shipment stand together
        found += [(offset + one, offset + other, *span) for one, other, *span in _beside(lives[begin:end])]
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def _beside(lives: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield which of some reports in order stand side by side, and from when until when.

    Parameters
    ----------
    lives
        When each report comes to stand, and until when it does.
    """
    since: dict[tuple[int, int], int] = {}
    for instant in sorted({time for life in lives for time in life if time < NEVER}):
        standing = pairwise([place for place, (start, until) in enumerate(lives) if start <= instant < until])
        now = set(standing)
        for pair in [pair for pair in since if pair not in now]:
            yield *pair, since.pop(pair), instant
        for pair in now:
            since.setdefault(pair, instant)
    for pair, known in since.items():
        yield *pair, known, NEVER


class Kinds(NamedTuple):
    """Place and status of each event of legs as numbers: int64 [n] each."""

    status: Ints
    kind: Ints

    @classmethod
    def of(cls, events: pd.DataFrame) -> Kinds:
        """Return those of events, columns place and status."""
        place, _ = pd.factorize(events["place"])
        status, statuses = pd.factorize(events["status"])
        return cls(status.astype(np.int64), (place + 1).astype(np.int64) * len(statuses) + status)


class RestsByKey:
    """Rests by one key, for many questions.

    Parameters
    ----------
    codes : int64 [n], not negative
        Key of each rest.
    rests
        Which event began them is not looked at.
    """

    def __init__(self, codes: Ints, rests: Rests) -> None:
        _, occurred, known, until, minutes = rests
        self._timeline = RevisedTimeline(codes, occurred, known, until, [WINDOWS[WINDOW]], [minutes * minutes, minutes])

    def at(self, codes: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return how many rests of each key, their squares and their minutes: float64 [q, WIDTH]."""
        return self._timeline.at(codes, cutoffs).reshape(len(codes), WIDTH).astype(np.float64)


class RestsByLevel:
    """Rests of legs at each of `LEVELS`, for many questions."""

    def __init__(self, legs: Legs, reports: Reports) -> None:
        rests = rests_of_many(legs, reports)
        status, kind = self._codes = Kinds.of(legs.told.frame)
        keys = (np.zeros_like(rests.event), status[rests.event], kind[rests.event])
        self._levels = [RestsByKey(codes, rests) for codes in keys]

    def at(self, last: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return what is told at each level after such an event: float64 [q, WIDTH * len(LEVELS)], NaN after none.

        Parameters
        ----------
        last : int64 [q]
            What `Scans.last_at` returned.
        cutoffs : int64 [q]
        """
        told = np.full((len(last), WIDTH * len(LEVELS)), np.nan)
        some = np.flatnonzero(last >= 0)
        event, when = last[some], cutoffs[some]
        keys = (np.zeros_like(event), self._codes.status[event], self._codes.kind[event])
        found = [level.at(codes, when) for level, codes in zip(self._levels, keys, strict=True)]
        told[some] = np.concatenate(found, axis=1)
        return told


def values(told: NDArray[np.float64], ages: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the features: float64 [q, len(FEATURES)].

    Parameters
    ----------
    told : float64 [q, WIDTH * len(LEVELS)]
    ages : float64 [q]
        The feature `last_scan_age_hours`; where it is unknown, so are these.
    """
    rests, usual, spread = rates_of(_LAYOUT, told).T
    overdue = ages - usual / 60.0
    found = np.stack([rests, usual / 60.0, overdue, overdue / (np.maximum(spread, _LEAST_SPREAD) / 60.0)], axis=1)
    found[np.isnan(ages)] = np.nan
    return found


def values_of_one(rates: Sequence[float], age: float) -> Sequence[float]:
    """Return `values` of one row: the same operations, so the same bits; `rates` are what `SHRUNK` wants."""
    if age != age:
        return _UNKNOWN
    rests, usual, spread = rates
    overdue = age - usual / 60.0
    return rests, usual / 60.0, overdue, overdue / (max(spread, _LEAST_SPREAD) / 60.0)


_UNKNOWN = (np.nan,) * len(FEATURES)
