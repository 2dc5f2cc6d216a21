from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from training.simulate.local_time import LocalTime
from training.simulate.opening import next_opening

START = datetime(2024, 10, 20, tzinfo=UTC)
TIMES = LocalTime(START, 24 * 20, ["Europe/Berlin", "Europe/London"])


class TestLocalTime:
    def test_it_agrees_with_the_zone_database_on_both_sides_of_the_clock_change(self) -> None:
        hours = np.arange(0, 24 * 19, 1.5)
        for place, zone in enumerate(("Europe/Berlin", "Europe/London")):
            local = TIMES.local(np.full(len(hours), place), hours)
            for hour, shown in zip(hours.tolist(), local.tolist(), strict=True):
                instant = (START + timedelta(hours=hour)).astimezone(ZoneInfo(zone))
                assert shown % 24 == instant.hour + instant.minute / 60

    def test_there_and_back_is_where_it_began(self) -> None:
        # The hour that the clocks show twice cannot be told apart.
        hours = np.concatenate([np.arange(0.0, 167.0), np.arange(171.0, 400.0)])
        place = np.zeros(len(hours), dtype=np.int64)
        assert (TIMES.utc(place, TIMES.local(place, hours)) == hours).all()

    def test_weekdays_count_from_the_start(self) -> None:
        assert TIMES.weekday(np.array([0.0, 23.9, 24.0, 167.9])).tolist() == [6, 6, 0, 5]


class TestNextOpening:
    def test_a_time_within_the_opening_hours_stays(self) -> None:
        assert next_opening(np.array([0]), np.array([10.0]), TIMES).tolist() == [10.0]

    def test_the_night_waits_for_the_morning(self) -> None:
        # Berlin is two hours ahead of UTC before the change: 21:00 UTC is closing time, 03:00 UTC is opening time.
        found = next_opening(np.array([0, 0, 0]), np.array([20.5, 21.0, 25.0]), TIMES)
        assert found.tolist() == [20.5, 27.0, 27.0]
