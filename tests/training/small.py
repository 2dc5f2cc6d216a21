"""A generated network small enough to train on in a test, and the model that comes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from models.delay import DelayModel
from models.eta import EtaModel
from training.config import EtaConfig, Split, TrainingConfig, Trees
from training.dataset import Dataset, make_dataset
from training.eta.fit import fit_eta
from training.fit import fit_delay
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

CONFIG = TrainingConfig(
    owner="tests",
    data="a small generated network",
    split=Split(fit_until=datetime(2024, 11, 1, tzinfo=UTC), calibrate_until=datetime(2024, 11, 16, tzinfo=UTC)),
    trees=Trees(num_leaves=7, max_depth=3, learning_rate=0.1, min_child_samples=20, max_rounds=40, patience_rounds=10),
)


@cache
def small_tables() -> Path:
    """Write three months of a generated network, once a process; return their folder."""
    folder = Path(mkdtemp(prefix="freight-triage-")) / "tables"
    simulate(SimulationSettings(shipments=3000, days=90), np.random.default_rng(5)).write(folder)
    return folder


@cache
def small_dataset() -> Dataset:
    """Return the labelled cases of those tables."""
    return make_dataset(small_tables(), CONFIG)


@cache
def small_model() -> DelayModel:
    """Return the model fitted on them."""
    return fit_delay(small_dataset(), CONFIG)


def small_eta_config() -> EtaConfig:
    """Return the configuration of the model of arrival: the same split, fewer trees."""
    shared = CONFIG.model_dump(exclude={"name", "verdicts", "missed"})
    trees = {**shared["trees"], "max_rounds": 15, "learning_rate": 0.2}
    recalibration = {"window_days": 14, "least_outcomes": 60}
    return EtaConfig.model_validate({**shared, "trees": trees, "recalibration": recalibration})


@cache
def small_eta_dataset() -> Dataset:
    """Return the labelled cases of those tables, with those whose outcome was long awaited."""
    return make_dataset(small_tables(), small_eta_config(), awaited=True)


@cache
def small_eta_model() -> EtaModel:
    """Return the model of arrival fitted on those tables."""
    return fit_eta(small_eta_dataset(), small_eta_config())
