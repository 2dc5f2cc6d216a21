"""What is usual after a report: A and B were at Kassel before S, whose last report is its terminal arrival there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.build import build
from features.definitions import NAMES
from features.instants import instant_of, micros
from features.legs import Legs
from features.live_rests import Trail
from features.records import DeliveryEvent, Shipment
from features.rests import FEATURES, Rest, rests_of, rests_of_many
from features.settings import FeatureSettings
from features.standing import lives_of
from features.state import State
from features.tables import RecordTables
from features.tracking import Reports, scans_of
from features.vocabulary import EventStatus
from tests.drawn import drawn

START = datetime(2026, 3, 2, tzinfo=UTC)
NOTHING = float("nan")


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def a_plan(name: str, known: float = 0) -> Shipment:
    stops = [
        {"place": "DEHAM", "kind": "pickup", "planned_at": at(20)},
        {"place": "DEMUC", "kind": "delivery", "promised_at": at(30)},
    ]
    told = {"shipment_id": name, "carrier_id": "C", "mode": "road_ltl", "stops": stops}
    return Shipment.model_validate(told | {"occurred_at": at(known), "known_at": at(known)})


def report(of: str, number: int, status: str, occurred: float, known: float, **more: object) -> DeliveryEvent:
    told = {"event_id": f"{of}{number}", "shipment_id": of, "status": status, "place": "DEKAS"}
    return DeliveryEvent.model_validate(told | {"occurred_at": at(occurred), "known_at": at(known)} | more)


PLANS = (a_plan("S"), a_plan("A"), a_plan("B"))
ARRIVED = report("S", 1, "terminal_arrived", 25, 25)
OF_A = (report("A", 1, "terminal_arrived", 8, 8), report("A", 2, "departed", 12, 26))
OF_B = (report("B", 1, "terminal_arrived", 10, 11), report("B", 2, "departed", 18, 18))


def usual(*hours: float) -> float:
    """The shrunk mean of rests that are all of one place and status, by hand: three times towards the one before."""
    mean = 12.0
    for _ in range(3):
        mean = (sum(hours) + 10 * mean) / (len(hours) + 10)
    return mean


def spread(*hours: float) -> float:
    square = 2 * 12.0**2
    for _ in range(3):
        square = (sum(hour**2 for hour in hours) + 10 * square) / (len(hours) + 10)
    return float(np.sqrt(square - usual(*hours) ** 2))


def values(*told: Shipment | DeliveryEvent, hours: list[float], of: str = "S") -> np.ndarray:
    """Return the features of a shipment at each hour, from the batch build; the online state must say the same."""
    questions = pd.DataFrame({"shipment_id": of, "cutoff_at": [at(hour) for hour in hours]})
    columns = [NAMES.index(feature.name) for feature in FEATURES]
    built = build(RecordTables.from_records([*PLANS, *told]), questions, FeatureSettings()).values[:, columns]
    state = State()
    for record in (*reversed(told), *PLANS, *told):
        state.add(record)
    answers = [state.features(state.shipment(of), at(hour)).values[columns] for hour in hours]
    np.testing.assert_array_equal(answers, built)
    return built


class TestFeatures:
    def test_nothing_is_usual_where_nothing_was_reported(self) -> None:
        np.testing.assert_array_equal(values(*OF_B, hours=[24]), [[NOTHING] * 4])

    def test_the_prior_stands_where_nothing_is_known(self) -> None:
        np.testing.assert_allclose(values(ARRIVED, hours=[28]), [[0, 12, 3 - 12, -9 / 12]])

    def test_a_rest_counts_from_when_both_reports_are_known(self) -> None:
        """B stayed 8 hours; A stayed 4, but that it left is known only from hour 26 on."""
        built = values(ARRIVED, *OF_A, *OF_B, hours=[25.9, 26])
        before, after = usual(8), usual(4, 8)
        expected = [
            [1, before, 0.9 - before, (0.9 - before) / spread(8)],
            [2, after, 1 - after, (1 - after) / spread(4, 8)],
        ]
        np.testing.assert_allclose(built, expected)

    def test_another_status_and_another_place_are_parents_only(self) -> None:
        """A stayed 4 hours at Kassel as well, but after a delay was told; B 8 hours after it arrived, but at Ulm."""
        delayed = OF_A[0].model_copy(update={"status": EventStatus.DELAYED})
        at_ulm = [one.model_copy(update={"place": "DEULM"}) for one in OF_B]
        (built,) = values(ARRIVED, delayed, OF_A[1], *at_ulm, hours=[26])
        everywhere = (4 + 8 + 10 * 12) / 12
        of_status = (8 + 10 * everywhere) / 11
        np.testing.assert_allclose(built[:2], [0, of_status])

    def test_it_leaves_the_window_ninety_days_after_it_ended(self) -> None:
        days = 90 * 24
        built = values(ARRIVED, *OF_B, hours=[18 + days - 0.1, 18 + days])
        np.testing.assert_array_equal(built[:, 0], [1, 0])

    @pytest.mark.parametrize("corrected", ["B1", "B2"])
    def test_it_is_withdrawn_when_either_report_is(self, corrected: str) -> None:
        back = report("B", 3, "departed", 18, 27, corrects=corrected, correction="did_not_occur")
        built = values(ARRIVED, *OF_B, back, hours=[26.9, 27])
        np.testing.assert_array_equal(built[:, 0], [1, 0])

    def test_a_report_between_parts_it_from_when_that_is_known_until_that_is_withdrawn(self) -> None:
        between = report("B", 3, "delayed", 14, 27)
        back = report("B", 4, "delayed", 14, 29, corrects="B3", correction="did_not_occur")
        built = values(ARRIVED, *OF_B, between, back, hours=[26.9, 27, 28.9, 29])
        np.testing.assert_array_equal(built[:, 0], [1, 1, 1, 1])
        whole, parted = usual(8), (4 + 10 * (4 + 10 * (8 + 10 * 12) / 12) / 11) / 11
        np.testing.assert_allclose(built[:, 1], [whole, parted, parted, whole])

    def test_a_correction_of_the_time_is_another_rest(self) -> None:
        right = report("B", 3, "departed", 16, 27, corrects="B2", correction="incorrect_data")
        np.testing.assert_allclose(values(ARRIVED, *OF_B, right, hours=[26.9, 27])[:, 1], [usual(8), usual(6)])

    def test_reports_that_are_repeated_or_of_one_instant_make_no_rest(self) -> None:
        again = report("B", 3, "terminal_arrived", 10, 13)
        assert values(ARRIVED, *OF_B, again, OF_B[1], hours=[26])[0, 0] == 1

    def test_an_estimate_ends_nothing(self) -> None:
        estimate = report("B", 3, "estimated_delivery", 15, 12, classifier="EST")
        assert values(ARRIVED, *OF_B, estimate, hours=[26])[0, 0] == 1

    def test_it_counts_from_when_its_shipment_is_announced(self) -> None:
        of_c = [one.model_copy(update={"shipment_id": "C"}) for one in OF_B]
        built = values(a_plan("C", 27), ARRIVED, *of_c, hours=[26.9, 27])
        np.testing.assert_array_equal(built[:, 0], [0, 1])

    def test_reports_without_a_place_are_of_one_kind(self) -> None:
        nowhere = [one.model_copy(update={"place": None}) for one in (ARRIVED, *OF_B)]
        assert values(*nowhere, hours=[26])[0, 0] == 1
        assert values(ARRIVED, *nowhere[1:], hours=[26])[0, 0] == 0

    def test_a_very_long_rest_counts_as_ninety_days(self) -> None:
        gone = report("B", 2, "departed", 200 * 24, 200 * 24)
        arrived = report("S", 1, "terminal_arrived", 200 * 24, 200 * 24)
        (built,) = values(arrived, OF_B[0], gone, hours=[201 * 24])
        np.testing.assert_allclose(built[:2], [1, usual(90 * 24)])


hours = st.integers(0, 12)


@st.composite
def reports_of(draw: st.DrawFn, name: str) -> list[DeliveryEvent]:
    """Up to six reports of one shipment within a few hours, some correcting others, some of what is yet to come."""
    told = []
    for number in range(draw(st.integers(0, 6))):
        status = draw(st.sampled_from(["terminal_arrived", "departed", "estimated_delivery"]))
        more: dict[str, object] = {"classifier": "EST"} if status == "estimated_delivery" else {}
        if draw(st.integers(0, 4)) == 0:
            more |= {"corrects": f"{name}{draw(st.integers(0, 5))}"}
            more["correction"] = draw(st.sampled_from([None, "did_not_occur", "incorrect_data"]))
        place = draw(st.sampled_from(["DEKAS", "DEULM", None]))
        told.append(report(name, number, status, draw(hours), draw(hours), place=place, **more))
    return [one for one in told if one.corrects != one.event_id]


def standing(reports: list[DeliveryEvent], hour: int) -> list[tuple[str | None, str, datetime, float]]:
    """What rests there are as known at an hour, from the meaning: place, status, end and minutes of each."""
    now = at(hour)
    lives = [one for one, until in lives_of(reports) if until is None or now < until]
    known = [one for one in lives if max(one.known_at, one.occurred_at) <= now and one.classifier == "ACT"]
    stands = [one for one in known if one.correction != "did_not_occur"]
    stands.sort(key=lambda one: (one.occurred_at, one.known_at, one.event_id))
    return sorted(
        (
            first.place or "",
            first.status.value,
            second.occurred_at,
            (second.occurred_at - first.occurred_at).seconds / 60,
        )
        for first, second in pairwise(stands)
        if first.occurred_at < second.occurred_at
    )


def held(rests: list[Rest], hour: int) -> list[tuple[str, str, datetime, float]]:
    now = micros(at(hour))
    facts = [(kind, fact) for kind, fact in rests if fact.known <= now < fact.until]
    return sorted((*kind, instant_of(fact.occurred), float(fact.values[1])) for kind, fact in facts)


class TestRandomReports:
    @drawn(60)
    @given(reports_of("A"))
    def test_the_rests_of_each_instant_lie_between_what_stands_then(self, reports: list[DeliveryEvent]) -> None:
        rests = rests_of(scans_of(reports), micros(at(3)))
        for hour in range(14):
            assert held(rests, hour) == (standing(reports, hour) if hour >= 3 else [])

    @drawn(40)
    @given(reports_of("A"), st.integers(0, 6), hours)
    def test_told_one_by_one_they_end_up_the_same(
        self, reports: list[DeliveryEvent], first: int, announced: int
    ) -> None:
        plain = [one.model_copy(update={"corrects": None, "correction": None}) for one in reports]
        trail = Trail(plain[:first])
        rests = trail.rests(micros(at(announced)))
        for one in plain[first:]:
            gone, come = trail.put(one, micros(at(announced)))
            for rest in gone:
                rests.remove(rest)
            rests += come
        assert trail.scans == scans_of(plain)
        assert sorted(rests) == sorted(rests_of(scans_of(plain), micros(at(announced))))

    @drawn(15)
    @given(st.tuples(*(reports_of(name) for name in "ABSC")))
    def test_of_many_shipments_they_are_those_of_each(self, each: tuple[list[DeliveryEvent], ...]) -> None:
        plans = [a_plan("S", 3), a_plan("A"), a_plan("B", 5)]  # C is not announced
        legs = Legs.of_tables(RecordTables.from_records([*plans, *chain.from_iterable(each)]))
        event, occurred, known, until, minutes = rests_of_many(legs, Reports.of(legs))
        told = legs.told.frame.iloc[event]
        places = ["" if pd.isna(place) else place for place in told["place"]]
        columns = zip(places, told["status"], occurred, known, until, minutes * minutes, minutes, strict=True)
        expected = [
            (*kind, fact.occurred, fact.known, fact.until, *fact.values)
            for name, reports in zip("ABS", each, strict=False)
            for kind, fact in rests_of(
                scans_of(reports), micros(next(plan.known_at for plan in plans if plan.shipment_id == name))
            )
        ]
        assert sorted(columns) == sorted(expected)
