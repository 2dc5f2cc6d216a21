"""The record log and the refused events, in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache

from sqlalchemy import Integer, Row, Select, UpdateBase, bindparam, case, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from serving.db.statements import table_of
from serving.db.tables import EventRow, RejectedEventRow

_LOG_LOCK = 7_304_115_003
_WAIT_SHARED = select(func.pg_advisory_xact_lock_shared(_LOG_LOCK))
_EVENTS = table_of(EventRow)
_BY_ID = select(_EVENTS.c.type, _EVENTS.c.data, _EVENTS.c.known_at, _EVENTS.c.received_at).where(
    _EVENTS.c.source == bindparam("of_source"), _EVENTS.c.event_id == bindparam("of_id")
)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to keep in the record log."""

    source: str
    event_id: str
    type: str
    subject: str
    occurred_at: datetime
    known_at: datetime
    received_at: datetime
    data: str


_COLUMNS = tuple(field.name for field in fields(NewEvent))


def append(session: Session, event: NewEvent) -> int | None:
    """Keep an event and return its position; None if its source and id are there already. Two at once are one."""
    values = {name: getattr(event, name) for name in _COLUMNS}
    return session.execute(_kept_once(session.get_bind().dialect.name), values).scalar()


@cache
def _kept_once(dialect_name: str) -> UpdateBase:
    """Return the insert of an event, built once: building it costs several times what running it does."""
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    new = dialect.insert(_EVENTS).on_conflict_do_nothing(index_elements=["source", "event_id"])
    statement: UpdateBase = new.returning(_EVENTS.c.position)
    return statement


def find(session: Session, source: str, event_id: str) -> Row[str, str, datetime, datetime] | None:
    """Return type, data, known_at and received_at of the event that was kept under a source and id."""
    return session.execute(_BY_ID, {"of_source": source, "of_id": event_id}).one_or_none()


def keep_rejected(session: Session, *, received_at: datetime, reason: str, body: str) -> None:
    """Keep a refused event whole; the reason may quote a U+0000, which PostgreSQL cannot hold."""
    shown = reason.replace("\x00", "\\x00")
    session.execute(insert(RejectedEventRow).values(received_at=received_at, reason=shown, body=body))


def lock_log(session: Session) -> None:
    """Wait for the turn to append, and keep it to the end of the transaction.

    A SQLite transaction that writes has its turn from the beginning; PostgreSQL takes an advisory lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOG_LOCK)))


@contextmanager
def log_held(session: Session) -> Iterator[None]:
    """Let nobody append meanwhile; others may hold it too. The transaction must be one that writes.

    On PostgreSQL the lock is given back by ending a savepoint, so that nobody waits for the rest of the transaction;
    what is written meanwhile would be undone.
    """
    if session.get_bind().dialect.name != "postgresql":
        yield
        return
    savepoint = session.begin_nested()
    try:
        session.execute(_WAIT_SHARED)
        yield
    finally:
        savepoint.rollback()


def events_after(
    session: Session, position: int, *, limit: int, without: Collection[str] = ()
) -> Sequence[Row[int, str, str | None]]:
    """Return position, type and data of the events beyond a position, in the order they were learnt.

    Parameters
    ----------
    without
        Types whose data stay in the database: theirs are None.
    """
    return session.execute(_after(tuple(without)), {"position": position, "limit": limit}).all()


@cache
def _after(without: tuple[str, ...]) -> Select[int, str, str | None]:
    data = case((EventRow.type.in_(without), None), else_=EventRow.data) if without else EventRow.data
    columns = select(EventRow.position, EventRow.type, data.label("data"))
    beyond = columns.where(EventRow.position > bindparam("position"))
    return beyond.order_by(EventRow.position).limit(bindparam("limit", type_=Integer))


def event_at(session: Session, position: int) -> tuple[str, str, str] | None:
    """Return source, id and data of the event at a position, None if there is none."""
    columns = select(EventRow.source, EventRow.event_id, EventRow.data).where(EventRow.position == position)
    found = session.execute(columns).one_or_none()
    return None if found is None else (found.source, found.event_id, found.data)


def count_after(session: Session, position: int) -> int:
    """Return how many events lie beyond a position."""
    return session.execute(select(func.count()).where(EventRow.position > position)).scalar_one()
