"""Records of a history that are read when a shipment is asked for: most never are.

As records of their own a million events take gigabytes and a minute to read; as columns, some hundred megabytes and
seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from features.arrow import arrow_table
from features.fields import Record
from features.tables import SCHEMAS, RecordTables, assembled, parts_of, rows_in, table_of
from features.timeline import Ints

R = TypeVar("R", bound=Record)


class Archive:
    """Records out of canonical tables, by shipment.

    Parameters
    ----------
    tables
        Only the records of these kinds are held, with their parts.
    kinds
        Kinds of record that name a shipment.
    """

    def __init__(self, tables: RecordTables, kinds: Sequence[type[Record]]) -> None:
        frames = {kind: getattr(tables, table_of(kind)) for kind in kinds}
        named = pd.unique(pd.concat([frame["shipment_id"] for frame in frames.values()]))
        self._number = {shipment_id: number for number, shipment_id in enumerate(named)}
        self._shelves: dict[type[Record], Shelf] = {}
        self._parts: dict[type[Record], dict[str, Shelf]] = {}
        for kind, frame in frames.items():
            self._shelves[kind] = Shelf(table_of(kind), frame, self._numbers(frame["shipment_id"]), len(named))
            self._parts[kind] = {}
            for part in parts_of(kind):
                rows = part.own_rows(getattr(tables, part.table))
                holders = frame.drop_duplicates(part.identity)
                owner = pd.Series(holders["shipment_id"].to_numpy(), index=holders[part.identity].to_numpy())
                numbers = self._numbers(rows[part.key].map(owner))
                self._parts[kind][part.table] = Shelf(part.table, rows, numbers, len(named))

    def __contains__(self, shipment_id: str) -> bool:
        return shipment_id in self._number

    def __len__(self) -> int:
        return len(self._number)

    def records(self, kind: type[R], shipment_id: str) -> list[R]:
        """Return the records of one kind that are held of a shipment."""
        number = self._number.get(shipment_id)
        if number is None:
            return []
        parts = {table: shelf.rows(number) for table, shelf in self._parts[kind].items()}
        return list(assembled(kind, self._shelves[kind].rows(number), parts))

    def forget(self, shipment_id: str) -> None:
        """Hold nothing of a shipment from now on: its records are kept elsewhere."""
        self._number.pop(shipment_id, None)

    def _numbers(self, shipment_ids: pd.Series) -> Ints:
        """Return the number of each shipment, one past the last where it is not held."""
        return np.asarray(shipment_ids.map(self._number).fillna(len(self._number)).to_numpy(dtype=np.int64))


class Shelf:
    """Rows of one table in order of whose they are.

    Parameters
    ----------
    table
        Its name.
    frame
        Its rows.
    numbers : int64 [n]
        Whose each row is; what is no number of an owner is nobody's.
    owners
        How many there are.
    """

    def __init__(self, table: str, frame: pd.DataFrame, numbers: Ints, owners: int) -> None:
        order = np.argsort(numbers, kind="stable")
        self._table = arrow_table(frame, SCHEMAS[table]).take(order)
        self._table = self._table.combine_chunks()
        self._bounds = np.searchsorted(numbers[order], np.arange(owners + 1))

    def rows(self, number: int) -> list[dict[str, Any]]:
        """Return the rows of one owner, in the order of the table."""
        return rows_in(self._slice(number, number + 1))

    def frame(self, first: int, end: int) -> pd.DataFrame:
        """Return the rows of the owners from one to before another, as they stood in their table."""
        frame: pd.DataFrame = self._slice(first, end).to_pandas()
        return frame

    def _slice(self, first: int, end: int) -> pa.Table:
        begin, stop = self._bounds[[first, end]].tolist()
        return self._table.slice(begin, stop - begin)
