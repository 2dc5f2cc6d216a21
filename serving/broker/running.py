"""A consumer process from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Protocol

from serving.broker.consuming import Backoff, Consumer, Handles
from serving.broker.dead_letters import DeadLetter
from serving.broker.metrics import ConsumerMetrics

_log = logging.getLogger(__name__)


class Source(Protocol):
    """A broker, and the one place there that is consumed."""

    @property
    def origin(self) -> str:
        """Where that is, e.g. `nats:shipments.events`."""
        ...

    async def start(self, consumer: Consumer) -> None:
        """Connect, and let the consumer take what comes."""
        ...

    async def publish(self, letter: DeadLetter) -> None:
        """Put a dead letter where they lie; return when the broker has it."""
        ...

    async def pending(self) -> int:
        """Return how many messages are not acknowledged yet."""
        ...

    async def stop(self) -> None:
        """Take no more, let what is in hand end, and leave."""
        ...


async def run_consumer(
    source: Source,
    handler: Handles,
    metrics: ConsumerMetrics,
    *,
    stop: asyncio.Event | None = None,
    until_empty: bool = False,
    look_seconds: float = 2.0,
    backoff: Backoff | None = None,
) -> None:
    """Consume until SIGTERM, SIGINT or `stop`; what is in hand is finished first.

    Parameters
    ----------
    until_empty
        End by itself when the broker holds no message for it.
    look_seconds
        Between two looks at how many messages are pending.
    """
    stop = stop or asyncio.Event()
    consumer = Consumer(handler, source.publish, metrics, origin=source.origin, backoff=backoff)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await source.start(consumer)
        _log.info("Consuming %s", source.origin)
        empty_looks = 0
        while not stop.is_set():
            empty_looks = empty_looks + 1 if await _look(source, metrics) == 0 else 0
            if until_empty and empty_looks == 2:  # at the first, a message may be on its way from broker to here
                break
            try:
                await asyncio.wait_for(stop.wait(), look_seconds)
            except TimeoutError:
                continue
    finally:
        consumer.stop()
        await source.stop()
        consumer.close()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    _log.info("Stopped consuming %s", source.origin)


async def _look(source: Source, metrics: ConsumerMetrics) -> float:
    try:
        pending = float(await source.pending())
    except Exception as error:
        _log.warning("%s does not say how many messages are pending: %s", source.origin, error)
        pending = float("nan")
    metrics.pending.set(pending)
    return pending
