"""Scoring flat tables: bags of boosted trees, and calibration on rows that they have not seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from training.flat.config import FlatConfig
from training.trees import boost, parameters_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Calibration = Callable[[Floats], Floats]


def scorer_of(values: Floats, label: Bools, config: FlatConfig) -> Callable[[Floats], Floats]:
    """Fit the bags and return what scores rows: the mean log-odds of all, float64 [n] from float64 [n, k]."""
    names = [f"c{place}" for place in range(values.shape[1])]
    boosters = []
    for bag in range(config.bags):
        rng = np.random.default_rng([config.seed, bag])
        kept = label | (rng.random(len(label)) < config.others_kept)
        parameters = {**parameters_of(config, objective="binary"), "seed": config.seed + bag}
        weight = np.where(label[kept], 1.0, 1.0 / config.others_kept)
        boosters.append(boost(values[kept], label[kept], parameters, config.rounds, names, weight))
    return lambda rows: np.mean([booster.predict(rows, raw_score=True) for booster in boosters], axis=0)


def calibration_of(raw: Floats, label: Bools, kind: str) -> Calibration:
    """Fit a calibration on log-odds of rows that their scorer has not seen; it gives probabilities."""
    if kind == "isotonic":
        fitted = IsotonicRegression(out_of_bounds="clip").fit(raw, label)
        return lambda rows: np.asarray(fitted.predict(rows), dtype=np.float64)
    return _beta(raw, label)


def _beta(raw: Floats, label: Bools) -> Calibration:
    """Fit a beta calibration (Kull et al., 2017): logistic in ln p and ln (1 - p), neither of them the wrong way."""

    def design(rows: Floats) -> Floats:
        return np.column_stack([-np.logaddexp(0.0, -rows), np.logaddexp(0.0, rows)])

    used = [0, 1]
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(design(raw), label)
    if (fitted.coef_[0] < 0).any():
        used = [int(fitted.coef_[0].argmax())]
        fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(design(raw)[:, used], label)
    return lambda rows: np.asarray(fitted.predict_proba(design(rows)[:, used])[:, 1], dtype=np.float64)
