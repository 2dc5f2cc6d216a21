"""What an interval of arrival must beat: quantiles of the lane's own history, as known at the moment of decision."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import DAY
from features.instants import micros_of
from features.labels import lateness_of
from features.settings import FeatureSettings
from features.tables import RecordTables
from models.conformal import Outcomes
from models.eta import LEVELS
from training.dataset import lanes_of

HISTORY_DAYS = 90
LEAST_LEGS = 20


def lane_history(tables: RecordTables, settings: FeatureSettings) -> Outcomes:
    """Return the delays of all legs in hours, by lane, from when they were known: one value a leg for each level."""
    told = lateness_of(tables, settings).dropna(subset="delay_hours")
    delays = told["delay_hours"].to_numpy(dtype=np.float64)
    lanes = lanes_of(tables).loc[told.index].to_numpy(dtype=object)
    return Outcomes(lanes, micros_of(told["label_known_at"]), np.repeat(delays[:, None], len(LEVELS), axis=1))


def lane_quantiles(history: Outcomes, cases: pd.DataFrame) -> NDArray[np.float64]:
    """Return the delay quantiles of each lane in the `HISTORY_DAYS` before the cutoff; of all, if the lane is new.

    Returns
    -------
    float64 [n, len(LEVELS)]
        Hours against the promise.
    """
    return history.quantiles(
        cases["lane"].to_numpy(dtype=object),
        micros_of(cases["cutoff_at"]),
        window=HISTORY_DAYS * DAY,
        levels=LEVELS,
        least=LEAST_LEGS,
    )
