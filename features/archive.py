"""Records of a history that are read when a shipment is asked for: most never are.

As records of their own a million events take gigabytes and a minute to read; as columns, some hundred megabytes and
seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.records import DeliveryEvent, Shipment
from features.tables import SCHEMAS, RecordTables, assembled, parts_of, rows_in
from features.timeline import Ints


class Archive:
    """Shipments and their events out of canonical tables, by shipment.

    Parameters
    ----------
    tables
        Only shipments with their parts and events are held.
    """

    def __init__(self, tables: RecordTables) -> None:
        named = pd.unique(pd.concat([tables.shipments["shipment_id"], tables.events["shipment_id"]]))
        self._number = {shipment_id: number for number, shipment_id in enumerate(named)}
        self._shipments = self._shelf("shipments", tables.shipments, "shipment_id")
        self._events = self._shelf("events", tables.events, "shipment_id")
        self._parts: Mapping[str, _Shelf] = {
            part.table: self._shelf(part.table, part.own_rows(getattr(tables, part.table)), part.key)
            for part in parts_of(Shipment)
        }

    def __contains__(self, shipment_id: str) -> bool:
        return shipment_id in self._number

    def __len__(self) -> int:
        return len(self._number)

    def take(self, shipment_id: str) -> tuple[list[Shipment], list[DeliveryEvent]]:
        """Take a shipment's plans and events out; both are empty if it is not there."""
        number = self._number.pop(shipment_id, None)
        if number is None:
            return [], []
        parts = {table: shelf.rows(number) for table, shelf in self._parts.items()}
        plans = assembled(Shipment, self._shipments.rows(number), parts)
        return list(plans), list(assembled(DeliveryEvent, self._events.rows(number), {}))

    def _shelf(self, table: str, frame: pd.DataFrame, key: str) -> _Shelf:
        numbers = frame[key].map(self._number).fillna(len(self._number)).to_numpy(dtype=np.int64)
        return _Shelf(table, frame, numbers, len(self._number))


class _Shelf:
    """Rows of one table in order of whose they are."""

    def __init__(self, table: str, frame: pd.DataFrame, numbers: Ints, owners: int) -> None:
        order = np.argsort(numbers, kind="stable")
        self._table = pa.Table.from_pandas(frame, schema=SCHEMAS[table], preserve_index=False).take(order)
        self._table = self._table.combine_chunks()
        self._bounds = np.searchsorted(numbers[order], np.arange(owners + 1))

    def rows(self, number: int) -> list[dict[str, Any]]:
        first, end = self._bounds[number : number + 2].tolist()
        return rows_in(self._table.slice(first, end - first))
