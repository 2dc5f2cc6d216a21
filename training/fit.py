"""Fitting the delay model: trees on the fit period, calibration on the time-later calibrate period."""

from __future__ import annotations

from collections.abc import Callable

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.definitions import NAMES, fingerprint
from features.vocabulary import Moment
from models.calibration import Platt
from models.delay import DelayModel, VerdictThresholds
from training.config import TrainingConfig
from training.dataset import Dataset
from training.splits import Period

_TAIL = 0.15
"""Share of the fit period, its newest end, on which the number of rounds is chosen."""


def fit_delay(dataset: Dataset, config: TrainingConfig, note: Callable[[str], None] = lambda _: None) -> DelayModel:
    """Fit one booster and one calibration for each moment.

    The number of rounds is chosen on the newest part of the fit period, then the booster is fitted on all of it; the
    calibrate and test periods play no part in either.

    Raises
    ------
    TooLittleDataError
        If a period has too few cases of an outcome.
    """
    boosters: dict[Moment, lgb.Booster] = {}
    calibrations: dict[Moment, Platt] = {}
    for moment in config.moments:
        values, late, _ = dataset.part(Period.FIT, moment)
        held_values, held_late, _ = dataset.part(Period.CALIBRATE, moment)
        rounds = _rounds(values, late, config)
        note(f"{moment.value}: {len(late):,} cases, {late.mean():.1%} late, {rounds} trees")
        boosters[moment] = lgb.train(_parameters(config), _data(values, late), num_boost_round=rounds)
        raw = boosters[moment].predict(held_values, raw_score=True)
        calibrations[moment] = Platt.fit(np.asarray(raw), held_late)
    return DelayModel(
        name=config.name,
        version="unregistered",
        fingerprints={"features": fingerprint(config.features), "data": dataset.fingerprint},
        feature_settings=config.features,
        thresholds=VerdictThresholds(config.verdicts.behind, config.verdicts.cannot_make_it),
        boosters=boosters,
        calibrations=calibrations,
    )


def _rounds(values: NDArray[np.float64], late: NDArray[np.bool_], config: TrainingConfig) -> int:
    """Return the number of rounds after which the newest part of the period is no longer served better."""
    cut = int(len(late) * (1 - _TAIL))  # cases come in order of cutoff
    if min(late[cut:].sum(), (~late[cut:]).sum()) == 0:
        return min(100, config.trees.max_rounds)
    head = _data(values[:cut], late[:cut])
    tail = lgb.Dataset(values[cut:], late[cut:], reference=head)
    found = lgb.train(
        _parameters(config),
        head,
        num_boost_round=config.trees.max_rounds,
        valid_sets=[tail],
        callbacks=[lgb.early_stopping(config.trees.patience_rounds, verbose=False)],
    )
    return max(1, int(found.best_iteration))


def _data(values: NDArray[np.float64], late: NDArray[np.bool_]) -> lgb.Dataset:
    return lgb.Dataset(values, late, feature_name=list(NAMES), free_raw_data=False)


def _parameters(config: TrainingConfig) -> dict[str, object]:
    trees = config.trees.model_dump(exclude={"max_rounds", "patience_rounds"})
    return {
        "objective": "binary",
        "bagging_freq": 1,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
        **trees,
    }
