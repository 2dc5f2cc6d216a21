"""Customers and what they book: which departure, when, how much, and what they are promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import CustomerTier
from training.simulate.local_time import SATURDAY, SUNDAY, LocalTime
from training.simulate.network import DESTINATIONS, WAREHOUSES
from training.simulate.opening import next_opening
from training.simulate.processes import autoregressive
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CUSTOMERS = 48
TIERS = tuple(CustomerTier)
TIER_SHARES = (0.60, 0.28, 0.12)
SLACK_HOURS = np.array([3.75, 3.25, 2.75])
"""Time between planned delivery and the end of the window, by tier; longer journeys get more."""
SLACK_PER_TRANSIT_HOUR = 0.06
NIGHT_SLACK_HOURS = 2.0
BOOKING_WAVES = np.array([8.5, 11.0, 14.5, 16.5])
BOOKING_WAVE_SHARES = np.array([0.2, 0.35, 0.3, 0.15])
PLANNED_HANDLING_HOURS = 1.0
PLANNED_LAST_MILE_HOURS = 1.5


@dataclass(frozen=True, slots=True)
class Bookings:
    """Shipments in order of booking; every array has one entry a shipment. Times are hours since the start.

    `departure` is the position in the timetable, `tier` that in `TIERS`; `promised` is NaN where none was given.
    """

    departure: Ints
    customer: Ints
    tier: Ints
    booked: Floats
    known: Floats
    planned_delivery: Floats
    requested: Floats
    promised: Floats
    pieces: Ints
    weight_kg: Floats
    value_minor: Ints
    ship_complete: NDArray[np.bool_]
    cancelled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.departure)


def make_bookings(
    settings: SimulationSettings, timetable: Timetable, times: LocalTime, rng: np.random.Generator
) -> Bookings:
    """Return exactly `settings.shipments` bookings, made one to seven days before the planned departure."""
    departure, booked = _booked_departures(settings, timetable, times, rng)
    count = len(departure)
    destination = timetable.destination[departure]
    customers = _Customers(rng)
    customer = customers.draw(destination - len(WAREHOUSES), rng)
    tier = customers.tier[customer]
    planned_delivery = planned_delivery_hours(timetable.planned_arrival[departure], destination, times)
    transit = timetable.planned_arrival[departure] - timetable.planned_departure[departure]
    promised = _promise(planned_delivery, transit, destination, tier, times, rng)
    pieces = 1 + rng.geometric(1 / customers.pieces[customer])
    # Only standard customers can be left without a promise: the others have it in their contract.
    standard = tier == TIERS.index(CustomerTier.STANDARD)
    no_promise = standard & (rng.random(count) < settings.missing_promise_share / max(standard.mean(), 0.01))
    return Bookings(
        departure=departure,
        customer=customer,
        tier=tier,
        booked=booked,
        known=booked + rng.uniform(1, 10, size=count) / 60,
        planned_delivery=planned_delivery,
        requested=promised - rng.choice([0.0, 2.0, 24.0], size=count, p=[0.6, 0.25, 0.15]),
        promised=np.where(no_promise, np.nan, promised),
        pieces=pieces,
        weight_kg=np.round(pieces * rng.lognormal(np.log(38), 0.5, size=count), 1),
        value_minor=_value(customers.value[customer], pieces, rng),
        ship_complete=rng.random(count) < customers.ship_complete[customer],
        cancelled=rng.random(count) < settings.cancelled_share,
    )


def planned_delivery_hours(arrival: Floats, destination: Ints, times: LocalTime) -> Floats:
    """Return the planned delivery for an arrival at the destination's terminal."""
    return next_opening(destination, arrival + PLANNED_HANDLING_HOURS, times) + PLANNED_LAST_MILE_HOURS


class _Customers:
    """Tier, size, value and destinations of each customer."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.tier = rng.choice(len(TIERS), size=CUSTOMERS, p=TIER_SHARES)
        self.pieces = rng.uniform(2.0, 12.0, size=CUSTOMERS)
        self.value = rng.lognormal(np.log(9_000_00), 0.8, size=CUSTOMERS)
        self.ship_complete = rng.choice([0.02, 0.2, 0.9], size=CUSTOMERS, p=[0.5, 0.3, 0.2])
        weight = rng.lognormal(0.0, 0.7, size=(CUSTOMERS, len(DESTINATIONS)))
        # Three destinations a customer; the round robin leaves no destination without one.
        reach = np.zeros_like(weight)
        for customer in range(CUSTOMERS):
            reach[customer, customer % len(DESTINATIONS)] = 3.0
            reach[customer, rng.choice(len(DESTINATIONS), size=2, replace=False)] = 1.0
        weight = weight * reach
        self._cumulative = np.cumsum(weight, axis=0) / weight.sum(axis=0)

    def draw(self, destination: Ints, rng: np.random.Generator) -> Ints:
        """Return a customer for each shipment to the destination."""
        drawn = rng.random(len(destination))
        return np.asarray((self._cumulative[:, destination] < drawn).sum(axis=0), dtype=np.int64)


def _booked_departures(
    settings: SimulationSettings, timetable: Timetable, times: LocalTime, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Return departure and booking time of each shipment, in order of booking."""
    chance = timetable.weight * _demand(settings, timetable, rng)
    cumulative = np.cumsum(chance) / chance.sum()
    departures: list[Ints] = []
    bookings: list[Floats] = []
    found = 0
    while found < settings.shipments:
        drawn = np.minimum(
            np.searchsorted(cumulative, rng.random(settings.shipments), side="right"), len(timetable) - 1
        )
        booked = _booking_time(timetable.planned_departure[drawn], timetable.origin[drawn], times, rng)
        inside = (booked >= 0) & (booked < settings.booking_hours)
        departures.append(drawn[inside])
        bookings.append(booked[inside])
        found += int(inside.sum())
    departure = np.concatenate(departures)[: settings.shipments]
    booked = np.concatenate(bookings)[: settings.shipments]
    order = np.lexsort((departure, booked))
    return departure[order], booked[order]


def _booking_time(planned: Floats, origin: Ints, times: LocalTime, rng: np.random.Generator) -> Floats:
    """Return the time of booking: in the day's waves, 1 to 7 days ahead, few on Saturdays and none on Sundays."""
    count = len(planned)
    ahead = np.floor(1 + 6 * rng.beta(1.3, 2.2, size=count))
    wave = rng.choice(BOOKING_WAVES, size=count, p=BOOKING_WAVE_SHARES)
    local = np.floor(times.local(origin, planned) / 24 - ahead) * 24 + np.clip(wave + rng.normal(0, 0.6, count), 7, 19)
    weekday = times.weekday(local)
    local = local - 24 * ((weekday == SUNDAY) | ((weekday == SATURDAY) & (rng.random(count) < 0.7)))
    booked = times.utc(origin, local)
    booked = np.where(planned - booked < 24, planned - 24 - rng.uniform(0, 2, count), booked)
    return np.where(planned - booked > 168, planned - 168 + rng.uniform(0, 2, count), booked)


def _demand(settings: SimulationSettings, timetable: Timetable, rng: np.random.Generator) -> Floats:
    """Return the demand of each departure's day at its warehouse: it wanders, and peaks for some days at a time."""
    days = settings.horizon_hours // 24
    level = np.exp(0.16 * autoregressive(len(WAREHOUSES), days, 0.75, rng))
    for warehouse in range(len(WAREHOUSES)):
        for start in np.flatnonzero(rng.random(days) < 1 / 40):
            level[warehouse, start : start + int(rng.integers(3, 6))] *= rng.uniform(1.2, 1.5)
    return np.asarray(level[timetable.origin, (timetable.planned_departure // 24).astype(np.int64)], dtype=np.float64)


def _promise(
    planned_delivery: Floats, transit: Floats, destination: Ints, tier: Ints, times: LocalTime, rng: np.random.Generator
) -> Floats:
    """Return the end of the promised window, on the half hour: some slack after the plan, in opening hours."""
    slack = SLACK_HOURS[tier] + SLACK_PER_TRANSIT_HOUR * transit + rng.uniform(0, 1.5, size=len(tier))
    end = np.ceil(2 * (planned_delivery + slack)) / 2
    opening = next_opening(destination, end, times)
    return np.where(opening > end, opening + NIGHT_SLACK_HOURS, end)


def _value(typical: Floats, pieces: Ints, rng: np.random.Generator) -> Ints:
    """Return log-normal values in cents, whole euros, that grow with the square root of the pieces."""
    cents = typical * np.sqrt(pieces / 6) * rng.lognormal(0.0, 0.6, size=len(pieces))
    return np.asarray(np.maximum(np.round(cents / 100), 50) * 100, dtype=np.int64)
