"""What only a database can show: the audit trail, workers side by side, a store that does not answer."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from routing.dispatch.errors import OutboxUnavailableError
from routing.dispatch.ports import LeasedCall
from serving.db.engine import create_engine_for, session_factory
from serving.db.tables import OutgoingCallRow
from serving.worker.dead_letters import OvertakenError, replay
from serving.worker.outbox import SqlOutbox
from tests.routing.dispatch.fakes import NOON
from tests.serving.worker.stores import SqlStore

LEASE = timedelta(seconds=60)


def claim(store: SqlStore, owner: str = "w1", limit: int = 10) -> list[LeasedCall]:
    return list(
        store.outbox.claim(target="orchestrator", owner=owner, limit=limit, now=NOON, real_now=NOON, lease=LEASE)
    )


class TestAudit:
    def test_every_move_of_a_call_leaves_a_row_of_the_worker(self, database: SqlStore) -> None:
        database.put("c1", "s1")
        (call,) = claim(database)
        database.outbox.release(call, now=NOON)
        (call,) = claim(database)
        database.outbox.retry_at(call, at=NOON, reason="HTTP 503", now=NOON)
        (call,) = claim(database)
        database.outbox.delivered(call, now=NOON)
        rows = database.audit()
        assert [row.action for row in rows] == [
            "call.claimed",
            "call.released",
            "call.claimed",
            "call.put_off",
            "call.claimed",
            "call.delivered",
        ]
        assert {(row.actor, row.subject, row.at) for row in rows} == {("system:worker", "call:c1", NOON)}

    def test_the_rows_of_a_call_join_up_from_the_first_state_to_the_last(self, database: SqlStore) -> None:
        database.put("c1", "s1", latest_useful_at=NOON + timedelta(seconds=1))
        (call,) = claim(database)
        database.outbox.retry_at(call, at=NOON, reason="HTTP 503", now=NOON)
        database.outbox.expire_overdue(now=NOON + timedelta(seconds=1), real_now=NOON)
        states = [(json.loads(row.old or ""), json.loads(row.new or "")) for row in database.audit()]
        assert states[0][0]["status"] == "pending"
        for (_, new), (old, _) in pairwise(states):
            assert (new["status"], new["attempts"]) == (old["status"], old["attempts"])
        assert states[-1][1]["status"] == "expired"
        assert states[1][1]["reason"] == "HTTP 503"

    def test_a_move_that_did_not_happen_leaves_none(self, database: SqlStore) -> None:
        database.put("c1", "s1")
        (call,) = claim(database)
        database.outbox.delivered(call, now=NOON)
        before = len(database.audit())
        assert not database.outbox.dead(call, reason="late", now=NOON)
        assert claim(database) == []
        assert len(database.audit()) == before


class TestSideBySide:
    def test_workers_at_once_never_hold_the_same_call_or_shipment(self, database: SqlStore) -> None:
        """Four workers claim and settle as fast as they can; the order holds and each call is leased once."""
        shipments, each = 12, 4
        database.put_many([(f"s{s}-{n}", f"s{s}", "{}") for n in range(each) for s in range(shipments)])
        lock = threading.Lock()
        held: Counter[str] = Counter()
        finished: dict[str, list[str]] = {}
        problems: list[str] = []

        def worker(owner: str) -> None:
            outbox = SqlOutbox(database.engine)
            while outbox.open_calls(["orchestrator"]):
                calls = outbox.claim(target="orchestrator", owner=owner, limit=3, now=NOON, real_now=NOON, lease=LEASE)
                with lock:
                    for call in calls:
                        held[call.subject_id] += 1
                        if held[call.subject_id] > 1 or call.attempt > 1:
                            problems.append(call.call_id)
                for call in calls:
                    with lock:
                        held[call.subject_id] -= 1
                        finished.setdefault(call.subject_id, []).append(call.call_id)
                    if not outbox.delivered(call, now=NOON):
                        problems.append(f"{call.call_id} was lost")

        threads = [threading.Thread(target=worker, args=(f"w{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not problems
        assert finished == {f"s{s}": [f"s{s}-{n}" for n in range(each)] for s in range(shipments)}

    @pytest.mark.service
    def test_a_row_another_worker_is_locking_is_passed_over(self, postgresql: SqlStore) -> None:
        postgresql.put("c1", "s1")
        postgresql.put("c2", "s2")
        with session_factory(postgresql.engine).begin() as session:
            session.scalars(select(OutgoingCallRow).where(OutgoingCallRow.call_id == "c1").with_for_update()).one()
            assert [call.call_id for call in claim(postgresql)] == ["c2"]

    @pytest.mark.service
    def test_a_call_whose_predecessor_is_being_put_back_is_passed_over(self, postgresql: SqlStore) -> None:
        self.put_dead_letter_and_successor(postgresql)
        with session_factory(postgresql.engine).begin() as session:
            rows = session.scalars(select(OutgoingCallRow).with_for_update()).all()
            rows[0].status = "pending"
            session.flush()
            assert claim(postgresql) == []
        assert [call.call_id for call in claim(postgresql)] == ["a1"]

    @pytest.mark.service
    def test_a_dead_letter_whose_successor_is_being_leased_waits_and_is_not_put_back(
        self, postgresql: SqlStore
    ) -> None:
        self.put_dead_letter_and_successor(postgresql)
        outcome: list[object] = []

        def put_back() -> None:
            try:
                outcome.append(replay(postgresql.engine, "a1", actor="user:dana", now=NOON))
            except OvertakenError as error:
                outcome.append(error)

        thread = threading.Thread(target=put_back)
        with session_factory(postgresql.engine).begin() as session:
            row = session.scalars(
                select(OutgoingCallRow).where(OutgoingCallRow.call_id == "a2").with_for_update()
            ).one()
            thread.start()
            thread.join(0.3)
            assert outcome == [], "it waits for the row"
            row.status, row.lease_owner, row.lease_expires_at = "leased", "w2", NOON + LEASE
        thread.join(10)
        assert [type(each) for each in outcome] == [OvertakenError]
        assert postgresql.seen("a1").status == "dead"

    def put_dead_letter_and_successor(self, store: SqlStore) -> None:
        store.put("a1", "A")
        (call,) = claim(store)
        store.outbox.dead(call, reason="HTTP 422", now=NOON)
        store.put("a2", "A")


class TestUnavailable:
    def test_a_locked_file_says_so_in_time(self, sqlite: SqlStore, sqlite_file: Path) -> None:
        impatient = create_engine_for(f"sqlite:///{sqlite_file}")
        try:
            with impatient.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 50")
            with sqlite.engine.begin(), pytest.raises(OutboxUnavailableError, match="locked"):
                claim(SqlStore(impatient))
        finally:
            impatient.dispose()

    def test_connections_that_are_all_taken_say_so(self, sqlite: SqlStore, sqlite_file: Path) -> None:
        narrow = create_engine(f"sqlite:///{sqlite_file}", pool_size=1, max_overflow=0, pool_timeout=0.01)
        try:
            with narrow.connect(), pytest.raises(OutboxUnavailableError, match="QueuePool limit"):
                SqlOutbox(narrow).open_calls(["orchestrator"])
        finally:
            narrow.dispose()

    @pytest.mark.service
    def test_a_server_that_is_not_there_says_so(self) -> None:
        engine = create_engine_for("postgresql://nobody@127.0.0.1:1/nothing")
        try:
            with pytest.raises(OutboxUnavailableError, match="did not answer"):
                SqlOutbox(engine).open_calls(["orchestrator"])
        finally:
            engine.dispose()
