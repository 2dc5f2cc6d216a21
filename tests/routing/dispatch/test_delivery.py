from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from routing.dispatch.delivery import LARGEST_CALL, Dispatcher, DispatchSettings
from routing.dispatch.errors import (
    AddressRefusedError,
    LeaseTooShortError,
    OutboxUnavailableError,
    UnreachableError,
)
from routing.dispatch.ports import Answer
from routing.dispatch.retry import RetryPolicy
from routing.dispatch.targets import Limits, Target, TargetMode, Window
from tests.routing.dispatch.fakes import NOON, FakeCaller, FakeClock, FakeOutbox, a_target

RETRY = RetryPolicy(first=timedelta(seconds=4), longest=timedelta(seconds=60), max_attempts=3)
LIMITS = Limits(concurrency=4, retry=RETRY, breaker_threshold=3)
SETTINGS = DispatchSettings(owner="w1", lease=timedelta(seconds=60), limits=LIMITS)


class World:
    """A dispatcher among fakes."""

    def __init__(self, *targets: Target, settings: DispatchSettings = SETTINGS) -> None:
        self.outbox = FakeOutbox()
        self.caller = FakeCaller()
        self.clock = FakeClock()
        self.real_clock = FakeClock(NOON + timedelta(days=100))
        self.targets = targets or (a_target(),)
        self.settings = settings

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.outbox,
            self.caller,
            self.targets,
            clock=self.clock,
            real_clock=self.real_clock,
            rng=Random(1),
            settings=self.settings,
        )

    def settle_what_is_due(self) -> dict[str, int]:
        """Deliver until nothing is due at the present moment."""

        async def run() -> dict[str, int]:
            dispatcher = self.dispatcher()
            try:
                while await dispatcher.fill() or dispatcher.in_flight:
                    await dispatcher.wait(asyncio.Event(), 0.01)
                return {what: count for what, count in dispatcher.tally.items() if count}
            finally:
                dispatcher.close()

        return asyncio.run(run())


class TestDelivery:
    def test_a_due_call_is_delivered_with_its_id_body_and_real_time(self) -> None:
        world = World()
        world.outbox.put("c1", "s1", body='{"note":"é"}')
        assert world.settle_what_is_due() == {"delivered": 1}
        assert world.caller.sent == [(world.targets[0], "c1", '{"note":"é"}'.encode(), world.real_clock.now())]
        stored = world.outbox.stored("c1")
        assert (stored.status, stored.attempts, stored.delivered_at) == ("delivered", 1, NOON)

    def test_a_call_that_is_not_due_waits(self) -> None:
        world = World()
        world.outbox.put("c1", "s1", due=NOON + timedelta(seconds=1))
        assert world.settle_what_is_due() == {}
        world.clock.advance(seconds=1)
        assert world.settle_what_is_due() == {"delivered": 1}

    def test_calls_of_one_shipment_go_out_in_order_and_others_beside_them(self) -> None:
        world = World()
        for number in (1, 2, 3):
            world.outbox.put(f"a{number}", "A")
        world.outbox.put("b1", "B")
        world.settle_what_is_due()
        assert [call for call in world.caller.seen if call.startswith("a")] == ["a1", "a2", "a3"]
        assert world.caller.seen.index("b1") < world.caller.seen.index("a2")

    def test_a_call_put_off_holds_its_shipment_back_and_no_other(self) -> None:
        world = World()
        world.outbox.put("a1", "A")
        world.outbox.put("a2", "A")
        world.outbox.put("b1", "B")
        world.caller.will_answer("a1", 503)
        assert world.settle_what_is_due() == {"retried": 1, "delivered": 1}
        assert world.outbox.stored("a2").attempts == 0
        world.clock.advance(seconds=4)
        assert world.settle_what_is_due() == {"delivered": 2}
        assert world.caller.seen == ["a1", "b1", "a1", "a2"]

    def test_no_more_are_in_flight_than_allowed(self) -> None:
        world = World()
        world.caller.seconds = 0.005
        for number in range(20):
            world.outbox.put(f"c{number}", f"s{number}")
        assert world.settle_what_is_due() == {"delivered": 20}
        assert world.caller.most_in_flight == 4

    def test_a_call_for_a_target_nobody_named_stays_where_it_is(self) -> None:
        world = World()
        world.outbox.put("c1", "s1", target="elsewhere")
        assert world.settle_what_is_due() == {}
        assert world.outbox.stored("c1").status == "pending"

    def test_a_held_target_is_not_called_and_drains_in_order_afterwards(self) -> None:
        world = World(a_target(mode=TargetMode.HELD))
        for number in (1, 2, 3):
            world.outbox.put(f"c{number}", "s")
        assert world.settle_what_is_due() == {}
        world.targets = (a_target(),)
        assert world.settle_what_is_due() == {"delivered": 3}
        assert world.caller.seen == ["c1", "c2", "c3"]

    def test_in_a_maintenance_window_calls_wait_and_drain_in_order_afterwards(self) -> None:
        window = Window(since=NOON, until=NOON + timedelta(hours=1))
        world = World(a_target(windows=(window,)))
        for number in (1, 2, 3):
            world.outbox.put(f"c{number}", "s")
        assert world.settle_what_is_due() == {}
        world.clock.advance(minutes=59, seconds=59)
        assert world.settle_what_is_due() == {}
        world.clock.advance(seconds=1)
        assert world.settle_what_is_due() == {"delivered": 3}
        assert world.caller.seen == ["c1", "c2", "c3"]

    def test_each_target_has_its_own_limits_and_breaker(self) -> None:
        one = Limits(concurrency=1, retry=replace(RETRY, max_attempts=1), breaker_threshold=1)
        world = World(a_target("weak", limits=one), a_target("strong"))
        for number in range(3):
            world.outbox.put(f"weak{number}", f"w{number}", target="weak")
            world.outbox.put(f"strong{number}", f"s{number}", target="strong")
            world.caller.will_answer(f"weak{number}", 503)
        assert world.settle_what_is_due() == {"delivered": 3, "dead": 1}
        assert [call for call in world.caller.seen if call.startswith("weak")] == ["weak0"]

    def test_a_slow_target_takes_nothing_from_another(self) -> None:
        world = World(a_target("slow"), a_target("quick"))
        for number in range(6):
            world.outbox.put(f"slow{number}", f"s{number}", target="slow")
            world.outbox.put(f"quick{number}", f"q{number}", target="quick")

        async def run() -> None:
            world.caller.gate = asyncio.Event()
            dispatcher = world.dispatcher()
            await dispatcher.fill()
            assert dispatcher.in_flight == 8
            world.caller.gate.set()
            await dispatcher.drain()
            dispatcher.close()

        asyncio.run(run())
        assert sorted(world.caller.seen) == [f"quick{n}" for n in range(4)] + [f"slow{n}" for n in range(4)]


class TestFailure:
    @pytest.mark.parametrize(
        "failure",
        [500, 503, 429, 408, 302, UnreachableError("h", "reset"), AddressRefusedError("h", "10.0.0.1", "private")],
    )
    def test_what_may_pass_is_put_off_within_its_bound(self, failure: int | Exception) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.caller.will_answer("c1", failure)
        assert world.settle_what_is_due() == {"retried": 1}
        stored = world.outbox.stored("c1")
        assert stored.status == "pending"
        assert NOON <= stored.next_attempt_at <= NOON + RETRY.first
        assert stored.last_error

    def test_an_address_that_is_refused_is_told_at_once(self, caplog: pytest.LogCaptureFixture) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.caller.will_answer("c1", AddressRefusedError("tms.example", "10.0.0.1", "private"))
        world.settle_what_is_due()
        assert "Call c1 was not sent: Host 'tms.example' resolves to 10.0.0.1, a private address" in caplog.text

    def test_retry_after_is_honoured(self) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.caller.will_answer("c1", Answer(status=429, retry_after="120"))
        world.settle_what_is_due()
        due = world.outbox.stored("c1").next_attempt_at
        assert NOON + timedelta(seconds=120) <= due <= NOON + timedelta(seconds=124)

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_holds_the_other_calls_of_the_target_as_well(self, status: int) -> None:
        one = replace(LIMITS, concurrency=1)
        world = World(a_target("busy", limits=one), a_target("free"))
        for number in range(3):
            world.outbox.put(f"busy{number}", f"b{number}", target="busy")
        world.outbox.put("free0", "f0", target="free")
        world.caller.will_answer("busy0", Answer(status=status, retry_after="120"))
        assert world.settle_what_is_due() == {"retried": 1, "delivered": 1}
        assert sorted(world.caller.seen) == ["busy0", "free0"]

    def test_without_it_one_refusal_holds_no_other_call(self) -> None:
        world = World(a_target("busy", limits=replace(LIMITS, concurrency=1)))
        for number in range(3):
            world.outbox.put(f"busy{number}", f"b{number}", target="busy")
        world.caller.will_answer("busy0", Answer(status=503))
        assert world.settle_what_is_due() == {"retried": 1, "delivered": 2}

    def test_a_date_in_retry_after_is_real_time(self) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.caller.will_answer("c1", Answer(status=503, retry_after="Wed, 10 Jun 2026 12:01:00 GMT"))
        world.settle_what_is_due()
        due = world.outbox.stored("c1").next_attempt_at
        assert NOON + timedelta(seconds=60) <= due <= NOON + timedelta(seconds=64)

    @pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
    def test_what_would_be_refused_again_is_dead_at_once(self, status: int) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.caller.will_answer("c1", Answer(status=status, excerpt="no such shipment"))
        assert world.settle_what_is_due() == {"dead": 1}
        assert world.outbox.stored("c1").last_error == f"HTTP {status}: no such shipment"

    def test_one_that_nobody_would_take_for_its_size_is_dead_at_once_and_unsent(self) -> None:
        world = World()
        world.outbox.put("c1", "s1", body=f'"{"ä" * (LARGEST_CALL // 2)}"')
        world.outbox.put("c2", "s2", body=f'"{"a" * (LARGEST_CALL - 2)}"')
        assert world.settle_what_is_due() == {"dead": 1, "delivered": 1}
        assert (
            world.outbox.stored("c1").last_error == "It has 262,146 bytes, expected at most 262,144: nobody was asked."
        )

    def test_a_dead_letter_does_not_hold_what_follows_back(self) -> None:
        world = World()
        world.outbox.put("a1", "A")
        world.outbox.put("a2", "A")
        world.caller.will_answer("a1", 422)
        assert world.settle_what_is_due() == {"dead": 1, "delivered": 1}

    def test_a_spent_budget_makes_a_dead_letter_that_says_so(self) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.caller.will_answer("c1", 500, 500, 500)
        for _ in range(2):
            assert world.settle_what_is_due() == {"retried": 1}
            world.clock.advance(minutes=1)
        assert world.settle_what_is_due() == {"dead": 1}
        assert world.outbox.stored("c1").last_error == "Given up after 3 attempts. HTTP 500"
        assert len(world.caller.seen) == 3

    def test_a_call_that_keeps_killing_its_worker_is_given_up_unsent(self) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.outbox.stored("c1").attempts = 3
        assert world.settle_what_is_due() == {"dead": 1}
        assert world.caller.seen == []

    def test_what_nobody_foresaw_is_put_off_and_stops_no_other(self, caplog: pytest.LogCaptureFixture) -> None:
        world = World()
        world.outbox.put("c1", "s1")
        world.outbox.put("c2", "s2")
        world.caller.will_answer("c1", ZeroDivisionError("surprise"))
        assert world.settle_what_is_due() == {"retried": 1, "delivered": 1}
        assert world.outbox.stored("c1").last_error == "ZeroDivisionError: surprise"
        assert "nobody foresaw" in caplog.text

    def test_an_id_that_cannot_be_signed_is_dead_at_once(self) -> None:
        from routing.dispatch.errors import MessageIdError

        world = World()
        world.outbox.put("c.1", "s1")
        world.caller.will_answer("c.1", MessageIdError("c.1"))
        assert world.settle_what_is_due() == {"dead": 1}


class TestUse:
    def test_a_call_of_no_more_use_expires_unsent(self) -> None:
        world = World()
        world.outbox.put("c1", "s1", latest_useful_at=NOON)
        assert world.settle_what_is_due() == {"expired": 1}
        assert world.caller.seen == []
        assert world.outbox.stored("c1").last_error == (
            "It was of no use from 2026-03-02T12:00:00+00:00 on. It was never sent."
        )

    def test_a_moment_before_it_still_goes_out(self) -> None:
        world = World()
        world.outbox.put("c1", "s1", latest_useful_at=NOON + timedelta(microseconds=1))
        assert world.settle_what_is_due() == {"delivered": 1}

    def test_one_that_was_tried_before_says_that_it_may_have_had_its_effect(self) -> None:
        world = World()
        world.outbox.put("c1", "s1", latest_useful_at=NOON + timedelta(seconds=1))
        world.caller.will_answer("c1", UnreachableError("h", "reset"))
        world.settle_what_is_due()
        world.clock.advance(seconds=1)
        assert world.settle_what_is_due() == {"expired": 1}
        assert "1 attempt(s) went unanswered" in str(world.outbox.stored("c1").last_error)

    def test_it_is_asked_again_between_the_claim_and_the_sending(self) -> None:
        world = World()
        world.outbox.after_claim = lambda: world.clock.advance(seconds=10)
        world.outbox.put("c1", "s1", latest_useful_at=NOON + timedelta(seconds=5))
        assert world.settle_what_is_due() == {"expired": 1}
        assert world.caller.seen == []
        assert world.outbox.stored("c1").attempts == 0

    def test_an_expired_call_lets_the_next_of_its_shipment_go(self) -> None:
        world = World()
        world.outbox.put("a1", "A", latest_useful_at=NOON, due=NOON + timedelta(hours=1))
        world.outbox.put("a2", "A")
        assert world.settle_what_is_due() == {"expired": 1, "delivered": 1}


class TestLease:
    @pytest.mark.parametrize(("seconds", "refused"), [(29.9, True), (30, False)])
    def test_it_must_be_twice_the_slowest_timeout(self, seconds: float, refused: bool) -> None:
        world = World(a_target(), settings=replace(SETTINGS, lease=timedelta(seconds=seconds)))
        if refused:
            with pytest.raises(LeaseTooShortError, match=r"29\.9 s"):
                world.dispatcher()
        else:
            world.dispatcher().close()

    def test_a_call_whose_lease_is_nearly_over_is_given_back_unsent(self) -> None:
        world = World()
        stalls = iter([50])
        world.outbox.after_claim = lambda: world.real_clock.advance(seconds=next(stalls, 0))
        world.outbox.put("c1", "s1")
        assert world.settle_what_is_due() == {"released": 1, "delivered": 1}
        assert world.caller.seen == ["c1"]
        assert world.outbox.stored("c1").attempts == 1

    def test_a_lease_lost_meanwhile_settles_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        world = World()
        world.outbox.put("c1", "s1")

        async def run() -> dict[str, int]:
            world.caller.gate = asyncio.Event()
            dispatcher = world.dispatcher()
            await dispatcher.fill()
            world.outbox.stored("c1").owner = "w2"
            world.caller.gate.set()
            await dispatcher.drain()
            dispatcher.close()
            return dict(dispatcher.tally)

        assert asyncio.run(run())["lease_lost"] == 1
        assert world.outbox.stored("c1").status == "leased"
        assert "leased to another worker" in caplog.text


class TestBreaker:
    def test_a_target_that_keeps_failing_is_left_alone_then_asked_once(self) -> None:
        world = World(settings=replace(SETTINGS, limits=replace(LIMITS, concurrency=1)))
        for number in range(8):
            world.outbox.put(f"c{number}", f"s{number}")
            world.caller.will_answer(f"c{number}", 503)

        async def run() -> None:
            dispatcher = world.dispatcher()

            async def settle() -> None:
                while await dispatcher.fill() or dispatcher.in_flight:
                    await dispatcher.wait(asyncio.Event(), 1)

            await settle()
            assert len(world.caller.seen) == 3
            world.clock.advance(seconds=29)
            await settle()
            assert len(world.caller.seen) == 3
            world.clock.advance(seconds=1)
            await settle()
            assert len(world.caller.seen) == 4
            world.caller.scripts.clear()
            world.clock.advance(seconds=60)
            await settle()
            assert dispatcher.tally["delivered"] == 8
            dispatcher.close()

        asyncio.run(run())

    def test_refusals_of_single_calls_do_not_open_it(self) -> None:
        world = World(settings=replace(SETTINGS, limits=replace(LIMITS, concurrency=1)))
        for number in range(8):
            world.outbox.put(f"c{number}", f"s{number}")
            world.caller.will_answer(f"c{number}", 422)
        assert world.settle_what_is_due() == {"dead": 8}

    def test_a_wrong_secret_opens_it_before_all_calls_are_dead(self) -> None:
        world = World(settings=replace(SETTINGS, limits=replace(LIMITS, concurrency=1)))
        for number in range(8):
            world.outbox.put(f"c{number}", f"s{number}")
            world.caller.will_answer(f"c{number}", 401)
        assert world.settle_what_is_due() == {"dead": 3}


class TestOutboxUnavailable:
    def test_filling_says_so(self) -> None:
        world = World()
        world.outbox.available = False

        async def run() -> None:
            dispatcher = world.dispatcher()
            try:
                await dispatcher.fill()
            finally:
                dispatcher.close()

        with pytest.raises(OutboxUnavailableError):
            asyncio.run(run())

    def test_a_call_that_cannot_be_settled_keeps_its_lease_and_goes_out_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World()
        world.outbox.put("c1", "s1")

        async def run() -> None:
            world.caller.gate = asyncio.Event()
            dispatcher = world.dispatcher()
            await dispatcher.fill()
            world.outbox.available = False
            world.caller.gate.set()
            await dispatcher.drain()
            dispatcher.close()

        asyncio.run(run())
        assert "was not settled" in caplog.text
        world.outbox.available = True
        assert world.settle_what_is_due() == {}
        world.real_clock.advance(seconds=60)
        assert world.settle_what_is_due() == {"delivered": 1}
        assert world.caller.seen == ["c1", "c1"]


class TestStopping:
    def test_open_calls_counts_only_what_this_worker_would_deliver(self) -> None:
        world = World(a_target(), a_target("paused", mode=TargetMode.HELD))
        for target in ("orchestrator", "paused", "elsewhere"):
            world.outbox.put(f"c-{target}", f"s-{target}", target=target)

        async def run() -> int:
            dispatcher = world.dispatcher()
            try:
                return await dispatcher.open_calls()
            finally:
                dispatcher.close()

        assert asyncio.run(run()) == 1

    def test_waiting_ends_at_once_when_told_to_stop(self) -> None:
        world = World()

        async def run() -> None:
            stop = asyncio.Event()
            stop.set()
            dispatcher = world.dispatcher()
            await asyncio.wait_for(dispatcher.wait(stop, 60), 1)
            dispatcher.close()

        asyncio.run(run())
