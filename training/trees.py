"""Gradient-boosted trees (LightGBM): how long to boost, and the boosting itself, for any objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.definitions import NAMES
from training.config import Trees

_TAIL = 0.15
"""Share of the fit period, its newest end, on which the number of rounds is chosen."""


class _Config(Protocol):
    @property
    def trees(self) -> Trees: ...
    @property
    def seed(self) -> int: ...


def parameters_of(config: _Config, **objective: object) -> dict[str, object]:
    """Return LightGBM's parameters for a configuration and an objective."""
    trees = config.trees.model_dump(exclude={"max_rounds", "patience_rounds"})
    return {
        "bagging_freq": 1,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
        **objective,
        **trees,
    }


def without(values: NDArray[np.float64], left_out: Sequence[int]) -> NDArray[np.float64]:
    """Return the features without some columns: NaN throughout, so that no tree can split there."""
    if left_out:
        values = values.copy()
        values[:, list(left_out)] = np.nan
    return values


def boost(
    values: NDArray[np.float64],
    target: NDArray[np.generic],
    parameters: dict[str, object],
    rounds: int,
    names: Sequence[str] = NAMES,
    weight: NDArray[np.float64] | None = None,
) -> lgb.Booster:
    """Fit a booster of so many rounds on float64 [n, len(names)], a target [n] and what each row counts [n]."""
    return lgb.train(parameters, _data(values, target, names, weight), num_boost_round=rounds)


def rounds_of(
    values: NDArray[np.float64],
    target: NDArray[np.generic],
    parameters: dict[str, object],
    config: _Config,
    names: Sequence[str] = NAMES,
) -> int:
    """Return the number of rounds after which the newest part of the period is no longer served better.

    Parameters
    ----------
    values, target
        Cases in order of cutoff.
    """
    cut = int(len(target) * (1 - _TAIL))
    if len(np.unique(target[cut:])) < 2:
        return min(100, config.trees.max_rounds)
    head = _data(values[:cut], target[:cut], names)
    tail = lgb.Dataset(values[cut:], target[cut:], reference=head)
    found = lgb.train(
        parameters,
        head,
        num_boost_round=config.trees.max_rounds,
        valid_sets=[tail],
        callbacks=[lgb.early_stopping(config.trees.patience_rounds, verbose=False)],
    )
    return max(1, int(found.best_iteration))


def _data(
    values: NDArray[np.float64],
    target: NDArray[np.generic],
    names: Sequence[str],
    weight: NDArray[np.float64] | None = None,
) -> lgb.Dataset:
    return lgb.Dataset(values, target, weight=weight, feature_name=list(names), free_raw_data=False)
