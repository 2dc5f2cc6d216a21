"""Engines and column types: durable, locked from the start of a transaction, times always in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from serving.db.audit import audit
from serving.db.engine import DatabaseUrlError, create_engine_for, read_only, session_factory
from serving.db.tables import AuditRow, RejectedEventRow
from tests.serving.house import NOW


@pytest.fixture
def engine(any_url: str) -> Iterator[Engine]:
    made = create_engine_for(any_url)
    yield made
    made.dispose()


class TestUrls:
    @pytest.mark.parametrize("url", ["mysql://root@127.0.0.1/x", "triage.db", "", "oracle://x"])
    def test_another_database_is_refused_with_examples(self, url: str) -> None:
        with pytest.raises(DatabaseUrlError, match=r"Write e\.g\. sqlite:///var/triage\.db or postgresql://"):
            create_engine_for(url)

    def test_a_password_is_not_shown(self) -> None:
        with pytest.raises(DatabaseUrlError) as refused:
            create_engine_for("mysql://root:hunter2@127.0.0.1/x")
        assert "hunter2" not in str(refused.value)

    def test_a_plain_postgresql_url_takes_psycopg(self) -> None:
        assert create_engine_for("postgresql://root@127.0.0.1/x").url.drivername == "postgresql+psycopg"

    def test_an_sqlite_folder_is_made(self, tmp_path: Path) -> None:
        create_engine_for(f"sqlite:///{tmp_path}/a/b/triage.db").dispose()
        assert (tmp_path / "a" / "b").is_dir()


class TestSqlite:
    @pytest.fixture
    def sqlite(self, sqlite_url: str) -> Iterator[Engine]:
        made = create_engine_for(sqlite_url)
        yield made
        made.dispose()

    @pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
    def test_every_connection_is_durable_and_checks_references(
        self, sqlite: Engine, pragma: str, value: object
    ) -> None:
        with sqlite.connect() as connection:
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == value

    def test_one_writer_at_a_time_from_the_first_statement_on(self, sqlite: Engine) -> None:
        with sqlite.connect() as first, sqlite.connect() as second:
            raw = second.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA busy_timeout = 0")  # instead of the fifteen seconds it would wait
            first.execute(text("SELECT 1"))
            with pytest.raises(OperationalError, match="database is locked"):
                second.execute(text("SELECT 1"))

    def test_reads_do_not_wait_for_a_writer_and_see_what_was_committed(self, sqlite: Engine) -> None:
        with sqlite.begin() as writer:
            writer.execute(insert(RejectedEventRow).values(received_at=NOW, reason="r", body="b"))
            with read_only(sqlite).connect() as reader:
                assert reader.execute(text("SELECT count(*) FROM rejected_events")).scalar_one() == 0

    def test_a_call_needs_its_decision(self, sqlite: Engine) -> None:
        statement = text(
            "INSERT INTO review_items (item_id, decision_id, subject_type, subject_id, title, why, suggested_branch, "
            "value_at_stake_minor, created_at, status) "
            "VALUES ('r', 'none', 'shipment', 's', 't', 'w', 'none', 0, '2026', 'open')"
        )
        with pytest.raises(IntegrityError), sqlite.begin() as connection:
            connection.execute(statement)


class TestTimes:
    def test_come_back_as_they_were_in_utc(self, engine: Engine) -> None:
        elsewhere = datetime(2026, 3, 2, 6, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        with session_factory(engine).begin() as session:
            session.execute(insert(RejectedEventRow).values(received_at=elsewhere, reason="r", body="b"))
        with session_factory(engine)() as session:
            found = session.scalars(select(RejectedEventRow.received_at)).one()
        assert (found, found.tzinfo) == (elsewhere, UTC)

    def test_a_naive_one_is_refused(self, engine: Engine) -> None:
        statement = insert(RejectedEventRow).values(received_at=NOW.replace(tzinfo=None), reason="r", body="b")
        with session_factory(engine)() as session, pytest.raises(StatementError, match="has no time zone"):
            session.execute(statement)


class TestAudit:
    def test_keeps_old_and_new_as_canonical_text(self, engine: Engine) -> None:
        with session_factory(engine).begin() as session:
            audit(session, at=NOW, actor="dana", action="a", subject="s", old={"b": 1, "a": NOW}, new=None)
        with session_factory(engine)() as session:
            row = session.scalars(select(AuditRow)).one()
        assert (row.old, row.new) == ('{"a":"2026-03-02T06:00:00Z","b":1}', None)

    def test_goes_with_its_transaction(self, engine: Engine) -> None:
        with session_factory(engine)() as session:
            audit(session, at=NOW, actor="dana", action="a", subject="s")
            session.rollback()
        with session_factory(engine)() as session:
            assert session.scalars(select(AuditRow)).all() == []
