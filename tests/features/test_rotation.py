"""The vehicle's run before, asked of many at once and of one at a time, against a loop over all runs."""

from __future__ import annotations

import numpy as np
import pytest

from features.errors import TimelineError
from features.history import DAY, HOUR
from features.legs import Time
from features.rotation import NO_RUN, LiveRotation, Rotation, Run, run_of, runs_of, values, values_of_one
from features.timeline import NEVER


def times_of(runs: list[Run]) -> np.ndarray:
    times = np.full((len(runs), len(Time)), NEVER, dtype=np.int64)
    for place, (planned, promised, since, until) in enumerate(runs):
        times[place, [Time.PLANNED, Time.PROMISED, Time.SINCE, Time.UNTIL]] = planned, promised, since, until
    return times


def random_runs(n: int, seed: int) -> tuple[np.ndarray, list[Run]]:
    rng = np.random.default_rng(seed)
    planned, since = rng.integers(0, 15 * 24, n) * HOUR, rng.integers(-200, 200, n) * HOUR
    promised = np.where(rng.random(n) < 0.1, NEVER, planned + rng.integers(1, 30, n) * HOUR)
    until = np.where(rng.random(n) < 0.5, NEVER, since + rng.integers(0, 100, n) * HOUR)
    return rng.integers(-1, 3, n), list(
        zip(*(each.tolist() for each in (planned, promised, since, until)), strict=True)
    )


def by_a_loop(codes: np.ndarray, runs: list[Run], code: int, planned: int, cutoff: int) -> tuple[float, float]:
    before = [
        (departs, promised, since, until)
        for each, (departs, promised, since, until) in zip(codes, runs, strict=True)
        if each == code >= 0
        and promised != NEVER
        and planned - 7 * DAY <= departs < planned < NEVER
        and since <= cutoff < until
    ]
    return max(before)[:2] if before else NO_RUN


@pytest.mark.parametrize("seed", range(5))
def test_many_at_once_and_one_at_a_time_equal_a_loop(seed: int) -> None:
    codes, runs = random_runs(120, seed)
    rng = np.random.default_rng(seed + 100)
    asked = rng.integers(-1, 4, 200)
    planned = np.where(rng.random(200) < 0.1, NEVER, rng.integers(0, 16 * 24, 200) * HOUR)
    cutoffs = rng.integers(-200, 300, 200) * HOUR
    expected = np.array(
        [by_a_loop(codes, runs, *one) for one in zip(asked.tolist(), planned.tolist(), cutoffs.tolist(), strict=True)]
    )
    many = Rotation(codes, times_of(runs)).at(asked, planned, cutoffs)
    assert np.array_equal(many, expected, equal_nan=True)
    assert 20 < np.isfinite(many[:, 0]).sum() < 180

    told = runs_of(times_of(runs))
    one, bulk = LiveRotation(), LiveRotation()
    usable = told.valid & (codes >= 0)
    bulk.add_many(codes[usable].tolist(), told.columns[usable])
    for code, row in zip(codes.tolist(), times_of(runs), strict=True):
        run = run_of(tuple(row.tolist()))
        if code >= 0 and run is not None:
            one.add(code, run)
    for live in (one, bulk):
        found = [live.at(*each) for each in zip(asked.tolist(), planned.tolist(), cutoffs.tolist(), strict=True)]
        assert np.array_equal(np.array(found), expected, equal_nan=True)


class TestRotation:
    def test_without_any_run_nothing_is_known(self) -> None:
        empty = Rotation(np.array([], dtype=np.int64), times_of([]))
        found = empty.at(np.array([0, -1]), np.array([HOUR, HOUR]), np.array([0, 0]))
        assert np.isnan(found).all()

    def test_a_run_that_is_known_to_be_given_up_is_none(self) -> None:
        times = times_of([(10 * HOUR, 12 * HOUR, 0, NEVER)])
        times[0, Time.CLOSED_KNOWN] = 5 * HOUR
        rotation = Rotation(np.array([0, 0])[:1], times)
        asked = np.array([0, 0]), np.array([20 * HOUR] * 2), np.array([4 * HOUR, 5 * HOUR])
        assert np.isnan(rotation.at(*asked)[:, 0]).tolist() == [False, True]


class TestLiveRotation:
    def test_what_is_taken_back_is_as_if_it_had_never_been(self) -> None:
        live, first, second = LiveRotation(), (HOUR, 2 * HOUR, 0, NEVER), (3 * HOUR, 4 * HOUR, 0, NEVER)
        live.add("V", first)
        live.add("V", second)
        live.remove("V", second)
        assert live.at("V", 10 * HOUR, HOUR) == (HOUR, 2 * HOUR)

    def test_what_was_never_added_cannot_be_taken_back(self) -> None:
        with pytest.raises(TimelineError, match="none can be taken back"):
            LiveRotation().remove("V", (HOUR, 2 * HOUR, 0, NEVER))


def test_turnaround_and_slack_of_a_rotation_worked_by_hand() -> None:
    # Leaves at 06:00, is to arrive at 09:30, leaves again 8 h later: 4.5 h on the ground, or 1 h if it comes back.
    before = (6.0 * HOUR, 9.5 * HOUR)
    assert values_of_one(14 * HOUR, before) == [8.0, 4.5, 1.0]
    assert values(np.array([14 * HOUR]), np.array([before])).tolist() == [[8.0, 4.5, 1.0]]
