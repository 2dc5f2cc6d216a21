"""Following the record log: every process learns what any process appended, before it answers.

Who appends holds the log from before it looks at the clock until its commit (`repository.lock_log`). So positions, and
with them `known_at`, become visible in their order, and whatever lies beyond the newest position seen is all that is
new: no lower one appears later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from features.errors import RecordError
from features.state import AnyRecord
from features.vocabulary import EventType
from serving.clock import Clock
from serving.events import repository
from serving.events.records import stored_record

CHUNK = 1000
"""Events read at once."""
_log = logging.getLogger(__name__)


class Learns(Protocol):
    """What the record log feeds: the online feature state."""

    def check(self, record: AnyRecord) -> None:
        """Raise what `add` would raise, and change nothing."""
        ...

    def add(self, record: AnyRecord) -> bool:
        """Take a record in; False if it was there already."""
        ...


class Following:
    """One process's state and how far in the record log it has come. One thread at a time may use it.

    Parameters
    ----------
    reads
        Sessions that only read.
    state
        Learns the events, each once, in the order of the log.
    without
        Types of events that the state need not learn.
    """

    def __init__(self, reads: sessionmaker[Session], state: Learns, without: Collection[EventType] = ()) -> None:
        self._reads = reads
        self._state = state
        self._without = tuple(each.value for each in without)
        self.position = 0

    def catch_up(self) -> None:
        """Learn all that was appended since."""
        with self._reads() as session:
            self.catch_up_in(session)

    def catch_up_in(self, session: Session) -> None:
        """Learn all that was appended since, as a session sees it."""
        while self._learn_chunk(session):
            pass

    def catch_up_if_possible(self) -> None:
        """Learn all that was appended since, if the database answers; else what is known so far has to do."""
        try:
            self.catch_up()
        except SQLAlchemyError as error:
            _log.warning("The record log cannot be followed beyond position %d: %s", self.position, error)

    def catch_up_as_of(self, session: Session, clock: Clock) -> datetime:
        """Learn all that is known now, and return that now.

        Nobody appends meanwhile, so no event known by then is missing, and none known later is there.
        """
        with repository.log_held(session):
            self.catch_up_in(session)
            return clock.now()

    def learn(self, position: int, record: AnyRecord) -> None:
        """Learn an event that this process has appended and committed."""
        self._state.add(record)
        self.position = position

    def behind(self) -> int:
        """Return how many events of the log are not learnt yet."""
        with self._reads() as session:
            return repository.count_after(session, self.position)

    async def keep_up(self, *, every_seconds: float = 0.5) -> None:
        """Learn what others append, a chunk at a time, until cancelled: a request then has little left to learn."""
        while True:
            try:
                with self._reads() as session:
                    is_more = self._learn_chunk(session)
            except SQLAlchemyError as error:
                _log.warning("The record log cannot be followed beyond position %d: %s", self.position, error)
                is_more = False
            await asyncio.sleep(0 if is_more else every_seconds)

    def _learn_chunk(self, session: Session) -> bool:
        """Learn up to `CHUNK` events; return whether there may be more.

        An event that contradicts the history files, or that an earlier release took and this one refuses, is left out
        and reported: the service must go on all the same.
        """
        events = repository.events_after(session, self.position, limit=CHUNK, without=self._without)
        for event in events:
            try:
                if event.data is not None:
                    self._state.add(stored_record(event.type, event.data))
            except RecordError as error:
                _log.warning("Event %d contradicts the history files and is left out: %s", event.position, error)
            except ValidationError as error:
                _log.warning("Event %d would be refused now and is left out: %s", event.position, error)
            self.position = event.position
        return len(events) == CHUNK
