"""What a configuration loses on cases that its trees have not seen: one loss a case, by moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import DAY
from features.instants import micros_of
from features.vocabulary import Moment
from models.eta import LEVELS
from training.config import EtaConfig, TrainingConfig
from training.dataset import Dataset
from training.directions import directions
from training.eta.fit import arrivals
from training.splits import Period
from training.trees import boost, parameters_of, rounds_of, without

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Losses:
    """Losses of the held cases of one moment, float64 [n], and the day of each, int64 [n]."""

    loss: Floats
    days: NDArray[np.int64]


def log_losses(dataset: Dataset, config: TrainingConfig) -> Mapping[Moment, Losses]:
    """Fit the delay model's trees on the fit period and return the log-loss of each case of the calibrate period.

    Raises
    ------
    TooLittleDataError
        If a period has too few cases of an outcome.
    """
    parameters = parameters_of(config, objective="binary", monotone_constraints=directions())
    lost = {}
    for moment in config.moments:
        values, late, _ = dataset.part(Period.FIT, moment)
        held, held_late, cases = dataset.part(Period.CALIBRATE, moment)
        values = without(values, config.left_out)
        booster = boost(values, late, parameters, rounds_of(values, late, parameters, config))
        raw = np.asarray(booster.predict(held, raw_score=True))
        lost[moment] = Losses(np.logaddexp(0.0, raw) - held_late * raw, _days_of(cases))
    return lost


def pinball_losses(dataset: Dataset, config: EtaConfig) -> Mapping[Moment, Losses]:
    """Fit the trees of arrival on the fit period and return the pinball loss in hours of each case of the other.

    It is the mean over the quantiles, before any correction (Koenker and Bassett, 1978).

    Raises
    ------
    TooFewArrivalsError
        If a period has too few cases.
    """
    lost = {}
    for moment in config.moments:
        values, delay_hours = arrivals(dataset, Period.FIT, moment)
        held, held_hours = arrivals(dataset, Period.CALIBRATE, moment)
        values = without(values, config.left_out)
        loss = np.zeros(len(held))
        for level in LEVELS:
            parameters = parameters_of(config, objective="quantile", alpha=level)
            booster = boost(values, delay_hours, parameters, rounds_of(values, delay_hours, parameters, config))
            over = held_hours - np.asarray(booster.predict(held))
            loss += np.maximum(level * over, (level - 1.0) * over) / len(LEVELS)
        lost[moment] = Losses(loss, _days_of(dataset.cases[dataset.chosen(Period.CALIBRATE, moment)]))
    return lost


def mean_loss(losses: Mapping[Moment, Losses]) -> float:
    """Return the mean loss, every moment counting alike."""
    return float(np.mean([of.loss.mean() for of in losses.values()]))


def _days_of(cases: pd.DataFrame) -> NDArray[np.int64]:
    return micros_of(cases["cutoff_at"]) // DAY
