"""When a carrier told of something: once for each thing told, in bulk as one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from features.fields import Record
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import AnyRecord, State
from features.tables import RecordTables

PLAN = {
    "shipment_id": "B",
    "carrier_id": "RHEI",
    "mode": "road_ltl",
    "stops": [
        {"place": "NLRTM", "kind": "pickup", "planned_at": "2026-03-02T22:00:00Z"},
        {"place": "DEHAM", "kind": "delivery", "promised_at": "2026-03-03T23:00:00Z"},
    ],
}
EVENT = {"shipment_id": "B", "status": "departed", "asserted_by": "carrier"}


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def plan(known: datetime, **changes: Any) -> Shipment:
    return Shipment.model_validate({**PLAN, "occurred_at": at(2, 0), "known_at": known, **changes})


def left(event_id: str, occurred: datetime, known: datetime, **changes: Any) -> DeliveryEvent:
    return DeliveryEvent.model_validate(
        {**EVENT, "event_id": event_id, "occurred_at": occurred, "known_at": known, **changes}
    )


def told(state: State) -> list[datetime]:
    """Return since when each thing counts that was told of the carrier."""
    found = []
    for hour in range(3 * 24):
        cutoff = at(2, 0).timestamp() + 3600 * hour
        if state.facts.reports.last_start(("RHEI",), int(cutoff * 1e6)) == int(cutoff * 1e6):
            found.append(datetime.fromtimestamp(cutoff, UTC))
    return found


DEPARTED = left("E0", at(2, 13), at(2, 14))
CASES: dict[str, tuple[list[AnyRecord], list[datetime]]] = {
    "once": ([plan(at(2, 0)), DEPARTED], [at(2, 14)]),
    "a plan sent again tells nothing": ([plan(at(2, 0)), plan(at(3, 11)), DEPARTED], [at(2, 14)]),
    "a change of the promise tells nothing": (
        [plan(at(2, 0)), plan(at(3, 11), weight_kg=7), DEPARTED],
        [at(2, 14)],
    ),
    "a second correction of one event tells nothing": (
        [
            plan(at(2, 0)), DEPARTED,
            left("E1", at(2, 12), at(2, 20), corrects="E0"), left("E2", at(2, 12), at(3, 2), corrects="E0"),
        ],
        [at(2, 14), at(2, 20)],
    ),
    "the shipment of another carrier told of something when that was known": (
        [plan(at(2, 0), carrier_id="NWX"), plan(at(3, 11)), DEPARTED],
        [at(3, 11)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_thing_told_counts_once(name: str) -> None:
    records, expected = CASES[name]
    bulk, single = State(FeatureSettings()), State(FeatureSettings())
    bulk.add_tables(RecordTables.from_records(list[Record](records)))
    for record in reversed(records):
        single.add(record)
    assert told(bulk) == told(single) == expected
