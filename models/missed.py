"""The bound on what is missed: below which score a case need not be looked at, and how much that lets pass at most.

Of shipments the score is the risk of being late; of freight invoices, the worth of a review.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST_DAYS = 5
_STEPS = 50
"""How many thresholds are tried on the way to the share alpha. Finer steps would look at the data more often."""


@dataclass(frozen=True, slots=True)
class MissedBound:
    """A threshold on the score of a case, with what was promised about it.

    Attributes
    ----------
    threshold
        Cases that score less are not looked at; 0: all are.
    alpha, delta
        With probability 1 − delta no more than the share alpha of the cases that go wrong is missed, as long as those
        to come are of the kinds and frequencies of those that it was learnt from.
    bound, missed, wrong
        The bound that was reached; cases missed and cases that went wrong, of those that it was learnt from.
    """

    threshold: float
    alpha: float
    delta: float
    bound: float
    missed: int
    wrong: int


def least_labels(alpha: float, delta: float) -> int:
    """Return how many cases that went wrong must be known before any bound can be given."""
    return ceil(log(delta) / log(1.0 - alpha))


def bound_missed(
    scores: Floats, alpha: float, delta: float, days: NDArray[np.int64] | None = None
) -> MissedBound | None:
    """Find the highest threshold that keeps the promise; None where too few labels are known for any.

    Thresholds are tried from the lowest up and the first that fails ends the search, so that the confidence holds
    for the one chosen (fixed-sequence testing; Angelopoulos et al., Learn then Test, 2021).

    Parameters
    ----------
    scores : float64 [m]
        Scores, not below 0, of the m cases known to have gone wrong; infinite for one that is always looked at.
    days : int64 [m] or None
        Day of each case; None where each stands for itself.
    """
    wrong = len(scores)
    sample = OneByOne() if days is None else Days.of(days, delta)
    if wrong < least_labels(alpha, delta) or (isinstance(sample, Days) and sample.count < _LEAST_DAYS):
        return None
    best = None
    for threshold in [0.0, *_thresholds(scores, alpha)]:
        missed = scores < threshold
        bound = upper_bound(float(missed.mean()), sample.size(missed), delta)
        if bound > alpha:
            break
        best = MissedBound(threshold, alpha, delta, bound, int(missed.sum()), wrong)
    return best


def _thresholds(scores: Floats, alpha: float) -> list[float]:
    """Return the scores below which about every fiftieth of the share alpha lies, from the lowest up."""
    shares = np.arange(0.0, 1.0, alpha / _STEPS)
    found = np.unique(np.quantile(scores, shares, method="lower")) if len(scores) else scores
    return [threshold for threshold in found.tolist() if np.isfinite(threshold)]


def upper_bound(share: float, size: float, delta: float) -> float:
    """Return the upper confidence bound of a share seen in so many independent cases (Clopper and Pearson, 1934)."""
    return 1.0 if share == 1.0 else float(betaincinv(size * share + 1.0, size * (1.0 - share), 1.0 - delta))


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A sample in which every case stands for itself."""

    def size(self, missed: Flags) -> float:
        """Return the number of cases."""
        return float(len(missed))


@dataclass(frozen=True, slots=True)
class Days:
    """A sample of whole days. Cases of one day share its weather and its trouble, and so say less than as many others.

    They count as the number of independent cases that the spread between days leaves (Korn and Graubard, 1998).
    """

    day_of: NDArray[np.int64]
    count: int
    fewer: float

    @classmethod
    def of(cls, days: NDArray[np.int64], delta: float) -> Days:
        """Read the day of each case: int64 [m]."""
        every, day_of = np.unique(days, return_inverse=True)
        if len(every) < 2:
            return cls(day_of, len(every), 0.0)
        cases, count = (float(stdtrit(size - 1, 1.0 - delta)) for size in (len(days), len(every)))
        return cls(day_of, len(every), (cases / count) ** 2)

    def size(self, missed: Flags) -> float:
        """Return the effective number of cases, at most as many as there are."""
        cases, share = len(missed), float(missed.mean())
        beside = np.bincount(self.day_of, weights=missed - share, minlength=self.count)
        variance = self.count / (self.count - 1) * float((beside**2).sum()) / cases**2
        independent = share * (1.0 - share) / variance if variance > 0.0 else cases
        return min(float(cases), self.fewer * independent)
