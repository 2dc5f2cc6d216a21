"""Decision, audit entry, outgoing call, review item and answer are one transaction: all of it, or nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from serving.db.tables import AuditRow, DecisionRow, IdempotencyRow, OutgoingCallRow, ReviewItemRow
from serving.decisions.verification import verify
from tests.serving.house import CLOUD_EVENT, House, planned

WRITTEN = (DecisionRow, OutgoingCallRow, ReviewItemRow, IdempotencyRow, AuditRow)
REFUSE_ON_SQLITE = "CREATE TRIGGER refuse BEFORE INSERT ON {table} BEGIN SELECT RAISE(FAIL, 'the disk is full'); END"
REFUSE_ON_POSTGRESQL = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'; END $$",
    "CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()",
)


def refuse_rows(house: House, table: str) -> None:
    """Let the database fail when it is given a row of that table."""
    statements = (REFUSE_ON_SQLITE,) if house.engine.dialect.name == "sqlite" else REFUSE_ON_POSTGRESQL
    with house.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement.format(table=table)))


def take_rows_again(house: House, table: str) -> None:
    with house.engine.begin() as connection:
        if house.engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER refuse"))
        else:
            connection.execute(text(f"DROP TRIGGER refuse ON {table}"))
            connection.execute(text("DROP FUNCTION refuse"))


@pytest.mark.parametrize(
    ("table", "risk"),
    [
        ("decisions", 0.5),
        ("audit_log", 0.5),
        ("outgoing_calls", 0.5),
        ("review_items", 0.3),
        ("idempotency_keys", 0.5),
    ],
)
class TestADatabaseThatFailsHalfWay:
    def test_leaves_nothing_behind(self, any_house: House, table: str, risk: float) -> None:
        any_house.announce("SH-1")
        any_house.model.risk = risk
        refuse_rows(any_house, table)
        answer = any_house.triage("SH-1", key="k")
        take_rows_again(any_house, table)

        assert answer.status_code >= 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "othing was changed" in answer.json()["detail"]
        assert {each: any_house.count(each) for each in WRITTEN} == dict.fromkeys(WRITTEN, 0)

    def test_the_same_request_goes_through_afterwards(self, any_house: House, table: str, risk: float) -> None:
        any_house.announce("SH-1")
        any_house.model.risk = risk
        refuse_rows(any_house, table)
        any_house.triage("SH-1", key="k")
        take_rows_again(any_house, table)

        assert any_house.triage("SH-1", key="k").json()["sequence"] == 1
        assert any_house.count(DecisionRow) == 1
        assert any_house.count(OutgoingCallRow) + any_house.count(ReviewItemRow) == 1


class TestEventsWhenTheDatabaseFails:
    def test_neither_log_nor_state_has_the_event(self, any_house: House) -> None:
        refuse_rows(any_house, "events")
        answer = any_house.api.post("/v1/events", json=planned("SH-1"), headers=CLOUD_EVENT)
        take_rows_again(any_house, "events")

        assert answer.status_code >= 500
        assert any_house.kept() == (0, 0)
        assert not any_house.state.knows("SH-1")

    def test_the_sender_tries_again_and_it_is_taken_once(self, any_house: House) -> None:
        refuse_rows(any_house, "events")
        any_house.api.post("/v1/events", json=planned("SH-1"), headers=CLOUD_EVENT)
        take_rows_again(any_house, "events")

        any_house.announce("SH-1")
        assert any_house.kept() == (1, 0)


class TestAnswersWhenTheDatabaseFails:
    def test_an_accepted_item_is_still_claimed_if_its_call_cannot_be_kept(self, any_house: House) -> None:
        item_id = any_house.for_review(risk=0.8)
        token = any_house.claimed(item_id)
        refuse_rows(any_house, "outgoing_calls")
        answer = any_house.answer(item_id, "accept", claim_token=token)
        take_rows_again(any_house, "outgoing_calls")

        assert answer.status_code >= 500
        assert any_house.rows(ReviewItemRow)[0].status == "claimed"
        assert any_house.audited()["review.accept"] == 0
        assert any_house.answer(item_id, "accept", claim_token=token).json()["status"] == "done"
        assert any_house.count(OutgoingCallRow) == 1


def test_a_failure_leaves_no_gap_in_the_chain(any_house: House) -> None:
    any_house.announce("SH-1", "SH-2")
    any_house.decided("SH-1", risk=0.5)
    refuse_rows(any_house, "outgoing_calls")
    any_house.triage("SH-2")
    take_rows_again(any_house, "outgoing_calls")
    any_house.decided("SH-2")

    with any_house.container.reads() as session:
        found = verify(session)
    assert (found.decisions, found.problems) == (2, ())
