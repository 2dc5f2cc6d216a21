"""Public holidays and closed days, by country and local date. What the `holidays` package does not know is NaN."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache

import holidays
import numpy as np

FARTHEST = 30
"""Holidays are looked for this many days ahead and back; one further away counts as this far."""
LONGEST = 120
"""Closed days are counted over this many days at most."""

_DAY = timedelta(days=1)


@lru_cache(maxsize=65_536)
def days_to_holiday(country: str | None, day: int, direction: int) -> float:
    """Return the days from a date to the nearest public holiday of a country: 0 on one, at most `FARTHEST`.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2.
    day
        Proleptic ordinal of the date, `date.toordinal`.
    direction
        1 looks ahead, -1 looks back.
    """
    known = _holidays_of(country)
    if known is None:
        return np.nan
    start = date.fromordinal(day)
    distances = (far for far in range(FARTHEST) if start + direction * far * _DAY in known)
    return float(next(distances, FARTHEST))


@lru_cache(maxsize=65_536)
def closed_days(country: str | None, first: int, last: int) -> float:
    """Return how many days from the first to the last, both counted, are weekend or public holiday in a country."""
    known = _holidays_of(country)
    if known is None:
        return np.nan
    days = range(first, min(last, first + LONGEST - 1) + 1)
    return float(sum(not known.is_working_day(date.fromordinal(day)) for day in days))


@cache
def _holidays_of(country: str | None) -> holidays.HolidayBase | None:
    if country is None:
        return None
    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        return None
