"""A small generated network with late, corrected and repeated events, weather and late-known plans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from features.carrier_records import Claim, Tender, TenderResponse
from features.fields import Record
from features.moments import questions_of
from features.records import DeliveryEvent, Disruption, Shipment, WeatherForecast, WeatherObservation
from features.stock_records import LabourShift, WarehouseTask
from features.tables import RECORDS, RecordTables, records_of
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

AnyRecord = (
    Shipment
    | DeliveryEvent
    | WeatherObservation
    | WeatherForecast
    | Disruption
    | WarehouseTask
    | LabourShift
    | Tender
    | TenderResponse
    | Claim
)


@pytest.fixture(scope="session")
def world() -> RecordTables:
    return simulate(SimulationSettings(shipments=400, days=14), np.random.default_rng(11)).tables


@pytest.fixture(scope="session")
def questions(world: RecordTables) -> pd.DataFrame:
    return questions_of(world)


@pytest.fixture(scope="session")
def records(world: RecordTables) -> Sequence[AnyRecord]:
    """Every record of the world, in the order in which it became known."""
    everything = chain.from_iterable(records_of(world, kind) for kind in get_args(AnyRecord))
    return sorted(everything, key=lambda record: record.known_at)


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


NOON = "2026-03-02T12:00:00Z"
LATER = "2026-03-02T15:00:00Z"
REFERENCES = [{"kind": "pro", "value": "123-456"}, {"kind": "bol", "value": "B9"}]
FILLED: dict[str, dict[str, object]] = {
    "shipments": {
        "shipment_id": "S1",
        "carrier_id": "RHEI",
        "mode": "road_ltl",
        "pieces": 3,
        "weight_kg": 120.5,
        "volume_m3": 0.8,
        "freight_class": "77.5",
        "value_minor": 4_300,
        "currency": "EUR",
        "references": REFERENCES,
        "stops": [
            {"place": "NLRTM", "kind": "pickup", "timezone": "Europe/Amsterdam", "planned_at": NOON},
            {"place": "DEHAM", "kind": "delivery", "promised_from_at": NOON, "promised_at": LATER},
        ],
    },
    "events": {
        "event_id": "E2",
        "shipment_id": "S1",
        "status": "delayed",
        "raw_status": "SD",
        "reason": "AO",
        "party_at_fault": "outside",
        "appointment": "AA",
        "text": "storm",
        "corrects": "E1",
        "correction": "incorrect_data",
    },
    "weather": {"place": "NLRTM", "temperature_c": -3.5, "wind_speed_ms": 12.0},
    "weather_forecasts": {"place": "NLRTM", "wind_speed_ms": 20.0, "valid_at": LATER},
    "disruptions": {
        "disruption_id": "D1",
        "kind": "warehouse_system",
        "severity": "severe",
        "place": "NLRTM",
        "valid_from": NOON,
        "valid_until": LATER,
    },
    "places": {"place": "NLRTM", "latitude": 51.92, "longitude": 4.48, "name": "Rotterdam"},
    "orders": {
        "order_id": "O1",
        "customer_id": "C1",
        "customer_tier": "critical",
        "ordered_at": NOON,
        "requested_at": LATER,
        "first_confirmed_at": LATER,
        "last_confirmed_at": LATER,
        "ship_complete": True,
        "value_minor": 9_900,
        "currency": "EUR",
    },
    "order_lines": {
        "order_id": "O1",
        "line_id": "10",
        "sku": "A-7",
        "quantity": 12,
        "unit_value_minor": 825,
        "currency": "EUR",
    },
    "packages": {
        "package_id": "P1",
        "shipment_id": "S1",
        "handling_unit_id": "340123450000000018",
        "contents": [{"sku": "A-7", "quantity": 12, "order_id": "O1", "line_id": "10"}, {"sku": "B", "quantity": 1}],
    },
    "handling_units": {"handling_unit_id": "340123450000000018", "kind": "pallet", "parent_id": "MSKU1"},
    "tenders": {
        "tender_id": "T1",
        "shipment_id": "S1",
        "carrier_id": "RHEI",
        "respond_by": LATER,
        "offered_minor": 55_000,
        "currency": "EUR",
        "references": REFERENCES,
    },
    "tender_responses": {
        "response_id": "R1",
        "tender_id": "T1",
        "shipment_id": "S1",
        "carrier_id": "RHEI",
        "reply": "declined",
        "raw_reply": "D",
    },
    "claims": {
        "claim_id": "M1",
        "carrier_id": "RHEI",
        "shipment_id": "S1",
        "kind": "damage",
        "raw_kind": "A",
        "status": "paid",
        "filed_at": NOON,
        "claimed_minor": 80_000,
        "paid_minor": 65_000,
        "currency": "EUR",
        "text": "two cartons wet",
    },
    "warehouse_tasks": {
        "task_id": "K1",
        "warehouse_id": "NLRTM",
        "kind": "pick",
        "status": "short",
        "quantity": 12,
        "done_quantity": 11.5,
        "due_at": LATER,
    },
    "labour_shifts": {
        "shift_id": "L1",
        "warehouse_id": "NLRTM",
        "starts_at": NOON,
        "ends_at": LATER,
        "planned_heads": 40,
        "present_heads": 37,
    },
    "inventory_positions": {
        "place": "NLRTM",
        "sku": "A-7",
        "disposition": "reserved",
        "held_by": "O1",
        "quantity": 12,
    },
    "inventory_adjustments": {
        "adjustment_id": "J1",
        "place": "NLRTM",
        "sku": "A-7",
        "disposition": "damaged",
        "from_disposition": "available",
        "quantity": -2,
        "reason": "damage",
    },
    "carrier_rates": {
        "rate_id": "V1",
        "carrier_id": "RHEI",
        "origin": "NL",
        "destination": "DE-2",
        "weight_from_kg": 100,
        "weight_until_kg": 499.99,
        "basis": "kg",
        "rate_minor": 7134,
        "rate_per": 100,
        "minimum_minor": 4323,
        "valid_from": NOON,
        "currency": "EUR",
    },
    "fuel_index": {
        "fuel_index_id": "CBS",
        "valid_from": NOON,
        "valid_until": LATER,
        "price_minor": 17_123,
        "price_per": 100,
        "surcharge_pct": 18.5,
        "currency": "EUR",
    },
    "accessorials": {
        "accessorial_id": "RHEI-DET",
        "carrier_id": "RHEI",
        "charge_code": "DET",
        "basis": "hour",
        "rate_minor": 4_500,
        "free_minutes": 120,
        "valid_from": NOON,
        "currency": "EUR",
    },
    "freight_invoices": {
        "invoice_id": "RHEI-77",
        "invoice_number": "77",
        "carrier_id": "RHEI",
        "shipment_id": "S1",
        "kind": "balance_due",
        "net_due_minor": -120,
        "currency": "EUR",
        "references": REFERENCES,
    },
    "invoice_lines": {
        "invoice_id": "RHEI-77",
        "line_number": 1,
        "kind": "fuel",
        "charge_code": "FSC",
        "percent": 18.5,
        "amount_minor": -120,
        "currency": "EUR",
    },
    "outcomes": {
        "outcome_id": "U1",
        "subject": "shipment",
        "subject_id": "S1",
        "action": "rebook",
        "done_by": "orchestrator",
        "status": "done",
        "verified_at": LATER,
        "cost_minor": 3_000,
        "currency": "EUR",
    },
    "reviews": {
        "review_id": "W1",
        "subject": "invoice",
        "subject_id": "RHEI-77",
        "reviewer": "ines",
        "verdict": "override",
        "chosen_action": "notify",
        "minutes_spent": 2.5,
    },
}
"""One record of each table, with most of its fields, but for the clocks."""


@pytest.fixture
def filled() -> dict[str, Record]:
    """One record of each table that holds records."""
    clocks = {"occurred_at": NOON, "known_at": LATER}
    return {table: kind.model_validate(FILLED[table] | clocks) for table, kind in RECORDS.items()}
