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
from models.contracts import EtaScore

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

LEVELS = (0.1, 0.5, 0.9)
"""What is predicted: the time by which one in ten, half and nine in ten such shipments have arrived."""

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
    """

    name: str
    version: str
    fingerprints: Mapping[str, str]
    feature_settings: FeatureSettings
    window: Window
    boosters: Mapping[Moment, tuple[lgb.Booster, ...]]
    outcomes: Mapping[Moment, Outcomes]

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The moments that it was trained for."""
        return tuple(self.boosters)

    def raw_hours(self, values: Floats, moment: Moment) -> Floats:
        """Return the delay quantiles as boosted, in order, before any correction: float64 [n, len(LEVELS)], hours."""
        threads = 1 if len(values) == 1 else 0
        columns = [booster.predict(values, num_threads=threads) for booster in self.boosters[moment]]
        return np.sort(np.stack(columns, axis=1).astype(np.float64), axis=1)

    def hours(self, raw: Floats, carriers: Texts, at: Ints, outcomes: Outcomes) -> Floats:
        """Return the delay quantiles corrected by the outcomes known at each decision: float64 [n, len(LEVELS)], hours.

        Parameters
        ----------
        raw : float64 [n, len(LEVELS)]
            From `raw_hours`.
        carriers : text [n]
        at : int64 [n], microseconds
        outcomes
            Of the same moment, from `residuals`; those known later change nothing.

        Returns
        -------
        float64 [n, len(LEVELS)]
            NaN where too few outcomes are known.
        """
        moved = outcomes.quantiles(
            carriers, at, window=self.window.days * DAY, levels=LEVELS, least=self.window.least_outcomes
        )
        return np.sort(raw + moved * _widths(raw)[:, None], axis=1)

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
    ) -> EtaScore:
        """Score one row; abstain where something that the score cannot do without is missing.

        Parameters
        ----------
        outcomes
            What to correct it by, from `outcomes_with`; without, what was known when the model was made.
        """
        missing = row.missing
        if moment not in self.boosters:
            missing = (*missing, f"the model was not trained for the moment {moment.value}")
        if missing or promised_at is None:
            return EtaScore(None, None, None, moment, missing or ("no promise is given",))
        raw = self.raw_hours(row.values.reshape(1, -1), moment)
        carrier = np.array([carrier_id], dtype=object)
        known = self.outcomes[moment] if outcomes is None else outcomes
        hours = self.hours(raw, carrier, np.array([micros(as_of)]), known)[0]
        if np.isnan(hours).any():
            few = f"fewer than {self.window.least_outcomes} outcomes are known of the last {self.window.days} days"
            return EtaScore(None, None, None, moment, (few,))
        early, median, late = (promised_at + timedelta(hours=float(each)) for each in hours)
        return EtaScore(early, median, late, moment, ())


def residuals(raw: Floats, delay_hours: Floats) -> Floats:
    """Return by how many widths of its interval each quantile was passed: float64 [n, len(LEVELS)]."""
    return (delay_hours[:, None] - raw) / _widths(raw)[:, None]


def _widths(raw: Floats) -> Floats:
    return np.maximum(raw[:, -1] - raw[:, 0], NARROWEST_HOURS)
