"""Judging the shortage model on the test period of its own split, beside baselines that need no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import LineMoment, ShortageCause
from models.baselines import base_rate, not_covered, share_by
from models.shortage import ShortageModel
from models.shortage_evidence import causes_of, quantities_at_risk
from training.about import about
from training.dataset import Dataset, fingerprint_of
from training.evaluate import Judged, days_of, summary
from training.report import Told
from training.shortage.config import ShortageConfig
from training.shortage.dataset import make_shortage_dataset
from training.slices import months_of
from training.splits import Period

RULE = "free_stock_lacks"
"""Baseline: does free stock at the cutoff not cover the line?"""
TOLD = Told("short", "order lines", RULE)
_FREE_TO_NEEDED, _NEEDED = INVENTORY_NAMES.index("free_to_needed"), INVENTORY_NAMES.index("needed")
LEAST_OF_A_CAUSE = 5


def judge_shortage(
    model: ShortageModel, dataset: Dataset, fit_shares: dict[str, Any]
) -> tuple[dict[LineMoment, Judged], dict[str, Any]]:
    """Score the test lines of every moment; return them, and by moment what is measured of the evidence.

    Lines of which the model abstains are left out and counted.
    """
    judged, beside = {}, {}
    for moment in model.boosters:
        values, short, cases = dataset.part(Period.TEST, moment)
        answered = ~model.abstains(values, cases["news_hours"].to_numpy(dtype=np.float64))
        values, short, cases = values[answered], short[answered], cases[answered]
        shares = fit_shares[moment.value]
        judged[moment] = Judged(
            late=short,
            probability=model.probabilities(values, moment),
            baselines={
                "base_rate": base_rate(np.array([shares["short"]]), len(short)),
                RULE: share_by(not_covered(values), tuple(shares["by_rule"])),
            },
            days=days_of(cases),
            slices={"warehouse": cases["warehouse"].to_numpy(dtype=object), "month": months_of(cases)},
        )
        beside[moment.value] = {
            "abstained": int((~answered).sum()),
            "ranked_by_free_to_needed": _ranked(short, -values[:, _FREE_TO_NEEDED]),
            "causes": _causes(values, short, cases, judged[moment]),
            "quantity": _quantity(values, short, cases),
            "covered_elsewhere": _covered(values, short, cases),
        }
    return judged, beside


def summary_of(judged: dict[LineMoment, Judged], beside: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return all measures as plain JSON values, by moment."""
    measured = summary(judged, seed)["moments"]
    return {"moments": {moment: {**found, **beside[moment]} for moment, found in measured.items()}}


def evaluate_lines(
    model: ShortageModel, training: dict[str, Any], folder: Path
) -> tuple[dict[str, Any], dict[LineMoment, Judged]]:
    """Judge a model on the test period of the split that it was trained with.

    Parameters
    ----------
    training
        What the bundle keeps of its training, see `training.shortage.fit.kept_of`.
    """
    config = ShortageConfig.model_validate(training["config"])
    dataset = make_shortage_dataset(folder, config)
    judged, beside = judge_shortage(model, dataset, training["fit_shares"])
    same = fingerprint_of(folder) == model.fingerprints["data"]
    found = summary_of(judged, beside, config.seed)
    return {**about(model, config), "same_data_as_training": same, **found}, judged


def _ranked(short: NDArray[np.bool_], score: NDArray[np.float64]) -> dict[str, float]:
    return {
        "auc": float(roc_auc_score(short, score)),
        "average_precision": float(average_precision_score(short, score)),
    }


def _causes(
    values: NDArray[np.float64], short: NDArray[np.bool_], cases: pd.DataFrame, judged: Judged
) -> dict[str, Any]:
    """Return how often the cause named beforehand is that of the label, and how well each cause is told from none."""
    told, named = cases["cause"].to_numpy(dtype=object)[short], causes_of(values)[short]
    by_cause = {}
    for cause in ShortageCause:
        of_it = short.copy()
        of_it[short] = told == cause.value
        if of_it.sum() >= LEAST_OF_A_CAUSE:
            compared = of_it | ~short
            by_cause[cause.value] = {
                "lines": int(of_it.sum()),
                "named_beforehand": float((named[told == cause.value] == cause.value).mean()),
                "auc": float(roc_auc_score(of_it[compared], judged.probability[compared])),
                "auc_of_rule": float(roc_auc_score(of_it[compared], judged.baselines[RULE][compared])),
            }
    return {
        "named_right": float((told == named).mean()),
        "most_frequent": float(pd.Series(told).value_counts(normalize=True).iloc[0]),
        "by_cause": by_cause,
    }


def _quantity(values: NDArray[np.float64], short: NDArray[np.bool_], cases: pd.DataFrame) -> dict[str, float | int]:
    """Return how far the quantity at risk is from what short lines lacked, beside taking all that they needed."""
    lacked = cases["quantity_short"].to_numpy(dtype=np.float64)
    chosen = short & ~np.isnan(lacked)
    lacked, risk, needed = lacked[chosen], quantities_at_risk(values)[chosen], values[chosen, _NEEDED]
    return {
        "lines": int(chosen.sum()),
        "mean_lacking_units": float(lacked.mean()),
        "mean_error_units": float(np.abs(risk - lacked).mean()),
        "mean_error_units_of_all_needed": float(np.abs(needed - lacked).mean()),
    }


def _covered(values: NDArray[np.float64], short: NDArray[np.bool_], cases: pd.DataFrame) -> float:
    """Return the share of short lines whose quantity at risk one other place could have given at the cutoff."""
    free = np.nan_to_num(cases["free_elsewhere"].to_numpy(dtype=np.float64))
    return float((free >= quantities_at_risk(values))[short].mean())
