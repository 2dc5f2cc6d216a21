"""The truth behind a generated network: it is the same network, and its chances are those of what happened."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from training.simulate.chances import World, late_chances, world_of
from training.simulate.generate import simulate
from training.simulate.network import CARRIERS, carriers_of, lanes
from training.simulate.settings import SimulationSettings

SMALL = SimulationSettings(shipments=300, days=14)


@cache
def small_world() -> World:
    return world_of(SMALL, 5)


def test_it_is_the_network_that_the_seed_makes() -> None:
    made = simulate(SMALL, np.random.default_rng(5)).tables
    world = small_world()
    assert made.shipments["value_minor"].tolist() == world.bookings.value_minor.tolist()
    carrier = np.array([each.carrier_id for each in CARRIERS])[world.timetable.carrier[world.bookings.departure]]
    assert made.shipments["carrier_id"].tolist() == carrier.tolist()


def test_every_carrier_of_the_lane_has_a_chance_and_the_same_seed_the_same() -> None:
    world = small_world()
    shipment = int(np.flatnonzero(~np.isnan(world.ready) & ~np.isnan(world.bookings.promised))[0])
    lane = lanes()[world.timetable.lane[world.bookings.departure[shipment]]]
    first, second = (late_chances(world, shipment, np.random.default_rng(1)) for _ in range(2))
    assert first == second
    assert set(first) == {CARRIERS[position].carrier_id for position in carriers_of(lane)}
    assert all(0 <= chance <= 1 for chance in first.values())


def test_one_without_a_promise_has_none() -> None:
    world = small_world()
    (without, *_) = np.flatnonzero(np.isnan(world.bookings.promised))
    assert late_chances(world, int(without), np.random.default_rng(1)) == {}


@pytest.mark.slow
def test_the_chance_of_the_carrier_that_had_it_is_how_often_it_came_late() -> None:
    settings, seed = SimulationSettings(shipments=6_000, days=120), 1
    world, made = world_of(settings, seed), simulate(settings, np.random.default_rng(seed)).tables
    events = made.events
    delivered = events[events["status"] == "delivered"].groupby("shipment_id")["occurred_at"].min()
    promised = made.stops[made.stops["sequence"] == 1].set_index("shipment_id")["promised_at"]
    late = delivered > promised.reindex(delivered.index)
    chances, outcomes = [], []
    for number, (shipment_id, carrier_id) in enumerate(made.shipments[["shipment_id", "carrier_id"]].values.tolist()):
        found = late_chances(world, number, np.random.default_rng(number), 100) if number % 4 == 0 else {}
        if carrier_id in found and shipment_id in late.index:
            chances.append(found[carrier_id])
            outcomes.append(bool(late[shipment_id]))
    assert np.mean(chances) == pytest.approx(np.mean(outcomes), abs=0.03)
    high = np.array(chances) > 0.7
    assert np.mean(np.array(outcomes)[high]) > 0.8
