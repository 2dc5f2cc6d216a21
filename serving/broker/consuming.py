"""Between a broker and the handler: messages that arrive together share a commit, and each is settled after it.

At least once in, one effect: a message is acknowledged only when what it says is on disk, so a crash in between brings
it again, and then it is recognised as a repeat.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from serving.broker.dead_letters import DeadLetter, dead_letter, short_dead_letter
from serving.broker.handler import DatabaseUnavailableError
from serving.broker.messages import Handled, Message, Outcome
from serving.broker.metrics import ConsumerMetrics

GROUP = 256
"""Most messages that share a commit, and that a broker is asked for ahead."""
_log = logging.getLogger(__name__)


class DeadLetterTooLargeError(Exception):
    """The broker does not take a message of that size."""


class Delivery(Protocol):
    """One message in hand, and what can be told to the broker about it."""

    @property
    def message(self) -> Message:
        """The message."""
        ...

    async def acknowledge(self) -> None:
        """Say that it is done."""
        ...

    async def hold(self) -> None:
        """Say that it is still being worked on."""
        ...

    async def give_back(self) -> None:
        """Say that somebody else should have it."""
        ...


class Handles(Protocol):
    """The handler."""

    def handle(self, messages: Sequence[Message]) -> list[Handled]:
        """Take messages in; raise `DatabaseUnavailableError` if nothing can be kept now."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between two tries: they double from `first` to `longest`."""

    first: float = 0.2
    longest: float = 10.0

    def after(self, tries: int) -> float:
        """Return the wait after so many tries, the first being 1."""
        return min(self.longest, self.first * 2.0 ** min(tries - 1, 30))


Publish = Callable[[DeadLetter], Awaitable[None]]
"""Puts a dead letter where they lie, and returns when the broker has it; may raise `DeadLetterTooLargeError`."""


class Consumer:
    """Settles messages: what can be taken in is acknowledged, what is refused becomes a dead letter first.

    The handler runs on one thread beside the event loop, so that the broker's heartbeats go on meanwhile.

    Parameters
    ----------
    origin
        Where the messages come from, e.g. `nats:shipments.events`.
    publish
        Puts a dead letter where they lie.
    """

    def __init__(
        self,
        handler: Handles,
        publish: Publish,
        metrics: ConsumerMetrics,
        *,
        origin: str,
        backoff: Backoff | None = None,
        group: int = GROUP,
    ) -> None:
        self._handler = handler
        self._publish = publish
        self._metrics = metrics
        self._origin = origin
        self._backoff = backoff or Backoff()
        self._group = group
        self._waiting: list[tuple[Delivery, asyncio.Future[bool]]] = []
        self._working: asyncio.Task[None] | None = None
        self._in_hand = 0
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="triage-consumer")

    @property
    def in_hand(self) -> int:
        """How many messages are not settled yet."""
        return self._in_hand

    def stop(self) -> None:
        """Wait for nothing any more: what is in hand is finished, or given back if it cannot be."""
        self._stopping.set()

    def close(self) -> None:
        """End the thread, after the commit it may be at."""
        self._thread.shutdown()

    async def take(self, delivery: Delivery) -> bool:
        """Settle a message; return False if it was given back instead."""
        began = perf_counter()
        settled = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, settled))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        self._in_hand += 1
        try:
            is_settled = bool(await settled)
        finally:
            self._in_hand -= 1
        self._metrics.seconds.observe(perf_counter() - began)
        return is_settled

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[: self._group], self._waiting[self._group :]
            try:
                handled = await self._handled([delivery for delivery, _ in group])
            except Exception as error:  # the handler has failed us: nothing is acknowledged, whoever waits is told
                for _, settled in group:
                    if not settled.done():
                        settled.set_exception(error)
                continue
            for place, (delivery, settled) in enumerate(group):
                try:
                    is_settled = handled is not None and await self._settle(delivery, handled[place])
                    if not is_settled:
                        await delivery.give_back()
                except Exception:
                    # The broker is away. It brings the message again, and it will be recognised.
                    _log.warning("A message could not be acknowledged, so it will come again", exc_info=True)
                    is_settled = False
                if not settled.done():
                    settled.set_result(is_settled)

    async def _handled(self, deliveries: Sequence[Delivery]) -> list[Handled] | None:
        """Let the handler have messages until the database has them; None when told to stop before that."""
        messages = [delivery.message for delivery in deliveries]
        loop = asyncio.get_running_loop()
        tries = 0
        while True:
            try:
                return await loop.run_in_executor(self._thread, self._handler.handle, messages)
            except DatabaseUnavailableError as error:
                tries += 1
                self._metrics.database_failures.inc()
                wait = self._backoff.after(tries)
                _log.warning("The database keeps nothing now (%s); %d messages wait %.1f s", error, len(messages), wait)
                if await self._stopped_within(wait, deliveries):
                    return None

    async def _settle(self, delivery: Delivery, handled: Handled) -> bool:
        if handled.outcome is Outcome.REFUSED and not await self._put_aside(delivery, handled):
            return False
        await delivery.acknowledge()
        self._metrics.count(handled)
        return True

    async def _put_aside(self, delivery: Delivery, handled: Handled) -> bool:
        """Publish a dead letter until the broker has it; False when told to stop before that."""
        letter = dead_letter(delivery.message, handled.refusals, origin=self._origin)
        tries = 0
        while True:
            try:
                await self._publish(letter)
            except DeadLetterTooLargeError:
                letter = short_dead_letter(delivery.message, handled.refusals, origin=self._origin)
            except Exception as error:
                tries += 1
                _log.warning("A dead letter could not be published: %s", error)
                if await self._stopped_within(self._backoff.after(tries), [delivery]):
                    return False
            else:
                return True

    async def _stopped_within(self, seconds: float, deliveries: Sequence[Delivery]) -> bool:
        for delivery in deliveries:
            try:
                await delivery.hold()
            except Exception as error:
                _log.warning("The broker was not told that a message is still in hand: %s", error)
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True
