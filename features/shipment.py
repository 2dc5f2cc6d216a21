"""Shipment features: the plan, how far the shipment has come, and what its vehicle did last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature
from features.history import HOUR
from features.legs import Row, Time
from features.numbers import Number
from features.timeline import NEVER, Ints

_OWNER = "transport planning"
_PLAN = "shipments, stops"
_EVENTS = "shipments, stops, events"


def _declared(name: str, unit: str, meaning: str, source: str = _PLAN) -> Feature:
    return Feature(name, unit, meaning, source, _OWNER)


FEATURES = (
    _declared("hours_to_departure", "hours", "time until the planned departure"),
    _declared("hours_to_promise", "hours", "time until the promised arrival"),
    _declared("planned_transit_hours", "hours", "planned time from departure to the promise"),
    _declared("booked_ahead_hours", "hours", "time between booking and planned departure"),
    _declared("departure_hour", "hour of day", "local hour of the planned departure"),
    _declared("departure_weekday", "Monday 0", "weekday of the planned departure"),
    _declared("promise_hour", "hour of day", "local hour of the promised arrival"),
    _declared("distance_km", "km", "distance of the lane"),
    _declared("planned_speed_kmh", "km/h", "speed that the plan asks for"),
    _declared("weight_kg", "kg", "weight"),
    _declared("pieces", "pieces", "number of pieces"),
    _declared("value", "units of the currency", "value of the goods"),
    _declared("customer_tier", "rank", "tier of the customer"),
    _declared("departed", "flag", "departure is known", _EVENTS),
    _declared("departure_delay_minutes", "minutes", "delay of its departure", _EVENTS),
    _declared("overdue_minutes", "minutes", "time past the planned departure without a known departure", _EVENTS),
    _declared(
        "projected_delay_minutes",
        "minutes",
        "delay of departure so far plus what its service loses on the way",
        _EVENTS,
    ),
    _declared("vehicle_last_delay_minutes", "minutes", "delay of the vehicle's last known departure", _EVENTS),
    _declared("vehicle_last_age_hours", "hours", "time since the vehicle's last known departure", _EVENTS),
)

TO_DEPARTURE, BOOKED_AHEAD = 0, 3
"""Where two of them stand that `features.plan` builds on."""

NO_VEHICLE = (np.nan, np.nan)
"""What stands for a vehicle of which nothing is known: (delay in minutes, departed at in microseconds)."""


def values(
    times: Ints,
    numbers: NDArray[np.float64],
    cutoffs: Ints,
    lost_on_the_way_minutes: NDArray[np.float64],
    vehicle_last: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the shipment features.

    Parameters
    ----------
    times : int64 [n, len(Time)]
    numbers : float64 [n, len(Number)]
    cutoffs : int64 [n]
    lost_on_the_way_minutes : float64 [n]
        What the recurring service loses between departure and arrival, on average.
    vehicle_last : float64 [n, 2]
        Delay in minutes and time in microseconds of the vehicle's last departure known at the cutoff.

    Returns
    -------
    float64 [n, len(FEATURES)]
    """
    hours = (times - cutoffs[:, None]) / HOUR
    hours[times == NEVER] = np.nan
    to_departure, to_promise = hours[:, Time.PLANNED], hours[:, Time.PROMISED]
    transit = to_promise - to_departure
    departed = times[:, Time.DEPARTED_KNOWN] <= cutoffs
    departure_delay = np.where(departed, (hours[:, Time.DEPARTED] - to_departure) * 60.0, np.nan)
    overdue = np.where(departed, 0.0, np.maximum(to_departure * -60.0, 0.0))
    return np.stack(
        [
            to_departure,
            to_promise,
            transit,
            to_departure - hours[:, Time.BOOKED],
            numbers[:, Number.DEPARTURE_MINUTE] / 60.0,
            numbers[:, Number.DEPARTURE_WEEKDAY],
            numbers[:, Number.PROMISE_MINUTE] / 60.0,
            numbers[:, Number.DISTANCE_KM],
            numbers[:, Number.DISTANCE_KM] / np.where(transit > 0.0, transit, np.nan),
            numbers[:, Number.WEIGHT_KG],
            numbers[:, Number.PIECES],
            numbers[:, Number.VALUE],
            numbers[:, Number.TIER],
            departed.astype(np.float64),
            departure_delay,
            overdue,
            np.where(departed, departure_delay, overdue) + lost_on_the_way_minutes,
            vehicle_last[:, 0],
            (cutoffs - vehicle_last[:, 1]) / HOUR,
        ],
        axis=1,
    )


def values_of_one(
    row: Row,
    numbers: Sequence[float],
    cutoff: int,
    lost_on_the_way_minutes: float,
    vehicle_last: Sequence[float],
) -> list[float]:
    """Return `values` of one leg: the same operations in the same order, so the same bits."""
    to_departure = _hours_from(cutoff, row[Time.PLANNED])
    to_promise = _hours_from(cutoff, row[Time.PROMISED])
    transit = to_promise - to_departure
    departed = row[Time.DEPARTED_KNOWN] <= cutoff
    if departed:
        departure_delay = (_hours_from(cutoff, row[Time.DEPARTED]) - to_departure) * 60.0
        overdue, so_far = 0.0, departure_delay
    else:
        late = to_departure * -60.0
        departure_delay = np.nan
        overdue = so_far = 0.0 if late <= 0.0 else late
    return [
        to_departure,
        to_promise,
        transit,
        to_departure - _hours_from(cutoff, row[Time.BOOKED]),
        numbers[Number.DEPARTURE_MINUTE] / 60.0,
        numbers[Number.DEPARTURE_WEEKDAY],
        numbers[Number.PROMISE_MINUTE] / 60.0,
        numbers[Number.DISTANCE_KM],
        numbers[Number.DISTANCE_KM] / transit if transit > 0.0 else np.nan,
        numbers[Number.WEIGHT_KG],
        numbers[Number.PIECES],
        numbers[Number.VALUE],
        numbers[Number.TIER],
        float(departed),
        departure_delay,
        overdue,
        so_far + lost_on_the_way_minutes,
        vehicle_last[0],
        (cutoff - vehicle_last[1]) / HOUR,
    ]


def _hours_from(cutoff: int, time: int) -> float:
    return np.nan if time == NEVER else (time - cutoff) / HOUR
