"""The feature state as the service asks it: with what else could carry or send a shipment."""

from __future__ import annotations

from datetime import datetime

from features.alternatives import AlternateCarrier, AlternateOrigin, alternate_carriers, alternate_origins
from features.records import Shipment
from features.state import State


class LiveState(State):
    """One process's state. It is touched on the event loop's thread alone, so it needs no lock."""

    def alternate_carriers(self, subject: Shipment, cutoff: datetime) -> tuple[AlternateCarrier, ...]:
        """Return other carriers of the lane, the most punctual first."""
        return alternate_carriers(self, subject, cutoff)

    def alternate_origins(self, subject: Shipment, cutoff: datetime) -> tuple[AlternateOrigin, ...]:
        """Return other places that serve the destination, the least loaded first."""
        return alternate_origins(self, subject, cutoff)
