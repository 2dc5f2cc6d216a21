from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import typer
import yaml
from typer.testing import CliRunner

from features.inventory.features import INVENTORY_NAMES
from models.registry import load_shortage_champion
from tests.training.shortage.small_shortage import SHORTAGE, small_lines
from tests.training.small import small_tables
from training.cli import register


def test_a_model_is_trained_registered_and_judged_again_alike(tmp_path: Path) -> None:
    config, uri = tmp_path / "shortage.yaml", f"sqlite:///{tmp_path}/mlflow.db"
    config.write_text(yaml.safe_dump(SHORTAGE.model_dump(mode="json")))
    app = typer.Typer()
    register(app)
    tables, out = str(small_tables()), tmp_path / "out"
    options = ["--data", tables, "--tracking-uri", uri]
    run = CliRunner().invoke(app, ["train", "shortage", "--config", str(config), "--out", str(out), *options])
    assert run.exit_code == 0, run.output
    assert (out / "report" / "report.png").exists()
    assert "| short |" in (out / "report" / "report.md").read_text()

    judged = CliRunner().invoke(app, ["evaluate", "shortage", "--json", *options])
    found = json.loads(judged.stdout)
    assert found["same_data_as_training"] is True
    assert set(found["moments"]) == {"at_order", "before_wave"}

    mlflow.set_registry_uri(f"sqlite:///{tmp_path}/elsewhere.db")  # as another registry in the environment would
    model, _ = load_shortage_champion(uri)
    rows = pd.DataFrame(small_lines().values[:5], columns=list(INVENTORY_NAMES))
    asked = rows.assign(moment="at_order", news_hours=[1.0, 1.0, 1.0, 1.0, 500.0])
    mlflow.set_tracking_uri(uri)
    answers = mlflow.pyfunc.load_model("models:/shortage@champion").predict(asked)
    expected = model.probabilities(small_lines().values[:4], next(iter(model.boosters)))
    assert np.allclose(answers[:4], expected)
    assert np.isnan(answers[4])
