from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.dispatch.retry import Fate, RetryPolicy, fate_of, parse_retry_after, speaks_against_target
from tests.routing.dispatch.fakes import NOON

POLICY = RetryPolicy(
    first=timedelta(seconds=4), longest=timedelta(seconds=60), longest_retry_after=timedelta(hours=1), max_attempts=5
)


class TestFateOf:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    def test_success_is_delivered(self, status: int) -> None:
        assert fate_of(status) is Fate.DELIVERED

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599, 199, 300, 301, 302, 307, 308])
    def test_what_may_pass_is_tried_again(self, status: int) -> None:
        assert fate_of(status) is Fate.RETRY

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451, 499])
    def test_what_would_be_refused_again_is_dead_at_once(self, status: int) -> None:
        assert fate_of(status) is Fate.DEAD


class TestSpeaksAgainstTarget:
    @pytest.mark.parametrize("status", [500, 503, 429, 302, 401, 403, 404, 405, 410])
    def test_others_would_fare_alike(self, status: int) -> None:
        assert speaks_against_target(status)

    @pytest.mark.parametrize("status", [200, 400, 402, 406, 409, 411, 413, 422])
    def test_only_this_call_is_meant(self, status: int) -> None:
        assert not speaks_against_target(status)


class TestRetryPolicy:
    @given(st.integers(1, 10_000), st.integers())
    def test_a_wait_is_between_nothing_and_its_bound(self, attempts: int, seed: int) -> None:
        wait = POLICY.wait(attempts, Random(seed))
        assert timedelta(0) <= wait <= min(POLICY.longest, POLICY.first * 2 ** min(attempts - 1, 10))

    @pytest.mark.parametrize(("attempts", "bound_seconds"), [(1, 4), (2, 8), (3, 16), (4, 32), (5, 60), (50, 60)])
    def test_waits_fill_the_whole_range_evenly(self, attempts: int, bound_seconds: float) -> None:
        rng = Random(7)
        waits = [POLICY.wait(attempts, rng).total_seconds() for _ in range(4000)]
        assert mean(waits) == pytest.approx(bound_seconds / 2, rel=0.05)
        assert max(waits) > 0.99 * bound_seconds
        assert min(waits) < 0.01 * bound_seconds

    def test_the_same_seed_waits_the_same(self) -> None:
        assert [POLICY.wait(n, Random(3)) for n in range(1, 9)] == [POLICY.wait(n, Random(3)) for n in range(1, 9)]

    @given(st.integers())
    def test_retry_after_is_waited_for_in_full_with_the_jitter_on_top(self, seed: int) -> None:
        wait = POLICY.wait(1, Random(seed), retry_after=timedelta(seconds=90))
        assert timedelta(seconds=90) <= wait <= timedelta(seconds=94)

    def test_retry_after_has_a_bound(self) -> None:
        wait = POLICY.wait(1, Random(0), retry_after=timedelta(days=400))
        assert POLICY.longest_retry_after <= wait <= POLICY.longest_retry_after + POLICY.first

    @pytest.mark.parametrize(("attempts", "spent"), [(1, False), (4, False), (5, True), (6, True)])
    def test_the_budget_is_spent_at_its_last_attempt(self, attempts: int, spent: bool) -> None:
        assert POLICY.spent(attempts) is spent

    @pytest.mark.parametrize(
        "changes",
        [
            {"first": timedelta(0)},
            {"first": timedelta(seconds=2), "longest": timedelta(seconds=1)},
            {"max_attempts": 0},
        ],
    )
    def test_a_policy_that_cannot_wait_or_try_is_refused(self, changes: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"must be above 0|at least 1"):
            RetryPolicy(**changes)  # type: ignore[arg-type]


class TestParseRetryAfter:
    @pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("120", 120), (" 7 ", 7)])
    def test_seconds_are_read(self, value: str, seconds: int) -> None:
        assert parse_retry_after(value, NOON) == timedelta(seconds=seconds)

    def test_a_date_is_read(self) -> None:
        value = format_datetime(NOON + timedelta(minutes=3), usegmt=True)
        assert parse_retry_after(value, NOON) == timedelta(minutes=3)

    def test_a_date_without_a_zone_is_taken_for_utc(self) -> None:
        assert parse_retry_after("Mon, 02 Mar 2026 12:03:00 -0000", NOON) == timedelta(minutes=3)

    def test_a_date_in_another_zone_is_the_same_moment(self) -> None:
        assert parse_retry_after("Mon, 02 Mar 2026 14:03:00 +0200", NOON) == timedelta(minutes=3)

    def test_a_date_that_is_past_means_now(self) -> None:
        assert parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", NOON) == timedelta(0)

    @pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", "1e3", "٣", "99999999999", "Mon, 99 Foo 2026"])
    def test_what_cannot_be_read_is_nothing(self, value: str | None) -> None:
        assert parse_retry_after(value, NOON) is None

    @given(st.text(max_size=60))
    def test_it_never_raises(self, value: str) -> None:
        found = parse_retry_after(value, NOON)
        assert found is None or found >= timedelta(0)
