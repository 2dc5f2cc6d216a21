from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from serving.worker.dead_letters import (
    NotADeadLetterError,
    OvertakenError,
    ReasonMissingError,
    UselessError,
    dead_letters,
    dismiss,
    replay,
)
from tests.routing.dispatch.fakes import NOON
from tests.serving.worker.stores import SqlStore

LEASE = timedelta(seconds=60)
WHO = "user:dana"


def claim(store: SqlStore) -> list[str]:
    return [call.call_id for call in claimed(store)]


def claimed(store: SqlStore):  # type: ignore[no-untyped-def]
    return store.outbox.claim(target="orchestrator", owner="w1", limit=9, now=NOON, real_now=NOON, lease=LEASE)


def bury(store: SqlStore, call_id: str, shipment_id: str, *, latest_useful_at: datetime | None = None) -> None:
    store.put(call_id, shipment_id, latest_useful_at=latest_useful_at)
    (call,) = claimed(store)
    store.outbox.dead(call, reason="HTTP 422: no such booking", now=NOON)


class TestDeadLetters:
    def test_they_are_listed_oldest_first_with_all_a_person_needs(self, database: SqlStore) -> None:
        bury(database, "c1", "s1")
        bury(database, "c2", "s2")
        database.put("c3", "s3")
        first, second = dead_letters(database.engine)
        assert (first.call_id, first.subject_id, first.attempts) == ("c1", "s1", 1)
        assert first.last_error == "HTTP 422: no such booking"
        assert second.call_id == "c2"


class TestReplay:
    def test_it_is_due_at_once_with_its_own_id_and_a_fresh_budget(self, database: SqlStore) -> None:
        bury(database, "c1", "s1")
        replay(database.engine, "c1", actor=WHO, now=NOON)
        assert (database.seen("c1").status, database.seen("c1").attempts) == ("pending", 0)
        assert claim(database) == ["c1"]

    def test_the_audit_log_names_who(self, database: SqlStore) -> None:
        bury(database, "c1", "s1")
        replay(database.engine, "c1", actor=WHO, now=NOON)
        last = database.audit()[-1]
        assert (last.actor, last.action, last.subject) == (WHO, "call.replayed", "call:c1")
        assert json.loads(last.old or "") == {"attempts": 1, "reason": "HTTP 422: no such booking", "status": "dead"}

    def test_what_waits_behind_it_goes_after_it(self, database: SqlStore) -> None:
        bury(database, "a1", "A")
        database.put("a2", "A")
        replay(database.engine, "a1", actor=WHO, now=NOON)
        assert claim(database) == ["a1"]

    @pytest.mark.parametrize("settled", [False, True])
    def test_it_never_follows_a_later_call_of_its_shipment(self, database: SqlStore, settled: bool) -> None:
        bury(database, "a1", "A")
        database.put("a2", "A")
        (later,) = claimed(database)
        if settled:
            database.outbox.delivered(later, now=NOON)
        with pytest.raises(OvertakenError, match="a2"):
            replay(database.engine, "a1", actor=WHO, now=NOON)
        assert database.seen("a1").status == "dead"

    def test_it_is_not_sent_when_its_use_is_over(self, database: SqlStore) -> None:
        bury(database, "c1", "s1", latest_useful_at=NOON + timedelta(seconds=1))
        with pytest.raises(UselessError, match="Dismiss it"):
            replay(database.engine, "c1", actor=WHO, now=NOON + timedelta(seconds=1))

    @pytest.mark.parametrize(("call_id", "found"), [("c1", "is pending"), ("c9", "is unknown")])
    def test_only_a_dead_letter_is(self, database: SqlStore, call_id: str, found: str) -> None:
        database.put("c1", "s1")
        with pytest.raises(NotADeadLetterError, match=found):
            replay(database.engine, call_id, actor=WHO, now=NOON)


class TestDismiss:
    def test_it_is_settled_and_the_reason_is_kept(self, database: SqlStore) -> None:
        bury(database, "c1", "s1")
        dismiss(database.engine, "c1", reason=" booked by phone ", actor=WHO, now=NOON)
        assert database.seen("c1").status == "dismissed"
        last = database.audit()[-1]
        assert (last.actor, last.action) == (WHO, "call.dismissed")
        assert json.loads(last.new or "")["reason"] == "booked by phone"
        assert dead_letters(database.engine) == []

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_not_without_a_reason(self, database: SqlStore, reason: str) -> None:
        bury(database, "c1", "s1")
        with pytest.raises(ReasonMissingError):
            dismiss(database.engine, "c1", reason=reason, actor=WHO, now=NOON)
        assert database.seen("c1").status == "dead"

    def test_only_a_dead_letter_is(self, database: SqlStore) -> None:
        database.put("c1", "s1")
        with pytest.raises(NotADeadLetterError, match="is pending"):
            dismiss(database.engine, "c1", reason="x", actor=WHO, now=NOON)
