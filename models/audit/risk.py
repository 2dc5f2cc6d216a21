"""From signs to the probability that a bill without a proven claim asks too much all the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.float64]

PRIOR_WEIGHT = 0.6
PRIOR_SPREAD = 0.2


@dataclass(frozen=True, slots=True)
class SignWeights:
    """Log-odds of being wrong: an intercept and a weight of each sign's surprise, none of them negative."""

    intercept: float
    weights: tuple[float, ...]

    @classmethod
    def fit(cls, surprise: Floats, wrong: NDArray[np.bool_]) -> SignWeights:
        """Fit a logistic regression whose weights have a normal prior around `PRIOR_WEIGHT` (maximum a posteriori).

        A sign that no reviewed bill has shown keeps its prior weight: an error nobody has seen yet is not taken for
        none. No weight is negative, since a stronger sign never makes a bill less suspect.

        Parameters
        ----------
        surprise : float64 [n, k]
            −log p of each sign.
        """
        target = wrong.astype(np.float64)

        def loss(parameters: Floats) -> tuple[float, Floats]:
            weights = parameters[1:]
            odds = parameters[0] + surprise @ weights
            missed = expit(odds) - target
            apart = (weights - PRIOR_WEIGHT) / PRIOR_SPREAD
            value = float(np.sum(np.logaddexp(0.0, odds) - target * odds) + 0.5 * np.sum(apart**2))
            slope = np.concatenate([[missed.sum()], surprise.T @ missed + apart / PRIOR_SPREAD])
            return value, slope

        k = surprise.shape[1]
        start = np.concatenate([[-4.0], np.full(k, PRIOR_WEIGHT)])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *[(0.0, None)] * k])
        return cls(float(found.x[0]), tuple(found.x[1:].tolist()))

    def log_odds(self, surprise: Floats) -> Floats:
        """Return log-odds: float64 [n]."""
        odds: Floats = self.intercept + surprise @ np.array(self.weights)
        return odds

    def shares(self, surprise: Floats) -> Floats:
        """Return what part each sign has in the suspicion against a bill: float64 [n, k], rows sum to 1 or are 0."""
        parts = surprise * np.array(self.weights)
        whole = parts.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0)
        return shares
