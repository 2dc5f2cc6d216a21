"""A small generated network in which is known what every branch would come to."""

from __future__ import annotations

import pytest

from routing.loader import load_policy
from routing.policy import Policy
from training.policies.bundles import BY_COST
from training.policies.world import World, make_world
from training.simulate.settings import SimulationSettings


@pytest.fixture(scope="session")
def by_cost() -> Policy:
    """The bundle that is tried in the closed loop."""
    return load_policy(BY_COST)


@pytest.fixture(scope="session")
def small_world(by_cost: Policy) -> World:
    """Two months, of which the last forty days are decided about."""
    return make_world(by_cost, 3, settings=SimulationSettings(days=60, shipments=1_500))
