"""Which deliveries were told of, in the order in which they were: where to look for the newest outcomes."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pandas as pd

from features.instants import micros, micros_of
from features.records import DeliveryEvent
from features.tables import RecordTables
from features.vocabulary import Classifier, EventStatus


class Deliveries:
    """Shipments by when a delivery of theirs was told; whether that still stands, their versions say."""

    def __init__(self) -> None:
        self._loaded_known = np.empty(0, dtype=np.int64)
        self._loaded_ids = pd.Series(dtype=object)
        self._known: list[int] = []
        self._ids: list[str] = []

    def load(self, tables: RecordTables) -> None:
        """Take a history in."""
        told = tables.events
        is_delivery = told["status"].eq(EventStatus.DELIVERED.value) & told["classifier"].eq(Classifier.ACTUAL.value)
        ids = pd.concat([self._loaded_ids, told.loc[is_delivery, "shipment_id"]], ignore_index=True)
        known = np.concatenate([self._loaded_known, micros_of(told.loc[is_delivery, "known_at"])])
        order = np.argsort(known, kind="stable")
        self._loaded_known, self._loaded_ids = known[order], ids.iloc[order]

    def note(self, event: DeliveryEvent) -> None:
        """Take an event in."""
        if event.status is EventStatus.DELIVERED and event.classifier is Classifier.ACTUAL:
            known = micros(event.known_at)
            place = bisect_right(self._known, known)
            self._known.insert(place, known)
            self._ids.insert(place, event.shipment_id)

    def between(self, after: int, until: int) -> set[str]:
        """Return the shipments of which a delivery was told after one instant and by another (microseconds)."""
        first, last = np.searchsorted(self._loaded_known, [after, until], side="right").tolist()
        newer = self._ids[bisect_right(self._known, after) : bisect_right(self._known, until)]
        return {*self._loaded_ids.iloc[first:last].tolist(), *newer}
