"""The newest outcomes: which count, since when, and how often they are worked out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import pytest

from features.instants import micros
from features.records import DeliveryEvent, Shipment
from features.state import FeatureRow
from features.tables import RecordTables
from features.vocabulary import Moment
from models.eta import EtaModel, residuals
from serving.arrivals.outcomes import KnownOutcomes
from serving.arrivals.service import ArrivalService
from serving.clock import ManualClock
from serving.scores.live import LiveState
from serving.scores.service import ScoreService
from tests.training.small import small_eta_model

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
CARRIERS = ("NWX", "ACE")


class Counting(LiveState):
    """A state that counts how often features are asked of it."""

    asked = 0

    def features(self, subject: Shipment, cutoff: datetime) -> FeatureRow:
        self.asked += 1
        return super().features(subject, cutoff)


def hours(count: float) -> datetime:
    return BEGIN + timedelta(hours=count)


def plan(name: str, carrier: str = "NWX", *, leaves: float | None = 30, known: float = 0) -> Shipment:
    leaving = {} if leaves is None else {"planned_at": hours(leaves)}
    stops = [
        {"place": "DEHAM", "kind": "pickup", **leaving},
        {"place": "ATVIE", "kind": "delivery", "promised_at": hours(60)},
    ]
    fields = {"carrier_id": carrier, "mode": "road_ltl", "stops": stops}
    return Shipment.model_validate(
        {"shipment_id": name, **fields, "occurred_at": hours(known), "known_at": hours(known)}
    )


def event(name: str, status: str, occurred: float, known: float, **more: Any) -> DeliveryEvent:
    fields = {"event_id": f"{name}-{status}-{known}", "shipment_id": name, "status": status}
    return DeliveryEvent.model_validate({**fields, "occurred_at": hours(occurred), "known_at": hours(known), **more})


RECORDS = [
    *(plan(f"S{number}", CARRIERS[number % 2]) for number in range(4)),
    *(event(f"S{number}", "departed", 31, 32) for number in range(4)),
    *(event(f"S{number}", "delivered", 58 + number, 70 + number) for number in range(3)),
]


@pytest.fixture(scope="module")
def model() -> EtaModel:
    return small_eta_model()


@pytest.fixture(params=["one by one", "as history"])
def state(request: pytest.FixtureRequest) -> Counting:
    state = Counting()
    if request.param == "as history":
        state.add_tables(RecordTables.from_records(RECORDS))
    else:
        for record in RECORDS:
            state.add(record)
    return state


def newest(known: KnownOutcomes, model: EtaModel, at: float, moment: Moment = Moment.HOURS_BEFORE) -> list[Any]:
    """Return carrier and hour of each outcome that the model was not made with."""
    made = len(model.outcomes[moment].known)
    outcomes = known.at(moment, hours(at))
    since = (outcomes.known[made:] - micros(BEGIN)) / 3.6e9
    return sorted(zip(outcomes.groups[made:].tolist(), since.tolist(), strict=True))


class TestWhichCount:
    def test_deliveries_from_when_they_were_known_to_the_end_of_the_window(
        self, state: Counting, model: EtaModel
    ) -> None:
        known = KnownOutcomes(model, state)
        assert newest(known, model, 69) == []
        assert newest(known, model, 71) == [("ACE", 71), ("NWX", 70)]
        assert newest(known, model, 72) == [("ACE", 71), ("NWX", 70), ("NWX", 72)]
        assert newest(known, model, 71 + 14 * 24) == [("NWX", 72)]

    def test_each_is_what_the_model_would_have_said_beside_what_came(self, state: Counting, model: EtaModel) -> None:
        found = KnownOutcomes(model, state).at(Moment.HOURS_BEFORE, hours(70))
        values = state.features(state.shipment("S0"), hours(28)).values
        expected = residuals(model.raw_hours(values.reshape(1, -1), Moment.HOURS_BEFORE), np.array([58.0 - 60.0]))
        assert found.values[-1] == pytest.approx(expected[0], abs=0)

    def test_one_whose_departure_nobody_planned_does_not(self, state: Counting, model: EtaModel) -> None:
        state.add(plan("S9", leaves=None, known=73))
        state.add(event("S9", "departed", 74, 74))
        state.add(event("S9", "delivered", 80, 80))
        assert len(newest(KnownOutcomes(model, state), model, 90, Moment.AT_DEPARTURE)) == 3

    def test_a_delivery_that_was_corrected_counts_anew(self, state: Counting, model: EtaModel) -> None:
        known = KnownOutcomes(model, state)
        assert ("NWX", 70.0) in newest(known, model, 80)
        state.add(event("S0", "delivered", 66, 85, corrects="S0-delivered-70", correction="incorrect_data"))
        assert newest(known, model, 90) == [("ACE", 71), ("NWX", 72), ("NWX", 85)]

    def test_a_delivery_that_did_not_occur_counts_no_more(self, state: Counting, model: EtaModel) -> None:
        known = KnownOutcomes(model, state)
        assert len(newest(known, model, 80)) == 3
        state.add(event("S0", "other", 66, 85, corrects="S0-delivered-70", correction="did_not_occur"))
        assert newest(known, model, 90) == [("ACE", 71), ("NWX", 72)]


class TestHowOften:
    def test_each_is_worked_out_once(self, state: Counting, model: EtaModel) -> None:
        known = KnownOutcomes(model, state)
        known.catch_up(hours(80))
        assert state.asked == 3 * 3
        known.catch_up(hours(81))
        state.add(event("S3", "delivered", 81, 82))
        known.catch_up(hours(83))
        assert state.asked == 4 * 3

    def test_a_few_at_a_time(self, state: Counting, model: EtaModel) -> None:
        known = KnownOutcomes(model, state)
        assert [known.catch_up(hours(80), at_most=2) for _ in range(3)] == [True, False, False]
        assert state.asked == 3 * 3
        assert len(newest(known, model, 80)) == 3

    def test_the_service_does_so_while_nobody_asks(self, state: Counting, model: EtaModel) -> None:
        known = KnownOutcomes(model, state)
        service = ArrivalService(ManualClock(hours(80)), cast(ScoreService, None), model, known)

        async def for_a_while() -> None:
            task = asyncio.create_task(service.keep_up(every_seconds=0))
            while state.asked < 3 * 3:
                await asyncio.sleep(0)
            task.cancel()

        asyncio.run(asyncio.wait_for(for_a_while(), timeout=60))
        assert len(newest(known, model, 80)) == 3
        assert state.asked == 3 * 3

    def test_what_was_told_late_though_known_before_makes_all_anew(self, state: Counting, model: EtaModel) -> None:
        known = KnownOutcomes(model, state)
        before = known.at(Moment.HOURS_BEFORE, hours(80))
        for number in range(40):
            state.add(plan(f"B{number}", known=1))
            state.add(event(f"B{number}", "departed", 20, 21))
        fresh, after = (
            KnownOutcomes(model, state).at(Moment.HOURS_BEFORE, hours(80)),
            known.at(Moment.HOURS_BEFORE, hours(80)),
        )
        assert not np.array_equal(after.values, before.values)
        assert np.array_equal(np.sort(after.values, axis=0), np.sort(fresh.values, axis=0))
