"""Reasons in words that add up to the score.

Contributions are exact Shapley values of the trees (Lundberg et al., 2020), as LightGBM computes them. Features of one
family (the same thing seen through several windows) make one reason; what is not listed is summed into a last one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from heapq import nlargest
from operator import attrgetter

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature
from features.definitions import FEATURES
from models.calibration import Platt
from models.contracts import Explanation, Reason

_WINDOW = re.compile(r"_\d+[hd]$")
_name = attrgetter("name")

RISK = ("raises the risk", "lowers the risk")
ARRIVAL = ("makes it later", "makes it earlier")
"""What is said of a reason that adds to what is predicted, and of one that takes from it."""


def explain_score(
    booster: lgb.Booster, calibration: Platt, values: NDArray[np.float64], features: Sequence[Feature] = FEATURES
) -> Explanation:
    """Explain the calibrated score of one row, float64 [len(features)], exactly: all adds up to its log-odds."""
    return explain_scores(booster, calibration, values.reshape(1, -1), features)[0]


def explain_scores(
    booster: lgb.Booster, calibration: Platt, values: NDArray[np.float64], features: Sequence[Feature] = FEATURES
) -> list[Explanation]:
    """Explain the calibrated scores of rows, float64 [n, len(features)], each as `explain_score` does."""
    threads = 1 if len(values) == 1 else 0
    parts = booster.predict(values, pred_contrib=True, num_threads=threads)
    scaled = np.asarray(parts, dtype=np.float64) * calibration.slope
    rows = zip(scaled.tolist(), values.tolist(), strict=True)
    return [explain(row[-1] + calibration.intercept, row[:-1], given, features=features) for row, given in rows]


@cache
def _families(names: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the positions of features that are one thing seen through several windows, family by family."""
    families: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        families.setdefault(_WINDOW.sub("", name), []).append(index)
    return tuple(map(tuple, families.values()))


@cache
def _family_of(names: tuple[str, ...]) -> tuple[int, ...]:
    """Return for each feature which of the families it belongs to."""
    found = {index: family for family, members in enumerate(_families(names)) for index in members}
    return tuple(found[index] for index in range(len(names)))


def _totals(names: tuple[str, ...], contributions: Sequence[float]) -> list[float]:
    """Return what each family contributes; no tree asks for most features, so most add nothing."""
    family_of, parts = _family_of(names), dict[int, list[float]]()
    for index, part in enumerate(contributions):
        if part:
            parts.setdefault(family_of[index], []).append(part)
    totals = [0.0] * len(_families(names))
    for family, found in parts.items():
        totals[family] = math.fsum(found)
    return totals


def explain(
    base_log_odds: float,
    contributions: Sequence[float],
    values: Sequence[float],
    *,
    features: Sequence[Feature] = FEATURES,
    top: int = 5,
    ways: tuple[str, str] = RISK,
) -> Explanation:
    """Turn contributions to the log-odds into an explanation.

    Parameters
    ----------
    base_log_odds
        Log-odds of the average case.
    contributions, values : float [len(features)]
    top
        How many reasons to name.
    ways
        What is said of a reason that adds something, and of one that takes something away.
    """
    names = tuple(map(_name, features))
    families, totals = _families(names), _totals(names, contributions)
    listed = nlargest(top, range(len(totals)), key=lambda family: abs(totals[family]))
    rest = math.fsum(total for family, total in enumerate(totals) if total and family not in listed)
    reasons = []
    for family in listed:
        total = totals[family]
        loudest = max(families[family], key=lambda index: abs(contributions[index]))
        value, feature = values[loudest], features[loudest]
        known = None if math.isnan(value) else float(value)
        reasons.append(Reason(feature.name, known, total, words(feature, known, total, ways)))
    reasons.append(Reason("", None, rest, f"everything else ({_direction(rest, ways)})"))
    log_odds = base_log_odds + math.fsum(contributions)
    named = tuple(zip(names, map(float, contributions), strict=True))
    return Explanation(base_log_odds, named, log_odds, tuple(reasons))


def words(feature: Feature, value: float | None, part: float, ways: tuple[str, str] = RISK) -> str:
    """Return one reason in plain words, for staff."""
    meaning = feature.meaning[0].upper() + feature.meaning[1:]
    if value is None:
        return f"{meaning} is not known ({_direction(part, ways)})"
    if feature.unit == "flag":
        return f"{meaning}: {'yes' if value else 'no'} ({_direction(part, ways)})"
    return f"{meaning}: {_shown(value, feature.unit)} ({_direction(part, ways)})"


def _shown(value: float, unit: str) -> str:
    match unit:
        case "share":
            return f"{value:.0%}".replace("%", " %")
        case "hour of day":
            minutes = round(value * 60) % (24 * 60)
            return f"{minutes // 60:02d}:{minutes % 60:02d}"
        case "Monday 0":
            return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[int(value) % 7]
        case (
            "legs"
            | "shipments"
            | "pieces"
            | "rank"
            | "minutes"
            | "lines"
            | "lots"
            | "picks"
            | "holders"
            | "adjustments"
        ):
            return f"{value:.0f} {unit}"
        case "units":
            return f"{value:.10g} {unit}"
        case _:
            return f"{value:.1f} {unit}"


def _direction(part: float, ways: tuple[str, str]) -> str:
    return ways[0] if part > 0 else ways[1]
