"""NATS JetStream: a durable pull consumer that all processes of one name share."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.security import BaseSecurity
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from routing.dispatch.brokers.nats import require_tls
from serving.broker.consuming import GROUP, Consumer, DeadLetterTooLargeError
from serving.broker.dead_letters import DeadLetter
from serving.broker.errors import ConsumerMismatchError, NowhereError, SamePlaceError
from serving.broker.headers import http_headers
from serving.broker.messages import Message

_log = logging.getLogger("faststream")


@dataclass(frozen=True, slots=True)
class NatsDelivery:
    """A message of JetStream in hand."""

    raw: NatsMessage

    @property
    def message(self) -> Message:
        """The message."""
        return Message(bytes(self.raw.body), http_headers(self.raw.headers))

    async def acknowledge(self) -> None:
        """Say that it is done."""
        await self.raw.ack()

    async def hold(self) -> None:
        """Start the time to acknowledge anew."""
        await self.raw.in_progress()

    async def give_back(self) -> None:
        """Let it be delivered again at once."""
        await self.raw.nack()


class NatsSource:
    """One subject of JetStream.

    Parameters
    ----------
    url
        `nats://host:4222`, several with commas between.
    subject
        What is consumed; wildcards are allowed.
    dead_letter
        Subject for what is refused; a stream must hold it, so that none is lost.
    durable
        Name of the consumer at the server. Processes of one name share the messages.
    acknowledge_within_seconds
        Then JetStream takes a process for dead and gives its message to another; it is set when the consumer is made.
    create
        Name of a stream to make for the two subjects, where no stream holds them.
    security
        TLS; None for what the URL says.

    Raises
    ------
    SamePlaceError
        If the dead letters would be consumed again.
    """

    def __init__(
        self,
        url: str,
        *,
        subject: str,
        dead_letter: str,
        durable: str = "triage",
        acknowledge_within_seconds: float = 30.0,
        create: str | None = None,
        security: BaseSecurity | None = None,
    ) -> None:
        if covers(subject, dead_letter):
            raise SamePlaceError(dead_letter)
        self.origin = f"nats:{subject}"
        self._subject, self._dead_letter, self._durable, self._create = subject, dead_letter, durable, create
        self._acknowledge_within_seconds = acknowledge_within_seconds
        self._servers = url.split(",")
        self._broker = NatsBroker(
            self._servers,
            apply_types=False,
            logger=_log,
            log_level=logging.DEBUG,
            max_reconnect_attempts=-1,
            graceful_timeout=60.0,
            security=security,
        )
        self._stream = ""
        self._dead_letter_stream = ""

    async def start(self, consumer: Consumer) -> None:
        """Connect, and let the consumer take what comes.

        Raises
        ------
        NowhereError, ConsumerMismatchError
            If no stream holds a subject, or the consumer of that name is one of another subject.
        """
        await self._broker.connect()
        require_tls(self._broker.connection, self._servers)
        self._stream = await self._stream_of(self._subject)
        self._dead_letter_stream = await self._stream_of(self._dead_letter)
        await self._check_consumer()
        subscriber = self._broker.subscriber(
            self._subject,
            durable=self._durable,
            stream=JStream(self._stream, declare=False),
            pull_sub=PullSub(batch_size=GROUP, timeout=1.0),
            config=ConsumerConfig(ack_wait=self._acknowledge_within_seconds, max_ack_pending=4 * GROUP, max_deliver=-1),
            ack_policy=AckPolicy.MANUAL,
            decoder=_undecoded,
            no_reply=True,
        )

        @subscriber
        async def take(raw: NatsMessage) -> None:
            await consumer.take(NatsDelivery(raw))

        await self._broker.start()

    async def publish(self, letter: DeadLetter) -> None:
        """Put a dead letter on its subject, and wait until the stream has it."""
        try:
            await self._broker.publish(
                letter.body,
                self._dead_letter,
                headers=dict(letter.headers),
                stream=self._dead_letter_stream,
                timeout=5.0,
            )
        except MaxPayloadError as error:
            raise DeadLetterTooLargeError from error

    async def pending(self) -> int:
        """Return how many messages are not acknowledged: those not delivered yet, and those in hand anywhere."""
        info = await self._jetstream.consumer_info(self._stream, self._durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def stop(self) -> None:
        """Take no more, let what is in hand end, and leave."""
        await self._broker.stop()

    @property
    def _jetstream(self) -> JetStreamContext:
        return self._broker.connection.jetstream()

    async def _stream_of(self, subject: str) -> str:
        try:
            return str(await self._jetstream.find_stream_name_by_subject(subject))
        except NotFoundError as error:
            if self._create is None:
                raise NowhereError("stream", f"that holds subject '{subject}'") from error
        await self._jetstream.add_stream(name=self._create, subjects=sorted({self._subject, self._dead_letter}))
        return self._create

    async def _check_consumer(self) -> None:
        try:
            found = await self._jetstream.consumer_info(self._stream, self._durable)
        except NotFoundError:
            return
        subject = found.config.filter_subject
        if subject not in (None, self._subject):
            raise ConsumerMismatchError(self._durable, subject, self._subject)


def covers(pattern: str, subject: str) -> bool:
    """Tell whether a subject is one of those a pattern stands for: `*` is one token, `>` all that follow."""
    wanted, found = pattern.split("."), subject.split(".")
    for place, part in enumerate(wanted):
        if part == ">":
            return len(found) > place
        if place >= len(found) or part not in ("*", found[place]):
            return False
    return len(wanted) == len(found)


async def _undecoded(message: NatsMessage) -> Any:
    """Give the handler the message itself: its bytes are judged by us, not by the library."""
    return message
