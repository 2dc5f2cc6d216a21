from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.simulate.warehouse import _serve, _with_overtime

JOBS = st.lists(st.tuples(st.floats(0, 90), st.floats(0.01, 5)), min_size=1, max_size=40)
PACE = st.lists(st.floats(0.1, 3), min_size=100, max_size=100)


def one_by_one(released: list[float], work: list[float], pace: list[float]) -> list[float]:
    """Serve job after job, hour after hour: the obviously right queue."""
    now, ends = 0.0, []
    for begin, left in zip(released, work, strict=True):
        now = max(now, begin)
        while left > 1e-12 and now < len(pace):
            hour = int(now)
            possible = (hour + 1 - now) * pace[hour]
            if possible >= left:
                now += left / pace[hour]
                left = 0.0
            else:
                left -= possible
                now = float(hour + 1)
        ends.append(now)
    return ends


class TestServe:
    @given(JOBS, PACE)
    def test_it_equals_a_queue_worked_off_one_by_one(self, jobs: list[tuple[float, float]], pace: list[float]) -> None:
        jobs = sorted(jobs)
        released, work = np.array([job[0] for job in jobs]), np.array([job[1] for job in jobs])
        done_by = np.concatenate([[0.0], np.cumsum(pace)])
        expected = one_by_one(released.tolist(), work.tolist(), pace)
        np.testing.assert_allclose(_serve(released, work, done_by), expected, atol=1e-6)

    def test_a_job_waits_for_the_one_before_it(self) -> None:
        done_by = np.arange(25, dtype=np.float64)
        ready = _serve(np.array([1.0, 1.5, 10.0]), np.array([3.0, 2.0, 1.0]), done_by)
        assert ready.tolist() == [4.0, 6.0, 11.0]


class TestWithOvertime:
    def test_the_pace_rises_only_while_the_backlog_is_long(self) -> None:
        released = np.zeros(10)
        released[2] = 30.0
        pace = _with_overtime(released, np.full(10, 5.0), 40.0)
        assert pace[:2].tolist() == [5.0, 5.0]
        assert pace[2] > 5.0
        assert pace[-1] == 5.0
