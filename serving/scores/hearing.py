"""When each carrier was last heard of: the pulse of its feed, whatever it says of whichever shipment."""

from __future__ import annotations

from datetime import UTC, datetime

from features.records import DeliveryEvent
from features.tables import RecordTables
from features.vocabulary import AssertedBy

OF_THE_CARRIER = frozenset({AssertedBy.CARRIER, AssertedBy.DRIVER})
"""Who speaks for a carrier; a customer, a warehouse or a model that says something says nothing of its feed."""


class Hearing:
    """The newest moment at which something was learnt from each carrier."""

    def __init__(self) -> None:
        self._last: dict[str, datetime] = {}

    def note(self, carrier_id: str, event: DeliveryEvent) -> None:
        """Take an event of a carrier's shipment in."""
        if event.asserted_by in OF_THE_CARRIER:
            self._heard(carrier_id, event.known_at)

    def load(self, tables: RecordTables) -> None:
        """Take a history in; an event counts for the carrier its shipment was planned with last."""
        if tables.events.empty or tables.shipments.empty:
            return
        told = tables.events[tables.events["asserted_by"].isin([who.value for who in OF_THE_CARRIER])]
        planned = tables.shipments.sort_values("known_at", kind="stable").drop_duplicates("shipment_id", keep="last")
        joined = told[["shipment_id", "known_at"]].merge(planned[["shipment_id", "carrier_id"]], on="shipment_id")
        for carrier_id, known_at in joined.groupby("carrier_id")["known_at"].max().items():
            self._heard(str(carrier_id), known_at.to_pydatetime().astimezone(UTC))

    def last(self, carrier_id: str) -> datetime | None:
        """Return when a carrier was last heard of; None if it never was."""
        return self._last.get(carrier_id)

    def _heard(self, carrier_id: str, at: datetime) -> None:
        last = self._last.get(carrier_id)
        if last is None or at > last:
            self._last[carrier_id] = at
