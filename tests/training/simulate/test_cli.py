from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from features.tables import RecordTables
from training.simulate.cli import register


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


class TestSimulateNetwork:
    def test_it_writes_the_tables_and_says_what_they_hold(self, app: typer.Typer, tmp_path: Path) -> None:
        arguments = ["simulate", "--out", str(tmp_path / "net"), "--seed", "5", "--shipments", "150", "--days", "10"]
        ran = CliRunner().invoke(app, arguments)
        assert ran.exit_code == 0, ran.output
        assert len(RecordTables.read(tmp_path / "net").shipments) == 150
        assert "seed 5" in ran.output
        assert "150" in ran.output
        assert not (tmp_path / "net" / "replay").exists()

    def test_with_replay_days_it_writes_what_came_before_and_a_feed(self, app: typer.Typer, tmp_path: Path) -> None:
        arguments = ["simulate", "--out", str(tmp_path), "--shipments", "150", "--days", "10", "--replay-days", "2"]
        ran = CliRunner().invoke(app, arguments)
        assert ran.exit_code == 0, ran.output
        history = RecordTables.read(tmp_path / "replay" / "history")
        assert str(history.events["known_at"].max().date()) <= "2024-09-10"
        assert (tmp_path / "replay" / "feed.jsonl").read_text(encoding="utf-8").count("\n") > 500

    def test_more_days_to_replay_than_there_are_is_refused(self, app: typer.Typer, tmp_path: Path) -> None:
        ran = CliRunner().invoke(app, ["simulate", "--out", str(tmp_path), "--days", "10", "--replay-days", "10"])
        assert ran.exit_code == 2
        assert "cannot be replayed" in ran.output
