"""What is usual on the way: typical and slow transit, spread of delays, the last run of the same service, slack left.

It rests on the narrowest of the recurring service, the carrier on the lane, and the lane, of which `ENOUGH` legs are
known; of the lane any number will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, sqrt

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature
from features.history import HOUR
from features.legs import Row, Time
from features.recent import KeyRuns, Typical
from features.timeline import NEVER, Ints

_OWNER = "transport planning"
_EVENTS = "shipments, stops, events"

SERVICE = ("carrier", "origin", "destination", "service")
KEYS: tuple[tuple[str, ...], ...] = (SERVICE, ("carrier", "origin", "destination"), ("origin", "destination"))
"""By what legs are looked up, the narrowest first."""

ENOUGH = 5


def _declared(name: str, unit: str, meaning: str) -> Feature:
    return Feature(name, unit, meaning, _EVENTS, _OWNER, "20 legs")


FEATURES = (
    _declared("typical_transit_legs", "legs", "legs that the typical transit rests on"),
    _declared("typical_transit_hours", "hours", "transit that half of such legs keep"),
    _declared("slow_transit_hours", "hours", "transit that nine in ten such legs keep"),
    _declared("arrival_delay_spread_minutes", "minutes", "standard deviation of the arrival delays of such legs"),
    _declared("service_last_delay_minutes", "minutes", "arrival delay of the last run of this recurring service"),
    _declared("service_last_age_hours", "hours", "time since the last run of this recurring service arrived"),
    _declared("slack_hours", "hours", "time left to the promise after a typical transit"),
    _declared("slack_if_slow_hours", "hours", "time left to the promise after a slow transit"),
)


def values(by_key: Sequence[NDArray[np.float64]], times: Ints, cutoffs: Ints) -> NDArray[np.float64]:
    """Return the features: float64 [n, len(FEATURES)].

    Parameters
    ----------
    by_key : float64 [n, len(Typical)] for each of `KEYS`
    times : int64 [n, len(Time)]
    cutoffs : int64 [n]
    """
    service, chosen = by_key[0], by_key[-1]
    for narrower in reversed(by_key[:-1]):
        chosen = np.where(narrower[:, :1] >= ENOUGH, narrower, chosen)
    usual = Typical(*chosen.T)
    last = Typical(*service.T)
    hours = (times - cutoffs[:, None]) / HOUR
    hours[times == NEVER] = np.nan
    departed = times[:, Time.DEPARTED_KNOWN] <= cutoffs
    start = np.where(departed, hours[:, Time.DEPARTED], np.maximum(hours[:, Time.PLANNED], 0.0))
    left = hours[:, Time.PROMISED] - start
    legs = np.where(usual.legs > 0.0, usual.legs, np.nan)
    return np.stack(
        [
            usual.legs,
            usual.transit / 60.0,
            usual.slow_transit / 60.0,
            np.sqrt(usual.squares) / legs,
            last.last_delay,
            (cutoffs - last.last_occurred) / HOUR,
            left - usual.transit / 60.0,
            left - usual.slow_transit / 60.0,
        ],
        axis=1,
    )


def values_of_one(runs: Sequence[KeyRuns], row: Row, cutoff: int) -> list[float]:
    """Return `values` of one leg: the same operations, so the same bits.

    Parameters
    ----------
    runs
        Legs under each of `KEYS`; none where the leg lacks a part of the key.
    """
    last = usual = runs[0].at(cutoff)
    for wider in runs[1:]:
        if usual.legs >= ENOUGH:
            break
        usual = wider.at(cutoff)
    if row[Time.DEPARTED_KNOWN] <= cutoff:
        start = (row[Time.DEPARTED] - cutoff) / HOUR
    elif row[Time.PLANNED] == NEVER:
        start = np.nan
    else:
        start = max((row[Time.PLANNED] - cutoff) / HOUR, 0.0)
    left = np.nan if row[Time.PROMISED] == NEVER else (row[Time.PROMISED] - cutoff) / HOUR - start
    transit, slow = usual.transit / 60.0, usual.slow_transit / 60.0
    spread = np.nan if isnan(usual.squares) else sqrt(usual.squares) / usual.legs
    last_age = (cutoff - last.last_occurred) / HOUR
    return [usual.legs, transit, slow, spread, last.last_delay, last_age, left - transit, left - slow]
