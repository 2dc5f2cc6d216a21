from __future__ import annotations

from datetime import timedelta

import pytest

from routing.dispatch.breaker import CircuitBreaker
from tests.routing.dispatch.fakes import NOON

COOL_DOWN = timedelta(seconds=30)


def failed(times: int) -> CircuitBreaker:
    breaker = CircuitBreaker(threshold=3, cool_down=COOL_DOWN)
    for _ in range(times):
        breaker.started()
        breaker.ended(well=False, now=NOON)
    return breaker


class TestCircuitBreaker:
    @pytest.mark.parametrize("failures", [0, 1, 2])
    def test_it_is_closed_up_to_the_threshold(self, failures: int) -> None:
        assert failed(failures).room(NOON) is None

    def test_it_opens_at_the_threshold(self) -> None:
        breaker = failed(3)
        assert breaker.is_open
        assert breaker.room(NOON) == 0
        assert breaker.room(NOON + COOL_DOWN - timedelta(microseconds=1)) == 0

    def test_a_success_between_starts_the_count_anew(self) -> None:
        breaker = failed(2)
        breaker.started()
        breaker.ended(well=True, now=NOON)
        for _ in range(2):
            breaker.started()
            breaker.ended(well=False, now=NOON)
        assert breaker.room(NOON) is None

    def test_what_says_nothing_about_the_target_is_not_counted(self) -> None:
        breaker = failed(2)
        breaker.started()
        breaker.ended(well=None, now=NOON)
        assert breaker.room(NOON) is None
        breaker.started()
        breaker.ended(well=False, now=NOON)
        assert breaker.room(NOON) == 0

    def test_after_the_cool_down_one_call_may_try_and_no_second_beside_it(self) -> None:
        breaker = failed(3)
        assert breaker.room(NOON + COOL_DOWN) == 1
        breaker.started()
        assert breaker.room(NOON + COOL_DOWN) == 0

    def test_a_trial_that_goes_well_closes_it(self) -> None:
        breaker = failed(3)
        breaker.started()
        breaker.ended(well=True, now=NOON + COOL_DOWN)
        assert breaker.room(NOON + COOL_DOWN) is None

    def test_a_trial_that_fails_opens_it_for_as_long_again(self) -> None:
        breaker = failed(3)
        breaker.started()
        breaker.ended(well=False, now=NOON + COOL_DOWN)
        assert breaker.room(NOON + 2 * COOL_DOWN - timedelta(microseconds=1)) == 0
        assert breaker.room(NOON + 2 * COOL_DOWN) == 1

    def test_a_trial_that_was_never_sent_leaves_the_next_one_its_turn(self) -> None:
        breaker = failed(3)
        breaker.started()
        breaker.ended(well=None, now=NOON + COOL_DOWN)
        assert breaker.room(NOON + COOL_DOWN) == 1
