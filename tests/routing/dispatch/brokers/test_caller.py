"""Publishing to any broker: what a message carries, and when a connection is used no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from routing.dispatch.brokers.caller import BrokerCaller, CallMessage
from routing.dispatch.brokers.targets import NatsTarget
from routing.dispatch.errors import MessageRefusedError, NotConfirmedError
from routing.dispatch.signing import verify
from tests.routing.dispatch.fakes import NOON, OTHER_SECRET, SECRET

TARGET = NatsTarget(
    name="orchestrator",
    url="nats://broker.example",
    secrets=(SECRET, OTHER_SECRET),
    subject="calls",
    timeout=timedelta(seconds=0.05),
)
BODY = b'{"id":"c1","subject":"SH-1"}'


@dataclass
class FakeBroker:
    """Confirms what it is given, unless a script says otherwise; None is a confirmation that never comes."""

    script: list[Exception | None] = field(default_factory=list)
    taken: list[CallMessage] = field(default_factory=list)
    sessions: list[FakeSession] = field(default_factory=list)

    async def connect(self) -> FakeSession:
        await asyncio.sleep(0)
        self.sessions.append(FakeSession(self))
        return self.sessions[-1]


@dataclass
class FakeSession:
    broker: FakeBroker
    is_open: bool = True

    async def publish(self, message: CallMessage) -> str:
        self.broker.taken.append(message)
        await asyncio.sleep(0)
        if self.broker.script:
            failure = self.broker.script.pop(0)
            if failure is None:
                await asyncio.sleep(60)
            else:
                raise failure
        return f"message {len(self.broker.taken)}"

    async def close(self) -> None:
        self.is_open = False
        raise OSError("ends badly, which is nobody's affair")


def calling(broker: FakeBroker, test: Callable[[Callable[[str], Awaitable[str]]], Awaitable[None]]) -> None:
    async def go() -> None:
        caller = BrokerCaller({"orchestrator": broker.connect})

        async def call(message_id: str) -> str:
            answer = await caller.call(TARGET, message_id=message_id, body=BODY, sent_at=NOON)
            assert answer.status == 202
            return answer.excerpt

        await test(call)
        await caller.aclose()

    asyncio.run(go())


def test_a_message_carries_id_shipment_body_and_a_signature_of_each_secret() -> None:
    broker = FakeBroker()

    async def test(call: Callable[[str], Awaitable[str]]) -> None:
        assert await call("c1") == "message 1"

    calling(broker, test)
    (message,) = broker.taken
    assert (message.message_id, message.subject, message.body) == ("c1", "SH-1", BODY)
    for secret in TARGET.secrets:
        assert verify([secret], headers=message.headers, body=message.body, now=NOON) == "c1"


def test_calls_in_flight_share_a_connection_which_is_ended_at_the_end() -> None:
    broker = FakeBroker()

    async def test(call: Callable[[str], Awaitable[str]]) -> None:
        await asyncio.gather(call("c1"), call("c2"), call("c3"))

    calling(broker, test)
    assert len(broker.taken) == 3
    assert [session.is_open for session in broker.sessions] == [False]


@pytest.mark.parametrize("failure", [NotConfirmedError("nats:calls", "told so"), None], ids=["told", "silent"])
def test_after_a_failure_the_next_call_opens_a_connection_of_its_own(failure: Exception | None) -> None:
    broker = FakeBroker([failure])

    async def test(call: Callable[[str], Awaitable[str]]) -> None:
        with pytest.raises(NotConfirmedError, match=r"nats:calls did not confirm .* (told so|no word within 0.05 s)"):
            await call("c1")
        await call("c1")
        await call("c2")

    calling(broker, test)
    assert [message.message_id for message in broker.taken] == ["c1", "c1", "c2"]
    assert len(broker.sessions) == 2


def test_a_connection_that_is_gone_is_noticed_before_anything_is_published() -> None:
    broker = FakeBroker()

    async def test(call: Callable[[str], Awaitable[str]]) -> None:
        await call("c1")
        broker.sessions[0].is_open = False
        await call("c2")

    calling(broker, test)
    assert len(broker.sessions) == 2


def test_a_message_that_is_refused_says_nothing_of_the_connection() -> None:
    broker = FakeBroker([MessageRefusedError("nats:calls", "too large")])

    async def test(call: Callable[[str], Awaitable[str]]) -> None:
        with pytest.raises(MessageRefusedError):
            await call("c1")
        await call("c2")

    calling(broker, test)
    assert len(broker.sessions) == 1
