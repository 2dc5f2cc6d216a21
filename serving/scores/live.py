"""The feature state as the service asks it: with what else could carry or send a shipment."""

from __future__ import annotations

from datetime import datetime

from features.alternatives import AlternateCarrier, AlternateOrigin, alternate_carriers, alternate_origins
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import AnyRecord, State
from features.tables import RecordTables
from serving.scores.hearing import Hearing


class LiveState(State):
    """One process's state. It is touched on the event loop's thread alone, so it needs no lock."""

    def __init__(self, settings: FeatureSettings | None = None) -> None:
        super().__init__(settings)
        self._hearing = Hearing()

    def add(self, record: AnyRecord) -> bool:
        """Take in a record, as `State.add` does, and note when its carrier was heard of."""
        is_new = super().add(record)
        if isinstance(record, DeliveryEvent) and self.knows(record.shipment_id):
            self._hearing.note(self.shipment(record.shipment_id).carrier_id, record)
        return is_new

    def add_tables(self, tables: RecordTables) -> None:
        """Take in a history of canonical tables."""
        super().add_tables(tables)
        self._hearing.load(tables)

    def carrier_heard_at(self, carrier_id: str) -> datetime | None:
        """Return when a carrier last reported anything of any shipment; None if it never did."""
        return self._hearing.last(carrier_id)

    def alternate_carriers(self, subject: Shipment, cutoff: datetime) -> tuple[AlternateCarrier, ...]:
        """Return other carriers of the lane, the most punctual first."""
        return alternate_carriers(self, subject, cutoff)

    def alternate_origins(self, subject: Shipment, cutoff: datetime) -> tuple[AlternateOrigin, ...]:
        """Return other places that serve the destination, the least loaded first."""
        return alternate_origins(self, subject, cutoff)
