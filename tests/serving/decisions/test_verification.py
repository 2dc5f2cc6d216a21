"""The chain of decisions: whole as it is written, and broken by whatever is done to it afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest
from sqlalchemy import text
from typer.testing import Result

from serving.db.tables import DecisionRow
from serving.decisions.verification import Verification, verify
from tests.serving.decisions.auditing import triage_audit
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

    def test_the_command_says_so_and_prints_the_head(self, chained: House) -> None:
        result = triage_audit_verify(chained)
        last = chained.rows(DecisionRow)[-1]
        assert (result.exit_code, result.stdout) == (0, f"4 decisions, 0 problems, head 4:{last.hash}\n")

    def test_an_empty_one_is_whole(self, house: House) -> None:
        assert look(house) == Verification(0, None, ())

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
        with chained.engine.begin() as connection:
            for row in chained.rows(DecisionRow):
                new = json.dumps({"sequence": row.sequence, "hash": row.hash, "branch": row.branch})
                where = {"new": new, "subject": f"decision:{row.decision_id}"}
                connection.execute(text("UPDATE audit_log SET new = :new WHERE subject = :subject"), where)

        assert triage_audit_verify(chained).exit_code == 0
        assert look(chained, (4, noted.hash)).problems == (
            f"decision 4 ({noted.decision_id}) is not the one known as number 4: forked.",
        )

    @pytest.mark.parametrize("head", ["4", "x:y", f"four:{'a' * 64}", "4:abc"])
    def test_a_head_that_is_none_is_a_usage_error(self, house: House, head: str) -> None:
        result = triage_audit_verify(house, "--head", head)
        assert result.exit_code == 2
        assert "give sequence and hash" in " ".join(result.stderr.replace("│", " ").split())
