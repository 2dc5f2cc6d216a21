"""Measures of a probability, with intervals that respect that days hang together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ECE_BINS = 15


def measures(late: Bools, probability: Floats) -> dict[str, float | int]:
    """Return AUC, average precision, Brier score, expected calibration error, n and base rate.

    Raises
    ------
    ValueError
        If all labels are the same: AUC and average precision would be no numbers.
    """
    if late.all() or not late.any():
        raise ValueError(f"Measures need late and punctual cases; found {int(late.sum())} late of {len(late)}.")
    return {
        "auc": float(roc_auc_score(late, probability)),
        "average_precision": float(average_precision_score(late, probability)),
        "brier": float(brier_score_loss(late, np.clip(probability, 0.0, 1.0))),
        "ece": expected_calibration_error(late, probability),
        "n": len(late),
        "base_rate": float(late.mean()),
    }


def reliability(late: Bools, probability: Floats, bins: int = ECE_BINS) -> tuple[Floats, Floats, Floats]:
    """Return mean prediction, late share and weight of each of `bins` groups of equal size, by rising prediction."""
    groups = np.array_split(np.argsort(probability, kind="stable"), bins)
    groups = [group for group in groups if len(group)]
    predicted = np.array([probability[group].mean() for group in groups])
    observed = np.array([late[group].mean() for group in groups])
    return predicted, observed, np.array([len(group) / len(late) for group in groups])


def expected_calibration_error(late: Bools, probability: Floats, bins: int = ECE_BINS) -> float:
    """Return the mean distance between prediction and late share over groups of equal size (Naeini et al., 2015)."""
    predicted, observed, weight = reliability(late, probability, bins)
    return float(np.sum(weight * np.abs(predicted - observed)))


def lift(late: Bools, probability: Floats, capacity: Floats) -> Floats:
    """Return how many times more late cases the riskiest share holds than a random share of that size.

    Parameters
    ----------
    capacity : float64 [k], shares of all cases that somebody can look at
    """
    found = np.cumsum(late[np.argsort(-probability, kind="stable")])
    looked_at = np.maximum(1, np.round(capacity * len(late)).astype(int))
    return np.asarray(found[looked_at - 1] / looked_at / late.mean())


def auc_interval(
    late: Bools, probability: Floats, days: NDArray[np.int64], rng: np.random.Generator, resamples: int = 200
) -> tuple[float, float]:
    """Return the 95 % interval of the AUC under resampling of whole days (block bootstrap)."""
    return _interval(WeightedAuc(late, probability).at, late, days, rng, resamples)


def ap_interval(
    late: Bools, probability: Floats, days: NDArray[np.int64], rng: np.random.Generator, resamples: int = 200
) -> tuple[float, float]:
    """Return the 95 % interval of average precision under resampling of whole days, or other blocks."""

    def weighted(weight: NDArray[np.int64]) -> float:
        return float(average_precision_score(late, probability, sample_weight=weight))

    return _interval(weighted, late, days, rng, resamples)


def mean_interval(
    values: Floats | Bools, days: NDArray[np.int64], rng: np.random.Generator, resamples: int = 400
) -> tuple[float, float]:
    """Return the 95 % interval of a mean under resampling of whole days (block bootstrap)."""
    _, day_of = np.unique(days, return_inverse=True)
    totals, counts = np.bincount(day_of, weights=values), np.bincount(day_of)
    drawn = rng.integers(0, len(counts), (resamples, len(counts)))
    means = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


class WeightedAuc:
    """The AUC of cases that count several times: as `roc_auc_score` with weights, but put in order once for all."""

    def __init__(self, late: Bools, probability: Floats) -> None:
        self._order = np.argsort(probability, kind="stable")
        ranked = probability[self._order]
        self._first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
        self._late = late[self._order]

    def at(self, weight: NDArray[np.int64]) -> float:
        """Return it under these weights: int64 [n]."""
        weight = weight[self._order]
        late = np.add.reduceat(np.where(self._late, weight, 0), self._first)
        punctual = np.add.reduceat(np.where(self._late, 0, weight), self._first)
        below = np.cumsum(punctual) - punctual
        return float((late * (below + punctual / 2.0)).sum() / (late.sum() * punctual.sum()))


def _interval(
    measure: Callable[[NDArray[np.int64]], float],
    late: Bools,
    days: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int,
) -> tuple[float, float]:
    _, day_of = np.unique(days, return_inverse=True)
    n_days = int(day_of.max()) + 1
    values = []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, n_days, n_days), minlength=n_days)[day_of]
        if late[weight > 0].any() and not late[weight > 0].all():
            values.append(measure(weight))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
