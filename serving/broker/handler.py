"""One handler for every broker: a message's bytes and headers become events, taken in as `POST /v1/events` does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from serving.broker.dead_letters import opened
from serving.broker.messages import Handled, Message, Outcome, Refusal
from serving.error_handlers import problem_of
from serving.errors import ContentTooLargeError, MalformedBodyError, RequestError
from serving.events.parsing import parse
from serving.events.service import EventResult

_log = logging.getLogger(__name__)


class DatabaseUnavailableError(Exception):
    """The database cannot keep anything now. No message is to blame, so each is tried again."""


class TakesEvents(Protocol):
    """The events service, as far as the handler asks it."""

    def receive(self, raw_events: Sequence[Any]) -> list[EventResult]:
        """Take events in, each on its own merits."""
        ...

    def keep_unreadable(self, body: bytes, error: Exception) -> None:
        """Keep a body that holds no events."""
        ...


@dataclass(frozen=True, slots=True)
class EventHandler:
    """Turns messages into events and says what became of each."""

    events: TakesEvents
    limit_bytes: int

    def handle(self, messages: Sequence[Message]) -> list[Handled]:
        """Take the events of several messages in, in one commit where nothing speaks against it.

        A message that fails in a way nobody foresaw is refused by itself: it must not stop those behind it.

        Raises
        ------
        DatabaseUnavailableError
            If nothing can be kept now. Some of the events may be kept already; they are recognised next time.
        """
        try:
            return self._handle(messages)
        except (DBAPIError, PoolTimeoutError) as error:
            if not isinstance(error, DataError | IntegrityError):
                raise DatabaseUnavailableError(str(error.__cause__ or error)) from error
            return self._one_by_one(messages, error)
        except Exception as error:
            return self._one_by_one(messages, error)

    def _handle(self, messages: Sequence[Message]) -> list[Handled]:
        read = [self._read(message) for message in messages]
        raw_events = [raw for events in read if isinstance(events, tuple) for raw in events]
        results = iter(self.events.receive(raw_events) if raw_events else [])
        handled: list[Handled] = []
        for message, events in zip(messages, read, strict=True):
            if isinstance(events, tuple):
                handled.append(_judged([next(results) for _ in events]))
            else:
                self.events.keep_unreadable(message.body, events)
                handled.append(Handled(Outcome.REFUSED, (Refusal(problem_of(events)),)))
        return handled

    def _read(self, message: Message) -> tuple[Any, ...] | RequestError:
        if len(message.body) > self.limit_bytes:
            return ContentTooLargeError(self.limit_bytes)
        try:
            body, headers = opened(message.body, message.headers)
            return parse(body, headers).events
        except RequestError as error:
            return error
        except RecursionError:
            return MalformedBodyError("it is nested too deeply")

    def _one_by_one(self, messages: Sequence[Message], error: Exception) -> list[Handled]:
        if len(messages) > 1:
            return [handled for message in messages for handled in self.handle([message])]
        problem = {**problem_of(error), "instance": f"urn:uuid:{uuid4()}"}
        _log.error("A message cannot be handled: %s", problem["instance"], exc_info=error)
        return [Handled(Outcome.REFUSED, (Refusal(problem),))]


def _judged(results: Sequence[EventResult]) -> Handled:
    refusals = tuple(
        Refusal(problem_of(result.error), place, result.event_id, result.source)
        for place, result in enumerate(results)
        if result.error is not None
    )
    if refusals:
        return Handled(Outcome.REFUSED, refusals)
    is_new = any(result.status == "accepted" for result in results)
    return Handled(Outcome.TAKEN if is_new else Outcome.REPEAT)
