"""`triage quality`, as it is called."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from features.tables import RecordTables
from serving.quality import register
from tests.features.quality.network import AT, HOUR, of_carrier, quiet


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    events = quiet().events
    kept = ~((events["known_at"] > AT - 9 * HOUR) & of_carrier(quiet(), "RHEI"))
    replace(quiet(), events=events[kept]).write(tmp_path)
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    given = ["quality", "--data", str(folder), *arguments]
    return CliRunner().invoke(app, given, env={"COLUMNS": "300", "TERM": "dumb"})


class TestQuality:
    def test_an_alarm_has_an_owner_and_says_what_to_do(self, stale: Path) -> None:
        result = run(stale, "--at", AT.isoformat())
        assert result.exit_code == 0
        for said in ("stale", "carrier management", "of carrier RHEI since", "Expected: ", "Ask the sender"):
            assert said in result.output
        assert "1 alarm of " in result.output

    def test_strict_ends_with_status_1_only_if_there_is_an_alarm(self, stale: Path, tmp_path: Path) -> None:
        assert run(stale, "--at", AT.isoformat(), "--strict").exit_code == 1
        quiet().write(tmp_path / "quiet")
        result = run(tmp_path / "quiet", "--at", AT.isoformat(), "--strict")
        assert (result.exit_code, "0 alarms of " in result.output) == (0, True)

    def test_as_json_it_is_one_object_of_plain_values(self, stale: Path) -> None:
        told = json.loads(run(stale, "--at", AT.isoformat(), "--json").stdout)
        alarms = [measure for measure in told["measures"] if measure["alarm"]]
        assert (told["at"], told["alarms"], len(alarms)) == ("2026-02-16T00:00:00+00:00", 1, 1)
        assert (alarms[0]["kind"], alarms[0]["carrier"], alarms[0]["owner"]) == ("stale", "RHEI", "carrier management")
        assert alarms[0]["since"].startswith("2026-02-15T14:")

    @pytest.mark.parametrize("text", ["yesterday", "2026-02-16T00:00:00"])
    def test_a_time_without_a_zone_is_refused(self, stale: Path, text: str) -> None:
        result = run(stale, "--at", text)
        assert result.exit_code == 2
        assert "give a time with its zone" in result.output

    def test_tables_without_news_have_nothing_to_say(self, tmp_path: Path) -> None:
        RecordTables.from_records([]).write(tmp_path)
        result = run(tmp_path, "--strict")
        assert (result.exit_code, "there is no news" in result.output) == (0, True)
