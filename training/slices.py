"""Where probabilities hold and where not: by carrier, lane and month, or whatever a case is told apart by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from training.metrics import Bools, Floats, auc_interval, mean_interval

LEAST_CASES = 100
"""A slice of fewer cases is not listed: its interval would say nothing."""
LEAST_DAYS = 5
"""Nor is one of fewer days: they are what is resampled."""
LEAST_OF_EACH = 10
"""With fewer of either outcome a slice has no AUC."""
AT_MOST = 20
"""So many slices of one kind are listed, the largest."""

Names = Mapping[str, NDArray[np.object_]]
"""Kinds of slices; of each the name of the slice that each case is in, None where it is in none."""


def months_of(cases: pd.DataFrame) -> NDArray[np.object_]:
    """Return the month of each cutoff, e.g. 2026-03: str [n]."""
    return np.asarray(cases["cutoff_at"].dt.strftime("%Y-%m").to_numpy(dtype=object))


def slices(
    names: Names, late: Bools, probability: Floats, days: NDArray[np.int64], seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Return what was predicted and what came in each slice as plain JSON values, the largest slice first.

    Parameters
    ----------
    late : bool [n]
    probability : float64 [n]
    days : int64 [n]
        Blocks that are resampled as a whole.

    Returns
    -------
    dict
        Of each kind a list of `name`, `n`, `late` and `predicted` (shares), `more_late_interval_95` (of the difference
        of the two), `auc` and `auc_interval_95` (None with few cases of either outcome).
    """
    return {kind: _of_kind(of, late, probability, days, seed) for kind, of in names.items()}


def _of_kind(
    names: NDArray[np.object_], late: Bools, probability: Floats, days: NDArray[np.int64], seed: int
) -> list[dict[str, Any]]:
    cases = pd.DataFrame({"name": names, "day": days}).groupby("name")["day"].agg(["size", "nunique"])
    cases = cases[(cases["size"] >= LEAST_CASES) & (cases["nunique"] >= LEAST_DAYS)]
    found = []
    for name, count in cases["size"].sort_values(ascending=False, kind="stable").head(AT_MOST).items():
        chosen = names == name
        row = _measured(late[chosen], probability[chosen], days[chosen], seed)
        found.append({"name": str(name), "n": int(count), **row})
    return found


def _measured(late: Bools, probability: Floats, days: NDArray[np.int64], seed: int) -> dict[str, Any]:
    more_late = mean_interval(late - probability, days, np.random.default_rng(seed))
    told_apart = min(int(late.sum()), int((~late).sum())) >= LEAST_OF_EACH
    return {
        "late": float(late.mean()),
        "predicted": float(probability.mean()),
        "more_late_interval_95": list(more_late),
        "auc": float(roc_auc_score(late, probability)) if told_apart else None,
        "auc_interval_95": list(auc_interval(late, probability, days, np.random.default_rng(seed)))
        if told_apart
        else None,
    }
