"""`triage policy lint` and `triage policy schema`, as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from routing.errors import PolicyError
from serving.config import bundled_policy
from serving.policies.cli import register, schema_text

PUBLISHED = Path(__file__).parents[3] / "docs" / "policy.schema.json"


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["policy", *arguments], env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def flawed(tmp_path: Path) -> Path:
    path = tmp_path / "flawed.yaml"
    text = bundled_policy().read_text(encoding="utf-8")
    path.write_text(text.replace("owner: duty-manager\n    why", "owner: nobody\n    why", 1), encoding="utf-8")
    return path


def line_of(path: Path, written: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if written in line)


class TestLint:
    def test_the_bundle_that_ships_has_no_finding(self) -> None:
        result = run("lint", str(bundled_policy()), "--today", "2026-03-01", "--strict")
        assert result.exit_code == 0
        assert result.output == "1 bundle(s) as of 2026-03-01: 0 error(s), 0 warning(s).\n"

    def test_a_mistake_is_told_with_its_place_and_ends_with_status_1(self, flawed: Path) -> None:
        result = run("lint", str(flawed), str(bundled_policy()), "--today", "2026-03-01")
        assert result.exit_code == 1
        first, last = result.output.splitlines()
        assert first.startswith(f"flawed.yaml:{line_of(flawed, 'owner: nobody')}:")
        assert "thresholds.escalate_from.owner: 'nobody' is not among the owners" in first
        assert last == "2 bundle(s) as of 2026-03-01: 1 error(s), 0 warning(s)."

    def test_an_overdue_review_is_a_mistake(self) -> None:
        result = run("lint", str(bundled_policy()), "--today", "2030-01-01")
        assert result.exit_code == 1
        assert "late_shipments.yaml:8:" in result.output
        assert "was due by 2027-06-30" in result.output

    def test_today_is_today_if_nothing_is_said(self) -> None:
        assert "1 bundle(s) as of 20" in run("lint", str(bundled_policy())).output

    def test_each_finding_is_an_object_with_json(self, flawed: Path) -> None:
        (line,) = run("lint", str(flawed), "--today", "2026-03-01", "--json").output.splitlines()
        told = json.loads(line)
        assert (told["bundle"], told["line"], told["severity"]) == (
            "flawed.yaml",
            line_of(flawed, "owner: nobody"),
            "error",
        )

    def test_a_warning_is_a_mistake_if_asked_for(self, tmp_path: Path) -> None:
        text = bundled_policy().read_text(encoding="utf-8")
        unused = "thresholds:\n  unused: {value: 1, unit: hours, owner: duty-manager, why: none}\n"
        path = tmp_path / "warned.yaml"
        path.write_text(text.replace("thresholds:\n", unused), encoding="utf-8")
        assert run("lint", str(path), "--today", "2026-03-01").exit_code == 0
        assert run("lint", str(path), "--today", "2026-03-01", "--strict").exit_code == 1

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        assert isinstance(run("lint", str(tmp_path / "none.yaml")).exception, PolicyError)


class TestSchema:
    def test_the_published_schema_is_that_of_this_program(self) -> None:
        assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), (
            "write it anew with `triage policy schema > docs/policy.schema.json`"
        )

    def test_is_printed(self) -> None:
        assert run("schema").output == schema_text()
