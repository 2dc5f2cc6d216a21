"""The true chance that a generated shipment would be late with each carrier of its lane.

A network is made anew from its seed up to what its warehouses did, and each shipment is then sent many times by each
carrier, by the same equations as in `training.simulate.journeys`: same plan, same readiness, same weather, the
carrier's own bad days and habit on that lane, and everything else drawn anew. That its vehicle comes back late is drawn
from how late the carrier's vehicles stood ready for its other departures.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulate.bookings import Bookings, make_bookings
from training.simulate.journeys import (
    ATTEMPTED_SHARE,
    BAD_WEEK_DEPARTURE,
    BAD_WEEK_TRANSIT,
    BOARDING_HOURS,
    BREAKDOWN_SHARE,
    LONGEST_WAIT_HOURS,
    WEATHER_DEPARTURE_HOURS,
    WEATHER_TRANSIT_SHARE,
    Habits,
    last_on_board,
    run_departures,
)
from training.simulate.local_time import LocalTime
from training.simulate.network import CARRIERS, PLACES, carriers_of, lanes
from training.simulate.opening import next_opening
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable, make_timetable, transit_hours
from training.simulate.warehouse import work_through
from training.simulate.weather import make_weather

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class World:
    """What stands behind the records of a generated network, before anybody reports anything."""

    settings: SimulationSettings
    times: LocalTime
    timetable: Timetable
    bookings: Bookings
    ready: Floats
    severity: Floats
    habits: Habits
    waits: tuple[Floats, ...]


def world_of(settings: SimulationSettings, seed: int) -> World:
    """Make the world that `triage simulate` makes of the same settings and seed."""
    children = np.random.default_rng(seed).spawn(8)
    for_weather, for_timetable, for_bookings, for_warehouses, for_runs = children[:5]
    times = LocalTime(settings.start, settings.horizon_hours, [place.timezone for place in PLACES])
    severity = make_weather(settings, for_weather).severity()
    timetable = make_timetable(settings, times, for_timetable)
    bookings = make_bookings(settings, timetable, times, for_bookings)
    ready = work_through(settings, timetable, bookings, times, for_warehouses).ready
    habits = Habits(settings, timetable, deepcopy(for_runs))
    on_board = last_on_board(timetable, bookings, ready)
    runs = run_departures(settings, timetable, on_board, severity, for_runs)
    waits = _waits(settings, timetable, on_board, runs.departed, habits, severity)
    return World(settings, times, timetable, bookings, ready, severity, habits, waits)


def late_chances(world: World, shipment: int, rng: np.random.Generator, draws: int = 400) -> dict[str, float]:
    """Return the chance of each carrier of the shipment's lane, by its id, estimated from so many draws.

    Parameters
    ----------
    shipment
        Position among the bookings; one that was cancelled or has no promise has no chance.
    """
    lane = lanes()[world.timetable.lane[world.bookings.departure[shipment]]]
    if np.isnan(world.ready[shipment]) or np.isnan(world.bookings.promised[shipment]):
        return {}
    return {
        CARRIERS[carrier].carrier_id: float(
            np.mean(_delivered(world, shipment, carrier, rng, draws) > world.bookings.promised[shipment])
        )
        for carrier in carriers_of(lane)
    }


def _delivered(world: World, shipment: int, carrier: int, rng: np.random.Generator, draws: int) -> Floats:
    """Return when a carrier would deliver: float64 [draws], hours since the start."""
    settings, timetable, departure = world.settings, world.timetable, world.bookings.departure[shipment]
    who, lane = CARRIERS[carrier], timetable.lane[departure]
    planned = timetable.planned_departure[departure]
    day = int(planned // 24)
    bad = world.habits.bad_days[carrier, day]
    response = settings.weather_strength * who.weather_response
    last_hour = world.severity.shape[1] - 1
    ready = min(world.ready[shipment] + BOARDING_HOURS, planned + LONGEST_WAIT_HOURS)
    start = np.maximum(max(planned, ready), planned + rng.choice(world.waits[carrier], size=draws))
    weekday = who.weekday_factors[(settings.start.weekday() + day) % 7]
    mean = who.departure_delay_minutes / 60 * weekday * (1 + BAD_WEEK_DEPARTURE * bad)
    own = mean * rng.lognormal(0.0, 0.45, size=draws) * rng.gamma(1.2, 1 / 1.2, size=draws)
    storm = response * world.severity[timetable.origin[departure], _hour(start, last_hour)] * WEATHER_DEPARTURE_HOURS
    departed = start + own + storm
    transit = transit_hours(lanes()[lane], who.speed_kmh)
    destination = timetable.destination[departure]
    on_the_way = response * world.severity[destination, _hour(departed + transit, last_hour)] * WEATHER_TRANSIT_SHARE
    habit = 1 + who.transit_bias + world.habits.lane_habits[carrier, lane] + BAD_WEEK_TRANSIT * bad
    factor = habit * np.exp(who.transit_spread * rng.standard_normal(draws)) + on_the_way
    made_good = np.minimum(who.recovery_share * (departed - planned), 0.12 * transit)
    broken = np.where(rng.random(draws) < BREAKDOWN_SHARE, rng.lognormal(np.log(9), 0.5, size=draws), 0.0)
    return _at_the_door(world, destination, departed + transit * factor - made_good + broken, rng)


def _at_the_door(world: World, destination: int, arrived: Floats, rng: np.random.Generator) -> Floats:
    """Return when goods come to the customer that arrived at the destination's terminal then."""
    draws = len(arrived)
    place = np.full(draws, destination)
    handled = arrived + rng.uniform(0.05, 0.6, size=draws) + rng.lognormal(np.log(0.9), 0.4, size=draws)
    strength = world.settings.weather_strength * world.severity
    slowed = 1 + 0.5 * strength[destination, _hour(handled, strength.shape[1] - 1)]
    last_mile = rng.lognormal(np.log(1.4), 0.4, size=draws) * slowed
    delivered = next_opening(place, handled, world.times) + last_mile
    again = next_opening(place, delivered + rng.uniform(3, 18, size=draws), world.times) + last_mile
    return np.asarray(np.where(rng.random(draws) < ATTEMPTED_SHARE, again, delivered), dtype=np.float64)


def _hour(hours: Floats, last: int) -> Ints:
    return np.minimum(hours.astype(np.int64), last)


def _waits(
    settings: SimulationSettings, timetable: Timetable, on_board: Floats, departed: Floats, habits: Habits,
    severity: Floats,
) -> tuple[Floats, ...]:  # fmt: skip
    """Return by how much the vehicles of each carrier stood ready after the plan, one an own departure, 0 for in time.

    What is left of a delay at departure when the load, the carrier's own delay and the weather are taken off it.
    """
    response = settings.weather_strength * np.array([carrier.weather_response for carrier in CARRIERS])
    before = departed - habits.departure_hours
    storm = severity[timetable.origin, _hour(before, severity.shape[1] - 1)] * WEATHER_DEPARTURE_HOURS
    start = before - response[timetable.carrier] * storm
    planned = timetable.planned_departure
    loaded = np.fmin(np.where(np.isnan(on_board), planned, on_board + BOARDING_HOURS), planned + LONGEST_WAIT_HOURS)
    late = np.where(start > np.maximum(loaded, planned) + 0.02, start - planned, 0.0)
    return tuple(late[timetable.carrier == carrier] for carrier in range(len(CARRIERS)))
