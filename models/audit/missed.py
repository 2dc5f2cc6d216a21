"""The bound on what is missed: below which worth a bill need not be looked at, and how much that lets pass at most."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MissedBound:
    """A threshold on the worth of a review, with what was promised about it.

    Attributes
    ----------
    threshold
        Bills of less worth are not reviewed; 0: all are.
    alpha, delta
        With probability 1 − delta no more than the share alpha of the bills that ask too much is missed, as long as
        errors to come are of the kinds and frequencies of those that it was learnt from.
    bound, missed, wrong
        The bound that was reached; bills missed and bills that ask too much, of those that it was learnt from.
    """

    threshold: float
    alpha: float
    delta: float
    bound: float
    missed: int
    wrong: int


def least_labels(alpha: float, delta: float) -> int:
    """Return how many bills that ask too much must be known before any bound can be given."""
    return ceil(log(delta) / log(1.0 - alpha))


def upper_bound(missed: int, wrong: int, delta: float) -> float:
    """Return the upper confidence bound of a share (Clopper and Pearson, 1934)."""
    return 1.0 if missed >= wrong else float(beta.ppf(1.0 - delta, missed + 1, wrong - missed))


def bound_missed(worth: Floats, alpha: float, delta: float) -> MissedBound | None:
    """Find the highest threshold that keeps the promise; None where too few labels are known for any.

    Thresholds are tried from the lowest up and the first that fails ends the search, so that the confidence holds
    for the one chosen (fixed-sequence testing; Angelopoulos et al., Learn then Test, 2021).

    Parameters
    ----------
    worth : float64 [m]
        Worth of a review of the m bills known to ask too much; infinite for those with a proven claim, which are
        never missed.
    """
    wrong = len(worth)
    if wrong < least_labels(alpha, delta):
        return None
    best = MissedBound(0.0, alpha, delta, upper_bound(0, wrong, delta), 0, wrong)
    for threshold in np.unique(worth[np.isfinite(worth)]).tolist():
        missed = int((worth < threshold).sum())
        bound = upper_bound(missed, wrong, delta)
        if bound > alpha:
            break
        best = MissedBound(threshold, alpha, delta, bound, missed, wrong)
    return best
