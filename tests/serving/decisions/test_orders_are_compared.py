"""Orders and steps up are held against the audit trail: what is changed beside the service is found."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from serving.auth.people import People
from serving.db.tables import AuditRow
from serving.decisions.verification import verify
from tests.serving.decisions.auditing import forget_the_trail, triage_audit
from tests.serving.decisions.test_verification import execute, look
from tests.serving.house import House, Json, at, staff

STOP: Json = {"kind": "limit", "mode": "observe", "branch": "notify", "owner": "customer-service", "reason": "a text"}
SUPPRESS: Json = {
    "kind": "suppress",
    "owner": "customer-service",
    "reason": "they are told by telephone",
    "where": {"customer_id": "C-2"},
}
_SUPPRESS = "WHERE kind = 'suppress'"
_ENDED = "WHERE ended_at IS NOT NULL AND kind = 'suppress'"
_COPY = (
    "INSERT INTO directives (directive_id, kind, branch, mode, everywhere, since, until, body, issued_by, issued_at,"
    " subject_type) SELECT 'dir_x', kind, branch, mode, everywhere, since, until, body, issued_by, issued_at,"
    " subject_type FROM directives WHERE kind = 'limit' AND ended_at IS NULL LIMIT 1"
)
_OPEN = "WHERE status = 'proposed'"
EDITS: dict[str, tuple[str, str]] = {
    "whom it names": (f"""UPDATE directives SET body = replace(body, 'C-2', 'C-3') {_SUPPRESS}""", "column body"),
    "what it bars": ("UPDATE directives SET mode = 'recommend' WHERE kind = 'limit'", "column mode 'recommend'"),
    "which branch": ("UPDATE directives SET branch = 'split' WHERE branch = 'notify'", "column branch 'split'"),
    "its kind": (f"UPDATE directives SET kind = 'forbid' {_SUPPRESS}", "column kind 'forbid'"),
    "that it is for all": (f"UPDATE directives SET everywhere = true {_SUPPRESS}", "column everywhere 'True'"),
    "from when": (f"UPDATE directives SET since = '2040-01-01 00:00:00' {_SUPPRESS}", "column since '2040"),
    "until when": (f"UPDATE directives SET until = '2020-01-01 00:00:00' {_SUPPRESS}", "column until '2020"),
    "its type of subject": ("UPDATE directives SET subject_type = 'invoice'", "column subject_type 'invoice'"),
    "who gave it": ("UPDATE directives SET issued_by = 'eve'", "column issued_by 'eve'"),
    "when it was given": (f"UPDATE directives SET issued_at = since {_SUPPRESS}", "column issued_at"),
    "that it was ended": (
        f"UPDATE directives SET ended_at = NULL, ended_by = NULL, ended_because = NULL {_ENDED}",
        "column ended_by 'None'",
    ),
    "one that stands, ended": (
        "UPDATE directives SET ended_at = issued_at WHERE ended_at IS NULL", "column ended_at '2026"
    ),
    "why it was ended": (f"UPDATE directives SET ended_because = 'x' {_ENDED}", "column ended_because 'x'"),
    "one, deleted": (f"DELETE FROM directives {_ENDED}", "is in the audit trail, and is gone: deleted"),
    "one, inserted": (_COPY, "directive dir_x is not in the audit trail: inserted"),
    "what is proposed": ("UPDATE step_ups SET mode = 'act_financial'", "column mode 'act_financial'"),
    "on what evidence": ("""UPDATE step_ups SET evidence = '{}', digest = 'x'""", "column evidence '{}'"),
    "why it is proposed": ("UPDATE step_ups SET reason = 'x'", "column reason 'x'"),
    "who proposed it": ("UPDATE step_ups SET proposed_by = 'eve'", "column proposed_by 'eve'"),
    "who approved it": ("UPDATE step_ups SET decided_by = 'eve' WHERE status = 'approved'", "column decided_by 'eve'"),
    "an approval": (f"UPDATE step_ups SET status = 'approved' {_OPEN}", "column status 'approved', the audit trail"),
    "which limit": (
        f"UPDATE step_ups SET directive_id = (SELECT directive_id FROM directives {_SUPPRESS} LIMIT 1) {_OPEN}",
        "column directive_id",
    ),
    "a note": ("UPDATE step_ups SET note = 'x' WHERE status = 'rejected'", "column note 'x'"),
    "a proposal, deleted": (f"DELETE FROM step_ups {_OPEN}", "is in the audit trail, and is gone: deleted"),
    "a proposal, inserted": (
        "INSERT INTO step_ups (step_up_id, directive_id, mode, reason, evidence, digest, proposed_by, proposed_at,"
        f" status) SELECT 'stp_x', directive_id, mode, reason, evidence, digest, proposed_by, proposed_at, 'approved'"
        f" FROM step_ups {_OPEN}",
        "step up stp_x is not in the audit trail: inserted",
    ),
}  # fmt: skip
"""What was changed, the statement, and what is said of it."""


@pytest.fixture
def people() -> People:
    return staff(dana=["customer-service"], cora=["customer-service"])


@pytest.fixture
def ordered(any_house: House) -> House:
    """A service with two suppressions, one of them ended, a limit that was raised, and proposals in every state."""
    house = any_house
    house.ordered(by="dana", until=at(hours=5), **SUPPRESS)
    house.advance(minutes=1)
    over = house.ordered(by="dana", since=at(hours=1), until=at(hours=6), **SUPPRESS)
    said = house.said(f"/v1/directives/{over['directive_id']}/end", {"reason": "they write again"}, by="dana")
    assert said.is_success, said.text
    stop = house.ordered(by="dana", **STOP)
    for verb, body in (("reject", {"reason": "not yet"}), ("approve", None), (None, None)):
        proposed = propose(house, stop["directive_id"])
        if verb is None:
            break
        said = house.said(
            f"/v1/step-ups/{proposed['step_up_id']}/{verb}", body or {"digest": proposed["digest"]}, by="cora"
        )
        assert said.is_success, said.text
        if verb == "approve":
            stop = house.ordered(by="dana", **STOP)
    assert look(house).problems == ()
    return house


def propose(house: House, directive_id: str) -> Json:
    said = house.said(
        f"/v1/directives/{directive_id}/step-ups", {"mode": "recommend", "reason": "a new text"}, by="dana"
    )
    assert said.is_success, said.text
    proposed: Json = said.json()
    return proposed


def test_what_is_changed_beside_the_service_is_found(ordered: House) -> None:
    for what, (statement, said) in EDITS.items():
        with ordered.engine.connect() as connection, Session(connection) as session:
            session.execute(text(statement))
            problems = verify(session).problems
            assert any(said in problem for problem in problems), (what, problems)
            session.rollback()
    assert look(ordered).problems == ()


def test_the_command_finds_it_too(ordered: House) -> None:
    execute(ordered, f"DELETE FROM directives {_ENDED}")
    found = triage_audit("verify", "--database", ordered.database_url)
    assert found.exit_code == 1
    assert "deleted" in found.output


def test_what_earlier_releases_noted_of_orders_is_compared_as_far_as_it_goes(ordered: House) -> None:
    with ordered.engine.begin() as connection:
        for row in ordered.rows(AuditRow):
            if row.action in ("directive.issued", "step_up.proposed"):
                new = json.loads(row.new or "")
                new.pop("subject_type", None)
                if row.action == "step_up.proposed":
                    del new["reason"]
                text_of = json.dumps(new, sort_keys=True, separators=(",", ":"))
                where = {"new": text_of, "at": row.position}
                connection.execute(text("UPDATE audit_log SET new = :new WHERE position = :at"), where)
    forget_the_trail(ordered)
    assert look(ordered).problems == ()
    execute(ordered, EDITS["what is proposed"][0])
    assert any("column mode" in problem for problem in look(ordered).problems)
