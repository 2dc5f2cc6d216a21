"""Whether the promise about missed exceptions is kept: on the test period itself, and over resamples of its days."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.missed import MissedBound, bound_missed

RESAMPLES = 200


def missed(
    bound: MissedBound,
    late: NDArray[np.bool_],
    probability: NDArray[np.float64],
    days: NDArray[np.int64],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return what the bound promised and what was missed, as plain JSON values.

    Parameters
    ----------
    late, probability, days
        The judged cases: bool, float64 and int64 [n].

    Returns
    -------
    dict
        `missed_share` of the late cases and `looked_at_share` of all at the bound's threshold; `broken_share`: over 200
        resamples of whole days, each of which gives a threshold of its own, how often that misses more than alpha.
    """
    return {
        "alpha": bound.alpha,
        "delta": bound.delta,
        "threshold": bound.threshold,
        "learnt_from": bound.wrong,
        "looked_at_share": float((probability >= bound.threshold).mean()),
        "missed_share": float((probability[late] < bound.threshold).mean()),
        "broken_share": broken_share(probability[late], days[late], bound.alpha, bound.delta, rng),
    }


def broken_share(
    scores: NDArray[np.float64], days: NDArray[np.int64], alpha: float, delta: float, rng: np.random.Generator
) -> float:
    """Return in which share of the resamples a threshold misses more than alpha of all cases that go wrong."""
    every, day_of = np.unique(days, return_inverse=True)
    of_day = [np.flatnonzero(day_of == place) for place in range(len(every))]
    broken = 0
    for _ in range(RESAMPLES):
        drawn = [of_day[place] for place in rng.integers(0, len(every), len(every))]
        chosen, labels = np.concatenate(drawn), np.repeat(np.arange(len(drawn)), [len(part) for part in drawn])
        found = bound_missed(scores[chosen], alpha, delta, labels)
        broken += found is not None and float((scores < found.threshold).mean()) > alpha
    return broken / RESAMPLES
