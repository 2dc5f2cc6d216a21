"""Hours since the start of the simulation, and what the clocks of a place show then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MONDAY, SATURDAY, SUNDAY = 0, 5, 6


class LocalTime:
    """Converts between hours since the start (UTC) and local hours since the start's calendar day.

    Parameters
    ----------
    start : datetime
        Aware, a midnight in UTC.
    hours : int
        How far the offsets are tabled; later times keep the last offset.
    zones : sequence of str
        IANA zone of each place.
    """

    def __init__(self, start: datetime, hours: int, zones: Sequence[str]) -> None:
        self._weekday = start.weekday()
        instants = pd.date_range(start, start + timedelta(hours=hours - 1), freq="h")
        offset_of = {zone: _offset_hours(instants, zone) for zone in sorted(set(zones))}
        self._offsets: Floats = np.stack([offset_of[zone] for zone in zones])

    def local(self, places: Ints, hours: Floats) -> Floats:
        """Return the local hours at the places."""
        return hours + self._offset(places, hours)

    def utc(self, places: Ints, local_hours: Floats) -> Floats:
        """Return the hours of local times; right except within the hour of a clock change."""
        guess = local_hours - self._offset(places, local_hours)
        return local_hours - self._offset(places, guess)

    def weekday(self, local_hours: Floats) -> Ints:
        """Return the weekday, Monday 0."""
        return (self._weekday + np.floor(local_hours / 24).astype(np.int64)) % 7

    def _offset(self, places: Ints, hours: Floats) -> Floats:
        column = np.clip(np.floor(hours).astype(np.int64), 0, self._offsets.shape[1] - 1)
        return np.asarray(self._offsets[places, column], dtype=np.float64)


def _offset_hours(instants: pd.DatetimeIndex, zone: str) -> Floats:
    local = instants.tz_convert(zone).tz_localize(None)
    apart = local - instants.tz_localize(None)
    return np.asarray(apart.total_seconds() / 3600, dtype=np.float64)
