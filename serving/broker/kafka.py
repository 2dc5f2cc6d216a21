"""Kafka: a topic that the processes of a consumer group share; offsets are committed after what they stand for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aiokafka import ConsumerRecord, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import MessageSizeTooLargeError  # type: ignore[import-untyped]
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, Topic
from faststream.security import BaseSecurity

from serving.broker.consuming import GROUP, Consumer, DeadLetterTooLargeError
from serving.broker.dead_letters import DeadLetter
from serving.broker.errors import SamePlaceError
from serving.broker.headers import http_headers
from serving.broker.messages import Message

_log = logging.getLogger("faststream")


@dataclass(frozen=True, slots=True)
class KafkaDelivery:
    """A record of a topic in hand. Kafka knows no acknowledgement of one record: its batch is committed as a whole."""

    raw: ConsumerRecord

    @property
    def message(self) -> Message:
        """The message; a tombstone has an empty body."""
        return Message(self.raw.value or b"", http_headers(dict(self.raw.headers)))

    async def acknowledge(self) -> None:
        """Do nothing."""

    async def hold(self) -> None:
        """Do nothing: heartbeats go on by themselves."""

    async def give_back(self) -> None:
        """Do nothing."""


class Offsets(Protocol):
    """What of a Kafka consumer tells how far it is."""

    def assignment(self) -> Collection[TopicPartition]:
        """Return the partitions this process has."""
        ...

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return where each partition ends."""
        ...

    async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return where each partition begins."""
        ...

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return how far the group is; None before its first commit."""
        ...


class KafkaSource:
    """One topic of Kafka.

    Parameters
    ----------
    url
        `host:9092`, several with commas between.
    topic
        What is consumed. It is not made here, nor is that of the dead letters.
    dead_letter
        Topic for what is refused.
    group
        Consumer group; its processes share the partitions. A new one begins at the topic's beginning.
    security
        TLS and user (`serving.broker.security`); None for neither.

    Raises
    ------
    SamePlaceError
        If the dead letters would be consumed again.
    """

    def __init__(
        self, url: str, *, topic: str, dead_letter: str, group: str = "triage", security: BaseSecurity | None = None
    ) -> None:
        if topic == dead_letter:
            raise SamePlaceError(dead_letter)
        self.origin = f"kafka:{topic}"
        self._topic, self._dead_letter, self._group = topic, dead_letter, group
        self.broker = KafkaBroker(
            url.split(","),
            enable_idempotence=True,
            apply_types=False,
            logger=_log,
            log_level=logging.DEBUG,
            graceful_timeout=60.0,
            security=security,
        )
        self._offsets: Callable[[], Any] = lambda: None

    async def start(self, consumer: Consumer) -> None:
        """Connect, and let the consumer take what comes."""
        self.subscribe(consumer)
        await self.broker.start()

    def subscribe(self, consumer: Consumer) -> None:
        """Let the consumer take what comes, once the broker is started."""
        subscriber = self.broker.subscriber(
            Topic(self._topic, declare=False),
            group_id=self._group,
            batch=True,
            max_records=GROUP,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            parser=_with_readable_headers,
            decoder=_undecoded,
            no_reply=True,
        )
        self._offsets = lambda: subscriber.consumer

        @subscriber
        async def take(batch: KafkaMessage) -> None:
            await take_batch(batch, consumer)

    async def publish(self, letter: DeadLetter) -> None:
        """Put a dead letter on its topic, and wait until all replicas have it."""
        try:
            await self.broker.publish(letter.body, self._dead_letter, headers=dict(letter.headers))
        except MessageSizeTooLargeError as error:
            raise DeadLetterTooLargeError from error

    async def pending(self) -> int:
        """Return how many records of this process's partitions are not committed."""
        consumer = self._offsets()
        return 0 if consumer is None else await lag(consumer)

    async def stop(self) -> None:
        """Take no more, let what is in hand end, and leave the group."""
        await self.broker.stop()


async def take_batch(batch: KafkaMessage, consumer: Consumer) -> None:
    """Settle the records of a batch, then commit; unless all are settled, the next read begins with the first again."""
    is_settled = False
    try:
        records: Sequence[ConsumerRecord] = batch.raw_message
        is_settled = all(await asyncio.gather(*(consumer.take(KafkaDelivery(record)) for record in records)))
    finally:
        await (batch.ack() if is_settled else batch.nack())


async def lag(consumer: Offsets) -> int:
    """Return how many records lie between what the group has committed and the end."""
    partitions = list(consumer.assignment())
    if not partitions:
        return 0
    ends = await consumer.end_offsets(partitions)
    beginnings = await consumer.beginning_offsets(partitions)
    committed = {one: await consumer.committed(one) for one in partitions}
    return sum(ends[one] - max(committed[one] or 0, beginnings[one]) for one in partitions)


async def _with_readable_headers(
    batch: Sequence[ConsumerRecord], parse: Callable[[Any], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """Mend headers that are no UTF-8, or null: the library fails on them, and the batch would be lost."""
    return await parse(
        tuple(
            replace(record, headers=tuple((name, _readable(value)) for name, value in record.headers))
            for record in batch
        )
    )


def _readable(value: bytes | None) -> bytes:
    return (value or b"").decode(errors="replace").encode()


async def _undecoded(batch: KafkaMessage) -> Any:
    """Give the handler the batch itself: its bytes are judged by us, not by the library."""
    return batch
