"""What simulated data allows: the probabilities by which it was made, and how a model stands to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from training.flat.config import Truth
from training.flat.table import FlatTable
from training.metrics import auc_interval, measures

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_TIE_BREAK = 1e-9


def truth_of(table: FlatTable, truth: Truth) -> Floats:
    """Return the probability by which each case was made: float64 [n]."""
    category = table.frame[truth.column]
    shares = np.asarray(category.map(truth.shares), dtype=np.float64)
    if table.at is not None:
        hour = table.at.dt.hour.to_numpy()
        for name, first in truth.from_hour.items():
            shares = np.where(category == name, (hour >= first).astype(np.float64), shares)
    return np.asarray(shares * truth.times)


def beside_truth(
    table: FlatTable, truth: Truth, rows: Ints, probability: Floats, days: Ints, seed: int
) -> dict[str, Any]:
    """Return the truth's own measures on the judged rows, how the model differs from it, and both by category.

    Average precision is that of the truth with ties broken at random: as steps it would be too low for a few numbers.
    Within a category whose truth is one number there is nothing to tell, so an AUC there should be one half.
    """
    label, told = table.label[rows], truth_of(table, truth)[rows]
    category = table.frame[truth.column].to_numpy(dtype=object)[rows]
    rng = np.random.default_rng(seed)
    by_category = {}
    for name in sorted(set(category)):
        of_it = category == name
        both = label[of_it].any() and not label[of_it].all()
        by_category[str(name)] = {
            "n": int(of_it.sum()),
            "yes": float(label[of_it].mean()),
            "truth": float(told[of_it].mean()),
            "predicted": float(probability[of_it].mean()),
            "auc": float(roc_auc_score(label[of_it], probability[of_it])) if both else None,
            "auc_interval_95": list(auc_interval(label[of_it], probability[of_it], days[of_it], rng)) if both else None,
        }
    ranked = told + _TIE_BREAK * np.random.default_rng(seed).random(len(told))
    return {
        **measures(label, told),
        "average_precision": measures(label, ranked)["average_precision"],
        "auc_interval_95": list(auc_interval(label, told, days, np.random.default_rng(seed))),
        "model_less_truth_auc_interval_95": _difference(label, probability, told, days, np.random.default_rng(seed)),
        "mean_distance_from_truth": float(np.abs(probability - told).mean()),
        "by_category": by_category,
    }


def _difference(
    label: Bools, model: Floats, truth: Floats, days: Ints, rng: np.random.Generator, resamples: int = 200
) -> list[float]:
    """Return the 95 % interval of AUC(model) - AUC(truth), both on the same resampled days."""
    _, day_of = np.unique(days, return_inverse=True)
    n_days = int(day_of.max()) + 1
    found = []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, n_days, n_days), minlength=n_days)[day_of]
        found.append(
            float(roc_auc_score(label, model, sample_weight=weight) - roc_auc_score(label, truth, sample_weight=weight))
        )
    low, high = np.percentile(found, [2.5, 97.5])
    return [float(low), float(high)]
