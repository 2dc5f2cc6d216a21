"""A small generated network with late, corrected and repeated events, weather and late-known plans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from features.moments import questions_of
from features.records import DeliveryEvent, Shipment, WeatherObservation
from features.tables import RecordTables, events_of, shipments_of, weather_of
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

AnyRecord = Shipment | DeliveryEvent | WeatherObservation


@pytest.fixture(scope="session")
def world() -> RecordTables:
    return simulate(SimulationSettings(shipments=400, days=14), np.random.default_rng(11)).tables


@pytest.fixture(scope="session")
def questions(world: RecordTables) -> pd.DataFrame:
    return questions_of(world)


@pytest.fixture(scope="session")
def records(world: RecordTables) -> Sequence[AnyRecord]:
    """Every record of the world, in the order in which it became known."""
    everything = [*shipments_of(world), *events_of(world), *weather_of(world)]
    return sorted(everything, key=lambda record: record.known_at)


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)
