"""A small rate card in the manner of the recorded one, with orders, so that no recorded data is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import numpy as np
from numpy.typing import NDArray

from features.invoice_records import CarrierRate
from features.records import Shipment
from features.tables import RecordTables

AGREED = datetime(2013, 1, 1, tzinfo=UTC)
BREAKS = ((0.0, 49.99, 1.0), (50.0, 499.99, 0.8), (500.0, 99_999.0, 0.6))
CARRIERS = ("V_0", "V_1", "V_2", "V_3", "V_4", "V_5", "V_6", "V_7", "V_8")
WEIGHTS: NDArray[np.float64] = np.array([2.0, 14.0, 60.0, 130.0, 420.0, 900.0, 2_500.0])


def card() -> RecordTables:
    """Nine carriers from two places in two services; the last contradicts itself about one lane."""
    rates, orders = [], []
    clocks = {"occurred_at": AGREED, "known_at": AGREED, "valid_from": AGREED, "currency": "USD"}
    for place, (carrier, (origin, low), (service, dear)) in enumerate(
        product(CARRIERS, (("P1", 60), ("P2", 90)), (("SLOW", 1.0), ("FAST", 1.5)))
    ):
        shared = {"carrier_id": carrier, "origin": origin, "destination": "P9", "service_id": service, "mode": "air"}
        for step, (at_least, until, share) in enumerate(BREAKS):
            rate = {
                **shared, "rate_id": f"R{place}-{step}", "weight_from_kg": at_least, "weight_until_kg": until,
                "basis": "kg", "rate_minor": round((low + place) * dear * share), "minimum_minor": 9_00 + 10 * place,
                "transit_days": 2, **clocks,
            }  # fmt: skip
            rates.append(CarrierRate.model_validate(rate))
            if carrier == CARRIERS[-1] and origin == "P2":
                dearer = {"rate_id": f"R{place}-{step}-again", "rate_minor": round(1.4 * rates[-1].rate_minor)}
                rates.append(CarrierRate.model_validate({**rate, **dearer}))
        stops = [{"place": origin, "kind": "pickup"}, {"place": "P9", "kind": "delivery"}]
        order = {"shipment_id": f"B-{place}", "weight_kg": 35.0 + place, "stops": stops, "mode": "air",
                 "carrier_id": carrier, "service_id": service}  # fmt: skip
        orders.append(Shipment.model_validate(order | {"occurred_at": AGREED, "known_at": AGREED}))
    return RecordTables.from_records([*rates, *orders])
