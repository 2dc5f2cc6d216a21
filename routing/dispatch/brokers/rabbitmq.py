"""RabbitMQ: a call counts as taken at the publisher confirm, which a durable queue gives when it is on disk.

A message that no queue takes comes back (`mandatory`) and is tried again: nothing is dropped in silence.
"""

from __future__ import annotations

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from routing.dispatch.brokers.caller import CallMessage
from routing.dispatch.brokers.targets import RabbitTarget
from routing.dispatch.errors import NotConfirmedError


class RabbitSession:
    """A connection to RabbitMQ, for one exchange and routing key."""

    def __init__(
        self, connection: AbstractConnection, channel: AbstractChannel, exchange: AbstractExchange, target: RabbitTarget
    ) -> None:
        self._connection, self._channel, self._exchange, self._target = connection, channel, exchange, target

    @property
    def is_open(self) -> bool:
        """Whether something may be published."""
        return not self._connection.is_closed and not self._channel.is_closed

    async def publish(self, message: CallMessage) -> str:
        """Publish a message, persistent; return what the broker said. See `Session.publish`."""
        sent = aio_pika.Message(
            message.body,
            message_id=message.message_id,
            content_type=message.content_type,
            headers=dict(message.headers),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        try:
            await self._exchange.publish(sent, self._target.routing_key, mandatory=True)
        except (AMQPError, ChannelInvalidStateError, OSError) as error:
            raise NotConfirmedError(self._target.place, str(error) or type(error).__name__) from error
        return "confirmed by the broker"

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()


async def connect(target: RabbitTarget) -> RabbitSession:
    """Connect; the dispatcher decides when to try again, so the library does not."""
    connection: AbstractConnection | None = None
    try:
        context = None if target.tls is None else target.tls.context()
        connection = await aio_pika.connect(target.url, timeout=target.timeout.total_seconds(), ssl_context=context)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(target.exchange) if target.exchange else channel.default_exchange
    except BaseException as error:
        if connection is not None:
            await connection.close()
        if isinstance(error, (AMQPError, ChannelInvalidStateError, OSError)):
            raise NotConfirmedError(target.place, str(error) or type(error).__name__) from error
        raise
    return RabbitSession(connection, channel, exchange, target)
