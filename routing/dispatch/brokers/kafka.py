"""Kafka: a call counts as taken when all replicas in sync have it (`acks=all`).

The record's key is the shipment, so its calls lie in one partition, in order. Kafka does not look at ids: whoever
consumes knows a repeat by the header `webhook-id`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, MessageSizeTooLargeError  # type: ignore[import-untyped]

from routing.dispatch.brokers.caller import CallMessage
from routing.dispatch.brokers.targets import KafkaTarget
from routing.dispatch.errors import MessageRefusedError, NotConfirmedError


class KafkaSession:
    """A producer for one topic."""

    is_open = True
    """It looks for the servers by itself."""

    def __init__(self, producer: Any, target: KafkaTarget) -> None:
        self._producer = producer
        self._target = target

    async def publish(self, message: CallMessage) -> str:
        """Publish a record; return where it lies. See `Session.publish`."""
        headers = {**message.headers, "content-type": message.content_type}
        try:
            record = await self._producer.send_and_wait(
                self._target.topic,
                message.body,
                key=None if message.subject is None else message.subject.encode(),
                headers=[(name, value.encode()) for name, value in headers.items()],
            )
        except MessageSizeTooLargeError as error:
            raise MessageRefusedError(
                self._target.place, f"{len(message.body)} bytes are more than it takes"
            ) from error
        except (KafkaError, OSError) as error:
            raise NotConfirmedError(self._target.place, str(error) or type(error).__name__) from error
        return f"partition {record.partition}, offset {record.offset}"

    async def close(self) -> None:
        """End the producer."""
        await self._producer.stop()


def security_of(target: KafkaTarget) -> dict[str, Any]:
    """Return how the client shows who it is, and whom it believes, as it wants to be told."""
    kind = ("SASL_" if target.sasl else "") + ("PLAINTEXT" if target.tls is None else "SSL")
    found: dict[str, Any] = {"security_protocol": kind}
    if target.tls is not None:
        found["ssl_context"] = target.tls.context()
    if target.sasl is not None:
        found |= {
            "sasl_mechanism": target.sasl.mechanism.value,
            "sasl_plain_username": target.sasl.username,
            "sasl_plain_password": target.sasl.password,
        }
    return found


async def connect(target: KafkaTarget) -> KafkaSession:
    """Connect. A record that is not confirmed within the target's timeout is not sent later either.

    The library may wait for twice its own timeout, so it is given half of ours.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=[urlsplit(server).netloc for server in target.servers],
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=round(target.timeout.total_seconds() * 1000 / 2),
        **security_of(target),
    )
    try:
        await producer.start()
    except BaseException as error:
        await producer.stop()
        if isinstance(error, (KafkaError, OSError)):
            raise NotConfirmedError(target.place, str(error) or type(error).__name__) from error
        raise
    return KafkaSession(producer, target)
