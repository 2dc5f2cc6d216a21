"""What a configuration loses on cases that its trees have not seen: one loss a case, by moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.definitions import NAMES
from features.history import DAY
from features.instants import micros_of
from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import LineMoment, Moment
from models.eta import LEVELS
from training.config import BoostedConfig, EtaConfig, TrainingConfig
from training.dataset import Dataset
from training.directions import directions
from training.eta.fit import arrivals
from training.flat.config import FlatConfig
from training.flat.fit import scorer_of
from training.shortage.config import ShortageConfig
from training.shortage.directions import shortage_directions
from training.splits import Period
from training.trees import boost, parameters_of, rounds_of, without

Floats = NDArray[np.float64]

_M = TypeVar("_M", Moment, LineMoment)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a flat table that are fitted on, and those that are held.

    Attributes
    ----------
    values, label : float64 [n, k], bool [n]
    held, held_label : float64 [m, k], bool [m]
    blocks : int64 [m]
        Of the held ones: what is resampled as a whole.
    """

    values: Floats
    label: NDArray[np.bool_]
    held: Floats
    held_label: NDArray[np.bool_]
    blocks: NDArray[np.int64]


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
    return _log_losses(dataset, config, config.moments, directions(), NAMES, config.left_out)


def short_losses(dataset: Dataset, config: ShortageConfig) -> Mapping[LineMoment, Losses]:
    """Do the same for the trees of the shortage model.

    Raises
    ------
    TooLittleDataError
        If a period has too few lines of an outcome.
    """
    return _log_losses(dataset, config, config.moments, shortage_directions(), INVENTORY_NAMES, ())


def row_losses(rows: Rows, config: FlatConfig) -> Mapping[str, Losses]:
    """Fit the trees of a flat table and return the log-loss of each row that is held."""
    raw = scorer_of(rows.values, rows.label, config)(rows.held)
    return {"rows": Losses(_log_loss(raw, rows.held_label), rows.blocks)}


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


def mean_loss(losses: Mapping[Any, Losses]) -> float:
    """Return the mean loss, every moment counting alike."""
    return float(np.mean([of.loss.mean() for of in losses.values()]))


def _log_losses(
    dataset: Dataset,
    config: BoostedConfig,
    moments: Sequence[_M],
    signs: list[int],
    names: Sequence[str],
    left_out: Sequence[int],
) -> dict[_M, Losses]:
    parameters = parameters_of(config, objective="binary", monotone_constraints=signs)
    lost = {}
    for moment in moments:
        values, label, _ = dataset.part(Period.FIT, moment)
        held, held_label, cases = dataset.part(Period.CALIBRATE, moment)
        values = without(values, left_out)
        booster = boost(values, label, parameters, rounds_of(values, label, parameters, config, names), names)
        raw = np.asarray(booster.predict(held, raw_score=True))
        lost[moment] = Losses(_log_loss(raw, held_label), _days_of(cases))
    return lost


def _log_loss(raw: Floats, label: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.logaddexp(0.0, raw) - label * raw)


def _days_of(cases: pd.DataFrame) -> NDArray[np.int64]:
    return micros_of(cases["cutoff_at"]) // DAY
