"""Where no broker is, or one that says nothing, a call is not confirmed, and that is known in time."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from routing.dispatch.brokers.caller import BrokerCaller
from routing.dispatch.brokers.connecting import connect_to
from routing.dispatch.brokers.targets import BrokerTarget, KafkaTarget, NatsTarget, RabbitTarget
from routing.dispatch.errors import NotConfirmedError
from tests.routing.dispatch.fakes import NOON, SECRET

TIMEOUT = timedelta(seconds=0.5)


def target(kind: str, port: int) -> BrokerTarget:
    at = f"{kind}://127.0.0.1:{port}"
    if kind == "nats":
        return NatsTarget(name="orchestrator", url=at, secrets=(SECRET,), timeout=TIMEOUT, subject="calls")
    if kind == "amqp":
        return RabbitTarget(name="orchestrator", url=at, secrets=(SECRET,), timeout=TIMEOUT, routing_key="calls")
    return KafkaTarget(name="orchestrator", url=at, secrets=(SECRET,), timeout=TIMEOUT, topic="calls")


@pytest.mark.parametrize("kind", ["nats", "amqp", "kafka"])
@pytest.mark.parametrize("is_listening", [False, True], ids=["nobody", "silent"])
def test_a_call_is_not_confirmed_in_time(kind: str, is_listening: bool) -> None:
    ended: list[asyncio.Event] = []

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done = asyncio.Event()
        ended.append(done)
        await reader.read()
        writer.close()
        done.set()

    async def run() -> None:
        server = await asyncio.start_server(silence, "127.0.0.1", 0)
        made = target(kind, server.sockets[0].getsockname()[1])
        if not is_listening:
            server.close()
        caller = BrokerCaller({made.name: connect_to(made)})
        with pytest.raises(NotConfirmedError, match=f"{made.place} did not confirm the call"):
            await caller.call(made, message_id="c1", body=b"{}", sent_at=NOON)
        await caller.aclose()
        async with asyncio.timeout(5):  # the other side is let go
            await asyncio.gather(*(each.wait() for each in ended))
        server.close()

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began < 5
