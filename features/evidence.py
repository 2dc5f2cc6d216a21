"""What shows that a charge beside the freight is owed: the events and stops that its contract asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from features.invoice_records import Accessorial
from features.invoice_vocabulary import Proof
from features.records import DeliveryEvent, Shipment
from features.vocabulary import AssertedBy, EventStatus, PartyAtFault

_STATUS = {
    Proof.RETURN: EventStatus.RETURNED,
    Proof.DIVERSION: EventStatus.DIVERTED,
    Proof.CUSTOMS_HOLD: EventStatus.CUSTOMS_HOLD,
}
_STAYS = (
    (EventStatus.PICKUP_ARRIVED, EventStatus.DEPARTED),
    (EventStatus.DELIVERY_ARRIVED, EventStatus.DELIVERED),
)
_OUR_SIDE = (AssertedBy.CUSTOMER, AssertedBy.WAREHOUSE)
"""Who can ask for a service: not the carrier that bills it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the events show about one charge.

    Attributes
    ----------
    times
        How often it is owed; 0 if nothing shows it, None if that cannot be told.
    minutes
        Waiting beyond what is free, for a charge by time.
    event_ids
        The events that show it.
    words
        What was found, or what is missing.
    """

    times: int | None
    words: str
    event_ids: tuple[str, ...] = ()
    minutes: int = 0


def shown(charge: Accessorial, shipment: Shipment, events: Sequence[DeliveryEvent]) -> Shown:
    """Tell whether a charge is owed on a shipment.

    Parameters
    ----------
    events
        Those of the shipment that stand, as `features.as_known.standing` returns them.
    """
    if charge.needs_authorisation and not asked_for(charge, events):
        return Shown(0, f"nobody asked for charge {charge.charge_code} before the delivery")
    match charge.proof:
        case Proof.NOTHING:
            return Shown(1, "owed on every shipment")
        case Proof.WAITING:
            return _waiting(charge, shipment, events)
        case Proof.ATTEMPT:
            found = [
                event
                for event in events
                if event.status is EventStatus.ATTEMPTED and event.party_at_fault is not PartyAtFault.CARRIER
            ]
            return _counted(found, "an attempted delivery that was not the carrier's doing")
        case Proof.APPOINTMENT:
            made = [event for event in events if event.appointment is not None]
            if not made and any(stop.appointment_at is not None for stop in shipment.stops):
                return Shown(1, "the plan has an appointment")
            return _once(made, "an appointment")
        case Proof.RESIDENCE:
            homes = sum(bool(stop.is_residence) for stop in shipment.stops)
            return Shown(min(homes, 1), "a stop is a residence" if homes else "no stop of the plan is a residence")
        case Proof.ADDRESS:
            wrong = [event for event in events if event.party_at_fault is PartyAtFault.ADDRESS]
            return _once(wrong, "a wrong address")
        case Proof.LATE_DELIVERY:
            return _late(shipment, events)
        case Proof.REQUEST:
            return _once(
                [event for event in events if event.raw_status == charge.charge_code], f"charge {charge.charge_code}"
            )
        case proof:
            status = _STATUS[proof]
            return _once(
                [event for event in events if event.status is status], f"the status {status.value.replace('_', ' ')}"
            )


def asked_for(charge: Accessorial, events: Sequence[DeliveryEvent]) -> bool:
    """Tell whether our side asked for a charge before the delivery."""
    delivered = [event.occurred_at for event in events if event.status is EventStatus.DELIVERED]
    return any(
        event.raw_status == charge.charge_code
        and event.asserted_by in _OUR_SIDE
        and (not delivered or event.occurred_at <= delivered[0])
        for event in events
    )


def _late(shipment: Shipment, events: Sequence[DeliveryEvent]) -> Shown:
    """Tell whether a guarantee of the promised time is broken: a delay with an excuse by its reason breaks none."""
    promised = shipment.promised_at
    delivered = next((event for event in events if event.status is EventStatus.DELIVERED), None)
    if promised is None or delivered is None or delivered.occurred_at <= promised:
        return Shown(0, "no delivery after the promise is known")
    others = (None, PartyAtFault.CARRIER, PartyAtFault.NEUTRAL, PartyAtFault.OTHER)
    excused = [
        event for event in events if event.party_at_fault not in others and event.occurred_at <= delivered.occurred_at
    ]
    if excused:
        return Shown(0, f"the delay has an excuse: {excused[0].party_at_fault}")
    minutes = (delivered.occurred_at - promised) // timedelta(minutes=1)
    return Shown(1, f"delivered {minutes} minutes after the promise", (delivered.event_id,))


def _counted(found: Sequence[DeliveryEvent], what: str) -> Shown:
    if not found:
        return Shown(0, f"no event shows {what}")
    return Shown(len(found), f"{len(found)} × {what}", tuple(event.event_id for event in found))


def _once(found: Sequence[DeliveryEvent], what: str) -> Shown:
    counted = _counted(found[:1], what)
    return Shown(counted.times, counted.words.removeprefix("1 × "), counted.event_ids)


def _waiting(charge: Accessorial, shipment: Shipment, events: Sequence[DeliveryEvent]) -> Shown:
    """Add up the waiting at the stops beyond what is free at each.

    The clock starts with the arrival, or with the appointment if the vehicle was early, and stops with the departure
    from the pickup or the delivery of the goods.
    """
    free = charge.free_minutes or 0
    stays = [
        stay
        for (arrived, left), stop in zip(_STAYS, (shipment.stops[0], shipment.stops[-1]), strict=True)
        if (stay := _stay(events, arrived, left, stop.appointment_at)) is not None
    ]
    if not stays:
        return Shown(0, "no arrival is known, so no waiting is shown")
    open_ended = [start for start, end in stays if end is None]
    if open_ended:
        return Shown(None, f"the end of the stay since {open_ended[0].occurred_at:%Y-%m-%d %H:%M} UTC is not known")
    minutes = 0
    shows: list[str] = []
    for start, end in stays:
        if end is not None:
            waited = (end.event.occurred_at - end.from_at) // timedelta(minutes=1)
            if waited > free:
                minutes += waited - free
                shows += [start.event_id, end.event.event_id]
    if not minutes:
        return Shown(0, f"no stay was longer than the {free} free minutes")
    return Shown(1, f"{minutes} minutes beyond {free} free", tuple(shows), minutes)


@dataclass(frozen=True, slots=True)
class _End:
    """The event that ended a stay, and from when on the stay counts."""

    event: DeliveryEvent
    from_at: datetime


def _stay(
    events: Sequence[DeliveryEvent], arrived: EventStatus, left: EventStatus, appointment: datetime | None
) -> tuple[DeliveryEvent, _End | None] | None:
    """Return the arrival and the end of the last stay, None without an arrival."""
    ends = [event for event in events if event.status is left]
    arrivals = [event for event in events if event.status is arrived]
    if not arrivals:
        return None
    before = [event for event in arrivals if ends and event.occurred_at <= ends[0].occurred_at]
    if not before:
        return arrivals[-1], None
    start = before[-1].occurred_at
    return before[-1], _End(ends[0], start if appointment is None else max(start, appointment))
