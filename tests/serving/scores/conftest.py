"""A month of a generated network, a small model trained on it once, and the service fed with what followed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from features.settings import FeatureSettings
from features.tables import RecordTables
from models.delay import DelayModel
from routing.policy import Policy
from serving.clock import ManualClock
from tests.serving.house import House, Json
from training.config import Split, TrainingConfig, Trees
from training.dataset import make_dataset
from training.fit import fit_delay
from training.simulate.generate import simulate
from training.simulate.replay import history_until, replay_feed
from training.simulate.settings import SimulationSettings

START = datetime(2024, 9, 2, tzinfo=UTC)
FEED_FROM, FEED_UNTIL = START + timedelta(days=29), START + timedelta(days=33)


@dataclass(frozen=True)
class Network:
    """Generated tables, and a model fitted to their first weeks."""

    tables: RecordTables
    model: DelayModel
    feed: list[Json]


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    simulation = simulate(SimulationSettings(shipments=1200, days=35), np.random.default_rng(3))
    folder = tmp_path_factory.mktemp("network")
    simulation.write(folder)
    config = TrainingConfig(
        owner="tests",
        data="generated",
        features=FeatureSettings(late_after_minutes=0),
        split=Split(fit_until=START + timedelta(days=20), calibrate_until=START + timedelta(days=33)),
        trees=Trees(num_leaves=7, max_depth=3, learning_rate=0.1, min_child_samples=20, max_rounds=40),
    )
    model = fit_delay(make_dataset(folder, config), config)
    return Network(simulation.tables, model, list(replay_feed(simulation.tables, FEED_FROM, FEED_UNTIL)))


@contextmanager
def replaying(network: Network, url: str, policy: Policy) -> Iterator[House]:
    """A service with the trained model and the history before the feed; it believes when senders say they learnt."""
    settings = network.model.feature_settings
    clock, history = ManualClock(FEED_FROM), history_until(network.tables, FEED_FROM)
    with House(
        url,
        policy,
        clock=clock,
        model=network.model,
        feature_settings=settings,
        history=history,
        trust_known_time=True,
    ) as house:
        yield house
