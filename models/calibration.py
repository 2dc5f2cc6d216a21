"""Calibration: from a raw score to a probability that means what it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]

TYPICAL_DEVIATION = 0.05
"""By how much slope and level of trees fitted by log-loss typically miss: a standard deviation, in log-odds."""


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

    @classmethod
    def fit_by_days(cls, raw: Floats, late: NDArray[np.bool_], days: NDArray[np.int64]) -> Platt:
        """Fit on few days, and believe them no more than they deserve.

        Trees fitted by log-loss are nearly calibrated, and the cases of one day share its weather: a month of them is
        thirty observations rather than thousands. So slope and level (at the mean score) are drawn towards what they
        would be without any calibration, by how uncertain the days leave them (sandwich estimator clustered by day;
        Liang and Zeger, 1986) against `TYPICAL_DEVIATION`.

        Parameters
        ----------
        raw : float64 [n]
        late : bool [n]
        days : int64 [n]
            Day of each case.

        Raises
        ------
        ValueError
            If all labels are the same.
        """
        fitted = cls.fit(raw, late)
        middle = float(raw.mean())
        design = np.column_stack([raw - middle, np.ones_like(raw)])
        probability = fitted.probability(raw)
        bread = np.linalg.pinv((design * (probability * (1.0 - probability))[:, None]).T @ design)
        _, day_of = np.unique(days, return_inverse=True)
        scores = np.zeros((int(day_of.max()) + 1, 2))
        np.add.at(scores, day_of, design * (late - probability)[:, None])
        uncertain = bread @ (scores.T @ scores) @ bread
        typical = np.eye(2) * TYPICAL_DEVIATION**2
        uncalibrated = np.array([1.0, middle])
        found = np.array([fitted.slope, fitted.intercept + fitted.slope * middle])
        slope, level = uncalibrated + typical @ np.linalg.solve(typical + uncertain, found - uncalibrated)
        return cls(float(slope), float(level - slope * middle))

    def log_odds(self, raw: Floats) -> Floats:
        """Return calibrated log-odds."""
        return self.slope * raw + self.intercept

    def probability(self, raw: Floats) -> Floats:
        """Return calibrated probabilities."""
        return np.exp(-np.logaddexp(0.0, -self.log_odds(raw)))  # without overflow, however small it is
