"""A small contract and a shipment under it, for tests of re-rating and of invoices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from features.invoice_records import Accessorial, CarrierRate, FuelIndex
from features.records import DeliveryEvent, Shipment

DAY = timedelta(days=1)
AGREED = datetime(2026, 1, 1, tzinfo=UTC)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PICKUP = MONDAY + timedelta(hours=12)
CUTOFF = MONDAY + 7 * DAY


def clocks(known: datetime = AGREED, happened: datetime | None = None) -> dict[str, datetime]:
    return {"occurred_at": known if happened is None else happened, "known_at": known}


def rate(**given: Any) -> CarrierRate:
    usual: dict[str, Any] = {
        "rate_id": "R", "carrier_id": "C", "origin": "NLRTM", "destination": "DEHAM", "basis": "kg",
        "rate_minor": 10_00, "rate_per": 100, "valid_from": AGREED, "currency": "EUR",
    }  # fmt: skip
    return CarrierRate.model_validate(clocks() | usual | given)


def terms(code: str, **given: Any) -> Accessorial:
    usual: dict[str, Any] = {
        "accessorial_id": f"C-{code}", "carrier_id": "C", "charge_code": code, "basis": "shipment",
        "valid_from": AGREED, "currency": "EUR",
    }  # fmt: skip
    return Accessorial.model_validate(clocks() | usual | given)


def fuel(pct: float | None, start: datetime = MONDAY, **given: Any) -> FuelIndex:
    week = {"fuel_index_id": "F", "surcharge_pct": pct, "valid_from": start, "valid_until": start + 7 * DAY}
    return FuelIndex.model_validate(clocks() | week | given)


def plan(weight: float | None = 250, **given: Any) -> Shipment:
    appointment = given.pop("appointment_at", None)
    usual: dict[str, Any] = {
        "shipment_id": "S", "carrier_id": "C", "mode": "road_ltl", "weight_kg": weight,
        "stops": [
            {"place": "NLRTM", "kind": "pickup", "planned_at": given.pop("planned_at", PICKUP)},
            {"place": "DEHAM", "kind": "delivery", "appointment_at": appointment},
        ],
    }  # fmt: skip
    return Shipment.model_validate(clocks() | usual | given)


def event(status: str, hours: float, name: str = "", **given: Any) -> DeliveryEvent:
    at = PICKUP + timedelta(hours=hours)
    usual = {"event_id": name or f"{status}-{hours:g}", "shipment_id": "S", "status": status}
    return DeliveryEvent.model_validate(clocks(at) | usual | given)
