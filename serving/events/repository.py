"""The record log and the refused events, in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from serving.db.tables import EventRow, RejectedEventRow


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


def append(session: Session, event: NewEvent) -> int | None:
    """Keep an event and return its position; None if its source and id are there already. Two at once are one."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = (
        dialect.insert(EventRow)
        .values(
            source=event.source,
            event_id=event.event_id,
            type=event.type,
            subject=event.subject,
            occurred_at=event.occurred_at,
            known_at=event.known_at,
            received_at=event.received_at,
            data=event.data,
        )
        .on_conflict_do_nothing(index_elements=["source", "event_id"])
        .returning(EventRow.position)
    )
    return session.execute(statement).scalar()


def find(session: Session, source: str, event_id: str) -> Row[str, str, datetime, datetime] | None:
    """Return type, data, known_at and received_at of the event that was kept under a source and id."""
    columns = select(EventRow.type, EventRow.data, EventRow.known_at, EventRow.received_at)
    return session.execute(columns.filter_by(source=source, event_id=event_id)).one_or_none()


def keep_rejected(session: Session, *, received_at: datetime, reason: str, body: str) -> None:
    """Keep a refused event whole; the reason may quote a U+0000, which PostgreSQL cannot hold."""
    shown = reason.replace("\x00", "\\x00")
    session.execute(insert(RejectedEventRow).values(received_at=received_at, reason=shown, body=body))


def all_events(session: Session) -> Iterator[Row[int, str, str]]:
    """Yield position, type and data of every event of the record log, in the order they were learnt."""
    statement = select(EventRow.position, EventRow.type, EventRow.data).order_by(EventRow.position)
    yield from session.execute(statement.execution_options(yield_per=2000))


def last_position(session: Session) -> int:
    """Return the position of the newest event; 0 if there is none."""
    return session.execute(select(func.coalesce(func.max(EventRow.position), 0))).scalar_one()
