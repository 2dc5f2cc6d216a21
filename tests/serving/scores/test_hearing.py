"""When a carrier was last heard of is the same whether its reports came one by one or with the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from features.records import DeliveryEvent, Shipment
from features.tables import RecordTables
from serving.scores.live import LiveState
from tests.serving.house import NOW, shipment


def plan(name: str, carrier: str) -> Shipment:
    planned = shipment(name, carrier_id=carrier)
    return Shipment.model_validate({**planned, "known_at": NOW - timedelta(hours=24)})


def report(name: str, hours: float, *, by: str = "carrier") -> DeliveryEvent:
    at = NOW + timedelta(hours=hours)
    told = {"event_id": f"{name}@{hours}{by}", "shipment_id": name, "status": "in_transit", "asserted_by": by}
    return DeliveryEvent.model_validate({**told, "occurred_at": at - timedelta(hours=1), "known_at": at})


RECORDS = [
    plan("A", "NWX"),
    plan("B", "NWX"),
    plan("C", "ACE"),
    report("B", -3),
    report("A", -5),
    report("C", -9, by="driver"),
    report("C", -2, by="customer"),
    report("UNKNOWN", -1),
]


@pytest.fixture(params=["one by one", "as history"])
def state(request: pytest.FixtureRequest) -> LiveState:
    state = LiveState()
    if request.param == "as history":
        state.add_tables(RecordTables.from_records(RECORDS))
    else:
        for record in RECORDS:
            state.add(record)
    return state


def test_the_newest_report_of_any_of_its_shipments_counts(state: LiveState) -> None:
    assert state.carrier_heard_at("NWX") == NOW - timedelta(hours=3)


def test_what_others_say_is_no_sign_of_its_feed(state: LiveState) -> None:
    heard = state.carrier_heard_at("ACE")
    assert heard == NOW - timedelta(hours=9)
    assert heard.tzinfo is UTC


def test_a_carrier_that_said_nothing_was_never_heard_of(state: LiveState) -> None:
    assert state.carrier_heard_at("ZZZ") is None


def test_a_report_after_the_history_counts_on(state: LiveState) -> None:
    state.add(report("A", 1))
    assert state.carrier_heard_at("NWX") == datetime(2026, 3, 2, 7, tzinfo=UTC)
