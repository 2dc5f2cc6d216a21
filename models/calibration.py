"""Calibration: from a raw score to a probability that means what it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Platt:
    """Logistic calibration: log-odds = `slope` x raw score + `intercept` (Platt, 1999).

    It is linear in the log-odds, so contributions that add up to the raw score still add up after calibration.
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, raw: Floats, late: NDArray[np.bool_]) -> Platt:
        """Fit on time-later data that the scorer has not seen.

        Raises
        ------
        ValueError
            If all labels are the same: there is nothing to calibrate against.
        """
        if late.all() or not late.any():
            raise ValueError(f"Calibration needs late and punctual cases; found {int(late.sum())} late of {len(late)}.")
        fitted = LogisticRegression(C=np.inf).fit(raw.reshape(-1, 1), late)
        return cls(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds."""
        return self.slope * raw + self.intercept

    def probability(self, raw: Floats) -> Floats:
        """Return calibrated probabilities."""
        return np.exp(-np.logaddexp(0.0, -self.log_odds(raw)))  # without overflow, however small it is
