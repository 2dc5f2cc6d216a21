"""`triage replay` and `triage why`: every decision comes out again from the record alone, and says what decided it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from routing.loader import parse_policy
from serving.db.tables import DecisionRow
from serving.decisions.cli import register
from serving.errors import DecisionNotFoundError
from tests.serving.bundles import text_of
from tests.serving.house import House, put_in_force


@pytest.fixture
def decided(any_house: House) -> House:
    """A service with four decisions, the last two under another bundle."""
    for number, risk in enumerate((0.2, 0.3, 0.4, 0.5), 1):
        if number == 3:
            with any_house.container.sessions.begin() as session:
                put_in_force(session, parse_policy(text_of(braver)), any_house.clock.now())
        any_house.announce(f"SH-{number}")
        any_house.decided(f"SH-{number}", risk=risk)
    return any_house


def braver(data: dict[str, object]) -> None:
    """Another version, in which customers are told sooner."""
    data["version"] = 2
    thresholds = data["thresholds"]
    assert isinstance(thresholds, dict)
    thresholds["notify_from"]["value"] = 0.35


def triage(house: House, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [*arguments, "--database", house.database_url])


class TestReplay:
    def test_all_come_out_each_under_its_own_bundle(self, decided: House) -> None:
        assert len({json.loads(row.body)["policy"]["digest"] for row in decided.rows(DecisionRow)}) == 2
        result = triage(decided, "replay")
        assert (result.exit_code, result.stdout) == (0, "4 decisions, 4 come out byte for byte\n")

    def test_one_alone(self, decided: House) -> None:
        result = triage(decided, "replay", decided.rows(DecisionRow)[1].decision_id)
        assert result.stdout == "1 decisions, 1 come out byte for byte\n"

    def test_an_edited_one_is_named_with_what_differs(self, decided: House) -> None:
        row = decided.rows(DecisionRow)[1]
        body = json.loads(row.body)
        body["branch"] = "rebook"
        edited = json.dumps(body, sort_keys=True, separators=(",", ":"))
        with decided.engine.begin() as connection:
            connection.execute(text("UPDATE decisions SET body = :body WHERE sequence = 2"), {"body": edited})
        result = triage(decided, "replay", "--json")
        told = json.loads(result.stdout)
        assert (result.exit_code, told["decisions"], told["equal"]) == (1, 4, 3)
        assert told["failed"] == [{"decision_id": row.decision_id, "differences": ["branch"], "why_not": None}]

    def test_a_bundle_that_is_not_kept_can_be_given(self, decided: House, tmp_path: Path) -> None:
        with decided.engine.begin() as connection:
            connection.execute(
                text("DELETE FROM policy_moves WHERE digest IN (SELECT digest FROM policy_bundles WHERE version = 2)")
            )
            connection.execute(text("DELETE FROM policy_bundles WHERE version = 2"))
        refused = triage(decided, "replay")
        assert refused.exit_code == 1
        assert refused.stderr.count("is unknown") == 2
        bundle = tmp_path / "bundle.yaml"
        bundle.write_text(text_of(braver), encoding="utf-8")
        assert triage(decided, "replay", "--bundle", str(bundle)).exit_code == 0

    def test_an_unknown_decision_is_refused(self, decided: House) -> None:
        result = triage(decided, "replay", "dec_nobody")
        assert isinstance(result.exception, DecisionNotFoundError)


class TestWhy:
    def test_each_is_judged_by_its_own_bundle(self, decided: House) -> None:
        """The third, of risk 0.4, was told to the customer under the second bundle; under the first it was not."""
        needed = {}
        for row in decided.rows(DecisionRow)[1:3]:
            answer = decided.api.get(f"/v1/decisions/{row.decision_id}/counterfactuals")
            assert answer.status_code == 200, answer.text
            found = answer.json()["counterfactuals"]
            needed[row.sequence] = [each["needed"] for each in found if each["name"] == "late_probability"]
        assert needed[2] == [pytest.approx(0.25, abs=2e-6), 0.45]
        assert needed[3][0] == pytest.approx(0.35, abs=2e-6)
        owners = [each["changed_by"] for each in found]
        assert set(owners) >= {"customer-service", None}
        assert owners.index(None) == len(owners) - owners.count(None), "what nobody can change comes last"

    def test_the_command_says_it_in_words(self, decided: House) -> None:
        row = decided.rows(DecisionRow)[1]
        result = triage(decided, "why", row.decision_id)
        assert result.stdout.startswith("SH-2: review by at_risk. ")
        assert "  late_probability is 0.3; with 0.45 it ends in notify (" in result.stdout
        assert "  $notify_from is 0.45; with 0.3 it ends in notify (" in result.stdout

    def test_an_unknown_decision_is_not_found(self, decided: House) -> None:
        assert decided.api.get("/v1/decisions/dec_nobody/counterfactuals").status_code == 404
