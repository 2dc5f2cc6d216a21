"""The online state against the batch build: the same bits, whatever the order in which it was told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest

from features.build import build
from features.definitions import NAMES
from features.errors import RecordError, UnknownShipmentError
from features.records import DeliveryEvent, Shipment, Stop, WeatherObservation
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables
from features.vocabulary import EventStatus, Mode, Moment, StopKind

AnyRecord = Shipment | DeliveryEvent | WeatherObservation
SETTINGS = FeatureSettings(late_after_minutes=15)


def told(records: Sequence[AnyRecord]) -> State:
    state = State(SETTINGS)
    for record in records:
        state.add(record)
    return state


def answers(state: State, questions: pd.DataFrame) -> np.ndarray:
    rows = [
        state.features(state.shipment(case.shipment_id), case.cutoff_at.to_pydatetime()).values
        for case in questions.itertuples()
    ]
    return np.array(rows)


def a_shipment(noon: datetime, name: str = "S1", carrier: str = "RHEI", **changes: object) -> Shipment:
    fields: dict[str, object] = {
        "shipment_id": name,
        "carrier_id": carrier,
        "mode": Mode.ROAD_LTL,
        "stops": (
            Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=noon + timedelta(hours=30)),
            Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=noon + timedelta(hours=50)),
        ),
        "occurred_at": noon,
        "known_at": noon,
    }
    return Shipment.model_validate(fields | changes)


def an_event(noon: datetime, status: EventStatus, name: str = "E1", shipment: str = "S1") -> DeliveryEvent:
    return DeliveryEvent(event_id=name, shipment_id=shipment, status=status, occurred_at=noon, known_at=noon)


@pytest.fixture(scope="module")
def some(questions: pd.DataFrame) -> pd.DataFrame:
    return questions.iloc[::5].reset_index(drop=True)


@pytest.fixture(scope="module")
def built(world: RecordTables, some: pd.DataFrame) -> np.ndarray:
    return build(world, some, SETTINGS).values


class TestEqualsTheBatchBuild:
    def test_asked_as_time_goes_on(self, records: Sequence[AnyRecord], some: pd.DataFrame, built: np.ndarray) -> None:
        """Each question is asked when everything known by then has been told, and nothing else."""
        state = State(SETTINGS)
        at = 0
        for number in np.argsort(some["cutoff_at"].to_numpy(), kind="stable"):
            case = some.iloc[number]
            while at < len(records) and records[at].known_at <= case["cutoff_at"]:
                state.add(records[at])
                at += 1
            row = state.features(state.shipment(case["shipment_id"]), case["cutoff_at"].to_pydatetime())
            np.testing.assert_array_equal(row.values, built[number], err_msg=str(case.to_dict()))

    @pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
    def test_asked_about_the_past_after_everything_was_told_in_any_order_and_twice(
        self, records: Sequence[AnyRecord], some: pd.DataFrame, built: np.ndarray, seed: int
    ) -> None:
        rng = Random(seed)
        shuffled = [*records, *rng.sample(list(records), len(records) // 4)]
        rng.shuffle(shuffled)
        np.testing.assert_array_equal(answers(told(shuffled), some), built)

    @pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.slow)])
    def test_asked_at_any_time_while_it_is_told_in_any_order(
        self, records: Sequence[AnyRecord], some: pd.DataFrame, built: np.ndarray, seed: int
    ) -> None:
        """What was answered in between, about the past or to come, is in no answer after it."""
        rng = Random(seed)
        near_in_time = sorted(records, key=lambda record: record.known_at.timestamp() + rng.gauss(0, 86_400))
        cutoffs = [cutoff.to_pydatetime() for cutoff in some["cutoff_at"]]
        announced: list[str] = []
        state = State(SETTINGS)
        for place, record in enumerate(near_in_time):
            state.add(record)
            if isinstance(record, Shipment):
                announced.append(record.shipment_id)
            if announced and place % 3 == 0:
                now = record.known_at if rng.random() < 0.8 else rng.choice(cutoffs)
                state.features(state.shipment(rng.choice(announced)), now)
        np.testing.assert_array_equal(answers(state, some), built)

    def test_after_a_history_was_loaded_in_bulk(
        self, world: RecordTables, some: pd.DataFrame, built: np.ndarray
    ) -> None:
        state = State(SETTINGS)
        state.add_tables(world)
        np.testing.assert_array_equal(answers(state, some), built)

    def test_after_half_a_history_was_loaded_and_the_rest_told(
        self, world: RecordTables, records: Sequence[AnyRecord], some: pd.DataFrame, built: np.ndarray
    ) -> None:
        half = len(records) // 2
        state = State(SETTINGS)
        state.add_tables(RecordTables.from_records(records[:half]))
        for record in records[half:]:
            state.add(record)
        np.testing.assert_array_equal(answers(state, some), built)

    def test_after_tables_were_added_to_a_state_that_knew_something(
        self, world: RecordTables, records: Sequence[AnyRecord], some: pd.DataFrame, built: np.ndarray
    ) -> None:
        state = told([record for record in records if isinstance(record, Shipment)][:50])
        state.add_tables(world)
        np.testing.assert_array_equal(answers(state, some), built)


class TestAdd:
    def test_tells_what_was_there_already(self, noon: datetime) -> None:
        state = State()
        weather = WeatherObservation(place="NLRTM", temperature_c=4.0, occurred_at=noon, known_at=noon)
        for record in (a_shipment(noon), an_event(noon, EventStatus.LOADED), weather):
            assert state.add(record)
            assert not state.add(record)
        assert state.events_known("S1") == 1

    def test_a_repeat_learnt_later_is_a_repeat(self, noon: datetime) -> None:
        state = told([a_shipment(noon)])
        assert not state.add(a_shipment(noon, known_at=noon + timedelta(hours=1)))

    def test_refuses_another_event_under_the_same_id_and_keeps_the_first(self, noon: datetime) -> None:
        state = told([a_shipment(noon), an_event(noon, EventStatus.DEPARTED)])
        with pytest.raises(RecordError, match="came before with other contents"):
            state.add(an_event(noon, EventStatus.DELIVERED))
        assert [event.status for event in state.events("S1")] == [EventStatus.DEPARTED]

    def test_an_event_may_come_before_its_shipment(self, noon: datetime) -> None:
        early = an_event(noon, EventStatus.DEPARTED)
        state = told([early])
        assert not state.knows("S1")
        with pytest.raises(UnknownShipmentError, match="'S1' is unknown"):
            state.shipment("S1")
        state.add(a_shipment(noon))
        assert state.moment(state.shipment("S1"), noon) is Moment.AT_DEPARTURE


class TestKnowledge:
    def test_knows_shipments_carriers_and_lanes(self, noon: datetime) -> None:
        state = told([a_shipment(noon), a_shipment(noon, "S2", "VELO")])
        assert [state.knows(shipment_id) for shipment_id in ("S1", "S2", "S3")] == [True, True, False]
        assert state.carriers_on("NLRTM", "DEHAM") == {"RHEI", "VELO"}
        assert state.origins_for("DEHAM") == {"NLRTM"}
        assert state.carriers_on("DEHAM", "NLRTM") == state.origins_for("NLRTM") == frozenset()
        assert state.events_known("S9") == 0
        assert state.events("S9") == ()

    def test_a_carriers_own_shipment_is_no_history_of_it(self, noon: datetime) -> None:
        state = told([a_shipment(noon)])
        assert state.knows_carrier("RHEI")
        assert not state.knows_carrier("RHEI", besides="S1")
        assert not state.knows_carrier("VELO")
        state.add(a_shipment(noon, "S2"))
        assert state.knows_carrier("RHEI", besides="S1")

    @pytest.mark.parametrize(
        ("stop", "field", "words"),
        [(1, "promised_at", "no promise is given"), (0, "planned_at", "no planned departure is given")],
    )
    def test_says_what_a_score_cannot_do_without(self, noon: datetime, stop: int, field: str, words: str) -> None:
        whole = a_shipment(noon, "S2")
        stops = list(whole.stops)
        stops[stop] = stops[stop].model_copy(update={field: None})
        state = told([a_shipment(noon), whole])
        assert state.features(whole, noon).missing == ()
        assert state.features(whole.model_copy(update={"stops": tuple(stops)}), noon).missing == (words,)

    def test_an_unknown_carrier_is_said_to_have_no_history(self, noon: datetime) -> None:
        state = told([a_shipment(noon)])
        row = state.features(a_shipment(noon, "S2", "NEWCO"), noon)
        assert row.missing == ("carrier NEWCO has no history",)
        assert row.values.shape == (len(NAMES),)

    def test_an_inline_shipment_is_scored_with_the_events_held_under_its_id(self, noon: datetime) -> None:
        state = told([an_event(noon, EventStatus.DEPARTED)])
        departed = NAMES.index("departed")
        assert state.features(a_shipment(noon), noon + timedelta(hours=1)).values[departed] == 1.0
        assert state.features(a_shipment(noon, "S7"), noon + timedelta(hours=1)).values[departed] == 0.0
