"""The backfill on a real Spark, two workers on this machine: what one machine writes, to the last bit."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.settings import FeatureSettings
from features.vocabulary import Moment
from tests.features.feeds import with_damage, with_feeds
from training.backfill import local
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

pytest.importorskip("pyspark", reason="PySpark is not installed here; make test-spark installs it beside")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java, and none is found here", allow_module_level=True)

SETTINGS = FeatureSettings(late_after_minutes=15)


def read(folder: Path) -> pd.DataFrame:
    together = pq.read_table(folder).to_pandas()
    return together.sort_values(["shipment_id", "moment", "cutoff_at"]).reset_index(drop=True)


@pytest.mark.filterwarnings("ignore")  # the libraries of Spark warn of themselves
def test_equals_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import SparkSession

    from training.backfill import spark

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    world = simulate(SimulationSettings(shipments=300, days=60), np.random.default_rng(8)).tables
    with_damage(with_feeds(world)).write(tmp_path / "data")
    (tmp_path / "here").mkdir()
    count = local.backfill(tmp_path / "data", tmp_path / "here", SETTINGS, tuple(Moment))
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        there = spark.backfill(session, str(tmp_path / "data"), str(tmp_path / "there"), SETTINGS, tuple(Moment), 4)
    finally:
        session.stop()
    assert there == count > 500
    pd.testing.assert_frame_equal(read(tmp_path / "there"), read(tmp_path / "here"), check_exact=True)
