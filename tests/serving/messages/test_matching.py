"""A message that waits is held against the decision that opened it: what is changed beside the service is found."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from serving.decisions.verification import verify
from tests.serving.house import House
from tests.serving.messages.test_messages import told, waited

_COPY = (
    "INSERT INTO messages (call_id, subject_type, subject_id, branch, target, by, by_digest, decision_id, opened_at, "
    "sends_at, cases) SELECT 'x', subject_type, 'x', branch, target, by, by_digest, decision_id, opened_at, sends_at, "
    "cases FROM messages LIMIT 1"
)
EDITS = {
    "UPDATE messages SET target = 'eve'": "in its column target 'eve'",
    "UPDATE messages SET by = '{}'": "in its column by '{}'",
    "UPDATE messages SET by_digest = 'x'": "in its column by_digest 'x'",
    "UPDATE messages SET branch = 'rebook'": "in its column branch 'rebook'",
    "UPDATE messages SET subject_type = 'invoice'": "in its column subject_type 'invoice'",
    "UPDATE messages SET subject_id = 'x'": "in its column subject_id 'x'",
    "UPDATE messages SET opened_at = '2020-01-01 00:00:00'": "in its column opened_at '2020",
    "DELETE FROM messages": "was opened, and is gone: deleted",
    _COPY: "message x was opened by no decision: inserted",
}


def test_what_is_changed_beside_the_service_is_found(grouping: House) -> None:
    told(grouping, "SH-1", "SH-2")
    assert len(waited(grouping)) == 1
    told(grouping, "SH-3", "SH-4", customer_id="C-2")
    for statement, said in EDITS.items():
        with grouping.engine.connect() as connection, Session(connection) as session:
            assert verify(session).problems == ()
            session.execute(text(statement))
            problems = verify(session).problems
            assert any(said in problem for problem in problems), (statement, problems)
            session.rollback()
