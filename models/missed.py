"""The bound on what is missed: below which score a case need not be looked at, and how much that lets pass at most.

Of shipments the score is the risk of being late; of freight invoices, the worth of a review.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Floats = NDArray[np.float64]
_UpperBounds = Callable[[Sequence[NDArray[np.bool_]]], list[float]]
"""Bounds the share missed of each threshold, given which cases each misses."""

_STEPS = 50
"""How many thresholds are tried on the way to the share alpha. Finer steps would look at the data more often."""
_WEIGHINGS = 4_000
"""How often days are weighed at random, always by the same random numbers: the level is met to within half a point."""


@dataclass(frozen=True, slots=True)
class MissedBound:
    """A threshold on the score of a case, with what was promised about it.

    Attributes
    ----------
    threshold
        Cases that score less are not looked at; 0: all are.
    alpha, delta
        With probability 1 − delta no more than the share alpha of the cases that go wrong is missed, as long as those
        to come are of the kinds and frequencies of those that it was learnt from; where days were told apart, as long
        as no day comes that is more than twice as bad as the worst of those.
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


def least_days(delta: float) -> int:
    """Return how many days must be known: of fewer, the next is worse than all of them more often than delta."""
    return ceil(1.0 / delta)


def bound_missed(
    scores: Floats, alpha: float, delta: float, days: NDArray[np.int64] | None = None
) -> MissedBound | None:
    """Find the highest threshold that keeps the promise; None where too little is known for any.

    Thresholds are tried from the lowest up and the first that fails ends the search, so that the confidence holds
    for the one chosen (fixed-sequence testing; Angelopoulos et al., Learn then Test, 2021).

    Parameters
    ----------
    scores : float64 [m]
        Scores, not below 0, of the m cases known to have gone wrong; infinite for one that is always looked at.
    days : int64 [m] or None
        Day of each case; None where each stands for itself.
    """
    if len(scores) < least_labels(alpha, delta):
        return None
    upper_bounds = _by_case(delta) if days is None else _by_day(days, alpha, delta)
    if upper_bounds is None:
        return None
    thresholds, best = [0.0, *_thresholds(scores, alpha)], None
    for start in range(0, len(thresholds), _STEPS):  # the first block goes up to alpha: hardly ever is there a second
        tried = thresholds[start : start + _STEPS]
        missed = [scores < threshold for threshold in tried]
        for threshold, of, bound in zip(tried, missed, upper_bounds(missed), strict=True):
            if bound > alpha:
                return best
            best = MissedBound(threshold, alpha, delta, bound, int(of.sum()), len(scores))
    return best


def _by_case(delta: float) -> _UpperBounds:
    """Return what bounds the share missed where each case stands for itself."""
    return lambda missed: [upper_bound(float(of.mean()), len(of), delta) for of in missed]


def _by_day(days: NDArray[np.int64], alpha: float, delta: float) -> _UpperBounds | None:
    """Return what bounds the share missed where whole days are drawn; None of too few days."""
    _, day_of = np.unique(days, return_inverse=True)
    wrong = np.bincount(day_of).astype(np.float64)
    if len(wrong) < least_days(delta):
        return None

    def bounds(missed: Sequence[NDArray[np.bool_]]) -> list[float]:
        by_day = np.stack([np.bincount(day_of, weights=of) for of in missed], axis=1, dtype=np.float64)
        found: list[float] = upper_bounds_over_days(by_day, wrong, alpha, delta).tolist()
        return found

    return bounds


def _thresholds(scores: Floats, alpha: float) -> list[float]:
    """Return the scores below which about every fiftieth of the share alpha lies, from the lowest up."""
    shares = np.arange(0.0, 1.0, alpha / _STEPS)
    found = np.unique(np.quantile(scores, shares, method="lower")) if len(scores) else scores
    return [threshold for threshold in found.tolist() if np.isfinite(threshold)]


def upper_bound(share: float, size: int, delta: float) -> float:
    """Return the upper confidence bound of a share seen in so many independent cases (Clopper and Pearson, 1934)."""
    return 1.0 if share == 1.0 else float(betaincinv(size * share + 1.0, size * (1.0 - share), 1.0 - delta))


def upper_bounds_over_days(missed: Floats, wrong: Floats, alpha: float, delta: float) -> Floats:
    """Return the upper confidence bound of the share missed where whole days are drawn, not cases.

    Cases of one day share its weather and its trouble. So days are weighed anew, at random and together with one that
    has not been seen, and the bound is the quantile 1 − δ of the shares that come of it (Gaffke, 2005; Learned-Miller
    and Thomas, 2019). With one case a day it is the bound of Clopper and Pearson. The day that has not been seen is
    taken to be like the worst seen, and twice as large; but no worse than if all of the largest day were missed.

    Parameters
    ----------
    missed : float64 [d, t]
        Cases missed on each of d days, at each of t thresholds.
    wrong : float64 [d]
        Cases of each day that went wrong.

    Returns
    -------
    float64 [t]
    """
    excess = missed - alpha * wrong[:, None]
    worst = np.argmax(excess, axis=0)
    unseen_missed, unseen_wrong = 2.0 * missed[worst, np.arange(missed.shape[1])], 2.0 * wrong[worst]
    unseen_excess, largest = unseen_missed - alpha * unseen_wrong, float(wrong.max())
    for is_beyond, size in (
        (unseen_excess > (1.0 - alpha) * largest, largest),
        (unseen_excess < 1.0 - alpha, 1.0),  # one case at least
    ):
        unseen_missed[is_beyond] = unseen_wrong[is_beyond] = size
    weights = np.random.default_rng(0).exponential(size=(_WEIGHINGS, len(wrong) + 1))
    shares = (weights @ np.vstack([missed, unseen_missed])) / (
        (weights[:, :-1] @ wrong)[:, None] + weights[:, -1:] * unseen_wrong
    )
    return np.asarray(np.quantile(shares, 1.0 - delta, axis=0))
