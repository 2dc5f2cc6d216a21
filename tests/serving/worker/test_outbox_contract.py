"""What the port promises, on the fake and on every database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from routing.dispatch.ports import LeasedCall
from tests.routing.dispatch.fakes import NOON
from tests.serving.worker.stores import Store

LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def claim(
    store: Store,
    *,
    owner: str = "w1",
    limit: int = 10,
    now: datetime = NOON,
    real_now: datetime = NOON,
    target: str = "orchestrator",
) -> list[LeasedCall]:
    return list(store.outbox.claim(target=target, owner=owner, limit=limit, now=now, real_now=real_now, lease=LEASE))


def ids(calls: list[LeasedCall]) -> list[str]:
    return [call.call_id for call in calls]


class TestClaim:
    def test_it_leases_what_is_due_with_all_a_delivery_needs(self, store: Store) -> None:
        store.put("c1", "s1", body='{"é":1}', latest_useful_at=NOON + 5 * SECOND)
        assert claim(store) == [
            LeasedCall(
                call_id="c1",
                subject_id="s1",
                target="orchestrator",
                body='{"é":1}',
                attempt=1,
                owner="w1",
                lease_expires_at=NOON + LEASE,
                latest_useful_at=NOON + 5 * SECOND,
            )
        ]
        assert store.seen("c1").status == "leased"

    def test_nothing_is_claimed_from_an_empty_outbox(self, store: Store) -> None:
        assert claim(store) == []

    @pytest.mark.parametrize(("due", "claimed"), [(NOON, ["c1"]), (NOON + TICK, [])])
    def test_a_call_is_due_from_its_time_on(self, store: Store, due: datetime, claimed: list[str]) -> None:
        store.put("c1", "s1", due=due)
        assert ids(claim(store)) == claimed

    @pytest.mark.parametrize(("useful", "claimed"), [(NOON + TICK, ["c1"]), (NOON, []), (NOON - TICK, [])])
    def test_and_up_to_its_latest_useful_moment(self, store: Store, useful: datetime, claimed: list[str]) -> None:
        store.put("c1", "s1", due=NOON - SECOND, latest_useful_at=useful)
        assert ids(claim(store)) == claimed

    def test_longest_due_first_then_as_they_were_written_and_no_more_than_asked_for(self, store: Store) -> None:
        store.put("c1", "s1", due=NOON)
        store.put("c2", "s2", due=NOON)
        store.put("c3", "s3", due=NOON - SECOND)
        store.put("c4", "s4", due=NOON)
        assert ids(claim(store, limit=3)) == ["c3", "c1", "c2"]
        assert ids(claim(store, limit=3)) == ["c4"]

    def test_only_calls_for_the_target(self, store: Store) -> None:
        store.put("c1", "s1", target="elsewhere")
        store.put("c2", "s2")
        assert ids(claim(store)) == ["c2"]
        assert ids(claim(store, target="elsewhere")) == ["c1"]

    def test_what_is_leased_is_not_claimed_again_before_the_lease_is_over(self, store: Store) -> None:
        store.put("c1", "s1")
        claim(store)
        assert claim(store, owner="w2", real_now=NOON + LEASE - TICK) == []
        (taken,) = claim(store, owner="w2", real_now=NOON + LEASE)
        assert (taken.owner, taken.attempt) == ("w2", 2)

    def test_simulated_time_does_not_end_a_lease(self, store: Store) -> None:
        store.put("c1", "s1")
        claim(store)
        assert claim(store, owner="w2", now=NOON + timedelta(days=9), real_now=NOON) == []


class TestOrder:
    def test_only_the_first_open_call_of_a_shipment_is_claimed(self, store: Store) -> None:
        for number in (1, 2, 3):
            store.put(f"a{number}", "A")
        store.put("b1", "B")
        assert ids(claim(store)) == ["a1", "b1"]
        assert claim(store) == []

    def test_an_earlier_call_that_is_not_due_holds_the_later_ones_back(self, store: Store) -> None:
        store.put("a1", "A", due=NOON + SECOND)
        store.put("a2", "A", due=NOON)
        assert claim(store) == []
        assert ids(claim(store, now=NOON + SECOND)) == ["a1"]

    def test_so_does_one_for_another_target(self, store: Store) -> None:
        store.put("a1", "A", target="elsewhere")
        store.put("a2", "A")
        assert claim(store) == []

    def test_so_does_one_put_off(self, store: Store) -> None:
        store.put("a1", "A")
        store.put("a2", "A")
        (first,) = claim(store)
        store.outbox.retry_at(first, at=NOON + SECOND, reason="HTTP 503", now=NOON)
        assert claim(store) == []
        assert ids(claim(store, now=NOON + SECOND)) == ["a1"]

    @pytest.mark.parametrize("how", ["delivered", "dead", "expired"])
    def test_a_settled_one_does_not(self, store: Store, how: str) -> None:
        store.put("a1", "A")
        store.put("a2", "A")
        (first,) = claim(store)
        if how == "delivered":
            assert store.outbox.delivered(first, now=NOON)
        elif how == "dead":
            assert store.outbox.dead(first, reason="HTTP 422", now=NOON)
        else:
            assert store.outbox.expired(first, reason="late", now=NOON)
        assert ids(claim(store)) == ["a2"]

    def test_one_with_a_lease_that_is_over_goes_before_the_next(self, store: Store) -> None:
        store.put("a1", "A")
        store.put("a2", "A")
        claim(store)
        assert ids(claim(store, owner="w2", real_now=NOON + LEASE)) == ["a1"]


class TestSettling:
    def test_delivered_keeps_when_and_forgets_earlier_errors(self, store: Store) -> None:
        store.put("c1", "s1")
        (call,) = claim(store)
        store.outbox.retry_at(call, at=NOON, reason="HTTP 500", now=NOON)
        (call,) = claim(store)
        assert store.outbox.delivered(call, now=NOON + SECOND)
        seen = store.seen("c1")
        assert (seen.status, seen.attempts, seen.delivered_at, seen.last_error) == (
            "delivered",
            2,
            NOON + SECOND,
            None,
        )

    def test_retry_at_keeps_when_and_why(self, store: Store) -> None:
        store.put("c1", "s1")
        (call,) = claim(store)
        assert store.outbox.retry_at(call, at=NOON + 7 * SECOND, reason="HTTP 503", now=NOON)
        seen = store.seen("c1")
        assert (seen.status, seen.attempts, seen.next_attempt_at, seen.last_error) == (
            "pending",
            1,
            NOON + 7 * SECOND,
            "HTTP 503",
        )

    def test_dead_keeps_why_and_is_not_claimed_again(self, store: Store) -> None:
        store.put("c1", "s1")
        (call,) = claim(store)
        assert store.outbox.dead(call, reason="HTTP 422", now=NOON)
        assert (store.seen("c1").status, store.seen("c1").last_error) == ("dead", "HTTP 422")
        assert claim(store, now=NOON + timedelta(days=9), real_now=NOON + timedelta(days=9)) == []

    def test_expired_counts_no_attempt_for_what_was_not_sent(self, store: Store) -> None:
        store.put("c1", "s1")
        (call,) = claim(store)
        assert store.outbox.expired(call, reason="late", now=NOON)
        assert (store.seen("c1").status, store.seen("c1").attempts) == ("expired", 0)

    def test_release_gives_it_back_as_if_it_had_not_been_claimed(self, store: Store) -> None:
        store.put("c1", "s1")
        before = store.seen("c1")
        (call,) = claim(store)
        assert store.outbox.release(call, now=NOON)
        assert store.seen("c1") == before
        assert ids(claim(store)) == ["c1"]

    @pytest.mark.parametrize(
        "settle",
        [
            lambda store, call: store.outbox.delivered(call, now=NOON),
            lambda store, call: store.outbox.retry_at(call, at=NOON, reason="x", now=NOON),
            lambda store, call: store.outbox.dead(call, reason="x", now=NOON),
            lambda store, call: store.outbox.expired(call, reason="x", now=NOON),
            lambda store, call: store.outbox.release(call, now=NOON),
        ],
        ids=["delivered", "retry_at", "dead", "expired", "release"],
    )
    def test_whoever_lost_the_lease_changes_nothing(
        self, store: Store, settle: Callable[[Store, LeasedCall], bool]
    ) -> None:
        store.put("c1", "s1")
        (lost,) = claim(store)
        (held,) = claim(store, owner="w2", real_now=NOON + LEASE)
        before = store.seen("c1")
        assert not settle(store, lost)
        assert not settle(store, replace(held, owner="w1"))
        assert not settle(store, replace(held, attempt=1))
        assert store.seen("c1") == before
        assert settle(store, held)
        assert not settle(store, held)


class TestExpireOverdue:
    def test_it_settles_every_call_whose_use_is_over_and_no_other(self, store: Store) -> None:
        store.put("over", "s1", latest_useful_at=NOON)
        store.put("not yet", "s2", latest_useful_at=NOON + TICK)
        store.put("never", "s3")
        assert store.outbox.expire_overdue(now=NOON, real_now=NOON) == 1
        assert [store.seen(name).status for name in ("over", "not yet", "never")] == ["expired", "pending", "pending"]
        assert store.outbox.expire_overdue(now=NOON, real_now=NOON) == 0

    def test_also_one_that_waits_its_turn_or_its_time_or_has_no_worker(self, store: Store) -> None:
        store.put("a1", "A", due=NOON + SECOND)
        store.put("a2", "A", latest_useful_at=NOON)
        store.put("b1", "B", due=NOON + SECOND, latest_useful_at=NOON)
        store.put("c1", "C", target="elsewhere", latest_useful_at=NOON)
        assert store.outbox.expire_overdue(now=NOON, real_now=NOON) == 3
        assert store.seen("a1").status == "pending"

    def test_one_in_flight_is_left_to_its_worker_until_the_lease_is_over(self, store: Store) -> None:
        store.put("c1", "s1", latest_useful_at=NOON + SECOND)
        claim(store)
        later = NOON + SECOND
        assert store.outbox.expire_overdue(now=later, real_now=NOON + LEASE - TICK) == 0
        assert store.outbox.expire_overdue(now=later, real_now=NOON + LEASE) == 1
        assert "1 attempt(s) went unanswered" in str(store.seen("c1").last_error)


class TestOpenCalls:
    def test_it_counts_what_is_still_to_be_settled_for_the_targets_named(self, store: Store) -> None:
        for number in range(4):
            store.put(f"c{number}", f"s{number}")
        store.put("other", "s9", target="elsewhere")
        first, second, *_ = claim(store, limit=3)
        store.outbox.delivered(first, now=NOON)
        store.outbox.retry_at(second, at=NOON + SECOND, reason="x", now=NOON)
        assert store.outbox.open_calls(["orchestrator"]) == 3
        assert store.outbox.open_calls(["orchestrator", "elsewhere"]) == 4
        assert store.outbox.open_calls([]) == 0
