"""Tracking features: what has been reported of the shipment itself, against its plan, and what the carrier foretells.

Reports count from when they are both past and known until a correction of them is known. An estimate of the delivery
lies in the future; it counts from when it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.declaration import Feature
from features.history import HOUR
from features.instants import MINUTE, micros, micros_of
from features.legs import Legs, Row, Time
from features.standing import lives_of
from features.timeline import NEVER, Ints, Latest, Spans
from features.vocabulary import Classifier, Correction, EventStatus

if TYPE_CHECKING:
    from features.records import DeliveryEvent, Shipment

_OWNER = "carrier management"


def _declared(name: str, unit: str, meaning: str, source: str = "events") -> Feature:
    return Feature(name, unit, meaning, source, _OWNER)


FEATURES = (
    _declared("last_scan_age_hours", "hours", "time since the last reported scan"),
    _declared("last_scan_delay_minutes", "minutes", "last scan less the plan for that place", "events, stops"),
    _declared("dwell_hours", "hours", "time that it stands where it arrived last, if nothing came after"),
    _declared("delays_told", "reports", "delays that the carrier announced of it"),
    _declared("failed_attempts", "reports", "deliveries attempted in vain"),
    _declared("troubles_told", "reports", "reports of damage, refusal, diversion, return or customs hold"),
    _declared("estimated_delay_minutes", "minutes", "carrier's newest estimate of delivery less the promise"),
    _declared("estimate_age_hours", "hours", "time since the carrier's newest estimate of delivery"),
)

AGE = 0
"""Where the age of the last scan stands among the features."""


class Group(IntEnum):
    """What kind of report it is."""

    OTHER = 0
    ARRIVAL = 1
    DELAY = 2
    ATTEMPT = 3
    TROUBLE = 4
    ESTIMATE = 5


_GROUP_OF = {
    EventStatus.PICKUP_ARRIVED: Group.ARRIVAL,
    EventStatus.TERMINAL_ARRIVED: Group.ARRIVAL,
    EventStatus.DELIVERY_ARRIVED: Group.ARRIVAL,
    EventStatus.DELAYED: Group.DELAY,
    EventStatus.ATTEMPTED: Group.ATTEMPT,
    EventStatus.DAMAGED: Group.TROUBLE,
    EventStatus.REFUSED: Group.TROUBLE,
    EventStatus.DIVERTED: Group.TROUBLE,
    EventStatus.RETURNED: Group.TROUBLE,
    EventStatus.CUSTOMS_HOLD: Group.TROUBLE,
}
# Members that are compared with for each event: Python 3.11 takes longer to read one than to compare.
_OTHER, _ARRIVAL, _DELAY, _ATTEMPT, _TROUBLE, _ESTIMATE = Group
_ACTUAL, _ESTIMATED_KIND = Classifier.ACTUAL, Classifier.ESTIMATED
_DID_NOT_OCCUR = Correction.DID_NOT_OCCUR
_NAME_OF = {status: status.value for status in EventStatus}

_COUNTED = (Group.DELAY, Group.ATTEMPT, Group.TROUBLE)
_ESTIMATED = (EventStatus.ESTIMATED_DELIVERY, EventStatus.DELIVERY_ARRIVED, EventStatus.DELIVERED)


def group_of(status: EventStatus, classifier: Classifier) -> Group | None:
    """Return the kind of a report; None for a plan, or an estimate of something else."""
    if classifier is _ACTUAL:
        return _GROUP_OF.get(status, _OTHER)
    return _ESTIMATE if classifier is _ESTIMATED_KIND and status in _ESTIMATED else None


class Scan(NamedTuple):
    """One report; in this order the newest comes last. `start` is from when on it counts."""

    occurred: int
    known: int
    event_id: str
    start: int
    until: int
    group: Group
    place: str
    status: str


class Reports(NamedTuple):
    """Reports of many shipments, estimates aside: those of one shipment together, the newest last; int64 [n] each.

    `event` is the position among `Legs.told`, `shipment` among those of the legs, `start` is from when on it counts.
    """

    event: Ints
    shipment: Ints
    occurred: Ints
    known: Ints
    start: Ints
    until: Ints

    @classmethod
    def of(cls, legs: Legs) -> Reports:
        """Return what was reported of all shipments of the legs."""
        events, shipments, groups = legs.told.frame, legs.told.leg, groups_of(legs)
        occurred, known = micros_of(events["occurred_at"]), micros_of(events["known_at"])
        chosen = np.flatnonzero((groups >= 0) & (groups != Group.ESTIMATE))
        # Events stand in the order in which they were known, and of one instant in that of their names.
        event = chosen[np.lexsort((known[chosen], occurred[chosen], shipments[chosen]))]
        starts = np.maximum(occurred[event], known[event])
        return cls(event, shipments[event], occurred[event], known[event], starts, legs.told.withdrawn[event])


class Scans:
    """Reports of all shipments, for many questions.

    Parameters
    ----------
    legs
    reports
        Those of the legs.
    """

    def __init__(self, legs: Legs, reports: Reports) -> None:
        self._milestones = _Milestones(legs.stops.plan, legs.stops.place, legs.stops.planned)
        events, shipments, withdrawn = legs.told.frame, legs.told.leg, legs.told.withdrawn
        self._occurred, self._known = micros_of(events["occurred_at"]), micros_of(events["known_at"])
        self._group, self._places = groups_of(legs), events["place"].to_numpy(dtype=object)
        starts = np.maximum(self._occurred, self._known)
        foretold = self._foretold = np.flatnonzero(self._group == Group.ESTIMATE)
        self._event, of, occurred, known, _, until = reports
        self._last = Latest(of, occurred, known, until)
        self._estimate = Latest(shipments[foretold], self._known[foretold], self._known[foretold], withdrawn[foretold])
        self._counts = []
        for counted in _COUNTED:
            chosen = np.flatnonzero(self._group == counted)
            ends = np.maximum(starts[chosen], withdrawn[chosen])
            self._counts.append(Spans(shipments[chosen], starts[chosen], ends))

    def last_at(self, shipments: Ints, cutoffs: Ints) -> Ints:
        """Return the event that was reported last of each shipment, by position, -1 if none was: int64 [q]."""
        return np.append(self._event, -1)[self._last.at(shipments, cutoffs)]

    def values(self, last: Ints, shipments: Ints, plans: Ints, times: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return the features: float64 [q, len(FEATURES)].

        Parameters
        ----------
        last : int64 [q]
            What `last_at` returned.
        shipments : int64 [q]
            Positions among the shipments of the legs.
        plans : int64 [q]
        times : int64 [q, len(Time)]
            Of the version in force at the cutoff.
        cutoffs : int64 [q]
        """
        age, late, dwell, ahead, told = (np.full(len(shipments), np.nan) for _ in range(5))
        some = np.flatnonzero(last >= 0)
        event = last[some]
        age[some] = (cutoffs[some] - self._occurred[event]) / HOUR
        dwell[some] = np.where(self._group[event] == Group.ARRIVAL, age[some], np.nan)
        late[some] = _minutes(self._occurred[event], self._milestones.at(plans[some], self._places[event]))
        found = self._estimate.at(shipments, cutoffs)
        some = np.flatnonzero(found >= 0)
        event = self._foretold[found[some]]
        ahead[some] = _minutes(self._occurred[event], times[some, Time.PROMISED])
        told[some] = (cutoffs[some] - self._known[event]) / HOUR
        counts = [spans.at(shipments, cutoffs).astype(np.float64) for spans in self._counts]
        return np.stack([age, late, dwell, *counts, ahead, told], axis=1)


class _Milestones:
    """When each plan is to be where: the first planned time of each of its places.

    Stops without a planned time have none; those of one plan come in order.
    """

    def __init__(self, plans: Ints, places: NDArray[np.object_], planned: Ints) -> None:
        given = np.flatnonzero(planned < NEVER)
        code, self._places = pd.factorize(places[given])
        self._codes, first = np.unique(self._code(plans[given], code), return_index=True)
        self._planned = planned[given][first]

    def at(self, plans: Ints, places: NDArray[np.object_]) -> Ints:
        """Return the planned time of each plan at a place, `NEVER` where there is none: int64 [q]."""
        if not len(self._codes):
            return np.full(len(plans), NEVER, dtype=np.int64)
        code = pd.Index(self._places, dtype=object).get_indexer(pd.Index(places, dtype=object))
        wanted = self._code(plans, code)
        found = np.minimum(np.searchsorted(self._codes, wanted), len(self._codes) - 1)
        return np.where((code >= 0) & (self._codes[found] == wanted), self._planned[found], NEVER)

    def _code(self, plans: Ints, places: Ints) -> Ints:
        return np.asarray(plans * (len(self._places) + 1) + places, dtype=np.int64)


def scans_of(events: Collection[DeliveryEvent]) -> list[Scan]:
    """Return the reports of one shipment, the newest last."""
    found = (scan_of(event, micros(until)) for event, until in lives_of(events))
    return sorted(scan for scan in found if scan is not None)


def scan_of(event: DeliveryEvent, until: int = NEVER) -> Scan | None:
    """Return what an event that stands until then (microseconds) reports, None if it counts nowhere."""
    status = event.status
    group = group_of(status, event.classifier)
    if group is None or event.correction is _DID_NOT_OCCUR:
        return None
    occurred, known = micros(event.occurred_at), micros(event.known_at)
    start = known if known > occurred or group is _ESTIMATE else occurred
    return Scan(occurred, known, event.event_id, start, until, group, event.place or "", _NAME_OF[status])


def values_of_one(
    scans: Sequence[Scan], plan: Shipment, row: Row, cutoff: int
) -> tuple[list[float], tuple[str, str] | None]:
    """Return `Scans.values` of one shipment, the same operations, so the same bits; and its last report.

    Of that place, empty where none is named, and status; None where nothing was reported.
    """
    last = estimate = None
    delays = attempts = troubles = 0.0
    for scan in scans:
        if not scan.start <= cutoff < scan.until:
            continue
        group = scan.group
        if group is _ESTIMATE:
            if estimate is None or scan.known >= estimate.known:
                estimate = scan
            continue
        last = scan
        delays += group is _DELAY
        attempts += group is _ATTEMPT
        troubles += group is _TROUBLE
    age = late = dwell = ahead = told = np.nan
    if last is not None:
        age = (cutoff - last.occurred) / HOUR
        dwell = age if last.group is _ARRIVAL else np.nan
        late = _minutes_of_one(last.occurred, _planned_at(plan, last.place))
    if estimate is not None:
        ahead = _minutes_of_one(estimate.occurred, row[Time.PROMISED])
        told = (cutoff - estimate.known) / HOUR
    kind = None if last is None else (last.place, last.status)
    return [age, late, dwell, delays, attempts, troubles, ahead, told], kind


def _planned_at(plan: Shipment, place: str) -> int:
    for stop in plan.stops:
        if stop.place == place and stop.planned_at is not None:
            return micros(stop.planned_at)
    return NEVER


def _minutes(at: Ints, planned: Ints) -> NDArray[np.float64]:
    return np.where(planned < NEVER, (at - planned) / MINUTE, np.nan)


def _minutes_of_one(at: int, planned: int) -> float:
    return (at - planned) / MINUTE if planned < NEVER else np.nan


_GROUPS = {(status.value, kind.value): group_of(status, kind) for status in EventStatus for kind in Classifier}


def groups_of(legs: Legs) -> Ints:
    """Return the group of each event of the legs, -1 for what counts nowhere: int64 [n]."""
    events = legs.told.frame
    status, statuses = pd.factorize(events["status"])
    classifier, classifiers = pd.factorize(events["classifier"])
    groups = np.full((len(statuses) + 1, len(classifiers) + 1), -1, dtype=np.int64)  # the last ones for what is missing
    for row, one in enumerate(statuses):
        for column, kind in enumerate(classifiers):
            found = _GROUPS.get((one, kind))
            groups[row, column] = -1 if found is None else found
    group = groups[status, classifier]
    group[legs.told.void.to_numpy()] = -1
    return group
