"""The brokers on loopback: skips where none answers; a test has names of its own and leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import aio_pika
import nats
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import StorageType

NATS_URL = "nats://127.0.0.1:4222"
RABBITMQ_URL = "amqp://guest:guest@127.0.0.1:5672/"


def need(name: str, port: int) -> None:
    """Skip the test where a server does not answer."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError as error:
        pytest.skip(f"{name} does not answer on 127.0.0.1:{port} ({error})")


@dataclass(frozen=True)
class NatsPlace:
    """A stream of this test alone, with a subject to consume and one for dead letters."""

    stream: str
    jetstream: JetStreamContext

    @property
    def subject(self) -> str:
        return f"{self.stream}.in"

    @property
    def dead_letter(self) -> str:
        return f"{self.stream}.dead"

    async def send(self, *bodies: bytes, headers: dict[str, str] | None = None) -> None:
        for body in bodies:
            await self.jetstream.publish(self.subject, body, headers=headers)

    async def dead_letters(self) -> list[Msg]:
        """Return the dead letters, oldest first."""
        return await self.messages(self.dead_letter)

    async def messages(self, subject: str) -> list[Msg]:
        """Return what the stream holds of a subject, oldest first."""
        info = await self.jetstream.stream_info(self.stream, subjects_filter=subject)
        held = (info.state.subjects or {}).get(subject, 0)
        if not held:
            return []
        subscription = await self.jetstream.subscribe(subject, ordered_consumer=True)
        try:
            return [await subscription.next_msg(timeout=2) for _ in range(held)]
        finally:
            await subscription.unsubscribe()

    async def unacknowledged(self, durable: str = "triage") -> int:
        info = await self.jetstream.consumer_info(self.stream, durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)


@asynccontextmanager
async def nats_place(*, on_disk: bool = False) -> AsyncIterator[NatsPlace]:
    """Make a stream, and delete it afterwards."""
    connection = await nats.connect(NATS_URL)
    jetstream = connection.jetstream()
    place = NatsPlace(f"triage_test_{token_hex(6)}", jetstream)
    await jetstream.add_stream(
        name=place.stream,
        subjects=[place.subject, place.dead_letter, f"{place.stream}.again"],
        storage=StorageType.FILE if on_disk else StorageType.MEMORY,
    )
    try:
        yield place
    finally:
        await jetstream.delete_stream(place.stream)
        await connection.close()


@dataclass(frozen=True)
class RabbitPlace:
    """Two queues of this test alone."""

    queue: str
    channel: AbstractChannel

    @property
    def dead_letter(self) -> str:
        return f"{self.queue}.dead"

    async def send(self, *bodies: bytes, **properties: Any) -> None:
        for body in bodies:
            await self.channel.default_exchange.publish(aio_pika.Message(body, **properties), self.queue)

    async def dead_letters(self) -> list[AbstractIncomingMessage]:
        """Take the dead letters out, oldest first."""
        queue = await self.channel.get_queue(self.dead_letter)
        found = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            found.append(message)
        return found

    async def waiting(self) -> int:
        """Return how many messages are in the queue and in nobody's hand."""
        queue = await self.channel.declare_queue(self.queue, passive=True)
        return queue.declaration_result.message_count or 0


@asynccontextmanager
async def rabbit_place() -> AsyncIterator[RabbitPlace]:
    """Make two queues, and delete them afterwards."""
    connection = await aio_pika.connect(RABBITMQ_URL)
    channel = await connection.channel()
    place = RabbitPlace(f"triage_test_{token_hex(6)}", channel)
    for queue in (place.queue, place.dead_letter):
        await channel.declare_queue(queue)
    try:
        yield place
    finally:
        for queue in (place.queue, place.dead_letter):
            await channel.queue_delete(queue)
        await connection.close()


async def until(condition: object, *, seconds: float = 20.0) -> None:
    """Wait until a function, which may be a coroutine function, returns something true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = condition()  # type: ignore[operator]
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{condition} did not come true in {seconds} s"
        await asyncio.sleep(0.01)
