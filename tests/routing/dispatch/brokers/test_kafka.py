"""Kafka through a fake of the client's producer: there is no server here. What the client itself does is not shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, NotEnoughReplicasError

from routing.dispatch.brokers.caller import BrokerCaller
from routing.dispatch.brokers.kafka import KafkaSession
from routing.dispatch.brokers.targets import KafkaTarget
from routing.dispatch.errors import MessageRefusedError, NotConfirmedError
from routing.dispatch.signing import verify
from tests.routing.dispatch.fakes import NOON, SECRET

TARGET = KafkaTarget(name="orchestrator", url="kafka://127.0.0.1:9", secrets=(SECRET,), topic="freight.calls")
BODY = b'{"id":"c1","subject":"SH-1"}'


@dataclass
class FakeProducer:
    """Takes records as aiokafka's producer does, and fails as it is told."""

    failure: Exception | None = None
    sent: list[tuple[str, bytes, bytes, dict[str, bytes]]] = field(default_factory=list)
    stopped: int = 0

    async def send_and_wait(self, topic: str, value: bytes, *, key: bytes, headers: list[tuple[str, bytes]]) -> Any:
        self.sent.append((topic, value, key, dict(headers)))
        if self.failure is not None:
            raise self.failure
        return SimpleNamespace(partition=2, offset=17)

    async def stop(self) -> None:
        self.stopped += 1


def called(producer: FakeProducer) -> str:
    async def connect() -> KafkaSession:
        return KafkaSession(producer, TARGET)

    async def run() -> str:
        caller = BrokerCaller({"orchestrator": connect})
        try:
            return (await caller.call(TARGET, message_id="c1", body=BODY, sent_at=NOON)).excerpt
        finally:
            await caller.aclose()

    return asyncio.run(run())


def test_a_record_has_the_shipment_for_its_key_and_the_signature_in_its_headers() -> None:
    producer = FakeProducer()
    assert called(producer) == "partition 2, offset 17"
    ((topic, value, key, headers),) = producer.sent
    assert (topic, value, key) == ("freight.calls", BODY, b"SH-1")
    assert headers["content-type"] == b"application/cloudevents+json; charset=utf-8"
    signed = {name: value.decode() for name, value in headers.items()}
    assert verify([SECRET], headers=signed, body=value, now=NOON) == "c1"
    assert producer.stopped == 1


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (NotEnoughReplicasError(), NotConfirmedError),
        (KafkaConnectionError("gone"), NotConfirmedError),
        (MessageSizeTooLargeError(), MessageRefusedError),
    ],
)
def test_what_is_not_confirmed_is_tried_again_and_what_is_too_large_is_not(
    failure: Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected, match=r"kafka:freight\.calls"):
        called(FakeProducer(failure))
