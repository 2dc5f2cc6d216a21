"""Judging a registered model on the test period of its own split, beside baselines that need no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.progress import Progress
from features.vocabulary import Moment
from models.baselines import base_rate, carrier_lane_rate
from models.delay import DelayModel
from models.missed import MissedBound
from training.about import about
from training.config import TrainingConfig
from training.dataset import Dataset, fingerprint_of, make_dataset
from training.fit import hours_late_of
from training.metrics import auc_interval, mean_interval, measures
from training.missed import missed
from training.slices import Names, months_of, slices
from training.splits import Period

_M = TypeVar("_M", bound=str)


@dataclass(frozen=True, slots=True)
class HoursLate:
    """Hours late of test cases, one in time counting as 0: as they were, as expected, and by baselines.

    Attributes
    ----------
    actual, expected : float64 [n]
    baselines : float64 [n] each
    """

    actual: NDArray[np.float64]
    expected: NDArray[np.float64]
    baselines: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Judged:
    """Test cases of one moment: labels (late, or whatever else is predicted), probabilities, and what hangs together.

    Attributes
    ----------
    late : bool [n]
    probability : float64 [n], the model's; `baselines` of each baseline
    days : int64 [n]
        Day of each cutoff, or whatever block is resampled as a whole.
    missed
        The bound on what is missed, where the model gives one.
    abstained
        How many further cases the model had no answer to, as something of them is out of date or out of range.
    hours
        Expected hours late, where the model tells them.
    slices
        By what cases are told apart, each object [n].
    """

    late: NDArray[np.bool_]
    probability: NDArray[np.float64]
    baselines: dict[str, NDArray[np.float64]]
    days: NDArray[np.int64]
    missed: MissedBound | None = None
    abstained: int = 0
    hours: HoursLate | None = None
    slices: Names = field(default_factory=dict)


def days_of(cases: pd.DataFrame) -> NDArray[np.int64]:
    """Return the day of each cutoff: int64 [n]."""
    return np.asarray(cases["cutoff_at"].dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64))


def kept_of(dataset: Dataset, config: TrainingConfig) -> dict[str, Any]:
    """Return what the bundle keeps of its training: the configuration, and by moment what baselines know of it.

    `late` is the share late of the fit period, `hours` the mean hours late of all, `hours_if_late` those of the late.
    """
    known = {}
    for moment in config.moments:
        _, late, cases = dataset.part(Period.FIT, moment)
        hours = hours_late_of(cases)
        known[moment.value] = {
            "late": float(late.mean()),
            "hours": float(hours.mean()),
            "hours_if_late": float(hours[late].mean()),
        }
    return {"config": config.model_dump(mode="json"), "fit_known": known}


def judge(model: DelayModel, dataset: Dataset, known: Mapping[str, Mapping[str, float]]) -> dict[Moment, Judged]:
    """Score the test cases of every moment of the model.

    Parameters
    ----------
    known
        What baselines know of the fit period, from `kept_of`.
    """
    judged = {}
    for moment in model.boosters:
        values, late, cases = dataset.part(Period.TEST, moment)
        answered = ~model.abstains(values)
        values, late, cases = values[answered], late[answered], cases[answered]
        of_fit, probability = known[moment.value], model.probabilities(values, moment)
        share = np.array([of_fit["late"]])
        judged[moment] = Judged(
            late=late,
            probability=probability,
            baselines={"base_rate": base_rate(share, len(late)), "carrier_lane_rate": carrier_lane_rate(values)},
            days=days_of(cases),
            abstained=int((~answered).sum()),
            missed=model.missed.get(moment),
            hours=HoursLate(
                actual=hours_late_of(cases),
                expected=model.hours_late(values, moment),
                baselines={
                    "mean": np.full(len(late), of_fit["hours"]),
                    "risk_times_mean": probability * of_fit["hours_if_late"],
                },
            ),
            slices={
                "carrier": cases["carrier"].to_numpy(dtype=object),
                "lane": cases["lane"].to_numpy(dtype=object),
                "month": months_of(cases),
            },
        )
    return judged


def summary(judged: Mapping[_M, Judged], seed: int) -> dict[str, Any]:
    """Return the measures of every moment as plain JSON values."""
    moments = {}
    for moment, cases in judged.items():
        low, high = auc_interval(cases.late, cases.probability, cases.days, np.random.default_rng(seed))
        kept = (cases.late, cases.probability, cases.days, np.random.default_rng(seed))
        moments[str(moment)] = {
            **measures(cases.late, cases.probability),
            "abstained": cases.abstained,
            "auc_interval_95": [low, high],
            "baselines": {name: measures(cases.late, other) for name, other in cases.baselines.items()},
            "hours_late": None if cases.hours is None else _hours_measured(cases.hours, cases.days, seed),
            "missed": None if cases.missed is None else missed(cases.missed, *kept),
            "slices": slices(cases.slices, cases.late, cases.probability, cases.days, seed),
        }
    return {"moments": moments}


def _hours_measured(hours: HoursLate, days: NDArray[np.int64], seed: int) -> dict[str, Any]:
    """Return how far expected hours late are from those that came: root mean square and mean errors, in hours."""
    more = mean_interval(hours.actual - hours.expected, days, np.random.default_rng(seed))
    scorers = {"model": hours.expected, **hours.baselines}
    return {
        "mean": float(hours.actual.mean()),
        "expected": float(hours.expected.mean()),
        "more_late_interval_95": list(more),
        "root_mean_square_error": {
            name: float(np.sqrt(np.mean((told - hours.actual) ** 2))) for name, told in scorers.items()
        },
        "mean_error": {name: float(np.mean(np.abs(told - hours.actual))) for name, told in scorers.items()},
    }


def evaluate(
    model: DelayModel, training: dict[str, Any], folder: Path, progress: Progress | None = None
) -> tuple[dict[str, Any], dict[Moment, Judged]]:
    """Judge a model on the test period of the split that it was trained with.

    Parameters
    ----------
    training
        What the bundle keeps of its training, from `kept_of`.
    """
    config = TrainingConfig.model_validate(training["config"])
    dataset = make_dataset(folder, config, progress, periods=(Period.TEST,))
    judged = judge(model, dataset, training["fit_known"])
    same = fingerprint_of(folder) == model.fingerprints["data"]
    return {**about(model, config), "same_data_as_training": same, **summary(judged, config.seed)}, judged
