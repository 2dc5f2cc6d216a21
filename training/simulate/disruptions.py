"""What is told to be out of order: storms over places, and days on which the system of a warehouse fails."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import DisruptionKind, Severity
from training.simulate.frames import frame, instants
from training.simulate.local_time import LocalTime
from training.simulate.network import PLACES, WAREHOUSES
from training.simulate.settings import SimulationSettings
from training.simulate.warehouse import SHIFT_BEGINS, SHIFT_ENDS

Floats = NDArray[np.float64]

STORM, SEVERE_STORM = 1.3, 2.0
"""From which severity of the weather on a storm is told, and told as severe."""


def make_disruptions(
    settings: SimulationSettings, severity: Floats, outages: NDArray[np.bool_], times: LocalTime,
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Return the table `disruptions`: each once when it is told first, and once when it is over.

    Parameters
    ----------
    severity : float64 [places, hours]
        Of the weather.
    outages : bool [warehouses, days]
    """
    rough = np.pad(severity >= STORM, ((0, 0), (1, 1)))
    place, begins = np.nonzero(rough[:, 1:-1] & ~rough[:, :-2])
    ends = np.nonzero(rough[:, 1:-1] & ~rough[:, 2:])[1] + 1
    warehouse, day = np.nonzero(outages[:, : settings.horizon_hours // 24])
    midnight = 24.0 * day.astype(np.float64)
    failed, mended = (times.utc(warehouse, midnight + hour) for hour in (SHIFT_BEGINS, SHIFT_ENDS))
    storms = severity[place, begins] >= SEVERE_STORM
    worst = np.where(storms, Severity.SEVERE.value, Severity.MODERATE.value)
    since, until = (
        np.concatenate([begins.astype(np.float64), failed]),
        np.concatenate([ends.astype(np.float64), mended]),
    )
    told = since + rng.uniform(0.2, 1.5, size=len(since))
    over = np.maximum(until + rng.uniform(0.0, 1.0, size=len(since)), told + 0.1)
    named = [f"storm-{PLACES[one].code}-{hour}" for one, hour in zip(place.tolist(), begins.tolist(), strict=True)]
    named += [f"system-{WAREHOUSES[one].code}-{on}" for one, on in zip(warehouse.tolist(), day.tolist(), strict=True)]
    kinds = np.repeat([DisruptionKind.WEATHER.value, DisruptionKind.WAREHOUSE_SYSTEM.value], [len(place), len(day)])
    codes = [*(PLACES[one].code for one in place.tolist()), *(WAREHOUSES[one].code for one in warehouse.tolist())]

    def twice(column: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.concatenate([column, column])

    return frame(
        "disruptions",
        {
            "disruption_id": twice(np.array(named, dtype=object)),
            "kind": twice(kinds.astype(object)),
            "severity": twice(np.concatenate([worst, np.full(len(day), Severity.SEVERE.value)]).astype(object)),
            "place": twice(np.array(codes, dtype=object)),
            "valid_from": twice(instants(settings.start, since)),
            "valid_until": instants(settings.start, np.concatenate([np.full(len(until), np.nan), until])),
            "occurred_at": instants(settings.start, np.concatenate([since, until])),
            "known_at": instants(settings.start, np.concatenate([told, over])),
        },
        by=("known_at", "disruption_id"),
    )
