"""Fitting the delay model: trees on the fit period, calibration on the time-later calibrate period."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.definitions import FEATURES, NAMES, fingerprint
from features.history import DAY
from features.instants import micros_of
from features.vocabulary import LineMoment, Moment
from models.calibration import Platt
from models.delay import DelayModel, Lateness, VerdictThresholds
from models.learnt import OF_A_SHIPMENT, Learnt
from models.missed import MissedBound, bound_missed
from training.config import BoostedConfig, TrainingConfig
from training.dataset import Dataset
from training.directions import directions
from training.splits import Period
from training.trees import boost, parameters_of, rounds_of, without

_M = TypeVar("_M", Moment, LineMoment)


def fit_delay(dataset: Dataset, config: TrainingConfig, note: Callable[[str], None] = lambda _: None) -> DelayModel:
    """Fit the delay model, see `fit_moments`.

    Raises
    ------
    TooLittleDataError
        If a period has too few cases of an outcome.
    """
    boosters, calibrations = fit_moments(dataset, config, config.moments, directions(), NAMES, note, config.left_out)
    return DelayModel(
        name=config.name,
        version="unregistered",
        fingerprints={"features": fingerprint(config.features), "data": dataset.fingerprint},
        feature_settings=config.features,
        thresholds=VerdictThresholds(config.verdicts.behind, config.verdicts.cannot_make_it),
        boosters=boosters,
        calibrations=calibrations,
        missed=_bounds(dataset, config, boosters, calibrations, note),
        lateness=_lateness(dataset, config, note),
        learnt=Learnt.of(dataset.values[dataset.of(Period.FIT)], FEATURES, OF_A_SHIPMENT),
    )


def _lateness(dataset: Dataset, config: TrainingConfig, note: Callable[[str], None]) -> dict[Moment, Lateness]:
    """Learn for each moment by how many hours those of the fit period came that came late.

    Where nothing tells one from another, early stopping leaves their mean.
    """
    parameters = parameters_of(config, objective="regression", monotone_constraints=directions())
    found = {}
    for moment in config.moments:
        values, late, cases = dataset.part(Period.FIT, moment)
        values, hours = without(values[late], config.left_out), hours_late_of(cases)
        rounds = rounds_of(values, hours[late], parameters, config)
        note(f"{moment.value}: {hours[late].mean():.2f} hours if late, {rounds} trees")
        found[moment] = Lateness(boost(values, hours[late], parameters, rounds), float(hours[~late].mean()))
    return found


def hours_late_of(cases: pd.DataFrame) -> NDArray[np.float64]:
    """Return by how many hours cases came after their promise, 0 if in time: float64 [n]."""
    return np.asarray(np.maximum(cases["delay_hours"].to_numpy(dtype=np.float64), 0.0))


def fit_moments(
    dataset: Dataset,
    config: BoostedConfig,
    moments: Sequence[_M],
    signs: list[int],
    names: Sequence[str],
    note: Callable[[str], None],
    left_out: Sequence[int] = (),
) -> tuple[dict[_M, lgb.Booster], dict[_M, Platt]]:
    """Fit one booster and one calibration for each moment.

    The number of rounds is chosen on the newest part of the fit period, then the booster is fitted on all of it; the
    calibrate and test periods play no part in either.

    Parameters
    ----------
    signs
        Which way each feature may move the risk, see `training.directions`.
    names
        Of the features.
    left_out
        Columns that no tree may use.

    Raises
    ------
    TooLittleDataError
        If a period has too few cases of an outcome.
    """
    boosters: dict[_M, lgb.Booster] = {}
    calibrations: dict[_M, Platt] = {}
    parameters = parameters_of(config, objective="binary", monotone_constraints=signs)
    for moment in moments:
        values, label, _ = dataset.part(Period.FIT, moment)
        values = without(values, left_out)
        held_values, held_label, held_cases = dataset.part(Period.CALIBRATE, moment)
        rounds = rounds_of(values, label, parameters, config, names)
        note(f"{moment.value}: {len(label):,} cases, {label.mean():.1%} {dataset.outcome}, {rounds} trees")
        boosters[moment] = boost(values, label, parameters, rounds, names)
        raw = boosters[moment].predict(held_values, raw_score=True)
        calibrations[moment] = Platt.fit_by_days(np.asarray(raw), held_label, micros_of(held_cases["cutoff_at"]) // DAY)
    return boosters, calibrations


def _bounds(
    dataset: Dataset,
    config: TrainingConfig,
    boosters: Mapping[Moment, lgb.Booster],
    calibrations: Mapping[Moment, Platt],
    note: Callable[[str], None],
) -> dict[Moment, MissedBound]:
    """Return from which risk on somebody must look; no moment at which too few late shipments are known."""
    bounds = {}
    for moment, booster in boosters.items():
        values, late, cases = dataset.part(Period.CALIBRATE, moment)
        risk = calibrations[moment].probability(np.asarray(booster.predict(values[late], raw_score=True)))
        days = micros_of(cases["cutoff_at"])[late] // DAY
        bound = bound_missed(risk, config.missed.alpha, config.missed.delta, days)
        if bound is None:
            count = len(np.unique(days))
            note(
                f"{moment.value}: {late.sum()} late shipments of {count} days are too few to bound how many are missed"
            )
        else:
            bounds[moment] = bound
    return bounds
