"""The queue in each warehouse: work is released in waves and done in order, as fast as the shift is strong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulate.bookings import Bookings
from training.simulate.local_time import SATURDAY, SUNDAY, LocalTime
from training.simulate.network import WAREHOUSES
from training.simulate.processes import autoregressive
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RELEASE_WAVES = np.array([5.0, 9.0, 13.0, 17.0])
RELEASE_LEAD_HOURS = 12.0
LOADING_HOURS = 0.4
SHIFT_BEGINS, SHIFT_ENDS = 5.0, 23.0
NIGHT_STRENGTH, SATURDAY_STRENGTH, SUNDAY_STRENGTH = 0.04, 0.45, 0.10
OUTAGE_SHARE = 0.02
OVERTIME_BACKLOG_DAYS, OVERTIME_STRENGTH = 0.6, 1.4


@dataclass(frozen=True, slots=True)
class Worked:
    """What the warehouses did.

    Attributes
    ----------
    ready : float64 [shipments]
        When each shipment is picked, packed and loaded, NaN for cancelled ones.
    staffing : float64 [warehouses, days]
        Share that came of those who were to come.
    outages : bool [warehouses, days]
        Whether the warehouse system failed.
    """

    ready: Floats
    staffing: Floats
    outages: NDArray[np.bool_]


def work_through(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, times: LocalTime, rng: np.random.Generator
) -> Worked:
    """Let every shipment be picked, packed and loaded.

    One queue a warehouse, first come first served (Lindley's recursion in the currency of work done): a day with more
    orders than hands leaves a backlog that makes the next departures late too.
    """
    departure = bookings.departure
    origin = timetable.origin[departure]
    planned = timetable.planned_departure[departure]
    work = (1.0 + 0.25 * bookings.pieces) * rng.lognormal(0.0, 0.35, size=len(bookings))
    released = release_times(timetable, bookings, times)
    strength, staffing, outages = _shifts(settings, times, rng)
    ready = np.full(len(bookings), np.nan)
    for warehouse in range(len(WAREHOUSES)):
        mine = np.flatnonzero((origin == warehouse) & ~bookings.cancelled)
        if not len(mine):
            continue
        mine = mine[np.lexsort((mine, planned[mine], released[mine]))]
        # Work a day at the usual pace over what the shifts can do, brought to the utilisation that was asked for.
        per_hour = work[mine].sum() / settings.booking_hours / settings.utilisation
        released_work: Floats = np.zeros(settings.horizon_hours)
        np.add.at(released_work, released[mine].astype(np.int64), work[mine])
        pace = _with_overtime(released_work, strength[warehouse] * per_hour, 24 * per_hour)
        done_by = np.concatenate([[0.0], np.cumsum(pace)])
        ready[mine] = _serve(released[mine], work[mine], done_by)
    return Worked(ready + LOADING_HOURS, staffing, outages)


def release_times(timetable: Timetable, bookings: Bookings, times: LocalTime) -> Floats:
    """Return when the work of each shipment is released: its wave, or its booking if that comes later."""
    departure = bookings.departure
    planned = timetable.planned_departure[departure]
    return np.maximum(_release(planned, timetable.origin[departure], times), bookings.booked)


def _serve(released: Floats, work: Floats, done_by: Floats) -> Floats:
    """Return when each job ends, the jobs in order; `done_by[h]` is the work that could be done by hour h."""
    hours = np.arange(len(done_by), dtype=np.float64)
    capacity_at_release = np.interp(released, hours, done_by)
    total = np.cumsum(work)
    # A job begins at the later of its release and the end of the one before: a running maximum in units of work.
    idle = np.maximum.accumulate(capacity_at_release - (total - work))
    return np.interp(total + idle, done_by, hours)


def _with_overtime(released_work: Floats, pace: Floats, day_of_work: float) -> Floats:
    """Return the pace of each hour: faster while the backlog is long, as no manager lets it grow for weeks."""
    waiting, hurried = 0.0, []
    for work, usual in zip(released_work.tolist(), pace.tolist(), strict=True):
        waiting += work
        possible = usual * (OVERTIME_STRENGTH if waiting > OVERTIME_BACKLOG_DAYS * day_of_work else 1.0)
        waiting -= min(waiting, possible)
        hurried.append(possible)
    return np.array(hurried)


def _release(planned: Floats, origin: Ints, times: LocalTime) -> Floats:
    """Return the wave that the work is released in: the last one that leaves the lead before the departure."""
    latest = times.local(origin, planned) - RELEASE_LEAD_HOURS
    day = np.floor(latest / 24)
    wave = np.searchsorted(RELEASE_WAVES, latest - 24 * day, side="right") - 1
    local = np.where(wave >= 0, 24 * day + RELEASE_WAVES[wave], 24 * (day - 1) + RELEASE_WAVES[-1])
    return times.utc(origin, local)


def _shifts(
    settings: SimulationSettings, times: LocalTime, rng: np.random.Generator
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the strength of each warehouse's shift, mean about 1 over all hours, and what it comes from.

    It wanders from day to day with a memory, as sickness does, and now and then the warehouse system fails.

    Returns
    -------
    float64 [warehouses, hours], float64 [warehouses, days], bool [warehouses, days]
        Strength; share that came; whether the system failed.
    """
    hours = settings.horizon_hours
    days = hours // 24 + 2
    count = len(WAREHOUSES)
    staffing = np.clip(1 - 0.10 * autoregressive(count, days, 0.85, rng), 0.55, 1.25)
    outages = rng.random((count, days)) < OUTAGE_SHARE
    manned = np.where(outages, 0.55 * staffing, staffing)
    places = np.repeat(np.arange(count), hours)
    local = times.local(places, np.tile(np.arange(hours, dtype=np.float64), count))
    hour_of_day, weekday = local % 24, times.weekday(local)
    pattern = np.where((hour_of_day >= SHIFT_BEGINS) & (hour_of_day < SHIFT_ENDS), 1.0, NIGHT_STRENGTH)
    pattern = pattern * np.select([weekday == SATURDAY, weekday == SUNDAY], [SATURDAY_STRENGTH, SUNDAY_STRENGTH], 1.0)
    strength = pattern * manned[places, np.floor(local / 24).astype(np.int64)]
    return np.asarray((strength / pattern.mean()).reshape(count, hours), dtype=np.float64), staffing, outages
