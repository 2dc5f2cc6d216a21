"""Measures of an interval of arrival, with intervals of their own that respect that days hang together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.eta import LEVELS

Floats = NDArray[np.float64]

STATED = LEVELS[-1] - LEVELS[0]
"""What the interval promises to cover."""


def interval_measures(hours: Floats, delay_hours: Floats) -> dict[str, float | int]:
    """Return what an interval covers, how wide it is and what that is worth.

    Parameters
    ----------
    hours : float64 [n, len(LEVELS)]
        Predicted quantiles of the delay.
    delay_hours : float64 [n]

    Returns
    -------
    dict
        `coverage`, `earlier` and `later` (shares outside each side), `median_width_hours`, `mean_width_hours`,
        `interval_score_hours` (Winkler, 1972: width plus 2 / alpha times the miss; the less the better),
        `pinball_hours` (mean over the levels), `median_error_hours` (mean absolute, of the median) and `n`.
    """
    low, median, high = hours.T
    alpha = 1.0 - STATED
    width = high - low
    missed = np.maximum(low - delay_hours, 0.0) + np.maximum(delay_hours - high, 0.0)
    short = delay_hours[:, None] - hours
    levels = np.array(LEVELS)
    return {
        "coverage": float(covered(hours, delay_hours).mean()),
        "earlier": float((delay_hours < low).mean()),
        "later": float((delay_hours > high).mean()),
        "median_width_hours": float(np.median(width)),
        "mean_width_hours": float(width.mean()),
        "interval_score_hours": float((width + 2.0 / alpha * missed).mean()),
        "pinball_hours": float(np.maximum(levels * short, (levels - 1.0) * short).mean()),
        "median_error_hours": float(np.abs(delay_hours - median).mean()),
        "n": len(delay_hours),
    }


def covered(hours: Floats, delay_hours: Floats) -> NDArray[np.bool_]:
    """Return whether each arrival lies in its interval, ends included."""
    return (hours[:, 0] <= delay_hours) & (delay_hours <= hours[:, -1])
