"""How to connect to each broker. Its library is loaded only for a target that needs it."""

from __future__ import annotations

from functools import partial

from routing.dispatch.brokers.caller import Connect
from routing.dispatch.brokers.targets import BrokerTarget, KafkaTarget, NatsTarget, RabbitTarget


def connect_to(target: BrokerTarget) -> Connect:
    """Return how to connect to a target.

    Raises
    ------
    ModuleNotFoundError
        The broker's library is not installed.
    """
    match target:
        case NatsTarget():
            from routing.dispatch.brokers import nats

            return partial(nats.connect, target)
        case RabbitTarget():
            from routing.dispatch.brokers import rabbitmq

            return partial(rabbitmq.connect, target)
        case KafkaTarget():
            from routing.dispatch.brokers import kafka

            return partial(kafka.connect, target)
    raise TypeError(f"{type(target).__name__} is no broker that is known here")
