"""The feature state as the service asks it: with what else could carry or send a shipment."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime

from features.alternatives import AlternateCarrier, AlternateOrigin, alternate_carriers, alternate_origins
from features.instants import micros
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import AnyRecord, State
from features.tables import SCHEMAS, RecordTables
from serving.scores.deliveries import Deliveries
from serving.scores.hearing import Hearing


class LiveState(State):
    """One process's state. It is touched on the event loop's thread alone, so it needs no lock."""

    def __init__(self, settings: FeatureSettings | None = None, *, with_stock: bool = False) -> None:
        super().__init__(settings, with_stock=with_stock)
        self._hearing = Hearing()
        self._deliveries = Deliveries()
        self._newest = datetime.min.replace(tzinfo=UTC)
        self.retold = 0
        """How often something came that had been known before what was there: the past looks otherwise since."""

    def add(self, record: AnyRecord) -> bool:
        """Take in a record, as `State.add` does, and note when its carrier was heard of and what was delivered."""
        is_new = super().add(record)
        if record.known_at < self._newest:
            self.retold += 1
        self._newest = max(self._newest, record.known_at)
        if is_new and isinstance(record, DeliveryEvent):
            self._deliveries.note(record)
        if isinstance(record, DeliveryEvent) and self.knows(record.shipment_id):
            self._hearing.note(self.shipment(record.shipment_id).carrier_id, record)
        return is_new

    def add_tables(self, tables: RecordTables) -> None:
        """Take in a history of canonical tables."""
        super().add_tables(tables)
        self._hearing.load(tables)
        self._deliveries.load(tables)
        self.retold += 1
        self._newest = max(self._newest, _newest_of(tables))

    def carrier_heard_at(self, carrier_id: str) -> datetime | None:
        """Return when a carrier last reported anything of any shipment; None if it never did."""
        return self._hearing.last(carrier_id)

    def delivered(self, after: datetime, until: datetime) -> Set[str]:
        """Return the shipments of which a delivery was told after one instant and by another; some were corrected."""
        return self._deliveries.between(micros(after), micros(until))

    def alternate_carriers(self, subject: Shipment, cutoff: datetime) -> tuple[AlternateCarrier, ...]:
        """Return other carriers of the lane, the most punctual first."""
        return alternate_carriers(self, subject, cutoff)

    def alternate_origins(self, subject: Shipment, cutoff: datetime) -> tuple[AlternateOrigin, ...]:
        """Return other places that serve the destination, the least loaded first."""
        return alternate_origins(self, subject, cutoff)


def _newest_of(tables: RecordTables) -> datetime:
    """Return the newest `known_at` of any record."""
    frames = [getattr(tables, table) for table in SCHEMAS]
    known = [frame["known_at"].max().to_pydatetime() for frame in frames if "known_at" in frame and len(frame)]
    return max(known, default=datetime.min.replace(tzinfo=UTC))
