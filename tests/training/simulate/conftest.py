from __future__ import annotations

import numpy as np
import pytest

from training.simulate.generate import Simulation, simulate
from training.simulate.settings import SimulationSettings


@pytest.fixture(scope="session")
def network() -> Simulation:
    """Half a year at the default size."""
    return simulate(SimulationSettings(), np.random.default_rng(7))


@pytest.fixture(scope="session")
def small() -> Simulation:
    """A month, for tests of form."""
    return simulate(SimulationSettings(shipments=600, days=28), np.random.default_rng(3))
