"""Calls to real brokers on loopback: confirmed, lost on the way, sent again, held back, never sent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from features.vocabulary import Branch
from routing.dispatch.brokers.targets import BrokerTarget
from routing.dispatch.callers import TargetCaller
from routing.dispatch.delivery import Dispatcher, DispatchSettings
from routing.dispatch.envelope import BranchCall, envelope
from routing.dispatch.retry import RetryPolicy
from routing.dispatch.signing import verify
from routing.dispatch.targets import Limits
from serving.clock import SystemClock
from serving.worker.outbox import SqlOutbox
from serving.worker.run import Until, deliver_from
from tests.routing.dispatch.fakes import NOON, FakeClock, FakeOutbox
from tests.serving.broker.servers import until
from tests.serving.effects.calls import call, reported, told
from tests.serving.house import House
from tests.serving.worker.places import SECRETS, Place, Proxy, Taken, calls_on, proxy_to
from tests.serving.worker.processes import start_worker_on
from tests.serving.worker.stores import SqlStore
from tests.serving.worker.test_run import settings
from tests.serving.worker.test_survival import CALLS, count, fill

pytestmark = pytest.mark.service

SETTINGS = DispatchSettings(
    owner="w1",
    limits=Limits(
        concurrency=1,
        retry=RetryPolicy(first=timedelta(milliseconds=1), longest=timedelta(milliseconds=1)),
        breaker_threshold=3,
    ),
)


@pytest.fixture(params=["nats", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def body(call_id: str, shipment_id: str) -> str:
    return envelope(
        BranchCall(
            call_id=call_id,
            decision_id="dec_1",
            subject_id=shipment_id,
            branch=Branch.REBOOK,
            decided_at=NOON,
            payload={"carrier_id": "NWX"},
            causation_id="E1",
            latest_useful_at=NOON + timedelta(hours=1),
        )
    )


class Worker:
    """A dispatcher on a fake outbox and a real broker."""

    def __init__(self, target: BrokerTarget, outbox: FakeOutbox, caller: TargetCaller) -> None:
        self.clock = FakeClock()
        self.dispatcher = Dispatcher(
            outbox,
            caller,
            [target],
            clock=self.clock,
            real_clock=SystemClock(),
            rng=Random(1),
            settings=SETTINGS,
        )

    async def settle_what_is_due(self) -> Counter[str]:
        """Deliver until nothing is due; return what became of how many calls since the last time."""
        before = self.dispatcher.tally.copy()
        while await self.dispatcher.fill() or self.dispatcher.in_flight:
            await self.dispatcher.wait(asyncio.Event(), 0.05)
        return self.dispatcher.tally - before


def working(
    broker: str,
    outbox: FakeOutbox,
    test: Callable[[Worker, Place, Proxy], Awaitable[None]],
    *,
    elsewhere: str | None = None,
) -> None:
    async def go() -> None:
        async with calls_on(broker) as place, proxy_to(broker) as proxy:
            target = place.target(proxy.port, elsewhere)
            async with TargetCaller([target]) as caller:
                worker = Worker(target, outbox, caller)
                try:
                    await test(worker, place, proxy)
                finally:
                    worker.dispatcher.close()

    asyncio.run(go())


def outbox_of(*calls: tuple[str, str]) -> FakeOutbox:
    outbox = FakeOutbox()
    for call_id, shipment_id in calls:
        outbox.put(call_id, shipment_id, body=body(call_id, shipment_id))
    return outbox


class TestDelivery:
    def test_a_call_is_a_signed_cloud_event_under_its_own_id(self, broker: str) -> None:
        outbox = outbox_of(("c1", "SH-1"), ("c2", "SH-1"))

        async def test(worker: Worker, place: Place, proxy: Proxy) -> None:
            assert await worker.settle_what_is_due() == {"delivered": 2}
            first, second = await place.taken()
            assert (first.message_id, second.message_id) == ("c1", "c2")
            assert first.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
            assert first.body.decode() == outbox.stored("c1").body
            for secret in SECRETS:
                assert verify([secret], headers=first.headers, body=first.body, now=SystemClock().now()) == "c1"
            event = json.loads(first.body)
            assert (event["correlationid"], event["causationid"]) == ("dec_1", "E1")
            assert (event["expirytime"], event["data"]["idempotency_key"]) == ("2026-03-02T13:00:00Z", "c1")
            assert proxy.connected == 1, "calls share a connection"

        working(broker, outbox, test)

    def test_accepted_by_the_broker_is_verified_only_by_a_report(self, house: House, broker: str) -> None:
        call_id = told(house)

        async def deliver() -> Counter[str]:
            async with calls_on(broker) as place, proxy_to(broker) as proxy:
                target = place.target(proxy.port)
                once = replace(settings(Until.ONCE), targets=[target])
                async with TargetCaller([target]) as caller:
                    return await deliver_from(
                        SqlOutbox(house.engine), once, clock=house.clock, stop=asyncio.Event(), caller=caller
                    )

        assert asyncio.run(deliver())["delivered"] == 1
        assert call(house, call_id)["effect"] == "accepted"
        reported(house, call_id, "done", reference="MSG-1")
        assert call(house, call_id)["effect"] == "verified"

    def test_the_command_publishes_what_is_due(self, sqlite: SqlStore, sqlite_file: Path, broker: str) -> None:
        sqlite.put("c1", "SH-1", body=body("c1", "SH-1"))
        where = {"nats": "--subject", "rabbitmq": "--routing-key"}[broker]

        async def go() -> None:
            async with calls_on(broker) as place, proxy_to(broker) as proxy:
                target = place.target(proxy.port)
                named = target.place.partition(":")[2]
                process = start_worker_on(f"sqlite:///{sqlite_file}", target.url, where, named, "--until-empty")
                said, complained = await asyncio.to_thread(process.communicate, timeout=60)
                assert (process.returncode, said) == (0, "delivered 1\n"), complained
                assert [taken.message_id for taken in await place.taken()] == ["c1"]

        asyncio.run(go())


class TestFailure:
    def test_a_broker_that_is_down_is_tried_again_and_then_left_alone_for_a_while(self, broker: str) -> None:
        outbox = outbox_of(*((f"c{number}", f"SH-{number}") for number in range(5)))

        async def test(worker: Worker, place: Place, proxy: Proxy) -> None:
            await proxy.down()
            assert await worker.settle_what_is_due() == {"retried": 3}
            worker.clock.advance(seconds=29)
            assert await worker.settle_what_is_due() == {}, "the circuit is open"
            assert "did not confirm the call" in str(outbox.stored("c0").last_error)
            worker.clock.advance(seconds=2)
            assert await worker.settle_what_is_due() == {"retried": 1}, "one call asks whether it is back"
            await proxy.up()
            worker.clock.advance(seconds=31)
            assert await worker.settle_what_is_due() == {"delivered": 5}
            assert {taken.message_id for taken in await place.taken()} == {f"c{number}" for number in range(5)}

        working(broker, outbox, test)

    def test_a_lost_confirmation_brings_the_same_id_again(self, broker: str) -> None:
        """JetStream keeps one message of it; RabbitMQ does not look, so whoever consumes has to."""
        outbox = outbox_of(("c1", "SH-1"), ("c2", "SH-1"))

        async def test(worker: Worker, place: Place, proxy: Proxy) -> None:
            outbox.stored("c2").next_attempt_at = NOON + timedelta(minutes=1)
            await worker.settle_what_is_due()
            proxy.is_silent = True
            worker.clock.advance(minutes=1)
            assert await worker.settle_what_is_due() == {"retried": 1}
            assert "no word within 2 s" in str(outbox.stored("c2").last_error)
            proxy.is_silent = False
            worker.clock.advance(minutes=1)
            assert await worker.settle_what_is_due() == {"delivered": 1}
            found = [taken.message_id for taken in await place.taken()]
            assert found == (["c1", "c2"] if broker == "nats" else ["c1", "c2", "c2"])

        working(broker, outbox, test)

    def test_what_has_expired_is_not_sent(self, broker: str) -> None:
        outbox = FakeOutbox()
        outbox.put("c1", "SH-1", body=body("c1", "SH-1"), latest_useful_at=NOON + timedelta(hours=1))
        outbox.put("c2", "SH-2", body=body("c2", "SH-2"), latest_useful_at=NOON + timedelta(hours=2))

        async def test(worker: Worker, place: Place, proxy: Proxy) -> None:
            worker.clock.advance(hours=1)
            assert await worker.settle_what_is_due() == {"delivered": 1, "expired": 1}
            assert [taken.message_id for taken in await place.taken()] == ["c2"]
            assert outbox.stored("c1").status == "expired"

        working(broker, outbox, test)

    def test_where_nobody_takes_it_it_is_tried_again_until_it_is_given_up(self, broker: str) -> None:
        """No stream holds the subject, no queue is bound: the broker would drop it."""
        outbox = outbox_of(("c1", "SH-1"))

        async def test(worker: Worker, place: Place, proxy: Proxy) -> None:
            for _ in range(SETTINGS.limits.retry.max_attempts):
                await worker.settle_what_is_due()
                worker.clock.advance(minutes=1)
            stored = outbox.stored("c1")
            assert (stored.status, stored.attempts) == ("dead", 20)
            assert {"nats": "no stream holds the subject", "rabbitmq": "NO_ROUTE"}[broker] in str(stored.last_error)

        working(broker, outbox, test, elsewhere="triage_test.nowhere")


@pytest.mark.slow
def test_a_worker_killed_between_publishing_and_settling_loses_nothing(sqlite: SqlStore, broker: str) -> None:
    """Each call is there, in order for its shipment. One published twice has one id, and JetStream keeps it once."""
    rng = Random(20260302)
    expected = fill(sqlite, rng)
    url = sqlite.engine.url.render_as_string()
    where = {"nats": "--subject", "rabbitmq": "--routing-key"}[broker]
    options = ("--timeout-seconds", "1", "--lease-seconds", "2")

    async def go() -> tuple[list[Taken], int]:
        left_leased = 0
        async with calls_on(broker) as place, proxy_to(broker) as proxy:
            target = place.target(proxy.port)
            command = (url, target.url, where, target.place.partition(":")[2], *options)
            proxy.answer_delay_seconds = 0.05
            for _ in range(3):
                heard = proxy.answers + rng.randrange(6, 12)
                worker = start_worker_on(*command)
                await until(lambda heard=heard: proxy.answers >= heard)
                worker.kill()
                await asyncio.to_thread(worker.communicate, timeout=10)
                left_leased += count(sqlite, "leased")
            proxy.answer_delay_seconds = 0
            worker = start_worker_on(*command, "--until-empty")
            _, complained = await asyncio.to_thread(worker.communicate, timeout=60)
            assert worker.returncode == 0, complained
            return await place.taken(), left_leased

    taken, left_leased = asyncio.run(go())
    assert left_leased > 0, "no worker was killed in the middle of a call"
    ids = [each.message_id for each in taken]
    if broker == "nats":
        assert len(ids) == len(set(ids)) == CALLS
    else:
        assert len(ids) > len(set(ids)) == CALLS, "nothing was published twice"
    in_order: dict[str, list[str]] = {}
    for each in {each.message_id: each for each in reversed(taken)}.values():
        in_order.setdefault(json.loads(each.body)["subject"], []).insert(0, each.message_id)
    assert in_order == expected
    assert count(sqlite, "delivered") == CALLS
