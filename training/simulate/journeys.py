"""What became of each departure and shipment: the true times, before anybody reports them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulate.bookings import Bookings
from training.simulate.local_time import LocalTime
from training.simulate.network import CARRIERS, lanes
from training.simulate.opening import CLOSES, OPENS, next_opening
from training.simulate.processes import bad_spells
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOARDING_HOURS = 0.2
TURNAROUND_HOURS = 0.4
LONGEST_WAIT_HOURS = 7.0
"""Past that a warehouse finishes a load with hands from elsewhere."""
BREAKDOWN_SHARE = 0.006
ATTEMPTED_SHARE = 0.02
WEATHER_DEPARTURE_HOURS = 2.2
WEATHER_TRANSIT_SHARE = 0.15
BAD_WEEK_DEPARTURE = 3.0
BAD_WEEK_TRANSIT = 0.10
CAUSES = ("queue", "vehicle", "weather", "carrier")


@dataclass(frozen=True, slots=True)
class Runs:
    """One entry a departure; times are hours since the start. `cause` is the position in `CAUSES` of what cost most."""

    departed: Floats
    arrived: Floats
    cause: Ints
    breakdown: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Journeys:
    """One entry a shipment; times are hours since the start, NaN where it did not happen."""

    loaded: Floats
    departed: Floats
    terminal: Floats
    attempted: Floats
    delivered: Floats


def run_departures(
    settings: SimulationSettings, timetable: Timetable, ready: Floats, severity: Floats, rng: np.random.Generator
) -> Runs:
    """Let every departure happen, in planned order, each vehicle carrying its delay to its next leg.

    Parameters
    ----------
    ready : float64 [departures]
        When the last shipment on board was loaded; NaN for an empty run.
    severity : float64 [places, hours]
        Of the weather.
    """
    count = len(timetable)
    habits = Habits(settings, timetable, rng)
    breakdown_hours = np.where(rng.random(count) < BREAKDOWN_SHARE, rng.lognormal(np.log(9), 0.5, size=count), 0.0)
    noise = rng.standard_normal(count)
    weather_response = settings.weather_strength * np.array([carrier.weather_response for carrier in CARRIERS])
    departed, arrived = np.empty(count), np.empty(count)
    cause = np.empty(count, dtype=np.int64)
    free_at = np.zeros(len(timetable.vehicle_ids))
    last_hour = severity.shape[1] - 1
    for run in range(count):
        carrier = CARRIERS[timetable.carrier[run]]
        planned, vehicle = timetable.planned_departure[run], timetable.vehicle[run]
        loaded = planned if np.isnan(ready[run]) else min(ready[run] + BOARDING_HOURS, planned + LONGEST_WAIT_HOURS)
        start = max(planned, loaded, free_at[vehicle] + TURNAROUND_HOURS)
        response = weather_response[timetable.carrier[run]]
        storm = response * severity[timetable.origin[run], min(int(start), last_hour)] * WEATHER_DEPARTURE_HOURS
        departed[run] = start + habits.departure_hours[run] + storm
        cause[run] = np.argmax(
            [loaded - planned, free_at[vehicle] + TURNAROUND_HOURS - planned, storm, habits.departure_hours[run]]
        )
        transit = timetable.planned_arrival[run] - planned
        expected = min(int(departed[run] + transit), last_hour)
        on_the_way = response * severity[timetable.destination[run], expected] * WEATHER_TRANSIT_SHARE
        factor = habits.transit_factor[run] * np.exp(carrier.transit_spread * noise[run]) + on_the_way
        made_good = min(carrier.recovery_share * (departed[run] - planned), 0.12 * transit)
        arrived[run] = departed[run] + transit * factor - made_good + breakdown_hours[run]
        free_at[vehicle] = arrived[run] + timetable.return_hours[run]
    return Runs(departed=departed, arrived=arrived, cause=cause, breakdown=breakdown_hours > 0)


def last_on_board(timetable: Timetable, bookings: Bookings, ready: Floats) -> Floats:
    """Return when the last shipment of each departure is ready, NaN for those without."""
    last = np.full(len(timetable), -np.inf)
    going = ~np.isnan(ready)
    np.maximum.at(last, bookings.departure[going], ready[going])
    return np.where(np.isinf(last), np.nan, last)


def deliver(
    timetable: Timetable, bookings: Bookings, ready: Floats, runs: Runs, severity: Floats, times: LocalTime,
    rng: np.random.Generator,
) -> Journeys:  # fmt: skip
    """Bring each shipment from the destination's terminal to its customer, in opening hours."""
    departure = bookings.departure
    count = len(bookings)
    destination = timetable.destination[departure]
    terminal = runs.arrived[departure] + rng.uniform(0.05, 0.6, size=count)
    handled = terminal + rng.lognormal(np.log(0.9), 0.4, size=count)
    column = np.minimum(handled.astype(np.int64), severity.shape[1] - 1)
    slowed = 1 + 0.5 * severity[destination, column]
    last_mile = rng.lognormal(np.log(1.4), 0.4, size=count) * slowed
    delivered = _before_closing(destination, next_opening(destination, handled, times) + last_mile, times)
    failed = rng.random(count) < ATTEMPTED_SHARE
    again = _before_closing(
        destination, next_opening(destination, delivered + rng.uniform(3, 18, size=count), times) + last_mile, times
    )
    happened = ~bookings.cancelled
    # A load that waited too long was finished with help, so it was on board before the vehicle left.
    loaded = np.minimum(ready, runs.departed[departure] - BOARDING_HOURS / 2)
    return Journeys(
        loaded=np.where(happened, loaded, np.nan),
        departed=np.where(happened, runs.departed[departure], np.nan),
        terminal=np.where(happened, terminal, np.nan),
        attempted=np.where(happened & failed, delivered, np.nan),
        delivered=np.where(happened, np.where(failed, again, delivered), np.nan),
    )


class Habits:
    """What each carrier adds on each departure: its own delay in hours and its factor on the planned transit.

    `bad_days` says how bad each day of each carrier is, `lane_habits` what each loses on each lane, as a share.
    """

    def __init__(self, settings: SimulationSettings, timetable: Timetable, rng: np.random.Generator) -> None:
        count, carrier = len(timetable), timetable.carrier
        days = settings.horizon_hours // 24
        day = (timetable.planned_departure // 24).astype(np.int64)
        response = np.array([each.bad_week_response for each in CARRIERS]) * settings.bad_week_strength
        spells = bad_spells(len(CARRIERS), days, rng)
        self.bad_days: Floats = response[:, None] * spells
        bad = self.bad_days[carrier, day]
        weekday = (settings.start.weekday() + day) % 7
        scale = np.array([each.departure_delay_minutes for each in CARRIERS]) / 60
        factor = np.array([each.weekday_factors for each in CARRIERS])[carrier, weekday]
        service = rng.lognormal(0.0, 0.45, size=len(timetable.service_ids))[timetable.service]
        mean_hours = scale[carrier] * factor * service * (1 + BAD_WEEK_DEPARTURE * bad)
        self.departure_hours: Floats = mean_hours * rng.gamma(1.2, 1 / 1.2, size=count)
        self.lane_habits: Floats = rng.normal(0.0, 0.03, size=(len(CARRIERS), len(lanes())))
        lane_habit = self.lane_habits[carrier, timetable.lane]
        bias = np.array([each.transit_bias for each in CARRIERS])[carrier]
        self.transit_factor: Floats = 1 + bias + lane_habit + BAD_WEEK_TRANSIT * bad


def _before_closing(places: Ints, hours: Floats, times: LocalTime) -> Floats:
    """Return the times, those after closing moved to the next opening with as much again as they ran over."""
    local = times.local(places, hours)
    over = local - 24 * np.floor(local / 24) - (CLOSES + 0.5)
    late = (over > 0) | (local % 24 < OPENS)
    moved = next_opening(places, hours, times) + np.clip(over, 0.25, 2.0)
    return np.where(late, moved, hours)
