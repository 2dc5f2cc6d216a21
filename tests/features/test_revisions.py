"""Plans made anew and events corrected: random histories against a loop over the records, told in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.as_known import standing
from features.build import build
from features.definitions import NAMES
from features.errors import RecordError
from features.labels import lateness_of
from features.moments import IN_TURN, questions_of
from features.records import DeliveryEvent, Shipment, Stop
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables, records_of, shipments_of
from features.vocabulary import Classifier, Correction, EventStatus, Mode, Moment, StopKind
from tests.drawn import drawn
from tests.features.oracle import ORACLES, SELDOM, Told

SETTINGS = FeatureSettings(late_after_minutes=15)
START = datetime(2026, 3, 2, tzinfo=UTC)
STATUSES = (
    EventStatus.DEPARTED,
    EventStatus.DELIVERED,
    EventStatus.CANCELLED,
    EventStatus.DELAYED,
    EventStatus.PICKUP_ARRIVED,
    EventStatus.ATTEMPTED,
    EventStatus.DAMAGED,
)

AnyRecord = Shipment | DeliveryEvent
hours = st.integers(0, 60)
PLACES = (None, "NLRTM", "DEHAM")
kinds = st.one_of(
    st.just((EventStatus.DELAYED, "NLRTM")), st.tuples(st.sampled_from(STATUSES), st.sampled_from(PLACES))
)
"""Status and place of a report: every other one is of one kind, so that shipments rest after the same."""


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def a_plan(name: str, known: float, planned: float = 20, promised: float = 30, **changes: object) -> Shipment:
    stops = (
        Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=at(planned)),
        Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=at(promised)),
    )
    fields: dict[str, object] = {"carrier_id": "RHEI", "service_id": "R7", "mode": Mode.ROAD_LTL, "stops": stops}
    return Shipment.model_validate(
        fields | {"shipment_id": name, "occurred_at": at(known), "known_at": at(known)} | changes
    )


def an_event(
    name: str, event_id: str, status: EventStatus, occurred: float, known: float, **more: object
) -> DeliveryEvent:
    return DeliveryEvent.model_validate(
        {
            "event_id": event_id,
            "shipment_id": name,
            "status": status,
            "occurred_at": at(occurred),
            "known_at": at(known),
        }
        | more
    )


@st.composite
def a_shipment(draw: st.DrawFn, name: str) -> list[AnyRecord]:
    """Up to three plans and six events of one shipment, some correcting others."""
    told: list[AnyRecord] = [
        a_plan(
            name,
            known,
            draw(hours),
            draw(hours),
            carrier_id=draw(st.sampled_from(["RHEI", "VELO"])),
            vehicle_id=draw(st.sampled_from([None, "V1"])),
            customer_id=draw(st.sampled_from([None, "C1", "C2"])),
        )
        for known in sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=3)))
    ]
    count = draw(st.sampled_from([0, 2, 3, 4, 5, 6]))
    for number in range(count):
        corrected = draw(st.sampled_from([None, None, *({*range(max(0, number - 1), count + 1)} - {number})]))
        more: dict[str, object] = {}
        if corrected is not None:
            more = {"corrects": f"E{corrected}", "correction": draw(st.sampled_from([None, *Correction]))}
        classifier = draw(st.sampled_from([*[Classifier.ACTUAL] * 4, Classifier.ESTIMATED]))
        status, place = draw(kinds)
        told.append(
            an_event(
                name,
                f"E{number}",
                status,
                draw(hours),
                draw(hours),
                classifier=classifier,
                place=place,
                **more,
            )
        )
    return told


histories = st.tuples(*(a_shipment(name) for name in ("A", "B", "C"))).map(
    lambda parts: list(chain.from_iterable(parts))
)


@dataclass(frozen=True)
class Asked:
    """A history, and questions at every hour from the first plan of each shipment on."""

    records: list[AnyRecord]

    @property
    def tables(self) -> RecordTables:
        return RecordTables.from_records(self.records)

    @property
    def questions(self) -> pd.DataFrame:
        first: dict[str, datetime] = {}
        for record in sorted(self.records, key=lambda one: one.known_at):
            if isinstance(record, Shipment):
                first.setdefault(record.shipment_id, record.known_at)
        rows = [(name, at(hour)) for name, known in first.items() for hour in range(0, 75, 3) if at(hour) >= known]
        return pd.DataFrame(rows, columns=["shipment_id", "cutoff_at"])


def built(asked: Asked) -> np.ndarray:
    return build(asked.tables, asked.questions, SETTINGS).values


def answers(state: State, questions: pd.DataFrame) -> np.ndarray:
    return np.array(
        [
            state.features(state.shipment(case.shipment_id), case.cutoff_at.to_pydatetime()).values
            for case in questions.itertuples()
        ]
    )


class TestRandomHistories:
    @drawn(10)
    @given(histories)
    def test_equal_a_loop_over_all_that_is_known_and_stands(self, records: list[AnyRecord]) -> None:
        asked = Asked(records)
        questions, values = asked.questions, built(asked)
        for row, case in enumerate(questions.itertuples()):
            told = Told.of(case.shipment_id, case.cutoff_at.to_pydatetime(), records)
            for name, oracle in (ORACLES | SELDOM).items():
                if name != "vehicle_last_delay_minutes":  # which of two at one instant is the last is a matter of taste
                    expected = oracle(told)
                    np.testing.assert_allclose(
                        values[row, NAMES.index(name)], expected, rtol=1e-12, atol=1e-12, err_msg=f"{name} {case}"
                    )

    @drawn(12)
    @given(histories, st.randoms(use_true_random=False))
    def test_are_answered_alike_when_told_one_by_one_in_any_order_and_twice(
        self, records: list[AnyRecord], rng: Random
    ) -> None:
        asked = Asked(records)
        state = State(SETTINGS)
        told = [*records, *rng.sample(records, len(records) // 2)]
        rng.shuffle(told)
        for record in told:
            state.add(record)
        np.testing.assert_array_equal(answers(state, asked.questions), built(asked))

    @drawn(8)
    @given(histories)
    def test_are_answered_alike_when_loaded_in_bulk(self, records: list[AnyRecord]) -> None:
        asked = Asked(records)
        state = State(SETTINGS)
        state.add_tables(asked.tables)
        np.testing.assert_array_equal(answers(state, asked.questions), built(asked))

    @drawn(5)
    @given(histories)
    def test_what_becomes_known_after_a_cutoff_changes_nothing(self, records: list[AnyRecord]) -> None:
        asked = Asked(records)
        questions, whole = asked.questions, built(asked)
        for cutoff in questions["cutoff_at"].unique()[::4]:
            chosen = (questions["cutoff_at"] == cutoff).to_numpy()
            known = asked.tables.known(until=cutoff.to_pydatetime())
            truncated = build(known, questions[chosen].reset_index(drop=True), SETTINGS).values
            np.testing.assert_array_equal(truncated, whole[chosen], err_msg=str(cutoff))

    @drawn(10)
    @given(histories)
    def test_the_moments_are_those_that_the_state_finds(self, records: list[AnyRecord]) -> None:
        asked = Asked(records)
        state = State(SETTINGS)
        state.add_tables(asked.tables)
        questions = questions_of(asked.tables)
        for case in questions[questions["moment"].isin(IN_TURN)].itertuples():
            found = state.moment(state.shipment(case.shipment_id), case.cutoff_at.to_pydatetime())
            assert found == case.moment


class TestCorrection:
    """A departs at hour 20 as planned; at hour 26 it becomes known that this was wrong."""

    PLANS = (a_plan("A", 0), a_plan("B", 0, planned=60, promised=70))
    WRONG = an_event("A", "E1", EventStatus.DEPARTED, 20, 21)

    def value(self, name: str, hour: float, *told: AnyRecord, about: str = "B") -> float:
        question = pd.DataFrame({"shipment_id": [about], "cutoff_at": [at(hour)]})
        tables = RecordTables.from_records([*self.PLANS, self.WRONG, *told])
        return float(build(tables, question, SETTINGS).values[0, NAMES.index(name)])

    def test_what_did_not_occur_is_taken_back_from_then_on_and_stays_before(self) -> None:
        back = an_event("A", "E2", EventStatus.DEPARTED, 20, 26, corrects="E1", correction="did_not_occur")
        assert [self.value("carrier_departures_count_24h", hour, back) for hour in (20.9, 21, 25.9, 26)] == [0, 1, 1, 0]
        assert [self.value("departed", hour, back, about="A") for hour in (20.9, 21, 25.9, 26)] == [0, 1, 1, 0]
        assert [self.value("origin_open", hour, back) for hour in (20, 21, 25.9, 26)] == [1, 0, 0, 1]

    @pytest.mark.parametrize("correction", [None, "incorrect_data"])
    def test_incorrect_data_is_replaced(self, correction: str | None) -> None:
        right = an_event("A", "E2", EventStatus.DEPARTED, 22, 26, corrects="E1", correction=correction)
        delays = [self.value("departure_delay_minutes", hour, right, about="A") for hour in (25.9, 26)]
        assert delays == [0, 120]
        counts = [self.value("carrier_departures_count_24h", hour, right) for hour in (25.9, 26, 44, 45.9, 46)]
        assert counts == [1, 1, 1, 1, 0]

    def test_the_next_event_of_the_status_comes_to_stand_when_the_first_goes(self) -> None:
        other = an_event("A", "E3", EventStatus.DEPARTED, 23, 24)
        back = an_event("A", "E2", EventStatus.DEPARTED, 20, 26, corrects="E1", correction="did_not_occur")
        delays = [self.value("departure_delay_minutes", hour, other, back, about="A") for hour in (25.9, 26)]
        assert delays == [0, 180]

    def test_a_correction_known_before_what_it_corrects_holds_from_the_start(self) -> None:
        early = an_event("A", "E2", EventStatus.DEPARTED, 22, 20.5, corrects="E1", correction="incorrect_data")
        assert self.value("carrier_departures_count_24h", 21.5, early) == 0
        assert self.value("carrier_departures_count_24h", 22, early) == 1

    def test_what_was_taken_back_in_error_stands_again(self) -> None:
        back = an_event("A", "E2", EventStatus.DEPARTED, 20, 26, corrects="E1", correction="did_not_occur")
        after_all = an_event("A", "E3", EventStatus.DEPARTED, 20, 30, corrects="E2", correction="did_not_occur")
        names = ("departed", "departure_delay_minutes", "carrier_departures_count_24h", "last_scan_age_hours")
        hours = (25.9, 26, 29.9, 30)
        told = [[self.value(name, hour, back, after_all, about="A") for hour in hours] for name in names]
        np.testing.assert_array_equal(told[0], [1, 0, 0, 1])
        np.testing.assert_array_equal(told[1], [0, np.nan, np.nan, 0])
        np.testing.assert_array_equal(told[2], [1, 0, 0, 1])
        np.testing.assert_allclose(told[3], [5.9, np.nan, np.nan, 10])
        assert [one.event_id for one in standing([self.WRONG, back, after_all], at(30))] == ["E1"]

    def test_right_data_that_did_not_occur_give_nothing_back(self) -> None:
        right = an_event("A", "E2", EventStatus.DEPARTED, 22, 26, corrects="E1", correction="incorrect_data")
        back = an_event("A", "E3", EventStatus.DEPARTED, 22, 30, corrects="E2", correction="did_not_occur")
        told = [self.value("departed", hour, right, back, about="A") for hour in (25.9, 26, 29.9, 30)]
        assert told == [1, 1, 1, 0]
        assert standing([self.WRONG, right, back], at(30)) == ()


class TestPlannedAnew:
    """A is planned to leave at hour 20 and, from hour 10 on, at hour 40 with another carrier."""

    FIRST = a_plan("A", 0)
    SECOND = a_plan("A", 10, planned=40, promised=55, carrier_id="VELO")

    def told(self, *records: AnyRecord) -> State:
        state = State(SETTINGS)
        for record in records:
            state.add(record)
        return state

    def test_the_plan_in_force_is_that_known_at_the_time(self) -> None:
        state = self.told(self.SECOND, self.FIRST)
        assert [state.shipment("A", at(hour)).carrier_id for hour in (-1, 9.9, 10)] == ["RHEI", "RHEI", "VELO"]
        assert state.shipment("A") == self.SECOND
        hours_left = [
            state.features(self.FIRST, at(hour)).values[NAMES.index("hours_to_departure")] for hour in (9, 10)
        ]
        assert hours_left == [11.0, 30.0]

    def test_a_plan_repeated_later_changes_nothing(self) -> None:
        state = self.told(self.FIRST)
        assert not state.add(self.FIRST.model_copy(update={"known_at": at(5)}))
        assert state.shipment("A").known_at == at(0)

    def test_two_plans_known_since_one_instant_are_refused(self) -> None:
        state = self.told(self.FIRST)
        with pytest.raises(RecordError, match="two plans known since 2026-03-02T00:00:00"):
            state.add(a_plan("A", 0, planned=21))
        assert state.shipment("A") == self.FIRST

    def test_departures_count_for_the_carrier_and_against_the_plan_in_force(self) -> None:
        left = an_event("A", "E1", EventStatus.DEPARTED, 41, 41)
        tables = RecordTables.from_records([self.FIRST, self.SECOND, left])
        questions = pd.DataFrame({"shipment_id": ["A"], "cutoff_at": [at(42)]})
        values = dict(zip(NAMES, build(tables, questions, SETTINGS).values[0], strict=True))
        assert values["carrier_departures_count_24h"] == 1
        assert values["departure_delay_minutes"] == 60
        assert self.told(self.FIRST, self.SECOND).knows_carrier("VELO")

    def test_it_is_judged_at_the_moments_of_both_plans(self) -> None:
        known = a_plan("A", -30)
        cutoffs = questions_of(RecordTables.from_records([known, self.SECOND]))
        day_before = cutoffs[cutoffs["moment"] == Moment.DAY_BEFORE.value]
        assert list(day_before["cutoff_at"]) == [at(-4), at(16)]

    def test_a_question_is_labelled_by_the_promise_of_its_time_and_a_shipment_by_the_first(self) -> None:
        came = an_event("A", "E1", EventStatus.DELIVERED, 50, 51)
        tables = RecordTables.from_records([self.FIRST, self.SECOND, came])
        questions = pd.DataFrame({"shipment_id": ["A", "A"], "cutoff_at": [at(9), at(10)]})
        assert list(lateness_of(tables, SETTINGS, questions)["late"]) == [1.0, 0.0]
        assert list(lateness_of(tables, SETTINGS)["delay_hours"]) == [20.0]

    def test_a_label_follows_what_is_known_in_the_end(self) -> None:
        wrong = an_event("A", "E1", EventStatus.DELIVERED, 50, 51)
        right = an_event("A", "E2", EventStatus.DELIVERED, 29, 60, corrects="E1", correction="incorrect_data")
        label = lateness_of(RecordTables.from_records([self.FIRST, wrong, right]), SETTINGS).loc["A"]
        assert (label["late"], label["label_known_at"]) == (0.0, at(60))

    def test_tables_keep_which_stops_belong_to_which_plan(self) -> None:
        tables = RecordTables.from_records([self.FIRST, self.SECOND])
        assert list(shipments_of(tables)) == [self.FIRST, self.SECOND]
        kept = tables.known(until=at(20), after=at(5))
        assert list(records_of(kept, Shipment)) == [self.SECOND]
        assert len(kept.stops) == 2

    def test_stops_without_a_state_belong_to_every_plan(self) -> None:
        tables = RecordTables.from_records([self.FIRST])
        again = RecordTables.from_records([self.FIRST.model_copy(update={"known_at": at(7), "pieces": 4})])
        both = RecordTables(
            shipments=pd.concat([tables.shipments, again.shipments], ignore_index=True),
            stops=tables.stops.assign(
                known_at=pd.Series(pd.NaT, index=tables.stops.index, dtype=tables.stops["known_at"].dtype)
            ),
            events=tables.events,
            weather=tables.weather,
        )
        assert [shipment.stops for shipment in shipments_of(both)] == [self.FIRST.stops] * 2
        questions = pd.DataFrame({"shipment_id": ["A"], "cutoff_at": [at(8)]})
        assert build(both, questions, SETTINGS).values[0, NAMES.index("pieces")] == 4


class TestOpenException:
    """A is attempted in vain at hour 20, which is known at hour 22; it is of customer C1, as B is, and D is of C2."""

    PLANS = tuple(a_plan(name, 0, customer_id=whose) for name, whose in (("A", "C1"), ("B", "C1"), ("D", "C2")))
    FAILED = an_event("A", "E1", EventStatus.ATTEMPTED, 20, 22)
    WEEK_ON = 22 + 7 * 24

    def open(self, hours: Sequence[float], *told: AnyRecord, about: str = "B") -> list[float]:
        """Return what the batch build says at each hour; the online state must say the same."""
        records = [*self.PLANS, *told]
        questions = pd.DataFrame({"shipment_id": about, "cutoff_at": [at(hour) for hour in hours]})
        column = NAMES.index("customer_open_exceptions")
        found: list[float] = build(RecordTables.from_records(records), questions, SETTINGS).values[:, column].tolist()
        for order in (records, records[::-1]):
            state = State(SETTINGS)
            for record in order:
                state.add(record)
                if state.knows(about):
                    state.features(state.shipment(about), at(hours[0]))
            assert answers(state, questions)[:, column].tolist() == found
        return found

    @pytest.mark.parametrize("status", ["delivered", "cancelled", "refused", "returned", "diverted"])
    def test_it_counts_once_known_until_it_is_known_to_be_over(self, status: str) -> None:
        over = an_event("A", "E2", EventStatus(status), 30, 31)
        assert self.open([21.9, 22, 30.9, 31], self.FAILED, over) == [0, 1, 1, 0]

    @pytest.mark.parametrize(
        ("status", "expected"),
        [("damaged", 1), ("customs_hold", 1), ("delayed", 0), ("refused", 0), ("returned", 0), ("diverted", 0)],
    )
    def test_it_is_what_stops_a_shipment_that_is_still_waited_for(self, status: str, expected: int) -> None:
        assert self.open([23], an_event("A", "E1", EventStatus(status), 20, 22)) == [expected]

    def test_it_is_its_own_exception_too_and_none_of_another_customer(self) -> None:
        assert [self.open([23], self.FAILED, about=name) for name in "ABD"] == [[1], [1], [0]]

    def test_it_counts_for_a_week_from_the_first_report_whatever_is_reported_besides(self) -> None:
        again = an_event("A", "E2", EventStatus.DAMAGED, 40, 40)
        assert self.open([41, self.WEEK_ON - 0.1, self.WEEK_ON], self.FAILED, again) == [1, 1, 0]

    def test_what_did_not_occur_is_taken_back_from_then_on_and_another_report_stays(self) -> None:
        back = an_event("A", "E2", EventStatus.ATTEMPTED, 20, 26, corrects="E1", correction="did_not_occur")
        assert self.open([22, 25.9, 26], self.FAILED, back) == [1, 1, 0]
        other = an_event("A", "E3", EventStatus.DAMAGED, 24, 24)
        hours = [25.9, 26, self.WEEK_ON, self.WEEK_ON + 1.9, self.WEEK_ON + 2]
        assert self.open(hours, self.FAILED, back, other) == [1, 1, 1, 1, 0]

    def test_it_is_the_customers_whose_the_shipment_is_by_then(self) -> None:
        anew = a_plan("A", 30, customer_id="C2")
        assert self.open([29.9, 30], self.FAILED, anew) == [1, 0]
        assert self.open([29.9, 30], self.FAILED, anew, about="D") == [0, 1]

    def test_of_a_shipment_that_is_announced_later_it_counts_for_a_week_from_then(self) -> None:
        late = a_plan("L", 25, customer_id="C1")
        failed = an_event("L", "E1", EventStatus.ATTEMPTED, 20, 22)
        hours = [24.9, 25, self.WEEK_ON + 2.9, self.WEEK_ON + 3]
        assert self.open(hours, late, failed) == [0, 1, 1, 0]

    def test_what_is_said_of_later_has_not_happened(self) -> None:
        assert self.open([39, 40], an_event("A", "E1", EventStatus.DAMAGED, 40, 21)) == [0, 1]


class TestClaimOfTheFuture:
    """A is planned to leave at hour 20; at hour 21 it is said that it leaves, or comes, or is given up, at hour 40."""

    PLANS = (a_plan("A", 0), a_plan("B", 0, planned=60, promised=70))

    def values(self, names: list[str], *told: AnyRecord, about: str = "A") -> list[list[float]]:
        questions = pd.DataFrame({"shipment_id": [about] * 3, "cutoff_at": [at(hour) for hour in (21, 39, 40)]})
        tables = RecordTables.from_records([*self.PLANS, *told])
        values = build(tables, questions, SETTINGS).values
        return [values[:, NAMES.index(name)].tolist() for name in names]

    def test_it_has_not_left_until_then(self) -> None:
        left = an_event("A", "E1", EventStatus.DEPARTED, 40, 21)
        assert self.values(["departed", "overdue_minutes", "origin_open"], left) == [
            [0, 0, 1],
            [60, 19 * 60, 0],
            [1, 1, 0],
        ]
        questions = questions_of(RecordTables.from_records([*self.PLANS, left]))
        about = (questions["shipment_id"] == "A") & (questions["moment"] == Moment.AT_DEPARTURE.value)
        assert list(questions["cutoff_at"][about]) == [at(40)]

    @pytest.mark.parametrize("status", [EventStatus.DELIVERED, EventStatus.CANCELLED])
    def test_its_promise_is_open_until_then(self, status: EventStatus) -> None:
        names = ["carrier_past_promise", "destination_past_promise", "origin_open"]
        over = an_event("A", "E1", status, 40, 21)
        assert self.values(names, over) == [[0, 1, 0], [0, 1, 0], [1, 1, 0]]

    def test_its_vehicle_still_has_that_run_before_it(self) -> None:
        plans = [a_plan("A", 1, vehicle_id="V1"), a_plan("B", 1, planned=60, promised=70, vehicle_id="V1")]
        void = an_event("A", "E1", EventStatus.CANCELLED, 40, 21)
        gaps = self.values(["vehicle_gap_hours"], *plans, void, about="B")
        np.testing.assert_array_equal(gaps, [[40, 40, np.nan]])

    def test_its_way_is_no_run_until_it_has_left_and_come(self) -> None:
        left = an_event("A", "E1", EventStatus.DEPARTED, 40, 21)
        came = an_event("A", "E2", EventStatus.DELIVERED, 20, 20)
        names = ["typical_transit_legs", "lane_transits_delay_mean_28d"]
        legs, lost = self.values(names, left, came, about="B")
        np.testing.assert_array_equal(legs, [0, 0, 1])
        assert lost[0] == lost[1] > lost[2]

    def test_the_true_departure_counts_when_it_is_known(self) -> None:
        claimed, left = (
            an_event("A", "E1", EventStatus.DEPARTED, 40, 20),
            an_event("A", "E2", EventStatus.DEPARTED, 21, 21),
        )
        names = ["departed", "departure_delay_minutes"]
        assert self.values(names, claimed, left) == [[1] * 3, [60] * 3]
