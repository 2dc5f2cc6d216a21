"""Contracts of the two carriers that the tests' service knows."""

from __future__ import annotations

from typing import Any

from features.contracts import Contracts
from features.invoice_records import CarrierRate
from tests.serving.house import at


def rate(carrier_id: str, minor: int, **given: Any) -> CarrierRate:
    """Return a rate for the whole shipment on the lane of the tests' shipment."""
    clocks = {"occurred_at": at(hours=-900), "known_at": at(hours=-900), "valid_from": at(hours=-800)}
    lane = {"origin": "DEHAM", "destination": "ATVIE", "basis": "shipment", "currency": "EUR"}
    usual = {"rate_id": f"R-{carrier_id}", "carrier_id": carrier_id, "rate_minor": minor}
    return CarrierRate.model_validate({**clocks, **lane, **usual, **given})


def contracts(**minor: int) -> Contracts:
    """Return contracts: what each carrier charges for a shipment on the lane."""
    return Contracts([rate(carrier_id, each) for carrier_id, each in minor.items()])
