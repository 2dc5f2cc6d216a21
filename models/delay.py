"""Delay risk: P(delivered after the promise), one booster and one calibration a decision moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.definitions import NAMES
from features.settings import FeatureSettings
from features.state import FeatureRow
from features.vocabulary import Moment, Verdict
from models.calibration import Platt
from models.contracts import DelayScore, Explanation
from models.explain import explain_score
from models.learnt import NOTHING_NOTED, Learnt
from models.missed import MissedBound

Floats = NDArray[np.float64]

_TO_PROMISE = NAMES.index("hours_to_promise")


@dataclass(frozen=True, slots=True)
class VerdictThresholds:
    """From which probability a shipment counts as behind, and from which it cannot make it."""

    behind: float = 0.5
    cannot_make_it: float = 0.9


@dataclass(frozen=True, slots=True)
class Lateness:
    """By how many hours those come late that do, from boosted trees, and on average those that count as in time."""

    booster: lgb.Booster
    in_time_hours: float


@dataclass(frozen=True, slots=True)
class DelayModel:
    """A fitted, calibrated predictor of lateness.

    Attributes
    ----------
    fingerprints
        SHA-256 of `features` (declarations and settings), `data` (training tables) and `model` (boosters).
    missed
        The probability below which late shipments may be passed over, and how many that misses at most; a moment
        with too few late shipments to say so is not among them.
    lateness
        By how many hours those come that come late, by moment.
    learnt
        Between which values it has learnt; far outside it abstains.
    """

    name: str
    version: str
    fingerprints: Mapping[str, str]
    feature_settings: FeatureSettings
    thresholds: VerdictThresholds
    boosters: Mapping[Moment, lgb.Booster]
    calibrations: Mapping[Moment, Platt]
    missed: Mapping[Moment, MissedBound] = field(default_factory=dict)
    lateness: Mapping[Moment, Lateness] = field(default_factory=dict)
    learnt: Learnt = NOTHING_NOTED

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The moments that it was trained for."""
        return tuple(self.boosters)

    def probabilities(self, values: Floats, moment: Moment) -> Floats:
        """Return calibrated probabilities of many rows of one moment: float64 [n] from float64 [n, len(FEATURES)]."""
        return self.calibrations[moment].probability(self._raw(values, moment))

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        """Score one row; abstain where what the score cannot do without is missing, out of date or out of range."""
        missing = (*row.missing, *self.learnt.told(row.values))
        if moment not in self.boosters:
            missing = (*missing, f"the model was not trained for the moment {moment.value}")
        if missing:
            return DelayScore(None, Verdict.CANNOT_DETERMINE, moment, missing)
        raw = self._raw(row.values.reshape(1, -1), moment)
        probability = float(self.calibrations[moment].probability(raw)[0])
        return DelayScore(probability, self._verdict(probability, float(row.values[_TO_PROMISE])), moment, ())

    def hours_late(self, values: Floats, moment: Moment) -> Floats:
        """Return by how many hours each row is expected to come after its promise, one in time counting as 0.

        It is the calibrated risk times the hours of one that comes late, and never less than what has passed since the
        promise.

        Parameters
        ----------
        values : float64 [n, len(FEATURES)]

        Returns
        -------
        float64 [n], not negative; NaN where the model has not learnt it
        """
        if moment not in self.lateness:
            return np.full(len(values), np.nan)
        of, risk = self.lateness[moment], self.probabilities(values, moment)
        threads = 1 if len(values) == 1 else 0
        if_late = np.maximum(np.asarray(of.booster.predict(values, num_threads=threads), dtype=np.float64), 0.0)
        return np.fmax(risk * if_late + (1.0 - risk) * of.in_time_hours, -values[:, _TO_PROMISE])

    def abstains(self, values: Floats) -> NDArray[np.bool_]:
        """Tell of which rows something is out of date or out of range: bool [n] from float64 [n, len(FEATURES)]."""
        return self.learnt.is_beyond(values)

    def explain(self, row: FeatureRow, moment: Moment) -> Explanation:
        """Explain the score of one row, exactly: contributions and base add up to its calibrated log-odds."""
        return explain_score(self.boosters[moment], self.calibrations[moment], row.values)

    def _raw(self, values: Floats, moment: Moment) -> Floats:
        threads = 1 if len(values) == 1 else 0
        raw = self.boosters[moment].predict(values, raw_score=True, num_threads=threads)
        return np.asarray(raw, dtype=np.float64)

    def _verdict(self, probability: float, hours_to_promise: float) -> Verdict:
        if hours_to_promise < 0:
            return Verdict.ALREADY_PAST
        if probability >= self.thresholds.cannot_make_it:
            return Verdict.CANNOT_MAKE_IT
        return Verdict.BEHIND if probability >= self.thresholds.behind else Verdict.ON_TIME
