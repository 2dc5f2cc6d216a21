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
from training.metrics import auc_interval, measures
from training.missed import missed
from training.slices import Names, months_of, slices
from training.splits import Period

_M = TypeVar("_M", bound=str)


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
    slices
        By what cases are told apart, each object [n].
    """

    late: NDArray[np.bool_]
    probability: NDArray[np.float64]
    baselines: dict[str, NDArray[np.float64]]
    days: NDArray[np.int64]
    missed: MissedBound | None = None
    slices: Names = field(default_factory=dict)


def days_of(cases: pd.DataFrame) -> NDArray[np.int64]:
    """Return the day of each cutoff: int64 [n]."""
    return np.asarray(cases["cutoff_at"].dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64))


def judge(model: DelayModel, dataset: Dataset, fit_late_share: dict[str, float]) -> dict[Moment, Judged]:
    """Score the test cases of every moment of the model."""
    judged = {}
    for moment in model.boosters:
        values, late, cases = dataset.part(Period.TEST, moment)
        share = np.array([fit_late_share[moment.value]])
        judged[moment] = Judged(
            late=late,
            probability=model.probabilities(values, moment),
            baselines={"base_rate": base_rate(share, len(late)), "carrier_lane_rate": carrier_lane_rate(values)},
            days=days_of(cases),
            missed=model.missed.get(moment),
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
            "auc_interval_95": [low, high],
            "baselines": {name: measures(cases.late, other) for name, other in cases.baselines.items()},
            "missed": None if cases.missed is None else missed(cases.missed, *kept),
            "slices": slices(cases.slices, cases.late, cases.probability, cases.days, seed),
        }
    return {"moments": moments}


def evaluate(
    model: DelayModel, training: dict[str, Any], folder: Path, progress: Progress | None = None
) -> tuple[dict[str, Any], dict[Moment, Judged]]:
    """Judge a model on the test period of the split that it was trained with.

    Parameters
    ----------
    training
        What the bundle keeps of its training: `config` and `fit_late_share`.
    """
    config = TrainingConfig.model_validate(training["config"])
    dataset = make_dataset(folder, config, progress, periods=(Period.TEST,))
    judged = judge(model, dataset, training["fit_late_share"])
    same = fingerprint_of(folder) == model.fingerprints["data"]
    return {**about(model, config), "same_data_as_training": same, **summary(judged, config.seed)}, judged
