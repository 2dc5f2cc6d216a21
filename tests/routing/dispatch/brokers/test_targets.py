from __future__ import annotations

from typing import Any

import pytest

from routing.dispatch.brokers.targets import BrokerTarget, KafkaTarget, NatsTarget, RabbitTarget
from routing.dispatch.errors import BrokerPlaceError, SecretError
from tests.routing.dispatch.fakes import SECRET

NATS = {"url": "nats://dana:hunter2@broker.example:4222,nats://other.example", "subject": "freight.calls"}
RABBITMQ = {"url": "amqps://dana:hunter2@broker.example/%2Ffreight", "exchange": "freight", "routing_key": "calls"}
KAFKA = {"url": "kafka://one.example:9092,two.example:9092", "topic": "freight.calls"}


def made(kind: type[BrokerTarget], **options: Any) -> BrokerTarget:
    return kind(name="orchestrator", **{"secrets": (SECRET,), **options})


@pytest.mark.parametrize(
    ("kind", "options", "place"),
    [
        (NatsTarget, NATS, "nats:freight.calls"),
        (RabbitTarget, RABBITMQ, "rabbitmq:freight/calls"),
        (RabbitTarget, {**RABBITMQ, "exchange": ""}, "rabbitmq:calls"),
        (KafkaTarget, KAFKA, "kafka:freight.calls"),
    ],
)
def test_a_place_is_told_without_credentials(kind: type[BrokerTarget], options: dict[str, str], place: str) -> None:
    target = made(kind, **options)
    assert target.place == place
    assert "hunter2" not in repr(target)
    assert not target.can_be_asked, "a broker knows of nobody's action"


def test_several_servers_are_taken_apart_where_the_library_takes_several() -> None:
    assert made(KafkaTarget, **KAFKA).servers == ["kafka://one.example:9092", "kafka://two.example:9092"]
    assert len(made(NatsTarget, **NATS).servers) == 2
    with_comma = {**RABBITMQ, "url": "amqp://dana:one,two@broker.example"}
    assert made(RabbitTarget, **with_comma).servers == ["amqp://dana:one,two@broker.example"]


@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        (NatsTarget, {**NATS, "subject": ""}, "has the subject ''"),
        (NatsTarget, {**NATS, "subject": "freight.*"}, "without blanks and wildcards"),
        (NatsTarget, {**NATS, "subject": "freight..calls"}, "has the subject"),
        (NatsTarget, {**NATS, "url": "amqp://dana:hunter2@broker.example"}, "nats://host:port or tls://host:port"),
        (NatsTarget, {**NATS, "url": "nats://"}, "cannot be read"),
        (NatsTarget, {**NATS, "url": "nats://dana:hunter2@broker.example:port"}, "cannot be read"),
        (RabbitTarget, {**RABBITMQ, "url": "amqp://one.example:5672,two.example:5672"}, "cannot be read"),
        (RabbitTarget, {"url": "amqp://broker.example"}, "neither exchange nor routing key"),
        (KafkaTarget, {**KAFKA, "topic": "a/b"}, "has the topic 'a/b'"),
        (KafkaTarget, {**KAFKA, "url": "one.example:9092"}, "Expected kafka://host:port"),
    ],
)
def test_what_is_no_place_is_refused_in_words(kind: type[BrokerTarget], options: dict[str, str], problem: str) -> None:
    with pytest.raises(BrokerPlaceError) as caught:
        made(kind, **options)
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_target_without_secret_is_refused() -> None:
    with pytest.raises(SecretError, match="orchestrator"):
        made(NatsTarget, **NATS, secrets=())
