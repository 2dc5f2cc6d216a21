"""Baselines that need no model: what a score must beat to be worth anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.definitions import NAMES
from features.inventory.features import INVENTORY_NAMES

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


def not_covered(values: Floats) -> NDArray[np.bool_]:
    """Tell which order lines need more than is free at the cutoff: bool [n]; not one whose stock is not known.

    Parameters
    ----------
    values : float64 [n, len(INVENTORY_FEATURES)]
    """
    return np.asarray(values[:, INVENTORY_NAMES.index("shortfall")] > 0)


def share_by(answer: NDArray[np.bool_], shares: tuple[float, float]) -> Floats:
    """Return the share of the training data with the same answer, (no, yes), as probability: float64 [n]."""
    return np.where(answer, shares[1], shares[0])
