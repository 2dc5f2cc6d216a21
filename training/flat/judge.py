"""Judging a flat table: by folds that never part what belongs together, by order, and beside a known truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.progress import Progress
from training.evaluate import Judged, summary
from training.flat.config import FlatConfig, InOrder
from training.flat.fit import calibration_of, scorer_of
from training.flat.groups import folds_of, groups_of
from training.flat.table import FlatTable, read_table
from training.flat.truth import beside_truth
from training.metrics import ap_interval, measures

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_BLOCKS = 400
"""Into so many blocks rows without days are cut along their order, to be resampled as a whole."""


@dataclass(slots=True)
class _Steps:
    """Counts boosters that were fitted, for the bar."""

    total: int
    told: Progress | None
    done: int = 0

    def one(self, count: int) -> None:
        self.done += count
        if self.told is not None:
            self.told(self.done, self.total)


def judge_flat(
    folder: Path, config: FlatConfig, progress: Progress | None = None
) -> tuple[dict[str, Any], dict[str, Judged]]:
    """Judge a flat table as its configuration says; return plain JSON values, and what is drawn.

    Raises
    ------
    FlatTableError
        If the table cannot be read.
    """
    table = read_table(folder, config)
    variants = {"all columns": table.values}
    if config.suspects:
        variants["without suspects"] = table.without(config.suspects)
    folds = config.together.folds if config.together is not None else 0
    steps = _Steps(config.bags * len(variants) * (folds + (config.later is not None)), progress)
    result: dict[str, Any] = {
        "model": config.name,
        "version": "judged on later rows",
        "data": config.data,
        "n": len(table.label),
        "yes": int(table.label.sum()),
        "suspects": list(config.suspects),
    }
    drawn: dict[str, Judged] = {}
    if config.together is not None:
        groups = groups_of(table.frame, config.columns, config.together)
        fold = folds_of(groups, folds, np.random.default_rng(config.seed))
        size = np.bincount(groups)
        result["version"] = "cross-validated" if config.later is None else "cross-validated, and on later rows"
        alone = int((size[groups] == 1).sum())
        result["groups"] = {"groups": len(size), "largest": int(size.max()), "rows_alone": alone}
        for name, values in variants.items():
            drawn[name] = _by_folds(table, values, config, groups, fold, steps)
            result.setdefault("by_fold", {})[name] = _fold_means(drawn[name], fold, folds)
    if config.later is not None:
        order, blocks = order_of(table, config.later)
        for name, values in variants.items():
            judged, rows = _later(table, values, config, config.later, order, blocks, steps)
            drawn[f"later rows, {name}" if config.suspects else "later rows"] = judged
            if config.truth is not None and name == "all columns":
                found = beside_truth(table, config.truth, rows, judged.probability, judged.days, config.seed)
                result["truth"] = found
    result["moments"] = summary(drawn, config.seed)["moments"]
    for name, judged in drawn.items():
        rng = np.random.default_rng(config.seed)
        interval = ap_interval(judged.late, judged.probability, judged.days, rng)
        result["moments"][name]["average_precision_interval_95"] = list(interval)
    return result, drawn


def _by_folds(table: FlatTable, values: Floats, config: FlatConfig, groups: Ints, fold: Ints, steps: _Steps) -> Judged:
    """Score each fold by what was fitted on the others, and calibrate it on the scores of the others.

    Neither its trees nor its calibration learn from a label of the fold, but the scores that the calibration is fitted
    to come of trees that did. A curve of three numbers cannot carry much of that.
    """
    raw, probability = np.zeros(len(fold)), np.zeros(len(fold))
    baselines = {name: np.zeros(len(fold)) for name in ("base_rate", *config.rules, *config.shares_by)}
    for each in np.unique(fold):
        inside = fold == each
        raw[inside] = scorer_of(values[~inside], table.label[~inside], config)(values[inside])
        for name, told in _baselines(table, config, ~inside).items():
            baselines[name][inside] = told[inside]
        steps.one(config.bags)
    for each in np.unique(fold):
        inside = fold == each
        calibration = calibration_of(raw[~inside], table.label[~inside], config.calibration)
        probability[inside] = calibration(raw[inside])
    return Judged(table.label, probability, baselines, groups)


def _later(
    table: FlatTable, values: Floats, config: FlatConfig, split: InOrder, order: Ints, blocks: Ints, steps: _Steps
) -> tuple[Judged, Ints]:
    """Fit on the first rows, calibrate on the next, judge on the last; return those too, by position."""
    ends = [int(len(order) * split.fit), int(len(order) * (split.fit + split.calibrate))]
    fit, held, rows = order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] :]
    scorer = scorer_of(values[fit], table.label[fit], config)
    steps.one(config.bags)
    calibration = calibration_of(scorer(values[held]), table.label[held], config.calibration)
    known = np.zeros(len(order), dtype=bool)
    known[order[: ends[1]]] = True
    baselines = {name: told[rows] for name, told in _baselines(table, config, known).items()}
    return Judged(table.label[rows], calibration(scorer(values[rows])), baselines, blocks[rows]), rows


def _baselines(table: FlatTable, config: FlatConfig, known: Bools) -> dict[str, Floats]:
    """Return baselines of all rows, learnt from those that are known: float64 [n] each."""
    label, frame = table.label, table.frame
    base = float(label[known].mean())
    found = {"base_rate": np.full(len(label), base)}
    answers = {name: (frame[low] < frame[high]).to_numpy() for name, (low, high) in config.rules.items()}
    answers |= {name: frame[name].to_numpy(dtype=object) for name in config.shares_by}
    for name, answer in answers.items():
        found[name] = np.full(len(label), base)
        for value in set(answer[known].tolist()):
            found[name][answer == value] = float(label[known & (answer == value)].mean())
    return found


def order_of(table: FlatTable, split: InOrder) -> tuple[Ints, Ints]:
    """Return the rows in order, and the block of each to be resampled as a whole: days, or stretches of the order."""
    if split.column is None and table.at is not None:
        order = np.argsort(table.at.to_numpy(), kind="stable")
        return order, np.asarray(table.at.to_numpy().astype("datetime64[D]").astype(np.int64))
    order = np.argsort(table.frame[split.column].to_numpy(), kind="stable")
    blocks = np.empty(len(order), dtype=np.int64)
    blocks[order] = np.arange(len(order)) * _BLOCKS // len(order)
    return order, blocks


def _fold_means(judged: Judged, fold: Ints, folds: int) -> dict[str, float]:
    """Return the mean over the folds of what each measures alone."""
    each = [measures(judged.late[fold == one], judged.probability[fold == one]) for one in range(folds)]
    return {name: float(np.mean([one[name] for one in each])) for name in ("auc", "average_precision")}
