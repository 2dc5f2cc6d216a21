"""The committed sample is what `triage simulate --out data_samples/network --shipments 600 --days 42` makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.tables import SCHEMAS, RecordTables
from training.simulate.cli import DEFAULT_SEED
from training.simulate.generate import Simulation, simulate
from training.simulate.settings import SimulationSettings

SAMPLE = Path(__file__).parents[3] / "data_samples" / "network"


@pytest.fixture(scope="module")
def made() -> Simulation:
    return simulate(SimulationSettings(shipments=600, days=42), np.random.default_rng(DEFAULT_SEED))


@pytest.mark.parametrize("table", list(SCHEMAS))
def test_a_table_is_what_the_generator_makes(made: Simulation, table: str) -> None:
    found = getattr(RecordTables.read(SAMPLE), table)
    pd.testing.assert_frame_equal(found, getattr(made.tables, table), check_dtype=False, rtol=1e-9)


def test_the_truth_about_the_invoices_is_what_the_generator_makes(made: Simulation) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(SAMPLE / "invoice_truth.parquet"), made.invoice_truth)
