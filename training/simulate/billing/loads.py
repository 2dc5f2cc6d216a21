"""Loads on a recorded rate card: what was carried, what happened, what of that is on record, and what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.charges import Expected, Reason
from features.contracts import Contracts
from features.invoice_records import Accessorial, CarrierRate, FuelIndex
from features.rating import rate_shipment
from features.records import DeliveryEvent, Shipment, Stop
from features.vocabulary import AssertedBy, EventStatus, PartyAtFault, StopKind
from training.simulate.billing.settings import BillingSettings
from training.simulate.billing.sheet import Sheet, sheet_of

KEPT_AMBIGUOUS = 0.12
"""Share kept of the loads for which the rate card contradicts itself: there rules must be silent."""
ASKED_ON_CARD = 0.65
"""Share of loads on any lane of the card; the others are on the lanes of the recorded orders."""
PAYERS = ("SHIPPER-HQ", "SHIPPER-EU")
HEAVIEST_KG = 5_000.0
EVER = timedelta(days=3650)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The contract: as it is on record, and with the cheapest and the dearest of prices that contradict each other."""

    rates: Sequence[CarrierRate]
    fuel: Sequence[FuelIndex]
    accessorials: Sequence[Accessorial]
    on_record: Contracts
    cheapest: Contracts
    dearest: Contracts

    @classmethod
    def of(cls, rates: Sequence[CarrierRate], fuel: Sequence[FuelIndex], accessorials: Sequence[Accessorial]) -> Agreed:
        """Sort out the contradictions of a rate card."""
        cheapest, dearest = (_one_of_each(rates, sign) for sign in (1, -1))
        made = [Contracts(some, fuel, accessorials) for some in (rates, cheapest, dearest)]
        return cls(rates, fuel, accessorials, *made)

    def terms(self, carrier: str) -> dict[str, Accessorial]:
        """Return the terms of a carrier by their code."""
        return {one.charge_code: one for one in self.accessorials if one.carrier_id == carrier}


@dataclass(frozen=True, slots=True)
class Load:
    """One shipment and its right bill.

    Attributes
    ----------
    shipment, told
        As it was, and as it is on record, in each state of that.
    events
        What is told of it; some of it late.
    expected, sheet
        What is owed by what was, and the bill for it.
    is_ambiguous
        Whether the rate card contradicts itself about it.
    """

    shipment: Shipment
    told: tuple[Shipment, ...]
    events: tuple[DeliveryEvent, ...]
    expected: Expected
    sheet: Sheet
    is_ambiguous: bool
    billed_at: datetime
    known_at: datetime

    @property
    def delivered_at(self) -> datetime:
        """When it was delivered."""
        return next(event.occurred_at for event in self.events if event.status is EventStatus.DELIVERED)


def loads(
    settings: BillingSettings,
    agreed: Agreed,
    orders: Sequence[Shipment],
    delivery_weights: NDArray[np.float64],
    rng: np.random.Generator,
) -> list[Load]:
    """Return loads in the order in which they leave.

    Parameters
    ----------
    orders
        Recorded orders: their lanes and weights.
    delivery_weights
        Weights of recorded deliveries in kg, for spread.
    """
    card = sorted({(rate.carrier_id, rate.origin, rate.destination, rate.service_id or "") for rate in agreed.rates})
    modes = {(rate.carrier_id, rate.origin, rate.destination, rate.service_id or ""): rate for rate in agreed.rates}
    ordered = [
        key for one in orders if (key := (one.carrier_id, one.origin, one.destination, one.service_id or "")) in modes
    ]
    delivery_weights = delivery_weights[delivery_weights <= HEAVIEST_KG]
    order_weights = np.array([one.weight_kg for one in orders if one.weight_kg])
    made: list[Load] = []
    leaves = np.sort(rng.uniform(0, settings.days * 24, size=round(1.8 * settings.loads)))
    for number, hours in enumerate(leaves.tolist()):
        keys = card if rng.random() < ASKED_ON_CARD else ordered
        key = keys[int(rng.integers(len(keys)))]
        weights = order_weights if rng.random() < settings.order_weight_share else delivery_weights
        weight = max(0.1, round(float(rng.choice(weights)) * float(rng.uniform(0.9, 1.1)), 1))
        leaves_at = settings.start + timedelta(minutes=round(60 * hours))
        shipment = _shipment(f"L{number:06d}", key, modes[key], weight, leaves_at, rng)
        load = _load(settings, agreed, shipment, modes[key].transit_days or 2, rng)
        if load is not None:
            made.append(load)
    chosen = np.sort(rng.permutation(len(made))[: settings.loads])
    return [made[place] for place in chosen.tolist()]


def _one_of_each(rates: Iterable[CarrierRate], sign: int) -> list[CarrierRate]:
    groups: dict[tuple[object, ...], list[CarrierRate]] = defaultdict(list)
    for rate in rates:
        key = (rate.carrier_id, rate.origin, rate.destination, rate.service_id, rate.mode, rate.weight_from_kg)
        groups[key].append(rate)
    return [
        min(same, key=lambda rate: (sign * rate.rate_minor, sign * (rate.minimum_minor or 0)))
        for same in groups.values()
    ]


def _shipment(
    name: str,
    key: tuple[str, str, str, str],
    rate: CarrierRate,
    weight: float,
    leaves_at: datetime,
    rng: np.random.Generator,
) -> Shipment:
    carrier, origin, destination, service = key
    arrives = leaves_at + timedelta(days=rate.transit_days or 2)
    stops = (
        Stop(place=origin, kind=StopKind.PICKUP, planned_at=leaves_at),
        Stop(
            place=destination,
            kind=StopKind.DELIVERY,
            planned_at=arrives,
            promised_at=arrives + 4 * HOUR,
            is_residence=bool(rng.random() < 0.12),
        ),
    )
    booked = leaves_at - timedelta(hours=float(rng.uniform(12, 96)))
    return Shipment(
        shipment_id=name,
        carrier_id=carrier,
        service_id=service or None,
        mode=rate.mode or "other",
        weight_kg=weight,
        pieces=max(1, round(weight / float(rng.lognormal(2.5, 0.25)))),
        volume_m3=round(weight / float(rng.lognormal(5.2, 0.35)), 3),
        stops=stops,
        occurred_at=booked,
        known_at=booked,
    )


def _load(
    settings: BillingSettings, agreed: Agreed, shipment: Shipment, transit_days: float, rng: np.random.Generator
) -> Load | None:
    """Return a load with its right bill; None where nothing can be billed, or a contradiction is not kept."""
    leaves_at = shipment.planned_departure_at or settings.start
    events = _Happened(shipment.shipment_id, rng)
    _happen(events, leaves_at, transit_days, rng)
    delivered = next(event.occurred_at for event in events.made if event.status is EventStatus.DELIVERED)
    billed_at = delivered + timedelta(hours=round(float(rng.gamma(3.0, 40.0)), 2))
    known_at = billed_at + timedelta(hours=round(float(rng.uniform(1, 48)), 2))
    at_end = known_at + EVER
    on_record = rate_shipment(shipment, events.made, agreed.on_record, at_end)
    is_ambiguous = any(doubt.reason is Reason.SEVERAL_CONTRACTS for doubt in on_record.doubts)
    if is_ambiguous and rng.random() > KEPT_AMBIGUOUS:
        return None
    expected = rate_shipment(shipment, events.made, agreed.cheapest, at_end) if is_ambiguous else on_record
    if expected.doubts:
        return None
    told_late = [
        event.model_copy(update={"known_at": known_at + timedelta(hours=float(rng.uniform(6, 200)))})
        if event.status is not EventStatus.DELIVERED and rng.random() < settings.late_evidence_share
        else event
        for event in events.made
    ]
    return Load(
        shipment=shipment,
        told=_told(settings, shipment, delivered, rng),
        events=tuple(told_late),
        expected=expected,
        sheet=sheet_of(expected, shipment.weight_kg or 0.0, agreed.terms(shipment.carrier_id)),
        is_ambiguous=is_ambiguous,
        billed_at=billed_at,
        known_at=known_at,
    )


def _told(
    settings: BillingSettings, shipment: Shipment, delivered: datetime, rng: np.random.Generator
) -> tuple[Shipment, ...]:
    drawn = rng.random()
    if drawn < settings.missing_weight_share:
        return (shipment.model_copy(update={"weight_kg": None}),)
    if drawn < settings.missing_weight_share + settings.revised_share:
        first = shipment.model_copy(
            update={"weight_kg": round((shipment.weight_kg or 0) * float(rng.uniform(0.6, 0.95)), 1)}
        )
        weighed = shipment.model_copy(update={"known_at": delivered, "occurred_at": delivered})
        return (first, weighed)
    return (shipment,)


class _Happened:
    """The events of one load as they come about."""

    def __init__(self, shipment_id: str, rng: np.random.Generator) -> None:
        self.made: list[DeliveryEvent] = []
        self._shipment_id, self._rng = shipment_id, rng

    def add(self, status: EventStatus, at: datetime, **given: Any) -> None:
        """Add an event, told some hours after it happened."""
        self.made.append(
            DeliveryEvent(
                event_id=f"{self._shipment_id}-{len(self.made) + 1}",
                shipment_id=self._shipment_id,
                status=status,
                occurred_at=at,
                known_at=at + timedelta(hours=round(float(self._rng.uniform(0.1, 6.0)), 2)),
                **given,
            )
        )


def _happen(events: _Happened, leaves_at: datetime, transit_days: float, rng: np.random.Generator) -> None:
    """Let a load leave, be asked for and delayed, be attempted in vain, wait, and be delivered."""
    left = leaves_at + timedelta(minutes=round(float(rng.gamma(2.0, 40.0))))
    if rng.random() < 0.08:
        events.add(EventStatus.OTHER, leaves_at - 3 * HOUR, raw_status="MSG", asserted_by=AssertedBy.CUSTOMER)
    events.add(EventStatus.DEPARTED, left)
    way = timedelta(days=max(transit_days, 0.3))
    if rng.random() < 0.12:
        by = PartyAtFault(rng.choice(["carrier", "carrier", "outside", "consignee"]))
        way += timedelta(hours=round(float(rng.gamma(2.0, 6.0)), 2))
        events.add(EventStatus.DELAYED, left + way / 2, party_at_fault=by)
    if rng.random() < 0.03:
        events.add(EventStatus.DELAYED, left + 0.8 * way, party_at_fault=PartyAtFault.ADDRESS, raw_status="A2")
    arrived = left + way
    if rng.random() < 0.045:
        by = PartyAtFault.CARRIER if rng.random() < 0.3 else PartyAtFault.CONSIGNEE
        events.add(EventStatus.ATTEMPTED, arrived, party_at_fault=by)
        arrived += timedelta(hours=round(float(rng.uniform(16, 30)), 2))
    stay = timedelta(minutes=round(float(rng.gamma(1.6, 38.0))))
    if rng.random() < 0.9:
        events.add(EventStatus.DELIVERY_ARRIVED, arrived)
    events.add(EventStatus.DELIVERED, arrived + stay)
