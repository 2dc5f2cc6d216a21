"""Judging intervals of arrival on the test period, decision after decision, each with what was known by then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from features.build import Progress
from features.definitions import NAMES
from features.instants import micros_of
from features.tables import RecordTables
from features.vocabulary import Moment
from models.eta import EtaModel
from training.config import EtaConfig
from training.dataset import Dataset, fingerprint_of, make_dataset
from training.eta.baselines import lane_history, lane_quantiles
from training.eta.fit import arrivals, outcomes_of
from training.eta.judged import JudgedArrivals, together
from training.eta.measures import covered, interval_measures, mean_interval
from training.eta.slices import slices
from training.splits import Period

_TO_PROMISE = NAMES.index("hours_to_promise")


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
        everything = JudgedArrivals(
            cases, values[:, _TO_PROMISE], delay_hours, hours, {"lane_history": lane_quantiles(history, cases)}, 0
        )
        answers = np.concatenate([hours, *everything.baselines.values()], axis=1)
        answered = np.flatnonzero(~np.isnan(answers).any(axis=1))
        judged[moment] = replace(everything.of(answered), abstained=len(cases) - len(answered))
    return judged


def summary(judged: dict[Moment, JudgedArrivals], seed: int) -> dict[str, Any]:
    """Return the measures of every moment and of all together, and their slices, as plain JSON values."""
    moments = {
        moment.value: {**_measured(found, seed), "slices": slices(found, seed)} for moment, found in judged.items()
    }
    overall = together(judged.values())
    return {"overall": {**_measured(overall, seed), "slices": slices(overall, seed)}, "moments": moments}


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
        "abstained": found.abstained,
        "coverage_interval_95": list(mean_interval(inside, found.days, np.random.default_rng(seed))),
        "baselines": baselines,
        "width_of_lane_history": model["median_width_hours"] / baselines["lane_history"]["median_width_hours"],
    }
