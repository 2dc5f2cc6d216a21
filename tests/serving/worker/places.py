"""Places of real brokers for calls, reached through a proxy that can hold back answers or be gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from routing.dispatch.brokers.targets import BrokerTarget, NatsTarget, RabbitTarget
from tests.routing.dispatch.fakes import OTHER_SECRET, SECRET
from tests.serving.broker.servers import NatsPlace, RabbitPlace, nats_place, need, rabbit_place

SECRETS = (SECRET, OTHER_SECRET)
TIMEOUT = timedelta(seconds=2)


@dataclass(frozen=True)
class Taken:
    """A call as a consumer gets it."""

    message_id: str
    headers: dict[str, str]
    body: bytes


class Place(Protocol):
    """Where calls are published, and what lies there."""

    def target(self, port: int, place: str | None = None) -> BrokerTarget:
        """Return the target at a port of this machine; `place` names another place than this one."""
        ...

    async def taken(self) -> list[Taken]:
        """Take out what lies there, oldest first."""
        ...


@dataclass
class CallsOnNats:
    place: NatsPlace

    def target(self, port: int, place: str | None = None) -> NatsTarget:
        return NatsTarget(
            name="orchestrator",
            url=f"nats://127.0.0.1:{port}",
            secrets=SECRETS,
            timeout=TIMEOUT,
            subject=place or self.place.subject,
        )

    async def taken(self) -> list[Taken]:
        found = [(message.headers or {}, message.data) for message in await self.place.messages(self.place.subject)]
        return [Taken(headers["Nats-Msg-Id"], dict(headers), body) for headers, body in found]


@dataclass
class CallsOnRabbit:
    place: RabbitPlace

    def target(self, port: int, place: str | None = None) -> RabbitTarget:
        return RabbitTarget(
            name="orchestrator",
            url=f"amqp://guest:guest@127.0.0.1:{port}/",
            secrets=SECRETS,
            timeout=TIMEOUT,
            routing_key=place or self.place.queue,
        )

    async def taken(self) -> list[Taken]:
        queue = await self.place.channel.get_queue(self.place.queue)
        found = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            headers = {name: str(value) for name, value in message.headers.items()}
            headers["content-type"] = str(message.content_type)
            assert message.delivery_mode == 2
            found.append(Taken(str(message.message_id), headers, message.body))
        return found


PORTS = {"nats": 4222, "rabbitmq": 5672}


@asynccontextmanager
async def calls_on(broker: str) -> AsyncIterator[Place]:
    """Make a place for calls, and delete it afterwards; skip the test where the broker does not answer."""
    need(broker, PORTS[broker])
    if broker == "nats":
        async with nats_place() as on_nats:
            yield CallsOnNats(on_nats)
    else:
        async with rabbit_place() as on_rabbit:
            yield CallsOnRabbit(on_rabbit)


@dataclass
class Proxy:
    """Stands between the worker and a broker."""

    broker_port: int
    port: int = 0
    is_silent: bool = False
    """Whether what the broker says is lost on the way."""
    answer_delay_seconds: float = 0.0
    connected: int = 0
    answers: int = 0
    """How often the broker has said something."""
    _server: asyncio.Server | None = None
    _lines: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self.broker_port)
        self._writers |= {writer, to_broker}
        for source, sink, is_answer in ((reader, to_broker, False), (from_broker, writer, True)):
            self._lines.add(asyncio.create_task(self._pass_on(source, sink, is_answer)))

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_answer: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                self.answers += is_answer
                if is_answer:
                    await asyncio.sleep(self.answer_delay_seconds)
                if not (is_answer and self.is_silent):
                    sink.write(data)
                    await sink.drain()
        sink.close()


@asynccontextmanager
async def proxy_to(broker: str) -> AsyncIterator[Proxy]:
    made = Proxy(PORTS[broker])
    await made.up()
    try:
        yield made
    finally:
        await made.down()
