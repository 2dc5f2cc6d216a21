"""When a destination takes deliveries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.simulate.local_time import LocalTime

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OPENS, CLOSES = 5.0, 23.0


def next_opening(places: Ints, hours: Floats, times: LocalTime) -> Floats:
    """Return the first time at or after `hours` at which the places are open: 05-23 local, every day."""
    local = times.local(places, hours)
    day = np.floor(local / 24)
    hour = local - 24 * day
    moved = np.where(hour < OPENS, 24 * day + OPENS, np.where(hour >= CLOSES, 24 * (day + 1) + OPENS, local))
    return np.where(moved == local, hours, times.utc(places, moved))
