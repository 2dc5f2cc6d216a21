"""What is reported of a shipment: S is planned at Hamburg at hour 20 and at Kassel at 24, promised in Munich at 30."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.build import build
from features.definitions import NAMES
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables
from features.tracking import Group, group_of
from features.vocabulary import Classifier, EventStatus

START = datetime(2026, 3, 2, tzinfo=UTC)
NOTHING = float("nan")


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


PLAN = Shipment.model_validate(
    {"shipment_id": "S", "carrier_id": "C", "mode": "road_ltl", "occurred_at": at(0), "known_at": at(0)}
    | {
        "stops": [
            {"place": "DEHAM", "kind": "pickup", "planned_at": at(20)},
            {"place": "DEKAS", "kind": "transfer", "planned_at": at(24)},
            {"place": "DEMUC", "kind": "delivery", "promised_at": at(30)},
        ]
    }
)


def report(name: str, status: str, occurred: float, known: float, **more: object) -> DeliveryEvent:
    given = {"event_id": name, "shipment_id": "S", "status": status, "occurred_at": at(occurred), "known_at": at(known)}
    return DeliveryEvent.model_validate(given | more)


TOLD = (
    report("E1", "departed", 20.5, 21, place="DEHAM"),
    report("E2", "delayed", 22, 22),
    report("E3", "terminal_arrived", 25, 25.5, place="DEKAS"),
    report("E4", "estimated_delivery", 33, 26, classifier="EST"),
    report("E5", "estimated_delivery", 31, 27, classifier="EST"),
    report("E6", "terminal_arrived", 24.5, 28, place="DEKAS", corrects="E3"),
    report("E7", "attempted", 29, 29, place="DEMUC"),
    report("E8", "damaged", 29.5, 29.5),
)


@pytest.mark.parametrize(
    ("name", "by_hour"),
    [
        ("last_scan_age_hours", {20.9: NOTHING, 21: 0.5, 24: 2, 26: 1, 28: 3.5, 30: 0.5}),
        ("last_scan_delay_minutes", {21: 30, 22: NOTHING, 25.4: NOTHING, 25.5: 60, 28: 30, 29: NOTHING}),
        ("dwell_hours", {22: NOTHING, 26: 1, 28: 3.5, 29: NOTHING}),
        ("delays_told", {21: 0, 22: 1, 30: 1}),
        ("failed_attempts", {28: 0, 29: 1}),
        ("troubles_told", {29: 0, 30: 1}),
        ("estimated_delay_minutes", {25: NOTHING, 26: 180, 27: 60}),
        ("estimate_age_hours", {25: NOTHING, 26.5: 0.5, 27: 0}),
    ],
)
def test_says_what_was_reported_by_then(name: str, by_hour: dict[float, float]) -> None:
    tables = RecordTables.from_records([PLAN, *TOLD])
    questions = pd.DataFrame({"shipment_id": "S", "cutoff_at": [at(hour) for hour in by_hour]})
    built = build(tables, questions, FeatureSettings()).values[:, NAMES.index(name)]
    np.testing.assert_allclose(built, list(by_hour.values()))
    state = State()
    for record in (PLAN, *reversed(TOLD), *TOLD):
        state.add(record)
    answers = [state.features(PLAN, at(hour)).values[NAMES.index(name)] for hour in by_hour]
    np.testing.assert_array_equal(answers, built)


@pytest.mark.parametrize(
    ("status", "classifier", "group"),
    [
        (EventStatus.LOADED, Classifier.ACTUAL, Group.OTHER),
        (EventStatus.CUSTOMS_HOLD, Classifier.ACTUAL, Group.TROUBLE),
        (EventStatus.DELIVERED, Classifier.ESTIMATED, Group.ESTIMATE),
        (EventStatus.DEPARTED, Classifier.ESTIMATED, None),
        (EventStatus.DELIVERED, Classifier.PLANNED, None),
    ],
)
def test_reports_come_in_groups(status: EventStatus, classifier: Classifier, group: Group | None) -> None:
    assert group_of(status, classifier) == group
