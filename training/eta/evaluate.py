"""Judging intervals of arrival on the test period, decision after decision, each with what was known by then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.definitions import NAMES
from features.instants import micros_of
from features.progress import Progress
from features.tables import RecordTables
from features.vocabulary import Moment
from models.eta import EtaModel
from training.about import about
from training.config import EtaConfig
from training.dataset import Dataset, fingerprint_of, make_dataset
from training.eta.baselines import LaneHistory, corrected
from training.eta.fit import arrivals, outcomes_of
from training.eta.judged import JudgedArrivals, together
from training.eta.measures import covered, interval_measures
from training.eta.slices import slices
from training.metrics import mean_interval
from training.splits import Period

_TO_PROMISE = NAMES.index("hours_to_promise")


def judge_arrivals(model: EtaModel, dataset: Dataset, tables: RecordTables) -> dict[Moment, JudgedArrivals]:
    """Predict the test cases of every moment, each corrected by the outcomes known at its cutoff.

    The first of them are corrected by outcomes of the calibrate period, later ones by those of the test period as they
    became known; no booster is fitted again.
    """
    history = LaneHistory.of(tables, model.feature_settings)
    judged = {}
    for moment in model.outcomes:
        values, delay_hours = arrivals(dataset, Period.TEST, moment)
        cases = dataset.cases[dataset.chosen(Period.TEST, moment)]
        hours = model.hours(
            model.raw_hours(values, moment),
            cases["carrier"].to_numpy(dtype=object),
            micros_of(cases["cutoff_at"]),
            model.outcomes_with(moment, outcomes_of(model, dataset, moment)),
            -values[:, _TO_PROMISE],
        )
        hours[model.abstains(values)] = np.nan
        everything = JudgedArrivals(
            cases, values[:, _TO_PROMISE], delay_hours, hours, _baselines(history, model, dataset, moment), 0
        )
        answers = np.concatenate([hours, *everything.baselines.values()], axis=1)
        answered = np.flatnonzero(~np.isnan(answers).any(axis=1))
        judged[moment] = replace(everything.of(answered), abstained=len(cases) - len(answered))
    return judged


def _baselines(
    history: LaneHistory, model: EtaModel, dataset: Dataset, moment: Moment
) -> dict[str, NDArray[np.float64]]:
    """Return the quantiles of the test cases by each baseline; those corrected start from the same outcomes."""
    chosen = dataset.outcomes(moment)
    cases = dataset.cases[chosen]
    delay_hours = cases["delay_hours"].to_numpy(dtype=np.float64)
    by_promise, by_transit = history.by_promise(cases), history.by_transit(cases, dataset.values[chosen])
    test = (cases["period"] == Period.TEST.value).to_numpy()
    return {
        "lane_history": by_promise[test],
        "lane_history_corrected": corrected(by_promise, cases, delay_hours, model.window)[test],
        "lane_transit_corrected": corrected(by_transit, cases, delay_hours, model.window)[test],
    }


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
    dataset = make_dataset(folder, config, progress, periods=(Period.CALIBRATE, Period.TEST), awaited=True)
    judged = judge_arrivals(model, dataset, RecordTables.read(folder))
    same = fingerprint_of(folder) == model.fingerprints["data"]
    return {**about(model, config), "same_data_as_training": same, **summary(judged, config.seed)}, judged


def _measured(found: JudgedArrivals, seed: int) -> dict[str, Any]:
    model = interval_measures(found.hours, found.delay_hours)
    baselines = {name: interval_measures(hours, found.delay_hours) for name, hours in found.baselines.items()}
    inside = covered(found.hours, found.delay_hours)
    return {
        **model,
        "abstained": found.abstained,
        "coverage_interval_95": list(mean_interval(inside, found.days, np.random.default_rng(seed))),
        "baselines": baselines,
        "width_to_baseline": {
            name: model["median_width_hours"] / other["median_width_hours"] for name, other in baselines.items()
        },
    }
