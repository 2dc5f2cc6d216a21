"""Course: the steps that a plan foresees, one after the other, and how far the shipment has come along them.

A planned step is an event classified as planned, whose status is one of `STEPS`: a Cargo iQ route map, a DCSA event
with the classifier PLN. It counts from when it is known until a correction of it is known, as what really happened
does. Planned and real steps of one status at one place belong together in the order of their times. The transfer is
`Shipment.transfer`: there comes together what was picked up at several places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.declaration import Feature
from features.history import HOUR
from features.instants import micros, micros_of
from features.legs import ARRIVALS, Legs, Time
from features.standing import lives_of
from features.timeline import NEVER, Ints
from features.vocabulary import Classifier, Correction, EventStatus

if TYPE_CHECKING:
    from features.records import DeliveryEvent

_PLANNING, _CARRIERS = "transport planning", "carrier management"
_NEWEST = 6

LEAVES = frozenset({EventStatus.DEPARTED, EventStatus.TERMINAL_DEPARTED})
STEPS = LEAVES | ARRIVALS | {EventStatus.PICKUP_ARRIVED, EventStatus.LOADED, EventStatus.DELIVERED}
"""Statuses that make a step of the way; others are told about it."""


def _planned(name: str, meaning: str, unit: str = "hours") -> Feature:
    return Feature(name, unit, meaning, "events, stops", _PLANNING)


def _come(name: str, meaning: str, unit: str = "hours") -> Feature:
    return Feature(name, unit, meaning, "events, stops", _CARRIERS)


FEATURES = (
    _planned("planned_steps", "steps that are planned from the first pickup to the delivery", "steps"),
    _planned("planned_steps_to_transfer", "steps that are planned until all is at the transfer", "steps"),
    _planned("planned_first_step_hours", "time from booking to the first planned step"),
    _planned("planned_course_hours", "time from booking to the last planned step"),
    _planned("planned_to_transfer_hours", "time from booking until all is planned to be at the transfer"),
    _planned("planned_loading_spread_hours", "planned time between first and last loading before the transfer"),
    _planned("planned_leaving_spread_hours", "planned time between first and last departure before the transfer"),
    _planned("planned_loaded_hours", "planned time between last loading and last departure before the transfer"),
    _planned("planned_inbound_hours", "planned time from the last departure before the transfer until all is there"),
    _planned("planned_at_transfer_hours", "planned time at the transfer, until departure"),
    _planned("planned_onward_hours", "planned time from the departure at the transfer to the last arrival"),
    _planned("planned_handover_hours", "planned time from the last arrival to the delivery"),
    *(
        _planned(f"planned_step_{place}_hours", f"planned time for step {place}, counted back from the delivery")
        for place in range(1, _NEWEST + 1)
    ),
    _come("steps_ahead", "planned steps that are not yet reported", "steps"),
    _come("step_delay_hours", "delay of the latest planned step that is reported"),
    _come("step_overdue_hours", "time past the next planned step without a report of it"),
    _come("planned_left_hours", "planned time from the latest step that is reported to the last one"),
    _come("slack_by_steps_hours", "time left to the promise after what is still planned"),
    _come("transfer_delay_hours", "delay with which all was at the transfer"),
)

NOTHING = (np.nan,) * len(FEATURES)
"""What stands for a shipment without planned steps."""


class Step(NamedTuple):
    """A step at a time (microseconds), planned or real, which counts on `[start, until)`."""

    at: int
    status: str
    place: str
    start: int
    until: int


class Course(NamedTuple):
    """Planned and real steps of one shipment, each in the order of their times."""

    planned: tuple[Step, ...]
    real: tuple[Step, ...]

    @classmethod
    def of(cls, steps: Iterable[tuple[bool, Step]]) -> Course:
        """Return the course of steps, each with whether it is planned."""
        parted: tuple[list[Step], list[Step]] = ([], [])
        for is_planned, step in steps:
            parted[0 if is_planned else 1].append(step)
        return cls(tuple(sorted(parted[0])), tuple(sorted(parted[1])) if parted[0] else ())


def course_of(events: Collection[DeliveryEvent]) -> Course:
    """Return the course of one shipment from its events."""
    steps = []
    for event, until in lives_of(events):
        if event.status not in STEPS or event.correction is Correction.DID_NOT_OCCUR:
            continue
        if event.classifier is Classifier.ESTIMATED:
            continue
        is_planned = event.classifier is Classifier.PLANNED
        at, known = micros(event.occurred_at), micros(event.known_at)
        start = known if is_planned else max(at, known)
        step = Step(at, event.status.value, event.place or "", start, micros(until))
        steps.append((is_planned, step))
    return Course.of(steps)


class Courses:
    """The courses of many shipments, for many questions; asked one by one, as few feeds tell planned steps."""

    def __init__(self, legs: Legs) -> None:
        told, frame = legs.told, legs.told.frame
        classifier = frame["classifier"].to_numpy(dtype=object)
        chosen = frame["status"].isin([status.value for status in STEPS]).to_numpy() & ~told.void.to_numpy()
        chosen &= classifier != Classifier.ESTIMATED.value
        is_planned = classifier == Classifier.PLANNED.value
        chosen &= np.isin(told.leg, told.leg[chosen & is_planned])
        some = frame[chosen]
        at, known = micros_of(some["occurred_at"]), micros_of(some["known_at"])
        starts = np.where(is_planned[chosen], known, np.maximum(at, known))
        places = some["place"].to_numpy(dtype=object)
        columns = (
            told.leg[chosen].tolist(), is_planned[chosen].tolist(), at.tolist(), some["status"].tolist(),
            ["" if pd.isna(place) else place for place in places], starts.tolist(), told.withdrawn[chosen].tolist(),
        )  # fmt: skip
        of: dict[int, list[tuple[bool, Step]]] = defaultdict(list)
        for leg, planned, *step in zip(*columns, strict=True):
            of[leg].append((planned, Step(*step)))
        self._courses = {leg: Course.of(steps) for leg, steps in of.items()}

    def values(
        self, shipments: Ints, transfers: NDArray[np.object_], times: Ints, cutoffs: Ints
    ) -> NDArray[np.float64]:
        """Return the features: float64 [q, len(FEATURES)].

        Parameters
        ----------
        shipments : int64 [q]
            Positions among the shipments of the legs.
        transfers : object [q]
            As `values_of_one` has them.
        times : int64 [q, len(Time)]
            Of the version in force at the cutoff.
        cutoffs : int64 [q]
        """
        found = np.full((len(shipments), len(FEATURES)), np.nan)
        if not self._courses:
            return found
        asked = zip(
            shipments.tolist(), transfers, times[:, Time.BOOKED].tolist(),
            times[:, Time.PROMISED].tolist(), cutoffs.tolist(), strict=True,
        )  # fmt: skip
        for row, (shipment, transfer, booked, promised, cutoff) in enumerate(asked):
            course = self._courses.get(shipment)
            if course is not None:
                found[row] = values_of_one(course, transfer, booked, promised, cutoff)
        return found


def values_of_one(course: Course, transfer: str | None, booked: int, promised: int, cutoff: int) -> Sequence[float]:
    """Return the features of one shipment at the cutoff (microseconds): len(FEATURES) numbers.

    Parameters
    ----------
    transfer
        `Shipment.transfer` of the plan in force.
    booked, promised
        Microseconds, `NEVER` where missing.
    """
    planned = [step for step in course.planned if step.start <= cutoff < step.until]
    if not planned:
        return NOTHING
    came: dict[tuple[str, str], list[int]] = defaultdict(list)
    for step in course.real:
        if step.start <= cutoff < step.until:
            came[step.status, step.place].append(step.at)
    reported = [_next(came[step.status, step.place]) for step in planned]
    return [*_shape(planned, transfer, booked), *_progress(planned, reported, transfer, promised, cutoff)]


def _shape(planned: Sequence[Step], transfer: str | None, booked: int) -> list[float]:
    """Return what the plan foresees, whatever came of it."""
    ready = _ready(planned, transfer)
    before = [step for step in planned if ready is not None and step.at <= ready]
    after = planned[len(before) :]
    loaded = [step.at for step in before if step.status == EventStatus.LOADED]
    left = [step.at for step in before if step.status in LEAVES]
    leaves = next((step.at for step in after if step.status in LEAVES), None)
    arrives = next((step.at for step in reversed(after) if step.status in ARRIVALS), None)
    first, last = planned[0].at, planned[-1].at
    back = [planned[-place].at - planned[-place - 1].at for place in range(1, min(len(planned), _NEWEST + 1))]
    return [
        float(len(planned)),
        float(len(before)),
        _hours(booked, first),
        _hours(booked, last),
        _hours(booked, ready),
        _hours(min(loaded), max(loaded)) if loaded else np.nan,
        _hours(min(left), max(left)) if left else np.nan,
        _hours(max(loaded), max(left)) if loaded and left else np.nan,
        _hours(max(left), ready) if left else np.nan,
        _hours(ready, leaves),
        _hours(leaves, arrives),
        _hours(arrives, last),
        *(gap / HOUR for gap in back),
        *[np.nan] * (_NEWEST - len(back)),
    ]


def _progress(
    planned: Sequence[Step], reported: Sequence[int | None], transfer: str | None, promised: int, cutoff: int
) -> list[float]:
    """Return how far it has come; `reported` is when each planned step really happened, None if it is not known."""
    last, ready = planned[-1].at, _ready(planned, transfer)
    pairs = list(zip(planned, reported, strict=True))
    ahead = [step.at for step, at in pairs if at is None]
    overdue = max(cutoff - ahead[0], 0) / HOUR if ahead else np.nan
    reached = next(((step.at, at) for step, at in reversed(pairs) if at is not None), None)
    arrived = [at for step, at in pairs if step.status in ARRIVALS and step.place == transfer]
    in_time = [at for at in arrived if at is not None]
    transferred = max(in_time) if in_time and len(in_time) == len(arrived) else None
    delay = left = slack = np.nan
    if reached is not None:
        delay, left = _hours(*reached), _hours(reached[0], last)
        slack = (promised - cutoff - (last - reached[0])) / HOUR if promised < NEVER else np.nan
    return [float(len(ahead)), delay, overdue, left, slack, _hours(ready, transferred)]


def _ready(planned: Sequence[Step], transfer: str | None) -> int | None:
    """Return when the last planned arrival at the transfer is."""
    return next((step.at for step in reversed(planned) if step.place == transfer and step.status in ARRIVALS), None)


def _next(times: list[int]) -> int | None:
    return times.pop(0) if times else None


def _hours(start: int | None, end: int | None) -> float:
    return np.nan if start is None or end is None or start == NEVER else (end - start) / HOUR
