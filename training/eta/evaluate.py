"""Judging intervals of arrival on the test period, decision after decision, each with what was known by then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import Progress
from features.history import DAY
from features.instants import micros_of
from features.tables import RecordTables
from features.vocabulary import Moment
from models.eta import EtaModel
from training.config import EtaConfig
from training.dataset import Dataset, fingerprint_of, make_dataset
from training.eta.baselines import lane_history, lane_quantiles
from training.eta.fit import arrivals, outcomes_of
from training.eta.measures import covered, interval_measures, mean_interval
from training.splits import Period


@dataclass(frozen=True, slots=True)
class JudgedArrivals:
    """Test cases of one moment.

    Attributes
    ----------
    cases
        Rows of `Dataset.cases`; n rows.
    delay_hours : float64 [n]
    hours : float64 [n, len(LEVELS)]
        The model's quantiles, corrected.
    baselines : float64 [n, len(LEVELS)] each
    """

    cases: pd.DataFrame
    delay_hours: NDArray[np.float64]
    hours: NDArray[np.float64]
    baselines: dict[str, NDArray[np.float64]]

    @property
    def days(self) -> NDArray[np.int64]:
        """Day of each cutoff: int64 [n]."""
        return micros_of(self.cases["cutoff_at"]) // DAY


def judge_arrivals(model: EtaModel, dataset: Dataset, tables: RecordTables) -> dict[Moment, JudgedArrivals]:
    """Predict the test cases of every moment, each corrected by the outcomes known at its cutoff.

    The first of them are corrected by outcomes of the calibrate period, later ones by those of the test period as they
    became known; no booster is fitted again.
    """
    history = lane_history(tables, model.feature_settings)
    judged = {}
    for moment in model.boosters:
        values, delay_hours = arrivals(dataset, Period.TEST, moment)
        cases = dataset.cases[dataset.chosen(Period.TEST, moment)]
        raw = model.raw_hours(values, moment)
        known = model.outcomes[moment].joined(outcomes_of(raw, cases))
        carriers, cutoffs = cases["carrier"].to_numpy(dtype=object), micros_of(cases["cutoff_at"])
        hours = model.hours(raw, carriers, cutoffs, known)
        lanes = lane_quantiles(history, cases)
        answered = np.flatnonzero(~np.isnan(hours).any(axis=1) & ~np.isnan(lanes).any(axis=1))
        judged[moment] = JudgedArrivals(
            cases.iloc[answered], delay_hours[answered], hours[answered], {"lane_history": lanes[answered]}
        )
    return judged


def summary(judged: dict[Moment, JudgedArrivals], seed: int) -> dict[str, Any]:
    """Return the measures of every moment and of all together as plain JSON values."""
    moments = {moment.value: _measured(found, seed) for moment, found in judged.items()}
    return {"overall": _measured(together(judged), seed), "moments": moments}


def together(judged: dict[Moment, JudgedArrivals]) -> JudgedArrivals:
    """Return the cases of all moments as one."""
    parts = list(judged.values())
    return JudgedArrivals(
        pd.concat([part.cases for part in parts]),
        np.concatenate([part.delay_hours for part in parts]),
        np.concatenate([part.hours for part in parts]),
        {name: np.concatenate([part.baselines[name] for part in parts]) for name in parts[0].baselines},
    )


def evaluate_arrivals(
    model: EtaModel, training: dict[str, Any], folder: Path, progress: Progress | None = None
) -> tuple[dict[str, Any], dict[Moment, JudgedArrivals]]:
    """Judge a model on the test period of the split that it was trained with.

    Parameters
    ----------
    training
        What the bundle keeps of its training: `config`.
    """
    config = EtaConfig.model_validate(training["config"])
    dataset = make_dataset(folder, config, progress, periods=(Period.TEST,))
    judged = judge_arrivals(model, dataset, RecordTables.read(folder))
    about = {
        "model": model.name,
        "version": model.version,
        "data": config.data,
        "same_data_as_training": fingerprint_of(folder) == model.fingerprints["data"],
        "period": [
            config.split.calibrate_until.isoformat(),
            config.split.test_until and config.split.test_until.isoformat(),
        ],
    }
    return {**about, **summary(judged, config.seed)}, judged


def _measured(found: JudgedArrivals, seed: int) -> dict[str, Any]:
    model = interval_measures(found.hours, found.delay_hours)
    baselines = {name: interval_measures(hours, found.delay_hours) for name, hours in found.baselines.items()}
    inside = covered(found.hours, found.delay_hours)
    return {
        **model,
        "coverage_interval_95": list(mean_interval(inside, found.days, np.random.default_rng(seed))),
        "baselines": baselines,
        "width_of_lane_history": model["median_width_hours"] / baselines["lane_history"]["median_width_hours"],
    }
