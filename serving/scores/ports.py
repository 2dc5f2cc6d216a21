"""What scoring and deciding need: the feature state and a fitted model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.moments import IN_TURN
from features.records import Shipment
from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import DelayScore, Explanation


class CarrierChoice(Protocol):
    """A carrier that also serves the lane."""

    @property
    def carrier_id(self) -> str: ...
    @property
    def late_share(self) -> float: ...
    @property
    def legs(self) -> int: ...


class OriginChoice(Protocol):
    """Another place that serves the destination."""

    @property
    def place(self) -> str: ...
    @property
    def open_shipments(self) -> int: ...
    @property
    def late_share(self) -> float: ...
    @property
    def legs(self) -> int: ...


class FeatureState(Protocol):
    """All that is known, ready to be asked; see `features.state.State`."""

    def shipment(self, shipment_id: str, as_of: datetime | None = None) -> Shipment:
        """Return a shipment as planned at that time; raise `UnknownShipmentError` if it was not announced."""
        ...

    def knows(self, shipment_id: str) -> bool:
        """Tell whether the shipment was announced."""
        ...

    def knows_carrier(self, carrier_id: str, *, besides: str | None = None) -> bool:
        """Tell whether this carrier carries any announced shipment besides that one."""
        ...

    def carrier_heard_at(self, carrier_id: str) -> datetime | None:
        """Return when a carrier last reported anything of any shipment; None if it never did."""
        ...

    def events_known(self, shipment_id: str) -> int:
        """Return how many distinct events are held of a shipment."""
        ...

    def moment(self, subject: Shipment, cutoff: datetime, among: Collection[Moment] = IN_TURN) -> Moment | None:
        """Return which of the moments asked for holds; None if the shipment is done."""
        ...

    def features(self, subject: Shipment, cutoff: datetime) -> FeatureRow:
        """Return the features of a known or an inline shipment."""
        ...

    def alternate_carriers(self, subject: Shipment, cutoff: datetime) -> Sequence[CarrierChoice]:
        """Return other carriers of the lane, best first."""
        ...

    def alternate_origins(self, subject: Shipment, cutoff: datetime) -> Sequence[OriginChoice]:
        """Return other places that serve the destination, best first."""
        ...


class DelayPredictor(Protocol):
    """A fitted delay model; see `models.delay.DelayModel`."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def fingerprints(self) -> Mapping[str, str]: ...
    @property
    def moments(self) -> Collection[Moment]: ...

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        """Return the calibrated probability of being late, or abstain with reasons."""
        ...

    def hours_late(self, values: NDArray[np.float64], moment: Moment) -> NDArray[np.float64]:
        """Return the expected hours after the promise of each row; NaN where it has not been learnt."""
        ...

    def explain(self, row: FeatureRow, moment: Moment) -> Explanation:
        """Return what each feature adds to the score, with the strongest in words."""
        ...
