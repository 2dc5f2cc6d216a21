"""The newest outcomes that the service knows of: what a model of arrival is corrected by, as when it was judged.

An outcome is a delivered shipment at one moment of its past: what the model would have said then, with what was known
then, beside what came of it. The online state answers about the past as the batch build does, so nothing is written
down when a moment passes, and a service that was started anew knows the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.history import HOUR
from features.instants import instant_of
from features.legs import Time
from features.moments import cutoffs_of
from features.records import Shipment
from features.state import FeatureRow
from features.timeline import NEVER
from features.versions import Version
from features.vocabulary import Moment
from models.conformal import Outcomes
from models.eta import LEVELS, EtaModel, residuals

Floats = NDArray[np.float64]
Residual = tuple[str, Floats]
"""Carrier, and by how many widths each quantile was passed: float64 [len(LEVELS)]."""


class KnowsThePast(Protocol):
    """What is asked of the feature state; see `serving.scores.live.LiveState`."""

    @property
    def retold(self) -> int: ...

    def delivered(self, after: datetime, until: datetime) -> Set[str]:
        """Return the shipments of which a delivery was told in between."""
        ...

    def versions(self, shipment_id: str) -> tuple[Version, ...]:
        """Return the versions of a shipment in order of time."""
        ...

    def features(self, subject: Shipment, cutoff: datetime) -> FeatureRow:
        """Return the features of a shipment as known at the cutoff."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """What is held of one shipment: since when its delivery has been known (microseconds), and its residuals."""

    known: int
    residuals: dict[Moment, list[Residual]]


class KnownOutcomes:
    """Outcomes of the model's window, by moment; each is worked out once and let go when the window has passed it.

    Parameters
    ----------
    model
        Whose predictions are set beside what came of them.
    state
        Holds the records. Only one told what had been known before (a replay out of order) makes all be worked out
        anew; a live feed never does.
    """

    def __init__(self, model: EtaModel, state: KnowsThePast) -> None:
        self._model = model
        self._state = state
        self._held: dict[str, _Held] = {}
        self._retold = state.retold
        self._joined: dict[Moment, Outcomes] = {}

    def at(self, moment: Moment, as_of: datetime) -> Outcomes:
        """Return what the model is corrected by at an instant, those known when it was made among them."""
        self.catch_up(as_of)
        if moment not in self._joined:
            self._joined[moment] = self._model.outcomes_with(moment, self._outcomes(moment))
        return self._joined[moment]

    def catch_up(self, as_of: datetime, at_most: int | None = None) -> bool:
        """Work out what is not yet, of so many shipments at most, and let go what has left the window.

        Returns
        -------
        bool
            Whether there is more to work out.
        """
        if self._state.retold != self._retold:
            self._held, self._joined, self._retold = {}, {}, self._state.retold
        told = self._state.delivered(as_of - timedelta(days=self._model.window.days), as_of)
        known = {shipment_id: _delivery_known(self._state.versions(shipment_id)) for shipment_id in told}
        held = {name: each for name, each in self._held.items() if known.get(name) == each.known}
        new = [name for name, since in known.items() if since != NEVER and name not in held]
        if new or len(held) < len(self._held):
            self._joined = {}
        now = new[:at_most]
        self._held = held | self._worked_out(now)
        return len(now) < len(new)

    def _worked_out(self, shipment_ids: Iterable[str]) -> dict[str, _Held]:
        """Return residuals of delivered shipments, at each moment at which each version could have been judged."""
        found: dict[str, _Held] = {}
        asked: list[tuple[_Held, Version]] = []
        for shipment_id in shipment_ids:
            versions = self._state.versions(shipment_id)
            found[shipment_id] = held = _Held(_delivery_known(versions), {})
            if versions[0].plan.planned_departure_at is not None:  # training leaves out what nobody planned, too
                asked += [(held, version) for version in versions]
        if not asked:
            return found
        times = np.array([version.times for _, version in asked], dtype=np.int64)
        delivered = {id(held): version.times[Time.DELIVERED] for held, version in asked}  # the last version's holds
        promised = times[:, Time.PROMISED]
        for moment in self._model.moments:
            cutoffs, exists = cutoffs_of(times, moment)
            rows = np.flatnonzero(exists & (promised != NEVER))
            if not len(rows):
                continue
            arrived = np.array([delivered[id(asked[row][0])] for row in rows], dtype=np.int64)
            values = [self._state.features(asked[row][1].plan, instant_of(int(cutoffs[row]))).values for row in rows]
            raw = self._model.raw_hours(np.array(values), moment)
            for row, missed in zip(rows, residuals(raw, (arrived - promised[rows]) / HOUR), strict=True):
                held, version = asked[row]
                held.residuals.setdefault(moment, []).append((version.plan.carrier_id, missed))
        return found

    def _outcomes(self, moment: Moment) -> Outcomes:
        rows = [(carrier, each.known, missed) for each in self._held.values()
                for carrier, missed in each.residuals.get(moment, ())]  # fmt: skip
        return Outcomes(
            np.array([carrier for carrier, _, _ in rows], dtype=object),
            np.array([known for _, known, _ in rows], dtype=np.int64),
            np.array([missed for _, _, missed in rows], dtype=np.float64).reshape(-1, len(LEVELS)),
        )


def _delivery_known(versions: tuple[Version, ...]) -> int:
    """Return since when the delivery that stands in the end has been known (microseconds), `NEVER` if none does."""
    return versions[-1].times[Time.DELIVERED_KNOWN] if versions else NEVER
