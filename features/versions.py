"""The versions of one leg: its plan and its milestones as they were known from one instant to another.

The numbers are those of `features.legs`, whose words are used here too, worked out from the records of one shipment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from features.as_known import counts_from
from features.instants import micros
from features.legs import ARRIVALS, CLOSED, EXCEPTIONS, Row, Time
from features.standing import lives_of
from features.timeline import NEVER
from features.vocabulary import Classifier, Correction, EventStatus

if TYPE_CHECKING:
    from features.records import DeliveryEvent, Shipment

# Members that are compared with for each event: Python 3.11 takes longer to read one than to compare.
_ACTUAL, _PLANNED = Classifier.ACTUAL, Classifier.PLANNED
_DEPARTED, _DELIVERED = EventStatus.DEPARTED, EventStatus.DELIVERED
_DID_NOT_OCCUR = Correction.DID_NOT_OCCUR
_NO_TIMES = [NEVER] * len(Time)


class Version(NamedTuple):
    """One version of one leg: the plan that it follows, and its times."""

    plan: Shipment
    times: Row


def versions_of(plans: Sequence[Shipment], events: Collection[DeliveryEvent]) -> tuple[Version, ...]:
    """Return the versions of one leg, in order of time.

    Parameters
    ----------
    plans
        At least one, in order of `known_at`.
    events
        Those known of the shipment, in any order.
    """
    first = plans[0]
    lives = lives_of(events)
    turns = {first.known_at: first}
    for before, plan in pairwise(plans):
        if not is_same_plan(before, plan):
            turns[plan.known_at] = plan
    ends = {until for _, until in lives if until is not None}
    instants = {*turns, *(until for until in ends if until > first.known_at)}
    if len(instants) == 1 and not ends:
        told = [event for event in events if event.correction is not _DID_NOT_OCCUR]
        return (Version(first, _times(first, first, told, micros(first.known_at), NEVER)),)
    versions, plan = [], first
    ordered = sorted(instants)
    for place, since in enumerate(ordered):
        plan = turns.get(since, plan)
        standing = [event for event, end in lives if _stands(event, end, since)]
        until = micros(ordered[place + 1]) if place + 1 < len(ordered) else NEVER
        versions.append(Version(plan, _times(first, plan, standing, micros(since), until)))
    return tuple(versions)


def with_event(
    versions: tuple[Version, ...], events: Collection[DeliveryEvent], event: DeliveryEvent
) -> tuple[Version, ...] | None:
    """Return the versions of one leg once an event more is known, where that follows from them; None where it does not.

    It follows where there is one version, so that nothing was taken back or planned anew, and the event takes nothing
    back and is no earlier word on a milestone that is known already.

    Parameters
    ----------
    versions
        What `versions_of` returned before, of a leg none of whose events corrects another.
    events
        Those known now, this one among them.
    """
    if len(versions) != 1 or event.corrects is not None or event.correction is not None:
        return None
    (plan, times), status = versions[0], event.status
    if status in ARRIVALS:
        row = [*times]
        for column, place in _awaited(plan):
            if place == event.place:
                row[column] = _all_in(events, place)
        return (Version(plan, tuple(row)),)
    if event.classifier is not _ACTUAL:
        return versions
    if status is _DEPARTED:
        happened, known = Time.DEPARTED, Time.DEPARTED_KNOWN
    elif status is _DELIVERED:
        happened, known = Time.DELIVERED, Time.DELIVERED_KNOWN
    elif status in CLOSED:
        happened, known = None, Time.CLOSED_KNOWN
    elif status in EXCEPTIONS:
        happened, known = None, Time.EXCEPTION_KNOWN
    else:
        return versions
    if times[known] != NEVER:
        return None
    row = [*times]
    row[known] = micros(counts_from(event))
    if happened is not None:
        row[happened] = micros(event.occurred_at)
    return (Version(plan, tuple(row)),)


def is_same_plan(one: Shipment, other: Shipment) -> bool:
    """Compare what two plans say; when it was learnt does not count, a repeat is learnt later."""
    return one.model_copy(update={"known_at": other.known_at}) == other


def version_at(versions: Sequence[Version], cutoff: int) -> Version:
    """Return the version in force at the cutoff (microseconds); before all of them, the first."""
    for version in reversed(versions):
        if version.times[Time.SINCE] <= cutoff:
            return version
    return versions[0]


def _stands(event: DeliveryEvent, end: datetime | None, since: datetime) -> bool:
    return event.correction is not _DID_NOT_OCCUR and (end is None or end > since)


def _times(first: Shipment, plan: Shipment, standing: Collection[DeliveryEvent], since: int, until: int) -> Row:
    row = _NO_TIMES.copy()
    row[Time.BOOKED] = micros(first.occurred_at)
    row[Time.KNOWN] = micros(first.known_at)
    row[Time.PLANNED] = micros(plan.planned_departure_at)
    row[Time.PROMISED] = micros(plan.promised_at)
    row[Time.SINCE], row[Time.UNTIL] = since, until
    for event in sorted(standing, key=_in_turn):
        if event.classifier is not _ACTUAL:
            continue
        if event.status is _DEPARTED:
            if row[Time.DEPARTED] == NEVER:
                row[Time.DEPARTED], row[Time.DEPARTED_KNOWN] = micros(event.occurred_at), micros(counts_from(event))
        elif event.status is _DELIVERED:
            if row[Time.DELIVERED] == NEVER:
                row[Time.DELIVERED], row[Time.DELIVERED_KNOWN] = micros(event.occurred_at), micros(counts_from(event))
        elif event.status in CLOSED and row[Time.CLOSED_KNOWN] == NEVER:
            row[Time.CLOSED_KNOWN] = micros(counts_from(event))
        elif event.status in EXCEPTIONS and row[Time.EXCEPTION_KNOWN] == NEVER:
            row[Time.EXCEPTION_KNOWN] = micros(counts_from(event))
    for column, place in _awaited(plan):
        row[column] = _all_in(standing, place)
    return tuple(row)


def _awaited(plan: Shipment) -> tuple[tuple[int, str], ...]:
    """Return where all that is planned to come is awaited, with the column that says when it was known to be there."""
    end, transfer = (Time.ARRIVED_KNOWN, plan.destination), plan.transfer
    return (end,) if transfer is None else (end, (Time.TRANSFERRED_KNOWN, transfer))


def _all_in(standing: Iterable[DeliveryEvent], place: str) -> int:
    """Return when as many arrivals at a place are known as are planned by then, at least one."""
    arrivals = [event for event in standing if event.place == place and event.status in ARRIVALS]
    planned = come = 0
    for event in sorted(arrivals, key=_in_turn):
        planned += event.classifier is _PLANNED
        come += event.classifier is _ACTUAL
        if come >= max(planned, 1):
            return micros(counts_from(event))
    return NEVER


def keys_of(shipment: Shipment) -> dict[str, str | None]:
    """Return the key fields of one shipment."""
    return {
        "carrier": shipment.carrier_id,
        "origin": shipment.origin,
        "transfer": shipment.transfer,
        "destination": shipment.destination,
        "service": shipment.service_id,
        "vehicle": shipment.vehicle_id,
        "customer": shipment.customer_id,
    }


def _in_turn(event: DeliveryEvent) -> tuple[datetime, datetime, datetime, str]:
    """Put events in the order in which they come to count: a plan and an estimate do once they are known."""
    known, occurred = event.known_at, event.occurred_at
    start = max(occurred, known) if event.classifier is _ACTUAL else known
    return start, known, occurred, event.event_id
