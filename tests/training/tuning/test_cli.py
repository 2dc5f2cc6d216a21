from __future__ import annotations

import json
from pathlib import Path

import typer
import yaml
from typer.testing import CliRunner, Result

from tests.training.small import CONFIG, small_tables
from training.cli import register
from training.config import TrainingConfig, Trees, load_config


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160", "TERM": "dumb"})


def test_what_it_writes_is_a_configuration_that_train_takes_and_says_what_came_of_it(tmp_path: Path) -> None:
    config = tmp_path / "own.yaml"
    told = CONFIG.model_dump(mode="json", include={"name", "owner", "data", "split"})
    config.write_text(yaml.safe_dump({**told, "moments": ["at_departure"], "trees": {"max_rounds": 10}}))
    arguments = ["tune", "delay", "--data", str(small_tables()), "--config", str(config), "--out", str(tmp_path)]
    ran = run(*arguments, "--trials", "2", "--shipments", "1500", "--json")
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    written = load_config(Path(result["configuration"]), TrainingConfig)
    before = load_config(config, TrainingConfig)
    assert written.split == before.split
    assert written.trees == (Trees(**result["trees"]) if result["beaten"] else before.trees)
    assert ("is not beaten" in ran.stderr) is not result["beaten"]
    assert "on cases the search had not seen" in Path(result["configuration"]).read_text()
    assert (tmp_path / "study.db").exists()


def test_a_config_that_cannot_be_used_is_told_and_nothing_is_searched(tmp_path: Path) -> None:
    config = tmp_path / "own.yaml"
    config.write_text("name: delay\nleaves: 3\n")
    arguments = ["tune", "delay", "--data", str(small_tables()), "--config", str(config), "--out", str(tmp_path / "x")]
    ran = run(*arguments)
    assert ran.exit_code == 2
    assert "Training configuration" in ran.stderr
    assert not (tmp_path / "x").exists()
