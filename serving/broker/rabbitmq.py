"""RabbitMQ: a queue that several processes may consume, with publisher confirms for dead letters."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractRobustConnection
from aio_pika.exceptions import ChannelNotFoundEntity
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue
from faststream.security import BaseSecurity

from serving.broker.consuming import GROUP, Consumer
from serving.broker.dead_letters import DeadLetter
from serving.broker.errors import NowhereError, SamePlaceError
from serving.broker.headers import http_headers
from serving.broker.messages import Message

_log = logging.getLogger("faststream")


@dataclass(frozen=True, slots=True)
class RabbitDelivery:
    """A message of a queue in hand."""

    raw: RabbitMessage

    @property
    def message(self) -> Message:
        """The message."""
        return Message(bytes(self.raw.body), http_headers(self.raw.headers, content_type=self.raw.content_type))

    async def acknowledge(self) -> None:
        """Say that it is done."""
        await self.raw.ack()

    async def hold(self) -> None:
        """Do nothing: RabbitMQ waits as long as the connection lives (30 minutes as it is shipped)."""

    async def give_back(self) -> None:
        """Put it back into the queue."""
        await self.raw.nack(requeue=True)


class RabbitSource:
    """One queue of RabbitMQ.

    Parameters
    ----------
    url
        `amqp://user:password@host:5672/virtual-host`.
    queue
        What is consumed.
    dead_letter
        Queue for what is refused.
    create
        Make the two queues, durable, where they are not there.
    security
        TLS; None for what the URL says.

    Raises
    ------
    SamePlaceError
        If the dead letters would be consumed again.
    """

    def __init__(
        self, url: str, *, queue: str, dead_letter: str, create: bool = False, security: BaseSecurity | None = None
    ) -> None:
        if queue == dead_letter:
            raise SamePlaceError(dead_letter)
        self.origin = f"rabbitmq:{queue}"
        self._queue, self._dead_letter, self._create = queue, dead_letter, create
        self._broker = RabbitBroker(
            url,
            default_channel=Channel(publisher_confirms=True, on_return_raises=True),
            apply_types=False,
            logger=_log,
            log_level=logging.DEBUG,
            graceful_timeout=60.0,
            security=security,
        )
        self._consumer: Consumer | None = None
        self._connection: AbstractRobustConnection | None = None
        self._looking: AbstractChannel | None = None

    async def start(self, consumer: Consumer) -> None:
        """Connect, and let the consumer take what comes.

        Raises
        ------
        NowhereError
            If a queue is not there.
        """
        self._consumer = consumer
        self._connection = await self._broker.connect()
        for queue in (self._queue, self._dead_letter):
            await self._require(queue)
        subscriber = self._broker.subscriber(
            RabbitQueue(self._queue, declare=False),
            channel=Channel(prefetch_count=GROUP),
            ack_policy=AckPolicy.MANUAL,
            decoder=_undecoded,
            no_reply=True,
        )

        @subscriber
        async def take(raw: RabbitMessage) -> None:
            await consumer.take(RabbitDelivery(raw))

        await self._broker.start()

    async def publish(self, letter: DeadLetter) -> None:
        """Put a dead letter into its queue, on disk, and wait for the broker's confirmation."""
        await self._broker.publish(
            letter.body,
            self._dead_letter,
            headers=dict(letter.headers),
            content_type=letter.headers["content-type"],
            persist=True,
            mandatory=True,
            timeout=5.0,
        )

    async def pending(self) -> int:
        """Return how many messages wait in the queue or are in hand here; those in hand elsewhere are not told."""
        if self._looking is None or self._looking.is_closed:
            self._looking = await self._channel()
        queue = await self._looking.declare_queue(self._queue, passive=True)
        in_hand = 0 if self._consumer is None else self._consumer.in_hand
        return (queue.declaration_result.message_count or 0) + in_hand

    async def stop(self) -> None:
        """Take no more, let what is in hand end, and leave; what was fetched ahead goes back into the queue."""
        await self._broker.stop()

    async def _channel(self) -> AbstractChannel:
        """Open a channel of its own: the broker closes the one that asked for a queue that is not there."""
        assert self._connection is not None  # noqa: S101  set by `start`
        channel = aio_pika.Channel(self._connection)
        await channel.initialize()
        return channel

    async def _require(self, queue: str) -> None:
        channel = await self._channel()
        try:
            if self._create:
                await channel.declare_queue(queue, durable=True)
            else:
                await channel.declare_queue(queue, passive=True)
        except ChannelNotFoundEntity as error:
            raise NowhereError("queue", f"'{queue}'") from error
        finally:
            if not channel.is_closed:
                await channel.close()


async def _undecoded(message: RabbitMessage) -> Any:
    """Give the handler the message itself: its bytes are judged by us, not by the library."""
    return message
