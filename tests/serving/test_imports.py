"""`triage import files`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from serving.imports import register

MAPPING = """\
name: scans
version: 4
owner: integration
sources:
  scans: {file: scans.csv}
tables:
  - table: events
    source: scans
    fields: {event_id: scan, shipment_id: shipment, status: status, occurred_at: at, known_at: told}
"""
SCANS = """\
scan,shipment,status,at,told
E1,S1,departed,2026-03-02T12:00:00Z,2026-03-02T12:30:00Z
E1,S1,departed,2026-03-02T12:00:00Z,2026-03-02T12:30:00Z
E2,S1,vanished,2026-03-02T12:00:00Z,2026-03-02T12:30:00Z
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "scans.csv").write_text(SCANS)
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    given = ["import", "files", "--mapping", str(folder / "mapping.yaml"), "--source", str(folder), *arguments]
    return CliRunner().invoke(app, given, env={"COLUMNS": "200", "TERM": "dumb"})


class TestFiles:
    def test_writes_tables_and_says_what_became_of_the_rows(self, folder: Path) -> None:
        result = run(folder, "--out", str(folder / "out"))
        assert result.exit_code == 0
        assert "rejected 1: events: another row has the same event_id" in result.output
        assert {path.name for path in (folder / "out").iterdir()} == {
            f"{name}.parquet" for name in ("shipments", "stops", "events", "weather", "rejects")
        }

    def test_a_check_reports_and_writes_nothing(self, folder: Path) -> None:
        before = set(folder.rglob("*"))
        result = run(folder, "--check")
        assert result.exit_code == 0
        assert set(folder.rglob("*")) == before
        for said in ("Known after it happened, in hours", "never: raw_status", "Nothing was written.", "rejected 1: "):
            assert said in result.output

    def test_a_check_as_json_is_one_object(self, folder: Path) -> None:
        result = run(folder, "--check", "--json")
        told = json.loads(result.stdout)
        assert (told["mapping"], told["version"], told["owner"]) == ("scans", "4", "integration")
        events = told["tables"]["events"]
        assert (events["offered"], events["kept"], events["same_key"], events["identical"]) == (3, 1, 1, 1)
        assert events["lag"]["median_hours"] == 0.5
        assert events["coverage"]["place"] == 0.0
        assert sum(told["summary"]["rejects"].values()) == 2

    @pytest.mark.parametrize("arguments", [(), ("--check", "--out", "out")])
    def test_either_a_folder_or_a_check_is_asked_for(self, folder: Path, arguments: tuple[str, ...]) -> None:
        result = run(folder, *arguments)
        assert result.exit_code == 2
        assert "give a folder for the tables with --out, or --check" in result.output
