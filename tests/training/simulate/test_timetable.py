from __future__ import annotations

import numpy as np
import pytest

from training.simulate.local_time import LocalTime
from training.simulate.network import CARRIERS, PLACES, carriers_of, lanes
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable, make_timetable


@pytest.fixture(scope="module")
def timetable() -> Timetable:
    settings = SimulationSettings(shipments=5000, days=60)
    times = LocalTime(settings.start, settings.horizon_hours, [place.timezone for place in PLACES])
    return make_timetable(settings, times, np.random.default_rng(4))


class TestMakeTimetable:
    def test_departures_come_in_planned_order(self, timetable: Timetable) -> None:
        assert (np.diff(timetable.planned_departure) >= 0).all()

    def test_a_service_keeps_its_carrier_lane_and_week(self, timetable: Timetable) -> None:
        for service in range(0, len(timetable.service_ids), 7):
            mine = timetable.service == service
            assert len(np.unique(timetable.carrier[mine])) == len(np.unique(timetable.lane[mine])) == 1
            weeks = np.diff(timetable.planned_departure[mine])
            # An hour more or less is the change to or from summer time.
            assert (np.abs(weeks - 168) <= 1).all()

    def test_no_vehicle_is_planned_to_leave_before_it_is_back(self, timetable: Timetable) -> None:
        buffers = np.array([carrier.buffer_hours for carrier in CARRIERS])
        back = timetable.planned_arrival + timetable.return_hours
        for vehicle in range(len(timetable.vehicle_ids)):
            mine = np.flatnonzero(timetable.vehicle == vehicle)
            assert len(np.unique(timetable.origin[mine])) == 1
            stands = timetable.planned_departure[mine[1:]] - back[mine[:-1]]
            assert (stands >= buffers[timetable.carrier[mine[0]]]).all()

    def test_every_lane_has_a_choice_of_carriers_and_destinations_of_origins(self) -> None:
        assert all(len(carriers_of(lane)) >= 2 for lane in lanes())
        origins: dict[int, set[int]] = {}
        for lane in lanes():
            origins.setdefault(lane.destination, set()).add(lane.origin)
        assert sum(len(found) > 1 for found in origins.values()) >= 9
