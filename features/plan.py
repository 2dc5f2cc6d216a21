"""Plan features: the calendar, borders, cut-off and terms that a plan was made under."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature
from features.numbers import Number

_PLANNING, _SERVICE = "transport planning", "customer service"


def _declared(name: str, unit: str, meaning: str, owner: str = _PLANNING, source: str = "shipments, stops") -> Feature:
    return Feature(name, unit, meaning, source, owner)


_AS_IN_PLAN = (
    (Number.PROMISE_WEEKDAY, _declared("promise_weekday", "Monday 0", "weekday of the promised arrival")),
    (Number.WINDOW_HOURS, _declared("promise_window_hours", "hours", "length of the promised window", _SERVICE)),
    (
        Number.AFTER_REQUEST_HOURS,
        _declared("promised_after_request_hours", "hours", "promise less what was requested", _SERVICE),
    ),
    (Number.TRANSFERS, _declared("transfers", "stops", "stops between pickup and delivery")),
    (Number.CROSSES_BORDER, _declared("crosses_border", "flag", "whether it goes to another country")),
    (Number.CROSSES_CUSTOMS, _declared("crosses_customs", "flag", "whether it passes customs")),
    (
        Number.ORIGIN_TO_HOLIDAY,
        _declared("origin_days_to_holiday", "days", "days from departure to the next public holiday at the origin"),
    ),
    (
        Number.ORIGIN_SINCE_HOLIDAY,
        _declared("origin_days_since_holiday", "days", "days since a public holiday at the origin, at departure"),
    ),
    (
        Number.DESTINATION_TO_HOLIDAY,
        _declared(
            "destination_days_to_holiday", "days", "days from the promise to the next public holiday at the destination"
        ),
    ),
    (
        Number.DESTINATION_SINCE_HOLIDAY,
        _declared(
            "destination_days_since_holiday", "days", "days since a public holiday at the destination, at the promise"
        ),
    ),
    (
        Number.CLOSED_DAYS,
        _declared(
            "closed_days", "days", "weekend days and public holidays at the destination from departure to promise"
        ),
    ),
    (
        Number.PENALTY,
        _declared("late_penalty", "units of the currency", "what is owed to the customer once it is late", _SERVICE),
    ),
    (
        Number.PENALTY_PER_DAY,
        _declared(
            "late_penalty_per_day", "units of the currency", "what is owed to the customer for each day late", _SERVICE
        ),
    ),
)
_COLUMNS = [number for number, _ in _AS_IN_PLAN]
_AS_GIVEN = itemgetter(*_COLUMNS)

FEATURES = (
    *(feature for _, feature in _AS_IN_PLAN),
    _declared("hours_to_cut_off", "hours", "time until the cut-off of the departure"),
    _declared("booked_before_cut_off_hours", "hours", "time between booking and the cut-off of the departure"),
)


def values(
    numbers: NDArray[np.float64], to_departure: NDArray[np.float64], booked_ahead: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the plan features: float64 [n, len(FEATURES)].

    Parameters
    ----------
    numbers : float64 [n, len(Number)]
    to_departure, booked_ahead : float64 [n]
        Hours from the cutoff, and from the booking, to the planned departure.
    """
    closes_before = numbers[:, Number.CLOSES_BEFORE_HOURS]
    return np.concatenate(
        [numbers[:, _COLUMNS], (to_departure - closes_before)[:, None], (booked_ahead - closes_before)[:, None]], axis=1
    )


def values_of_one(numbers: Sequence[float], to_departure: float, booked_ahead: float) -> list[float]:
    """Return `values` of one leg: the same operations, so the same bits."""
    closes_before = numbers[Number.CLOSES_BEFORE_HOURS]
    return [*_AS_GIVEN(numbers), to_departure - closes_before, booked_ahead - closes_before]
