"""Arrival: quantiles of the delay against the promise, one booster a moment and level, corrected by recent outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.history import DAY
from features.instants import micros
from features.settings import FeatureSettings
from features.state import FeatureRow
from features.vocabulary import Moment
from models.conformal import Outcomes
from models.contracts import ArrivalExplanation, ArrivalReason, EtaScore
from models.explain import ARRIVAL, explain
from models.learnt import NOTHING_NOTED, Learnt

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

LEVELS = (0.1, 0.5, 0.9)
"""What is predicted: the time by which one in ten, half and nine in ten such shipments have arrived."""

_MEDIAN = LEVELS.index(0.5)

LEAST_LATER = 9
"""So many outcomes that came still later must be known to say when one arrives that is overdue: the least of which one
in ten lies below the lowest and one in ten above the highest."""

NARROWEST_HOURS = 0.05
"""Residuals are told in widths of the predicted interval; one narrower than three minutes counts as three minutes."""


@dataclass(frozen=True, slots=True)
class Window:
    """From which outcomes a decision is corrected: see `training.config.Recalibration`."""

    days: int
    least_outcomes: int


@dataclass(frozen=True, slots=True)
class EtaModel:
    """A fitted predictor of arrival.

    Attributes
    ----------
    fingerprints
        SHA-256 of `features` (declarations and settings), `data` (training tables) and `model` (boosters).
    outcomes
        Residuals known when the model was made, by moment: where the correction starts from.
    learnt
        Between which values it has learnt; far outside it abstains.
    """

    name: str
    version: str
    fingerprints: Mapping[str, str]
    feature_settings: FeatureSettings
    window: Window
    boosters: Mapping[Moment, tuple[lgb.Booster, ...]]
    outcomes: Mapping[Moment, Outcomes]
    learnt: Learnt = NOTHING_NOTED

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The moments that it was trained for."""
        return tuple(self.boosters)

    def raw_hours(self, values: Floats, moment: Moment) -> Floats:
        """Return the delay quantiles as boosted, in order, before any correction: float64 [n, len(LEVELS)], hours."""
        threads = 1 if len(values) == 1 else 0
        columns = [booster.predict(values, num_threads=threads) for booster in self.boosters[moment]]
        return np.sort(np.stack(columns, axis=1).astype(np.float64), axis=1)

    def hours(self, raw: Floats, carriers: Texts, at: Ints, outcomes: Outcomes, passed: Floats | None = None) -> Floats:
        """Return the delay quantiles corrected by the outcomes known at each decision: float64 [n, len(LEVELS)], hours.

        That one has not come by now is information too: nothing that is past is told. Where even the median is, the
        quantiles are those of the latest outcomes that came later than now, as many widths after what was predicted.

        Parameters
        ----------
        raw : float64 [n, len(LEVELS)]
            From `raw_hours`.
        carriers : text [n]
        at : int64 [n], microseconds
        outcomes
            Of the same moment, from `residuals`; those known later change nothing.
        passed : float64 [n], hours
            Since the promise, negative before it, with no arrival known; None: nothing is said of it.

        Returns
        -------
        float64 [n, len(LEVELS)]
            NaN where too few outcomes are known.
        """
        window, widths = self.window.days * DAY, _widths(raw)
        moved = outcomes.quantiles(carriers, at, window=window, levels=LEVELS, least=self.window.least_outcomes)
        found = np.sort(raw + moved * widths[:, None], axis=1)
        if passed is None:
            return found
        rows = np.flatnonzero(found[:, _MEDIAN] < passed)
        above = (passed[rows] - raw[rows, _MEDIAN]) / widths[rows]
        later = outcomes.quantiles_above(
            carriers[rows], at[rows], above, column=_MEDIAN, window=window, levels=LEVELS, least=LEAST_LATER
        )
        found[rows] = raw[rows, _MEDIAN, None] + later * widths[rows, None]
        return np.maximum(found, passed[:, None])

    def abstains(self, values: Floats) -> NDArray[np.bool_]:
        """Tell of which rows something is out of date or out of range: bool [n] from float64 [n, len(FEATURES)]."""
        return self.learnt.is_beyond(values)

    def outcomes_with(self, moment: Moment, others: Outcomes) -> Outcomes:
        """Return the outcomes that were known when the model was made, and of others those that were known later."""
        kept = self.outcomes[moment]
        return kept.joined(others.known_from(int(kept.known.max()) + 1))

    def score(
        self,
        row: FeatureRow,
        moment: Moment,
        carrier_id: str,
        promised_at: datetime | None,
        as_of: datetime,
        outcomes: Outcomes | None = None,
        *,
        is_awaited: bool = True,
    ) -> EtaScore:
        """Score one row; abstain where what the score cannot do without is missing, out of date or out of range.

        Parameters
        ----------
        outcomes
            What to correct it by, from `outcomes_with`; without, what was known when the model was made.
        is_awaited
            Whether it is not known to have come; then nothing that is past is told.
        """
        missing = (*row.missing, *self.learnt.told(row.values))
        if moment not in self.boosters:
            missing = (*missing, f"the model was not trained for the moment {moment.value}")
        if missing or promised_at is None:
            return EtaScore(None, None, None, moment, missing or ("no promise is given",))
        passed = as_of - promised_at if is_awaited else None
        hours = self._hours_of_one(row, moment, carrier_id, as_of, outcomes, passed)
        if np.isnan(hours).any():
            return EtaScore(None, None, None, moment, (self._too_few(row, moment, carrier_id, as_of, outcomes),))
        early, median, late = (promised_at + timedelta(hours=float(each)) for each in hours)
        return EtaScore(early, median, late, moment, ())

    def explain(
        self,
        row: FeatureRow,
        moment: Moment,
        carrier_id: str,
        promised_at: datetime,
        as_of: datetime,
        outcomes: Outcomes | None = None,
        *,
        is_awaited: bool = True,
    ) -> ArrivalExplanation:
        """Explain the middle of the arrival of one row that `score` answers, exactly: all parts add up to its delay.

        They are the Shapley values of the trees whose quantile lies in the middle; what the newest outcomes move it by,
        and that it has not come by now, is a reason of its own.
        """
        values = row.values.reshape(1, -1)
        boosters = self.boosters[moment]
        middle = int(np.argsort([float(each.predict(values, num_threads=1)[0]) for each in boosters])[_MEDIAN])
        parts = np.asarray(boosters[middle].predict(values, pred_contrib=True, num_threads=1), dtype=np.float64)[0]
        passed = as_of - promised_at if is_awaited else None
        hours = float(self._hours_of_one(row, moment, carrier_id, as_of, outcomes, passed)[_MEDIAN])
        told = explain(float(parts[-1]), parts[:-1].tolist(), row.values.tolist(), ways=ARRIVAL)
        correction = hours - told.log_odds
        reasons = [ArrivalReason(each.feature, each.value, each.log_odds, each.words) for each in told.reasons]
        direction = ARRIVAL[0] if correction > 0 else ARRIVAL[1]
        reasons.append(ArrivalReason("", None, correction, f"What came of such shipments lately ({direction})"))
        return ArrivalExplanation(told.base_log_odds, told.contributions, correction, hours, tuple(reasons))

    def _hours_of_one(
        self,
        row: FeatureRow,
        moment: Moment,
        carrier_id: str,
        as_of: datetime,
        outcomes: Outcomes | None,
        passed: timedelta | None,
    ) -> Floats:
        raw = self.raw_hours(row.values.reshape(1, -1), moment)
        carrier = np.array([carrier_id], dtype=object)
        known = self.outcomes[moment] if outcomes is None else outcomes
        hours = None if passed is None else np.array([passed / timedelta(hours=1)])
        return np.asarray(self.hours(raw, carrier, np.array([micros(as_of)]), known, hours)[0])

    def _too_few(
        self, row: FeatureRow, moment: Moment, carrier_id: str, as_of: datetime, known: Outcomes | None
    ) -> str:
        days = self.window.days
        if np.isnan(self._hours_of_one(row, moment, carrier_id, as_of, known, None)).any():
            return f"fewer than {self.window.least_outcomes} outcomes are known of the last {days} days"
        return f"it is overdue, and fewer than {LEAST_LATER} such shipments of the last {days} days came still later"


def residuals(raw: Floats, delay_hours: Floats) -> Floats:
    """Return by how many widths of its interval each quantile was passed: float64 [n, len(LEVELS)]."""
    return (delay_hours[:, None] - raw) / _widths(raw)[:, None]


def _widths(raw: Floats) -> Floats:
    return np.maximum(raw[:, -1] - raw[:, 0], NARROWEST_HOURS)
