"""Who works in the warehouses: shifts as planned a week ahead, and how many came."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.simulate.frames import frame, instants
from training.simulate.local_time import SATURDAY, SUNDAY, LocalTime
from training.simulate.network import WAREHOUSES
from training.simulate.settings import SimulationSettings
from training.simulate.warehouse import SATURDAY_STRENGTH, SHIFT_BEGINS, SHIFT_ENDS, SUNDAY_STRENGTH

Floats = NDArray[np.float64]


class Shift(NamedTuple):
    """A shift by local hours of the day on which it starts, and how many work in it from Monday to Friday."""

    name: str
    starts: float
    ends: float
    heads: int


_NOON = (SHIFT_BEGINS + SHIFT_ENDS) / 2
SHIFTS = (
    Shift("early", SHIFT_BEGINS, _NOON, 40),
    Shift("late", _NOON, SHIFT_ENDS, 36),
    Shift("night", SHIFT_ENDS, SHIFT_BEGINS + 24, 3),
)
PLANNED_AHEAD_HOURS = 7 * 24.0


def make_labour(
    settings: SimulationSettings, staffing: Floats, times: LocalTime, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the table `labour_shifts`: each shift as planned, and with who came.

    Parameters
    ----------
    staffing : float64 [warehouses, days]
        Share that comes of those who are to come.
    """
    days = settings.horizon_hours // 24 - 1
    warehouse, day, kind = (
        index.ravel() for index in np.meshgrid(*map(np.arange, (len(WAREHOUSES), days, len(SHIFTS))), indexing="ij")
    )
    begins = 24.0 * day + np.array([one.starts for one in SHIFTS])[kind]
    ends = 24.0 * day + np.array([one.ends for one in SHIFTS])[kind]
    weekday = times.weekday(begins)
    share = np.select([weekday == SATURDAY, weekday == SUNDAY], [SATURDAY_STRENGTH, SUNDAY_STRENGTH], 1.0)
    planned = np.maximum(np.round(np.array([one.heads for one in SHIFTS])[kind] * share), 1.0)
    present = np.round(planned * staffing[warehouse, day])
    starts, ends = times.utc(warehouse, begins), times.utc(warehouse, ends)
    told = np.maximum(starts - PLANNED_AHEAD_HOURS, 0.0), starts + rng.uniform(0.3, 1.0, size=len(starts))
    codes, names = np.array([each.code for each in WAREHOUSES])[warehouse], np.array([one.name for one in SHIFTS])[kind]
    numbers = [f"{code}-{place:03d}-{name}" for code, place, name in zip(codes, day, names, strict=True)]

    def twice(column: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.concatenate([column, column])

    return frame(
        "labour_shifts",
        {
            "shift_id": twice(np.array(numbers)),
            "warehouse_id": twice(codes),
            "starts_at": twice(instants(settings.start, starts)),
            "ends_at": twice(instants(settings.start, ends)),
            "planned_heads": twice(planned),
            "present_heads": np.concatenate([np.full(len(present), np.nan), present]),
            "occurred_at": instants(settings.start, np.concatenate([told[0], starts])),
            "known_at": instants(settings.start, np.concatenate(told)),
        },
        by=("known_at", "shift_id"),
    )
