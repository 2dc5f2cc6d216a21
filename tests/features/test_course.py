"""Planned steps: two pickups come together at Kassel and go on to Munich, where they are promised at hour 40."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.build import build
from features.course import FEATURES, course_of
from features.definitions import NAMES
from features.moments import IN_TURN, questions_of
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables
from features.vocabulary import Moment
from tests.drawn import drawn
from tests.training.backfill.mail import in_parcels

START = datetime(2026, 3, 2, tzinfo=UTC)
NOTHING = float("nan")
COLUMNS = [NAMES.index(feature.name) for feature in FEATURES]


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


PLAN = Shipment.model_validate(
    {"shipment_id": "S", "carrier_id": "C", "mode": "air", "occurred_at": at(0), "known_at": at(0)}
    | {
        "stops": [
            {"place": "DEHAM", "kind": "pickup", "planned_at": at(12)},
            {"place": "DEBRE", "kind": "pickup", "planned_at": at(14)},
            {"place": "DEKAS", "kind": "transfer", "planned_at": at(24)},
            {"place": "DEMUC", "kind": "delivery", "promised_at": at(40)},
        ]
    }
)


def step(name: str, status: str, place: str, hour: float, known: float | None = None, **more: object) -> DeliveryEvent:
    given = {"event_id": name, "shipment_id": "S", "status": status, "place": place, "occurred_at": at(hour)}
    return DeliveryEvent.model_validate(given | {"known_at": at(hour if known is None else known)} | more)


def planned(name: str, status: str, place: str, hour: float, known: float = 0, **more: object) -> DeliveryEvent:
    return step(name, status, place, hour, known, classifier="PLN", **more)


FORESEEN = (
    planned("P1", "loaded", "DEHAM", 10),
    planned("P2", "departed", "DEHAM", 12),
    planned("P3", "terminal_arrived", "DEKAS", 20),
    planned("P4", "loaded", "DEBRE", 13),
    planned("P5", "terminal_departed", "DEBRE", 14),
    planned("P6", "terminal_arrived", "DEKAS", 24),
    planned("P7", "terminal_departed", "DEKAS", 27),
    planned("P8", "terminal_arrived", "DEMUC", 35),
    planned("P9", "delivered", "DEMUC", 38, known=2),
)
HAPPENED = (
    step("E1", "loaded", "DEHAM", 10),
    step("E2", "departed", "DEHAM", 12.5),
    step("E4", "loaded", "DEBRE", 13),
    step("E5", "terminal_departed", "DEBRE", 15),
    step("E3", "terminal_arrived", "DEKAS", 21),
    step("E6", "terminal_arrived", "DEKAS", 26, 26.5),
    step("E7", "terminal_departed", "DEKAS", 28),
    step("E8", "terminal_arrived", "DEMUC", 37),
    step("E9", "delivered", "DEMUC", 41),
)


def both_ways(told: tuple[Shipment | DeliveryEvent, ...], hours: list[float]) -> np.ndarray:
    """The features at some hours, from the tables; the online state must say the same."""
    tables = RecordTables.from_records(told)
    questions = pd.DataFrame({"shipment_id": "S", "cutoff_at": [at(hour) for hour in hours]})
    built = build(tables, questions, FeatureSettings()).values[:, COLUMNS]
    state = State()
    for record in (*reversed(told), *told):
        state.add(record)
    online = [state.features(PLAN, at(hour)).values[COLUMNS] for hour in hours]
    np.testing.assert_array_equal(online, built)
    return built


@pytest.mark.parametrize(
    ("name", "by_hour"),
    [
        ("planned_steps", {1: 8, 2: 9, 30: 9}),
        ("planned_steps_to_transfer", {2: 6}),
        ("planned_first_step_hours", {2: 10, 30: 10}),
        ("planned_course_hours", {1: 35, 2: 38}),
        ("planned_to_transfer_hours", {2: 24}),
        ("planned_loading_spread_hours", {2: 3}),
        ("planned_leaving_spread_hours", {2: 2}),
        ("planned_loaded_hours", {2: 1}),
        ("planned_inbound_hours", {2: 10}),
        ("planned_at_transfer_hours", {2: 3}),
        ("planned_onward_hours", {2: 8}),
        ("planned_handover_hours", {1: 0, 2: 3}),
        ("planned_step_1_hours", {1: 8, 2: 3}),
        ("planned_step_4_hours", {2: 4}),
        ("steps_ahead", {2: 9, 10: 8, 26: 4, 26.5: 3, 38: 1}),
        ("step_delay_hours", {2: NOTHING, 12.5: 0.5, 14: 0, 15: 1, 21: 1, 26.5: 2, 28: 1, 37: 2}),
        ("step_overdue_hours", {2: 0, 12.2: 0.2, 20.5: 0.5, 26.4: 2.4, 41: NOTHING}),
        ("planned_left_hours", {2: NOTHING, 26.5: 14, 37: 3, 41: 0}),
        ("slack_by_steps_hours", {2: NOTHING, 26.5: -0.5, 37: 0}),
        ("transfer_delay_hours", {26: NOTHING, 26.5: 2, 37: 2}),
    ],
)
def test_says_what_was_planned_and_reported_by_then(name: str, by_hour: dict[float, float]) -> None:
    built = both_ways((PLAN, *FORESEEN, *HAPPENED), list(by_hour))
    np.testing.assert_allclose(built[:, [feature.name for feature in FEATURES].index(name)], list(by_hour.values()))


def test_without_planned_steps_nothing_is_said() -> None:
    assert np.isnan(both_ways((PLAN, *HAPPENED), [2, 30])).all()
    assert course_of(HAPPENED).real == ()


def test_a_planned_step_that_is_taken_back_no_longer_counts() -> None:
    moved = planned("P10", "delivered", "DEMUC", 39, known=30, corrects="P9", correction="incorrect_data")
    built = both_ways((PLAN, *FORESEEN, moved), [29, 30])
    assert built[:, 3].tolist() == [38, 39]


hours = st.integers(0, 40)
steps = st.builds(
    lambda name, status, place, hour, known, kind: step(f"E{name}", status, place, hour, known, classifier=kind),
    st.integers(0, 999),
    st.sampled_from(["loaded", "departed", "terminal_arrived", "terminal_departed", "delivery_arrived", "delayed"]),
    st.sampled_from(["DEHAM", "DEBRE", "DEKAS", "DEMUC"]),
    hours,
    hours,
    st.sampled_from(["PLN", "ACT", "EST"]),
)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Shipment | DeliveryEvent, ...]:
    told = list({event.event_id: event for event in draw(st.lists(steps, max_size=14))}.values())
    for number, event in enumerate(draw(st.lists(st.sampled_from(told), max_size=3))) if told else ():
        void = {"event_id": f"C{number}", "corrects": event.event_id, "correction": "did_not_occur"}
        told.append(DeliveryEvent.model_validate(event.model_dump() | void | {"known_at": at(draw(hours))}))
    again = PLAN.model_copy(update={"known_at": at(15), "stops": (PLAN.stops[0], *PLAN.stops[2:])})
    return (PLAN, *([again] if draw(st.booleans()) else []), *told)


@drawn(10)
@given(told=stories())
def test_tables_and_state_agree_at_every_moment(told: tuple[Shipment | DeliveryEvent, ...]) -> None:
    tables = RecordTables.from_records(told)
    questions = questions_of(tables)
    state = State()
    for record in told:
        state.add(record)
    built = build(tables, questions, FeatureSettings()).values
    for case, row in zip(questions.itertuples(), built, strict=True):
        plan = state.shipment("S", case.cutoff_at.to_pydatetime())
        np.testing.assert_array_equal(state.features(plan, case.cutoff_at.to_pydatetime()).values, row)
        if case.moment != Moment.AT_BOOKING:
            asked_for = IN_TURN if case.moment in IN_TURN else tuple(Moment)
            assert state.moment(plan, case.cutoff_at.to_pydatetime(), asked_for) == case.moment


def test_parcels_agree() -> None:
    tables = RecordTables.from_records((PLAN, *FORESEEN, *HAPPENED))
    parcelled = in_parcels(tables, 3, FeatureSettings())
    built = build(tables, parcelled, FeatureSettings()).values
    np.testing.assert_array_equal(parcelled[list(NAMES)].to_numpy(), built)


class TestMoments:
    def asked(self, *told: DeliveryEvent) -> dict[str, pd.Timestamp]:
        questions = questions_of(RecordTables.from_records((PLAN, *told)))
        return dict(zip(questions["moment"], questions["cutoff_at"], strict=True))

    def test_the_transfer_is_reached_when_all_that_is_planned_has_come(self) -> None:
        asked = self.asked(*FORESEEN, *HAPPENED)
        assert (asked["at_transfer"], asked["before_delivery"]) == (at(26.5), at(37))

    def test_without_planned_steps_one_arrival_is_enough(self) -> None:
        assert self.asked(*HAPPENED)["at_transfer"] == at(21)

    def test_they_hold_only_where_they_are_asked_for(self) -> None:
        state = State()
        for record in (PLAN, *FORESEEN, *HAPPENED):
            state.add(record)
        assert state.moment(PLAN, at(30)) is Moment.AT_DEPARTURE
        assert state.moment(PLAN, at(30), tuple(Moment)) is Moment.AT_TRANSFER
        assert state.moment(PLAN, at(38), (Moment.AT_DEPARTURE, Moment.AT_TRANSFER)) is Moment.AT_TRANSFER
        assert state.moment(PLAN, at(38), tuple(Moment)) is Moment.BEFORE_DELIVERY
        assert state.moment(PLAN, at(41), tuple(Moment)) is None
