"""Signed checkpoints: what the database's owner did to the chain after they were signed is found without their help."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import Result

from routing.checkpoints import Checkpoint, read_checkpoints, read_private_key, read_public_key, sign
from serving.db.tables import AuditRow, DecisionRow, ReviewItemRow
from tests.serving.decisions.auditing import forget_the_trail, triage_audit
from tests.serving.decisions.test_verification import execute, rewrite_from
from tests.serving.house import House


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "audit.pem"
    assert triage_audit("key", "--out", path).exit_code == 0
    return path


class Auditor:
    """A service with three decisions, and the files of who audits it."""

    def __init__(self, house: House, key: Path) -> None:
        self.house, self.key = house, key
        self.file = key.with_name("checkpoints.jsonl")
        self.public = key.with_name("audit.pem.pub")
        for number in range(1, 4):
            self.decide(number)

    def decide(self, number: int) -> None:
        self.house.announce(f"SH-{number}")
        self.house.decided(f"SH-{number}", risk=0.2 * number)

    def sign(self) -> Result:
        return triage_audit("checkpoint", "--key", self.key, "--to", self.file, "--database", self.house.database_url)

    def verify(self, *more: object) -> Result:
        where = ("--database", self.house.database_url) if "--export" not in more else ()
        return triage_audit("verify", "--checkpoints", self.file, "--public-key", self.public, *where, *more)

    def trail(self) -> list[AuditRow]:
        with self.house.container.reads() as session:
            return list(session.scalars(select(AuditRow).order_by(AuditRow.position)))

    def signed(self) -> tuple[Checkpoint, ...]:
        return read_checkpoints(self.file, read_public_key(self.public))


@pytest.fixture
def auditor(any_house: House, key: Path) -> Auditor:
    return Auditor(any_house, key)


_OF_THE_LAST = "WHERE decision_id IN (SELECT decision_id FROM decisions WHERE sequence = 3)"


def cut_off_the_end(house: House) -> None:
    execute(
        house,
        "DELETE FROM audit_log WHERE subject IN (SELECT 'decision:' || decision_id FROM decisions WHERE sequence = 3)",
        f"DELETE FROM audit_log WHERE subject IN (SELECT 'review:' || item_id FROM review_items {_OF_THE_LAST})",
        f"DELETE FROM review_items {_OF_THE_LAST}",
        "DELETE FROM decisions WHERE sequence = 3",
    )
    forget_the_trail(house)


class TestAWholeChain:
    def test_grows_from_checkpoint_to_checkpoint(self, auditor: Auditor) -> None:
        assert auditor.sign().exit_code == 0
        auditor.decide(4)
        assert "1 decisions since the last checkpoint" in auditor.sign().stdout
        assert "nothing to sign" in auditor.sign().stdout

        rows = auditor.house.rows(DecisionRow)
        assert [(each.sequence, each.hash) for each in auditor.signed()] == [(3, rows[2].hash), (4, rows[3].hash)]
        found = auditor.verify()
        trail = auditor.trail()
        told = (
            f"4 decisions, {len(trail)} entries of the audit trail, 0 problems, 2 checkpoints, head 4:{rows[3].hash}\n"
        )
        assert (found.exit_code, found.stdout) == (0, told)
        assert auditor.signed()[1].trail == (len(trail), trail[-1].hash)

    def test_is_signed_again_where_something_was_done_and_nothing_decided(self, auditor: Auditor) -> None:
        auditor.sign()
        auditor.house.claimed(auditor.house.rows(ReviewItemRow)[0].item_id)
        assert "0 decisions since the last checkpoint, signed up to 3:" in auditor.sign().stdout
        assert auditor.verify().exit_code == 0

    def test_a_line_of_before_the_trail_was_a_chain_still_counts(self, auditor: Auditor) -> None:
        auditor.sign()
        (signed,) = auditor.signed()
        first = sign(read_private_key(auditor.key), *signed.head, signed_at=signed.signed_at)
        auditor.file.write_text(f"{first.line()}\n")
        assert auditor.verify().exit_code == 0
        assert "0 decisions since the last checkpoint, signed up to 3:" in auditor.sign().stdout
        assert [each.trail is None for each in auditor.signed()] == [True, False]

    def test_is_checked_from_an_export_alone(self, auditor: Auditor, tmp_path: Path) -> None:
        auditor.sign()
        export = tmp_path / "decisions.jsonl"
        triage_audit("export", "--out", export, "--database", auditor.house.database_url)
        assert auditor.verify("--export", export).exit_code == 0

        lines = export.read_text().splitlines()
        for forged in ([lines[1], lines[0], lines[2]], lines[:2], ["{}", *lines[1:]], [*lines[:1], "", *lines[1:]]):
            export.write_text("".join(f"{line}\n" for line in forged))
            assert auditor.verify("--export", export).exit_code == 1


class TestAChainThatItsOwnerMadeAnew:
    def test_passes_without_checkpoints_and_is_found_with_them(self, auditor: Auditor) -> None:
        auditor.sign()
        rewrite_from(auditor.house, 1)
        forget_the_trail(auditor.house)

        assert triage_audit("verify", "--database", auditor.house.database_url).exit_code == 0
        found = auditor.verify()
        assert found.exit_code == 1
        assert "is not the one known as number 3: forked." in found.stderr

    def test_and_one_cut_off_are_not_signed(self, auditor: Auditor) -> None:
        auditor.sign()
        before = auditor.file.read_text()
        cut_off_the_end(auditor.house)
        assert triage_audit("verify", "--database", auditor.house.database_url).exit_code == 0
        assert "the chain ends at 2, number 3 is known: truncated." in auditor.verify().stderr

        refused = auditor.sign()
        assert refused.exit_code == 1
        assert "decision 3 is not the one that was signed, or is gone." in refused.stderr
        assert auditor.file.read_text() == before

    def test_nor_is_a_trail_that_was_made_anew(self, auditor: Auditor) -> None:
        auditor.sign()
        last = auditor.trail()[-1].position
        execute(auditor.house, f"UPDATE audit_log SET actor = 'eve' WHERE position = {last}")
        forget_the_trail(auditor.house)
        assert triage_audit("verify", "--database", auditor.house.database_url).exit_code == 0
        assert f"is not the one known as number {last}: forked." in auditor.verify().stderr
        assert f"entry {last} of the audit trail is not the one that was signed" in auditor.sign().stderr

    def test_an_edit_after_the_last_checkpoint_is_not_signed(self, auditor: Auditor) -> None:
        auditor.sign()
        auditor.decide(4)
        execute(auditor.house, "UPDATE decisions SET body = '{}' WHERE sequence = 4")
        assert "does not match its hash: edited." in auditor.sign().stderr
        assert len(auditor.signed()) == 1


class TestAFileOfCheckpoints:
    @pytest.fixture
    def auditor(self, house: House, key: Path) -> Auditor:
        return Auditor(house, key)

    @pytest.fixture
    def two(self, auditor: Auditor) -> list[str]:
        auditor.sign()
        auditor.decide(4)
        auditor.sign()
        return auditor.file.read_text().splitlines()

    @pytest.mark.parametrize(
        ("part", "value"),
        [("sequence", 2), ("hash", "a" * 64), ("signed_at", "2020-01-01T00:00:00Z"), ("signature", "QUJD")],
    )
    def test_with_a_changed_line_is_refused(self, auditor: Auditor, two: list[str], part: str, value: object) -> None:
        forged = json.dumps(json.loads(two[0]) | {part: value}, sort_keys=True, separators=(",", ":"))
        auditor.file.write_text(f"{forged}\n{two[1]}\n")
        assert "does not match its signature" in str(auditor.verify().exception)

    @pytest.mark.parametrize("lines", ["moved", "doubled", "none"])
    def test_with_lines_out_of_order_or_of_something_else_is_refused(
        self, auditor: Auditor, two: list[str], lines: str
    ) -> None:
        content = {"moved": two[::-1], "doubled": [two[0], *two], "none": ["no checkpoint"]}[lines]
        auditor.file.write_text("".join(f"{line}\n" for line in content))
        assert "CheckpointError" in repr(auditor.verify().exception)

    def test_of_another_key_is_refused(self, auditor: Auditor, two: list[str]) -> None:
        triage_audit("key", "--out", auditor.key.with_name("other.pem"))
        auditor.public = auditor.key.with_name("other.pem.pub")
        assert "was signed with key" in str(auditor.verify().exception)


class TestKeys:
    def test_the_private_one_is_readable_by_its_owner_alone_and_never_overwritten(self, key: Path) -> None:
        assert key.stat().st_mode & 0o077 == 0
        before = key.read_bytes()
        assert "is there already" in str(triage_audit("key", "--out", key).exception)
        assert key.read_bytes() == before

    def test_the_wrong_one_is_told(self, key: Path) -> None:
        public = key.with_name("audit.pem.pub")
        signed = triage_audit("checkpoint", "--key", public, "--to", key.with_name("checkpoints.jsonl"))
        assert "holds no private key" in str(signed.exception)

    def test_checkpoints_and_their_key_go_together(self, key: Path) -> None:
        assert triage_audit("verify", "--public-key", key).exit_code == 2
        assert triage_audit("verify", "--export", key).exit_code == 2
