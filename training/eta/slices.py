"""Where intervals of arrival hold and where not: by carrier, by lane and by hours before the promised arrival."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from training.eta.judged import JudgedArrivals
from training.eta.measures import covered
from training.metrics import mean_interval

LEAST_LEGS = 100
"""A slice of fewer legs is not listed: its interval would say nothing."""

_HOURS = (-np.inf, 2.0, 4.0, 6.0, 12.0, 24.0, 48.0, np.inf)
_HOURS_NAMED = ("under 2", "2 to 4", "4 to 6", "6 to 12", "12 to 24", "24 to 48", "48 and more")


def slices(found: JudgedArrivals, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Return coverage and width of each slice as plain JSON values, the largest first; hours rise.

    Returns
    -------
    dict
        `carrier`, `lane` and `hours_before_arrival`, each a list of `name`, `legs` (shipments), `n` (decisions),
        `coverage`, `coverage_interval_95`, `earlier`, `later`, `median_width_hours` and `width_to_lane_history`.
    """
    by_hours = pd.cut(found.hours_to_promise, _HOURS, right=False, labels=list(_HOURS_NAMED))
    return {
        "carrier": _by(found, found.cases["carrier"].to_numpy(dtype=object), seed),
        "lane": _by(found, found.cases["lane"].to_numpy(dtype=object), seed),
        "hours_before_arrival": sorted(
            _by(found, np.asarray(by_hours, dtype=object), seed), key=lambda each: _HOURS_NAMED.index(each["name"])
        ),
    }


def _by(found: JudgedArrivals, key: np.ndarray[tuple[int], np.dtype[np.object_]], seed: int) -> list[dict[str, Any]]:
    rows = []
    for name in pd.unique(key[~pd.isna(key)]):
        part = found.of(np.flatnonzero(key == name))
        legs = part.cases["shipment_id"].nunique()
        if legs >= LEAST_LEGS:
            rows.append({"name": str(name), "legs": int(legs), **_measured(part, seed)})
    return sorted(rows, key=lambda row: -row["legs"])


def _measured(part: JudgedArrivals, seed: int) -> dict[str, Any]:
    inside = covered(part.hours, part.delay_hours)
    lane = part.baselines["lane_history"]
    width, usual = (float(np.median(hours[:, -1] - hours[:, 0])) for hours in (part.hours, lane))
    return {
        "n": len(inside),
        "coverage": float(inside.mean()),
        "coverage_interval_95": list(mean_interval(inside, part.days, np.random.default_rng(seed))),
        "earlier": float((part.delay_hours < part.hours[:, 0]).mean()),
        "later": float((part.delay_hours > part.hours[:, -1]).mean()),
        "median_width_hours": width,
        "width_to_lane_history": width / usual,
    }
