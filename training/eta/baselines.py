"""What an interval of arrival must beat: quantiles of the lane's own history, as known at the moment of decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.definitions import NAMES
from features.history import DAY, HOUR
from features.instants import micros_of
from features.labels import lateness_of
from features.legs import Legs, Time
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.timeline import NEVER
from models.conformal import Outcomes
from models.eta import LEVELS, Window
from training.dataset import lanes_of

Floats = NDArray[np.float64]

HISTORY_DAYS = 90
LEAST_LEGS = 20

_TO_DEPARTURE = NAMES.index("hours_to_departure")
_TO_PROMISE = NAMES.index("hours_to_promise")
_DEPARTURE_DELAY = NAMES.index("departure_delay_minutes")


@dataclass(frozen=True, slots=True)
class LaneHistory:
    """What all legs were like, by lane, from when that was known: one value a leg, the same for each level.

    Attributes
    ----------
    delays
        Delivery less promise in hours.
    from_plan, from_departure
        Delivery less the planned, and less the actual departure, in hours.
    """

    delays: Outcomes
    from_plan: Outcomes
    from_departure: Outcomes

    @classmethod
    def of(cls, tables: RecordTables, settings: FeatureSettings) -> LaneHistory:
        """Return the history of all legs of the tables."""
        legs = Legs.of_tables(tables)
        told = lateness_of(tables, settings)
        lanes = lanes_of(tables).to_numpy(dtype=object)
        times = legs.times[legs.last_rows()]
        delivered, known = times[:, Time.DELIVERED], times[:, Time.DELIVERED_KNOWN]

        def since(start: NDArray[np.int64]) -> Outcomes:
            there = (start != NEVER) & (delivered != NEVER)
            return _same_for_each_level(lanes[there], known[there], (delivered[there] - start[there]) / HOUR)

        late = told["delay_hours"].to_numpy(dtype=np.float64)
        labelled = ~np.isnan(late)
        delays = _same_for_each_level(lanes[labelled], micros_of(told["label_known_at"])[labelled], late[labelled])
        return cls(delays, since(times[:, Time.PLANNED]), since(times[:, Time.DEPARTED]))

    def by_promise(self, cases: pd.DataFrame) -> Floats:
        """Return the quantiles of the lane's delays: float64 [n, len(LEVELS)], hours against the promise.

        They are those of the `HISTORY_DAYS` before the cutoff, of all lanes where the lane has few.
        """
        return _asked(self.delays, cases)

    def by_transit(self, cases: pd.DataFrame, values: Floats) -> Floats:
        """Return the same by what the lane's legs take from departure, once that is known, or from planned departure.

        Parameters
        ----------
        values : float64 [n, len(FEATURES)]
        """
        delay = values[:, _DEPARTURE_DELAY] / 60.0
        start = values[:, _TO_DEPARTURE] - values[:, _TO_PROMISE]
        left = ~np.isnan(delay)
        hours = np.where(left[:, None], _asked(self.from_departure, cases), _asked(self.from_plan, cases))
        return np.asarray(hours + (start + np.where(left, delay, 0.0))[:, None])


def corrected(hours: Floats, cases: pd.DataFrame, delay_hours: Floats, window: Window) -> Floats:
    """Return quantiles moved by their latest residuals as the model's are: a baseline of the same coverage.

    Parameters
    ----------
    hours : float64 [n, len(LEVELS)]
        A baseline's quantiles of cases that no tree has learnt from.
    """
    carriers = cases["carrier"].to_numpy(dtype=object)
    told = Outcomes(carriers, micros_of(cases["label_known_at"]), delay_hours[:, None] - hours)
    moved = told.quantiles(
        carriers,
        micros_of(cases["cutoff_at"]),
        window=window.days * DAY,
        levels=LEVELS,
        least=window.least_outcomes,
    )
    return np.sort(hours + moved, axis=1)


def _asked(history: Outcomes, cases: pd.DataFrame) -> Floats:
    return history.quantiles(
        cases["lane"].to_numpy(dtype=object),
        micros_of(cases["cutoff_at"]),
        window=HISTORY_DAYS * DAY,
        levels=LEVELS,
        least=LEAST_LEGS,
    )


def _same_for_each_level(lanes: NDArray[np.object_], known: NDArray[np.int64], hours: Floats) -> Outcomes:
    return Outcomes(lanes, known, np.repeat(hours[:, None], len(LEVELS), axis=1))
