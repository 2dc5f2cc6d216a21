"""The chain of decisions: whole as it is written, and broken by whatever is done to it afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from typer.testing import Result

from serving.db.migrate import _config, upgrade
from serving.db.tables import AuditRow, DecisionRow, OutgoingCallRow
from serving.decisions import verification
from serving.decisions.calls import FIXED, seal_of
from serving.decisions.matching import Noted
from serving.decisions.verification import Verification, verify
from tests.serving.decisions.auditing import forget_the_trail, triage_audit
from tests.serving.house import House


@pytest.fixture
def chained(any_house: House) -> House:
    """A service with four decisions."""
    for number in range(1, 5):
        any_house.announce(f"SH-{number}")
        any_house.decided(f"SH-{number}", risk=0.2 * number)
    return any_house


def execute(house: House, *statements: str) -> None:
    with house.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def look(house: House, head: tuple[int, str] | None = None) -> Verification:
    with house.container.reads() as session:
        return verify(session, heads=[head] if head else ())


def trail_of(house: House) -> list[AuditRow]:
    with house.container.reads() as session:
        return list(session.scalars(select(AuditRow).order_by(AuditRow.position)))


def triage_audit_verify(house: House, *options: str) -> Result:
    return triage_audit("verify", "--database", house.database_url, *options)


def rewrite_from(house: House, sequence: int) -> None:
    """Edit a decision and hash the rest of the chain anew, as someone would who knows how it is made."""
    rows = house.rows(DecisionRow)
    previous = rows[sequence - 2].hash if sequence > 1 else "0" * 64
    with house.engine.begin() as connection:
        for row in rows[sequence - 1 :]:
            body = json.dumps({**json.loads(row.body), "note": "edited"}, sort_keys=True, separators=(",", ":"))
            digest = hashlib.sha256(f"{previous}\n{row.sequence}\n{body}".encode()).hexdigest()
            values = {"body": body, "previous": previous, "hash": digest, "sequence": row.sequence}
            statement = "UPDATE decisions SET body = :body, previous_hash = :previous, hash = :hash "
            connection.execute(text(statement + "WHERE sequence = :sequence"), values)
            previous = digest


TAMPERED: dict[str, Callable[[House], None]] = {
    "a body is edited": lambda house: execute(
        house, "UPDATE decisions SET body = replace(body, '\"branch\":\"notify\"', '\"branch\":\"none\"')"
    ),
    "a hash is edited": lambda house: execute(
        house, f"UPDATE decisions SET hash = '{'a' * 64}' WHERE sequence = 2"
    ),
    "one is deleted": lambda house: execute(
        house,
        "DELETE FROM outgoing_calls",
        "DELETE FROM review_items",
        "DELETE FROM decisions WHERE sequence = 2",
    ),
    "the last is deleted": lambda house: execute(
        house, "DELETE FROM outgoing_calls", "DELETE FROM review_items", "DELETE FROM decisions WHERE sequence = 4"
    ),
    "two change places": lambda house: execute(
        house,
        "UPDATE decisions SET sequence = 9 WHERE sequence = 2",
        "UPDATE decisions SET sequence = 2 WHERE sequence = 3",
        "UPDATE decisions SET sequence = 3 WHERE sequence = 9",
    ),
    "one is inserted": lambda house: execute(
        house,
        "INSERT INTO decisions (sequence, decision_id, subject_version, subject_type, subject_id, moment, branch, "
        "mode, decided_at, body, previous_hash, hash) SELECT 5, 'dec_x', 'x', subject_type, subject_id, moment, "
        "branch, mode, decided_at, body, previous_hash, hash FROM decisions WHERE sequence = 4",
    ),
    "the chain is rewritten from the second on": lambda house: rewrite_from(house, 2),
    "the last is rewritten": lambda house: rewrite_from(house, 4),
}  # fmt: skip


class TestAWholeChain:
    def test_has_no_problems(self, chained: House) -> None:
        found = look(chained)
        last = chained.rows(DecisionRow)[-1]
        assert (found.decisions, found.head, found.problems) == (4, (4, last.hash), ())
        assert found.trail == (found.entries, trail_of(chained)[-1].hash)

    def test_the_command_says_so_and_prints_the_head(self, chained: House) -> None:
        result = triage_audit_verify(chained)
        last, entries = chained.rows(DecisionRow)[-1], len(trail_of(chained))
        assert (result.exit_code, result.stdout) == (
            0,
            f"4 decisions, {entries} entries of the audit trail, 0 problems, head 4:{last.hash}\n",
        )

    def test_what_is_decided_while_it_is_checked_is_no_problem(
        self, chained: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chained.announce("SH-5")
        compare = verification.unlike

        def decide_first(session: Session, noted: Noted) -> list[str]:
            chained.decided("SH-5", risk=0.5)
            return list(compare(session, noted))

        monkeypatch.setattr(verification, "unlike", decide_first)
        result = triage_audit_verify(chained)
        assert (result.exit_code, result.stdout.partition(" ")[0], chained.count(DecisionRow)) == (0, "4", 5)

    def test_an_empty_one_is_whole(self, house: House) -> None:
        found = look(house)
        assert (found.decisions, found.head, found.problems, found.entries) == (0, None, (), 1)

    def test_the_first_begins_at_the_agreed_hash(self, chained: House) -> None:
        assert chained.rows(DecisionRow)[0].previous_hash == "0" * 64

    def test_an_older_head_noted_elsewhere_still_belongs_to_it(self, chained: House) -> None:
        second = chained.rows(DecisionRow)[1]
        result = triage_audit_verify(chained, "--head", f"2:{second.hash}")
        assert result.exit_code == 0


class TestATamperedChain:
    @pytest.mark.parametrize("what", TAMPERED)
    def test_is_found(self, chained: House, what: str) -> None:
        TAMPERED[what](chained)
        assert look(chained).problems

    def test_the_command_names_each_problem_and_ends_with_status_1(self, chained: House) -> None:
        TAMPERED["a body is edited"](chained)
        result = triage_audit_verify(chained)

        assert result.exit_code == 1
        assert "does not match its hash: edited." in result.stderr
        assert "4 decisions, " in result.stdout

    def test_a_chain_rewritten_with_its_audit_trail_is_found_by_a_head_noted_elsewhere(self, chained: House) -> None:
        noted = chained.rows(DecisionRow)[-1]
        rewrite_from(chained, 1)
        forget_the_trail(chained)

        assert triage_audit_verify(chained).exit_code == 0
        assert look(chained, (4, noted.hash)).problems == (
            f"decision 4 ({noted.decision_id}) is not the one known as number 4: forked.",
        )

    @pytest.mark.parametrize("head", ["4", "x:y", f"four:{'a' * 64}", "4:abc"])
    def test_a_head_that_is_none_is_a_usage_error(self, house: House, head: str) -> None:
        result = triage_audit_verify(house, "--head", head)
        assert result.exit_code == 2
        assert "give sequence and hash" in " ".join(result.stderr.replace("│", " ").split())


_CALL = "WHERE position = (SELECT min(position) FROM outgoing_calls)"
_OTHER_PAYLOAD = """UPDATE outgoing_calls SET body = replace(body, '"data":{', '"data":{"x": 1,')"""
_ENTRY = "WHERE position = 3"
_FIFTH = "INSERT INTO audit_log (position, at, actor, action, subject, hash) SELECT 1 + max(position), max(at), 'eve', "
BESIDE: dict[str, tuple[tuple[str, ...], str]] = {
    "a branch": (("UPDATE decisions SET branch = 'none' WHERE branch = 'notify'",), "says in its column branch 'none'"),
    "a mode": (("UPDATE decisions SET mode = 'observe'",), "says in its column mode 'observe'"),
    "a subject": (("UPDATE decisions SET subject_id = 'X' WHERE sequence = 2",), "in its column subject_id 'X'"),
    "a type of subject": (("UPDATE decisions SET subject_type = 'invoice'",), "in its column subject_type 'invoice'"),
    "a version": (("UPDATE decisions SET subject_version = 'v' WHERE sequence = 2",), "in its column subject_version"),
    "a time": (("UPDATE decisions SET decided_at = '2020-01-01 00:00:00' WHERE sequence = 2",), "column decided_at"),
    "a bundle": (("UPDATE decisions SET policy_digest = 'x' WHERE sequence = 2",), "column policy_digest 'x'"),
    "a moment": (("UPDATE decisions SET moment = 'x' WHERE sequence = 2",), "column moment 'x'"),
    "what a call says": (
        (f"{_OTHER_PAYLOAD} {_CALL}",), "asks for something else: edited"
    ),
    "where a call goes": (
        (f"UPDATE outgoing_calls SET target = 'eve' {_CALL}",), "_notify_1 is not as it was let out: edited"
    ),
    "what a call is": ((f"UPDATE outgoing_calls SET branch = 'rebook' {_CALL}",), "is not as it was let out: edited"),
    "the key of a call": ((f"UPDATE outgoing_calls SET call_id = 'x' {_CALL}",), "x is not in the audit trail"),
    "where a call has come": (
        (f"UPDATE outgoing_calls SET status = 'delivered' {_CALL}",), "is delivered, the audit trail says pending"
    ),
    "what became of a call": (
        (f"UPDATE outgoing_calls SET effect = 'verified' {_CALL}",), "has the effect verified, the audit trail says int"
    ),
    "one call, deleted": ((f"DELETE FROM outgoing_calls {_CALL}",), "leads to notify, and has no call: deleted"),
    "a call that a person let out, deleted": (
        ("DELETE FROM outgoing_calls WHERE branch = 'escalate'",), "_escalate_1 was let out, and is gone: deleted"
    ),
    "an item, deleted": (
        ("DELETE FROM review_items WHERE status = 'open'",), "leads to review, and has no item: deleted"
    ),
    "an answer": (("UPDATE review_items SET closed_by = 'eve' WHERE status = 'done'",), "is not answered as"),
    "an answer, taken back": (("UPDATE review_items SET status = 'open'",), "is open, the audit trail says done"),
    "an entry": ((f"UPDATE audit_log SET actor = 'eve' {_ENTRY}",), "entry 3 of the audit trail (call.enqueued"),
    "an entry, deleted": ((f"DELETE FROM audit_log {_ENTRY}",), "follows 2: deleted between them"),
    "all entries but those of decisions, deleted": (
        ("DELETE FROM audit_log WHERE action <> 'decision.sealed'",), "follows 0: deleted between them"
    ),
    "an entry, inserted": (
        (f"{_FIFTH} 'x', 'x', max(hash) FROM audit_log",), "(x, x) does not match its hash: edited, inserted"
    ),
    "two entries, in another order": (
        (f"UPDATE audit_log SET position = 99 {_ENTRY}", "UPDATE audit_log SET position = 3 WHERE position = 4",
         "UPDATE audit_log SET position = 4 WHERE position = 99"),
        "entry 4 of the audit trail (call.enqueued",
    ),
    "who put a bundle in force": (
        ("UPDATE policy_moves SET actor = 'eve'",), "(bootstrapped) is not in the audit trail: edited"
    ),
    "a rollout, inserted": (
        ("UPDATE policy_moves SET candidate_digest = live_digest, rollout_id = 'r', share_millionths = 999999",),
        "(bootstrapped) is not as the audit trail noted it: edited"
    ),
    "evidence that nobody can read": (("UPDATE policy_moves SET pack = 'x'",), "has other evidence than what was"),
    "the entry of a step, by one of something else": (
        ("""UPDATE audit_log SET new = '{"seal": "x"}' WHERE action = 'policy.bootstrapped'""",), "does not match its"
    ),
    "for what a bundle was put in force": (
        ("UPDATE policy_moves SET subject_type = 'invoice'",), "in its column subject_type 'invoice', and is of another"
    ),
    "the text of a bundle": (
        ("UPDATE policy_bundles SET text = replace(text, '0.45', '0.46')",), "version 1) is not what was handed in"
    ),
    "its comments": (
        ("UPDATE policy_bundles SET text = text || ' # signed'",), "version 1) is not what was handed in: edited"
    ),
    "its name": (("UPDATE policy_bundles SET name = 'x'",), "(x version 1) is not what was handed in: edited"),
    "an approval, inserted": (
        ("INSERT INTO policy_moves (at, actor, action, digest, live_digest, subject_type) SELECT at, 'pat', 'approved',"
         " digest, live_digest, subject_type FROM policy_moves",), "(approved) is not in the audit trail"
    ),
}  # fmt: skip
"""What was changed, the statements, and what is said of it. All sealed texts of decisions stay as they were."""


class TestWhatTheServiceWorksBy:
    @pytest.fixture
    def answered(self, any_house: House) -> House:
        """A service with three decisions: a message, an item that a person answered, and one that waits."""
        any_house.announce("SH-1", "SH-3")
        any_house.decided("SH-1", risk=0.5)
        item_id = any_house.for_review("SH-2", risk=0.9)
        answer = {"claim_token": any_house.claimed(item_id), "branch": "escalate", "reason_code": "better_option"}
        assert any_house.answer(item_id, "override", **answer).status_code == 200
        any_house.decided("SH-3", risk=0.9)
        assert look(any_house).problems == ()
        return any_house

    @pytest.mark.parametrize("what", BESIDE)
    def test_is_found_once_it_is_not_what_was_sealed(self, answered: House, what: str) -> None:
        statements, said = BESIDE[what]
        execute(answered, *statements)
        problems = look(answered).problems
        assert any(said in problem for problem in problems), problems

    def test_is_compared_with_decisions_too_by_who_made_the_trail_anew(self, answered: House) -> None:
        execute(answered, f"{_OTHER_PAYLOAD} {_CALL}")
        call = answered.rows(OutgoingCallRow)[0]
        with answered.engine.begin() as connection:
            new = json.dumps({"branch": call.branch, "seal": seal_of({name: getattr(call, name) for name in FIXED})})
            where = {"new": new, "subject": f"call:{call.call_id}"}
            connection.execute(text("UPDATE audit_log SET new = :new WHERE subject = :subject"), where)
        forget_the_trail(answered)
        (problem,) = look(answered).problems
        assert "and its call" in problem


def test_what_was_there_before_the_trail_was_a_chain_is_sealed_as_it_was_found(chained: House) -> None:
    with chained.engine.begin() as connection:
        command.downgrade(_config(connection), "0013")
        for row in connection.execute(text("SELECT position, new FROM audit_log")).all():
            new = {name: value for name, value in json.loads(row.new).items() if name != "seal"}
            values = {"new": json.dumps(new), "was": row.position, "now": 3 * row.position + 100}
            connection.execute(text("UPDATE audit_log SET new = :new, position = :now WHERE position = :was"), values)
    upgrade(chained.engine)
    chained.announce("SH-5")
    chained.decided("SH-5", risk=0.5)
    found = look(chained)
    assert (found.problems, found.decisions, found.entries) == ((), 5, len(trail_of(chained)))
