"""Shortage: P(an order line is picked short), one booster and one calibration a decision moment of the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.inventory.features import INVENTORY_FEATURES, INVENTORY_NAMES
from features.vocabulary import LineMoment
from models.calibration import Platt
from models.contracts import Explanation, ShortageScore
from models.explain import explain_scores
from models.learnt import NOTHING_NOTED, Learnt

Floats = NDArray[np.float64]

_ON_HAND = INVENTORY_NAMES.index("on_hand")


@dataclass(frozen=True, slots=True)
class LineRow:
    """Features of one order line at its cutoff.

    Attributes
    ----------
    values : float64 [len(INVENTORY_FEATURES)], NaN where unknown
    news_hours
        Since the newest known change of any stock at its place, NaN for none: `features.inventory.around`.
    """

    values: Floats
    news_hours: float


@dataclass(frozen=True, slots=True)
class ShortageModel:
    """A fitted, calibrated predictor of short picks.

    Attributes
    ----------
    fingerprints
        SHA-256 of `features` (declarations), `data` (training tables) and `model` (boosters).
    stale_after_hours
        For how long a place may be silent about its stock until that counts as unknown.
    learnt
        Between which values it has learnt; far outside it abstains.
    """

    name: str
    version: str
    fingerprints: Mapping[str, str]
    stale_after_hours: float
    boosters: Mapping[LineMoment, lgb.Booster]
    calibrations: Mapping[LineMoment, Platt]
    learnt: Learnt = NOTHING_NOTED

    def probabilities(self, values: Floats, moment: LineMoment) -> Floats:
        """Return calibrated probabilities of many lines: float64 [n] from float64 [n, len(INVENTORY_FEATURES)]."""
        threads = 1 if len(values) == 1 else 0
        raw = self.boosters[moment].predict(values, raw_score=True, num_threads=threads)
        return self.calibrations[moment].probability(np.asarray(raw, dtype=np.float64))

    def abstains(self, values: Floats, news_hours: Floats) -> NDArray[np.bool_]:
        """Tell of which lines the stock is unknown or stale, or something is out of range: bool [n]."""
        unknown = np.isnan(values[:, _ON_HAND]) | ~(news_hours <= self.stale_after_hours)
        return unknown | self.learnt.is_beyond(values)

    def score(self, row: LineRow, moment: LineMoment) -> ShortageScore:
        """Score one line; abstain where its stock is unknown, or told by a silent place, or a number out of range."""
        missing = self._missing(row)
        if moment not in self.boosters:
            missing = (*missing, f"the model was not trained for the moment {moment.value}")
        if missing:
            return ShortageScore(None, moment, missing)
        return ShortageScore(float(self.probabilities(row.values.reshape(1, -1), moment)[0]), moment, ())

    def scores(self, values: Floats, news_hours: Floats, moment: LineMoment) -> list[ShortageScore]:
        """Score many lines, each as `score` does: from float64 [n, len(INVENTORY_FEATURES)] and float64 [n]."""
        rows = [LineRow(row, float(hours)) for row, hours in zip(values, news_hours, strict=True)]
        if moment not in self.boosters or not rows:
            return [self.score(row, moment) for row in rows]
        found = zip(rows, self.probabilities(values, moment).tolist(), strict=True)
        missing = ((self._missing(row), probability) for row, probability in found)
        return [ShortageScore(None if why else probability, moment, why) for why, probability in missing]

    def explain(self, row: LineRow, moment: LineMoment) -> Explanation:
        """Explain the score of one line, exactly: contributions and base add up to its calibrated log-odds."""
        return self.explanations(row.values.reshape(1, -1), moment)[0]

    def explanations(self, values: Floats, moment: LineMoment) -> list[Explanation]:
        """Explain the scores of many lines, each as `explain` does: from float64 [n, len(INVENTORY_FEATURES)]."""
        return explain_scores(self.boosters[moment], self.calibrations[moment], values, INVENTORY_FEATURES)

    def _missing(self, row: LineRow) -> tuple[str, ...]:
        missing = self.learnt.told(row.values)
        if np.isnan(row.values[_ON_HAND]):
            missing = (*missing, "no stock of the article is on record at the place of the line")
        if np.isnan(row.news_hours):
            return (*missing, "nothing was ever told of stock at the place of the line")
        if row.news_hours > self.stale_after_hours:
            said = f"nothing was told of stock at the place for {row.news_hours:.0f} hours"
            return (*missing, f"{said}; after {self.stale_after_hours:g} it counts as unknown")
        return missing
