"""Baselines that need no model: what a score must beat to be worth anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.definitions import NAMES

Floats = NDArray[np.float64]

CARRIER_LANE_SHARE = "carrier_lane_arrivals_late_share_90d"


def base_rate(train_late: NDArray[np.bool_], n: int) -> Floats:
    """Return the late share of the training data as everybody's probability: float64 [n]."""
    return np.full(n, float(train_late.mean()))


def carrier_lane_rate(values: Floats) -> Floats:
    """Return the past late rate of each shipment's carrier on its lane (90 days, shrunk to the lane): float64 [n].

    Parameters
    ----------
    values : float64 [n, len(FEATURES)]
    """
    return values[:, NAMES.index(CARRIER_LANE_SHARE)]
