"""The outbox on each of its stores, filled and looked at in the same way, so that one suite holds for all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Protocol

import pytest
from sqlalchemy import Engine, create_engine, func, insert, select, text

from routing.dispatch.ports import Outbox
from serving.db.engine import create_engine_for, session_factory
from serving.db.migrate import upgrade
from serving.db.tables import AuditRow, Base, DecisionRow, OutgoingCallRow
from serving.worker.outbox import SqlOutbox
from tests.routing.dispatch.fakes import NOON, FakeOutbox

POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432"


@dataclass(frozen=True)
class Seen:
    """A stored call as a test looks at it."""

    status: str
    attempts: int
    next_attempt_at: datetime
    delivered_at: datetime | None
    last_error: str | None


class Store(Protocol):
    """An outbox that can be filled and looked at."""

    outbox: Outbox

    def put(
        self,
        call_id: str,
        shipment_id: str,
        *,
        due: datetime = NOON,
        latest_useful_at: datetime | None = None,
        target: str = "orchestrator",
        body: str = "{}",
    ) -> None: ...

    def seen(self, call_id: str) -> Seen: ...


class FakeStore:
    """The fake, as a store."""

    def __init__(self) -> None:
        self.outbox = FakeOutbox()
        self.put = self.outbox.put

    def seen(self, call_id: str) -> Seen:
        call = self.outbox.stored(call_id)
        return Seen(call.status, call.attempts, call.next_attempt_at, call.delivered_at, call.last_error)


class SqlStore:
    """A database, as a store."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outbox = SqlOutbox(engine)
        self._sessions = session_factory(engine)

    def put(
        self,
        call_id: str,
        shipment_id: str,
        *,
        due: datetime = NOON,
        latest_useful_at: datetime | None = None,
        target: str = "orchestrator",
        body: str = "{}",
    ) -> None:
        self.put_many([(call_id, shipment_id, body)], due=due, latest_useful_at=latest_useful_at, target=target)

    def put_many(
        self,
        calls: list[tuple[str, str, str]],
        *,
        due: datetime = NOON,
        latest_useful_at: datetime | None = None,
        target: str = "orchestrator",
    ) -> None:
        """Put (call, shipment, body) after (call, shipment, body), each with a decision of its own."""
        with self._sessions.begin() as session:
            first = (session.scalar(select(func.max(DecisionRow.sequence))) or 0) + 1
            for sequence, (call_id, shipment_id, body) in enumerate(calls, first):
                session.execute(
                    insert(DecisionRow).values(
                        sequence=sequence,
                        decision_id=f"dec-{sequence}",
                        subject_version=f"{shipment_id}@{sequence}",
                        subject_type="shipment",
                        subject_id=shipment_id,
                        moment="2h_before",
                        branch="notify",
                        mode="recommend",
                        decided_at=due,
                        body="{}",
                        previous_hash="0" * 64,
                        hash="0" * 64,
                    )
                )
                session.execute(
                    insert(OutgoingCallRow).values(
                        call_id=call_id,
                        decision_id=f"dec-{sequence}",
                        subject_type="shipment",
                        subject_id=shipment_id,
                        branch="notify",
                        target=target,
                        body=body,
                        created_at=due,
                        next_attempt_at=due,
                        latest_useful_at=latest_useful_at,
                    )
                )

    def seen(self, call_id: str) -> Seen:
        with self._sessions() as session:
            row = session.scalars(select(OutgoingCallRow).where(OutgoingCallRow.call_id == call_id)).one()
            return Seen(row.status, row.attempts, row.next_attempt_at, row.delivered_at, row.last_error)

    def audit(self) -> list[AuditRow]:
        """Return what the audit trail says of moves of calls; those of their effects are left out."""
        with self._sessions() as session:
            moves = select(AuditRow).where(AuditRow.action.startswith("call."))
            return list(session.scalars(moves.order_by(AuditRow.position)))


@contextmanager
def sqlite_store(path: Path) -> Iterator[SqlStore]:
    """A database at `path`, migrated if it is not yet."""
    engine = create_engine_for(f"sqlite:///{path}")
    try:
        if not path.exists():
            upgrade(engine)
        yield SqlStore(engine)
    finally:
        engine.dispose()


@contextmanager
def postgresql_store() -> Iterator[SqlStore]:
    """A fresh database, dropped afterwards; the test is skipped when no server answers."""
    try:
        socket.create_connection(("127.0.0.1", 5432), timeout=1).close()
    except OSError as error:
        pytest.skip(f"PostgreSQL does not answer on 127.0.0.1:5432 ({error})")
    name = f"freight_worker_{token_hex(6)}"
    server = create_engine(f"{POSTGRESQL}/postgres", isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        # Only a server that crashes would lose anything, and with it the test.
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine = create_engine_for(f"{POSTGRESQL}/{name}")
    try:
        upgrade(engine)
        yield SqlStore(engine)
    finally:
        engine.dispose()
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@contextmanager
def emptied(store: SqlStore) -> Iterator[str]:
    """Give the URL of a PostgreSQL database, and empty it afterwards."""
    yield store.engine.url.render_as_string(hide_password=False)
    with store.engine.begin() as connection:  # on so few rows faster than TRUNCATE
        connection.exec_driver_sql("; ".join(f"DELETE FROM {table}" for table in reversed(Base.metadata.sorted_tables)))
