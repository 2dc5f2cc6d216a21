"""What is computed for one leg in plain numbers against the same for many in arrays: equal to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import backlog, plan, shipment, typical
from features.definitions import QUEUES
from features.facts import facts_of, facts_of_one
from features.history import Fact
from features.instants import MINUTE
from features.legs import Time
from features.numbers import Number
from features.recent import NOTHING, KeyRuns, LiveRecent, Recent, Run, Typical, typical_of
from features.settings import FeatureSettings
from features.timeline import NEVER

YEAR_2014 = 1_388_534_400_000_000
SETTINGS = FeatureSettings(late_after_minutes=15)

times = st.integers(YEAR_2014, YEAR_2014 + 30 * 1440 * MINUTE)
near = st.integers(0, 40).map(lambda step: YEAR_2014 + step * 10 * MINUTE)
given_or_not = st.one_of(times, near, st.just(NEVER))
always = {Time.BOOKED, Time.KNOWN, Time.SINCE}


def known_once_it_happened(row: tuple[int, ...]) -> tuple[int, ...]:
    """Let both times of a milestone be given or neither, and the one from which it is known not be before the other."""
    found = [*row]
    for happened, known in ((Time.DEPARTED, Time.DEPARTED_KNOWN), (Time.DELIVERED, Time.DELIVERED_KNOWN)):
        found[known] = max(row[happened], row[known])
        found[happened] = NEVER if found[known] == NEVER else row[happened]
    return tuple(found)


rows = st.tuples(*(st.one_of(times, near) if time in always else given_or_not for time in Time)).map(
    known_once_it_happened
)
numbers = st.tuples(*(st.one_of(st.just(float("nan")), st.floats(0, 1e6)) for _ in Number))
reals = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6))


def bits(values: object) -> list[str]:
    """Spell numbers out to the last bit; zero is zero, whatever its sign."""
    return [float(value + 0.0).hex() for value in np.asarray(values, dtype=np.float64)]


@given(rows, numbers, st.one_of(times, near), reals, st.tuples(reals, reals))
def test_shipment_features(row, its_numbers, cutoff, lost, last) -> None:
    many = shipment.values(
        np.array([row]), np.array([its_numbers]), np.array([cutoff]), np.array([lost]), np.array([last])
    )
    assert bits(shipment.values_of_one(row, its_numbers, cutoff, lost, last)) == bits(many[0])


@given(numbers, reals, reals)
def test_plan_features(its_numbers, to_departure, booked_ahead) -> None:
    many = plan.values(np.array([its_numbers]), np.array([to_departure]), np.array([booked_ahead]))
    assert bits(plan.values_of_one(its_numbers, to_departure, booked_ahead)) == bits(many[0])


untils = st.one_of(near, st.just(NEVER))
runs = st.builds(Run, near, near, st.integers(-100, 10**5), st.integers(-10_080, 10_080), untils)


class Answering(KeyRuns):
    """Legs whose answer is always the same."""

    def __init__(self, answer: Typical) -> None:
        super().__init__()
        self.held = (-NEVER, NEVER, answer)


@given(rows, near, st.lists(st.one_of(st.none(), st.lists(runs, max_size=20)), min_size=3, max_size=3))
def test_typical_features(row, cutoff, told) -> None:
    by_key = [np.full((1, len(NOTHING)), np.nan) if legs is None else np.array([typical_of(legs)]) for legs in told]
    given = [Answering(typical_of(legs or [])) for legs in told]
    if told[-1] is None:  # every leg has a lane
        by_key[-1][0] = NOTHING
    many = typical.values(by_key, np.array([row]), np.array([cutoff]))
    assert bits(typical.values_of_one(given, row, cutoff)) == bits(many[0])


@given(rows)
def test_facts(row) -> None:
    many, one = facts_of(np.array([row]), SETTINGS), facts_of_one(row, SETTINGS)
    for kind in Fact:
        fact = many[kind]
        if not fact.valid[0]:
            assert kind not in one
        else:
            assert one[kind] == (fact.occurred[0], fact.known[0], fact.until[0], tuple(fact.values[0].tolist()))


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.feature.name)
@given(row=rows)
def test_spans_in_queues(queue, row) -> None:
    start, end = backlog.span_of(queue, np.array([row]))
    assert backlog.span_of_one(queue, row) == ((start[0], end[0]) if start[0] < end[0] else None)


@given(st.lists(st.tuples(runs, st.booleans()), max_size=30), st.lists(near, min_size=1, max_size=4))
def test_the_newest_legs(told, cutoffs) -> None:
    """Of two keys, one of them asked, in any order of time: the last twenty told, less those withdrawn by then."""
    legs = [run._replace(start=max(run.start, run.occurred)) for run, _ in told]
    keys = np.array([int(is_other) for _, is_other in told], dtype=np.int64)
    columns = np.array(legs, dtype=np.int64).reshape(-1, len(Run._fields))
    many = Recent(keys, columns[:, 1], columns[:, 0], columns[:, 4], columns[:, 2:4])
    live = LiveRecent()
    for key, run in zip(keys.tolist(), legs, strict=True):
        live.add(key, run)
    for cutoff in cutoffs:
        expected = sorted(run for key, run in zip(keys, legs, strict=True) if key == 0 and run.start <= cutoff)[-20:]
        usual = typical_of([run for run in expected if run.until > cutoff])
        np.testing.assert_array_equal(live.at(0, cutoff), usual)
        found = many.at(np.array([0, -1]), np.array([cutoff, cutoff]))
        np.testing.assert_array_equal(found, np.array([usual, NOTHING]))
