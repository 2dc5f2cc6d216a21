from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from training.simulate.journeys import LONGEST_WAIT_HOURS, Runs, run_departures
from training.simulate.local_time import LocalTime
from training.simulate.network import PLACES
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable, make_timetable

SETTINGS = SimulationSettings(shipments=1200, days=14)


@pytest.fixture(scope="module")
def timetable() -> Timetable:
    times = LocalTime(datetime(2024, 9, 2, tzinfo=UTC), SETTINGS.horizon_hours, [place.timezone for place in PLACES])
    return make_timetable(SETTINGS, times, np.random.default_rng(2))


def run(timetable: Timetable, ready: np.ndarray, severity: float = 0.0) -> Runs:
    weather = np.full((len(PLACES), SETTINGS.horizon_hours), severity)
    return run_departures(SETTINGS, timetable, ready, weather, np.random.default_rng(5))


class TestRunDepartures:
    def test_a_load_that_is_not_ready_holds_its_departure_up(self, timetable: Timetable) -> None:
        on_time = np.full(len(timetable), np.nan)
        late = on_time.copy()
        late[0] = timetable.planned_departure[0] + 6.0
        slipped = run(timetable, late).departed[0] - run(timetable, on_time).departed[0]
        assert slipped == pytest.approx(6.2)

    def test_no_departure_waits_for_ever(self, timetable: Timetable) -> None:
        never = np.full(len(timetable), np.nan)
        never[0] = timetable.planned_departure[0] + 500.0
        waited = run(timetable, never).departed[0] - run(timetable, np.full(len(timetable), np.nan)).departed[0]
        assert waited == pytest.approx(LONGEST_WAIT_HOURS)

    def test_a_vehicle_carries_its_delay_over_to_its_next_leg_and_no_other_vehicle_is_hurt(
        self, timetable: Timetable
    ) -> None:
        on_time = np.full(len(timetable), np.nan)
        tight = _tightest_second_leg(timetable)
        vehicle = timetable.vehicle[tight]
        first = np.flatnonzero(timetable.vehicle[:tight] == vehicle)[-1]
        late = on_time.copy()
        late[first] = timetable.planned_departure[first] + LONGEST_WAIT_HOURS
        usual, spoilt = run(timetable, on_time), run(timetable, late)
        assert spoilt.departed[tight] > usual.departed[tight] + 1
        others = timetable.vehicle != vehicle
        assert (spoilt.departed[others] == usual.departed[others]).all()

    def test_bad_weather_costs_every_departure_time(self, timetable: Timetable) -> None:
        ready = np.full(len(timetable), np.nan)
        calm, storm = run(timetable, ready), run(timetable, ready, severity=1.0)
        assert (storm.departed > calm.departed).all()
        assert ((storm.arrived - storm.departed) > 0).all()

    def test_the_cause_is_what_cost_most(self, timetable: Timetable) -> None:
        ready = np.full(len(timetable), np.nan)
        ready[0] = timetable.planned_departure[0] + LONGEST_WAIT_HOURS
        assert run(timetable, ready).cause[0] == 0
        assert (run(timetable, np.full(len(timetable), np.nan), severity=2.5).cause == 2).mean() > 0.5


def _tightest_second_leg(timetable: Timetable) -> int:
    back = timetable.planned_arrival + timetable.return_hours
    best, least = -1, np.inf
    last: dict[int, int] = {}
    for position, vehicle in enumerate(timetable.vehicle.tolist()):
        if vehicle in last and timetable.planned_departure[position] - back[last[vehicle]] < least:
            best, least = position, timetable.planned_departure[position] - back[last[vehicle]]
        last[vehicle] = position
    return best
