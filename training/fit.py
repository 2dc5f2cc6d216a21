"""Fitting the delay model: trees on the fit period, calibration on the time-later calibrate period."""

from __future__ import annotations

from collections.abc import Callable

import lightgbm as lgb
import numpy as np

from features.definitions import fingerprint
from features.history import DAY
from features.instants import micros_of
from features.vocabulary import Moment
from models.calibration import Platt
from models.delay import DelayModel, VerdictThresholds
from training.config import TrainingConfig
from training.dataset import Dataset
from training.directions import directions
from training.splits import Period
from training.trees import boost, parameters_of, rounds_of


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
    parameters = parameters_of(config, objective="binary", monotone_constraints=directions())
    for moment in config.moments:
        values, late, _ = dataset.part(Period.FIT, moment)
        held_values, held_late, held_cases = dataset.part(Period.CALIBRATE, moment)
        rounds = rounds_of(values, late, parameters, config)
        note(f"{moment.value}: {len(late):,} cases, {late.mean():.1%} late, {rounds} trees")
        boosters[moment] = boost(values, late, parameters, rounds)
        raw = boosters[moment].predict(held_values, raw_score=True)
        calibrations[moment] = Platt.fit_by_days(np.asarray(raw), held_late, micros_of(held_cases["cutoff_at"]) // DAY)
    return DelayModel(
        name=config.name,
        version="unregistered",
        fingerprints={"features": fingerprint(config.features), "data": dataset.fingerprint},
        feature_settings=config.features,
        thresholds=VerdictThresholds(config.verdicts.behind, config.verdicts.cannot_make_it),
        boosters=boosters,
        calibrations=calibrations,
    )
