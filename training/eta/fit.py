"""Fitting the model of arrival: quantile boosters on the fit period, first outcomes from the calibrate period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.definitions import FEATURES, fingerprint
from features.instants import micros, micros_of
from features.vocabulary import Moment
from models.conformal import Outcomes
from models.eta import LEVELS, EtaModel, Window, residuals
from models.learnt import OF_A_SHIPMENT, Learnt
from training.config import EtaConfig
from training.dataset import Dataset
from training.errors import TooFewArrivalsError
from training.splits import Period
from training.trees import boost, parameters_of, rounds_of, without

LEAST_CASES = 200
"""Fewer do not tell a tenth from nothing."""


def fit_eta(dataset: Dataset, config: EtaConfig, note: Callable[[str], None] = lambda _: None) -> EtaModel:
    """Fit one booster a moment and level on the delay in hours, and keep the residuals of the calibrate period.

    The number of rounds is chosen on the newest part of the fit period, then the booster is fitted on all of it; the
    calibrate and test periods play no part in either.

    Raises
    ------
    TooFewArrivalsError
        If a period has too few cases.
    """
    for moment in config.moments:
        arrivals(dataset, Period.CALIBRATE, moment)  # too few are refused before anything is fitted
    boosters: dict[Moment, tuple[lgb.Booster, ...]] = {}
    for moment in config.moments:
        values, delay_hours = arrivals(dataset, Period.FIT, moment)
        values = without(values, config.left_out)
        fitted = []
        for level in LEVELS:
            parameters = parameters_of(config, objective="quantile", alpha=level)
            rounds = rounds_of(values, delay_hours, parameters, config)
            note(f"{moment.value}, quantile {level}: {len(values):,} cases, {rounds} trees")
            fitted.append(boost(values, delay_hours, parameters, rounds))
        boosters[moment] = tuple(fitted)
    model = EtaModel(
        name=config.name,
        version="unregistered",
        fingerprints={"features": fingerprint(config.features), "data": dataset.fingerprint},
        feature_settings=config.features,
        window=Window(config.recalibration.window_days, config.recalibration.least_outcomes),
        boosters=boosters,
        outcomes={},
        learnt=Learnt.of(dataset.values[dataset.of(Period.FIT)], FEATURES, OF_A_SHIPMENT),
    )
    calibrate_until = micros(config.split.calibrate_until)
    outcomes = {moment: outcomes_of(model, dataset, moment).known_before(calibrate_until) for moment in config.moments}
    return replace(model, outcomes=outcomes)


def outcomes_of(model: EtaModel, dataset: Dataset, moment: Moment) -> Outcomes:
    """Return the residuals of all cases of a moment that no tree has learnt from, by carrier.

    Among them must be those whose outcome came after the end of their period (`cases_of` with `awaited`): without them
    the slow ones would be missing from what is known at first.
    """
    chosen = dataset.outcomes(moment)
    cases = dataset.cases[chosen]
    delay_hours = cases["delay_hours"].to_numpy(dtype=np.float64)
    return Outcomes(
        cases["carrier"].to_numpy(dtype=object),
        micros_of(cases["label_known_at"]),
        residuals(model.raw_hours(dataset.values[chosen], moment), delay_hours),
    )


def arrivals(dataset: Dataset, period: Period, moment: Moment) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return features and delay in hours of one period and moment: float64 [n, len(FEATURES)] and [n].

    Raises
    ------
    TooFewArrivalsError
        If it has fewer than `LEAST_CASES`.
    """
    chosen = dataset.chosen(period, moment)
    if chosen.sum() < LEAST_CASES:
        raise TooFewArrivalsError(period.value, moment.value, int(chosen.sum()), LEAST_CASES)
    return dataset.values[chosen], dataset.cases.loc[chosen, "delay_hours"].to_numpy(dtype=np.float64)
