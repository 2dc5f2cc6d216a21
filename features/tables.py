"""Canonical records as Parquet tables: one folder, one file a table.

The columns follow the records. What a record holds several of (stops, references, contents) is a table of its own.
Times are UTC microseconds, a missing value is null.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel

from features.arrow import arrow_table
from features.carrier_records import Claim, Tender, TenderResponse
from features.fields import Record
from features.invoice_records import Accessorial, CarrierRate, FreightInvoice, FuelIndex, InvoiceLine
from features.order_records import Order, OrderLine
from features.outcome_records import Outcome, Review
from features.records import (
    Content,
    DeliveryEvent,
    Disruption,
    HandlingUnit,
    Package,
    Place,
    Reference,
    Shipment,
    Stop,
    WeatherForecast,
    WeatherObservation,
)
from features.shape import FieldShape, shape_of
from features.stock_records import InventoryAdjustment, InventoryPosition, LabourShift, WarehouseTask
from features.table_files import read_table
from features.timeline import Ints
from features.vocabulary import Subject

R = TypeVar("R", bound=Record)
_State = tuple[str, datetime | None]
"""Whose part it is, and of which state of it; None for every state."""

RECORDS: Mapping[str, type[Record]] = {
    "shipments": Shipment,
    "events": DeliveryEvent,
    "weather": WeatherObservation,
    "weather_forecasts": WeatherForecast,
    "disruptions": Disruption,
    "places": Place,
    "orders": Order,
    "order_lines": OrderLine,
    "packages": Package,
    "handling_units": HandlingUnit,
    "tenders": Tender,
    "tender_responses": TenderResponse,
    "claims": Claim,
    "warehouse_tasks": WarehouseTask,
    "labour_shifts": LabourShift,
    "inventory_positions": InventoryPosition,
    "inventory_adjustments": InventoryAdjustment,
    "carrier_rates": CarrierRate,
    "fuel_index": FuelIndex,
    "accessorials": Accessorial,
    "freight_invoices": FreightInvoice,
    "invoice_lines": InvoiceLine,
    "outcomes": Outcome,
    "reviews": Review,
}
"""The table of each record."""


@dataclass(frozen=True, slots=True)
class PartTable:
    """A field of a record that is a table of its own.

    Attributes
    ----------
    holder, attribute, item
        The record, its field, and what that holds several of.
    identity, key
        Field that identifies the record, and the column of the part's table that holds it.
    fixed
        Columns of the part's table that are the same for every part of this record.
    ordered
        Whether the order counts, and a column `sequence` keeps it, from 0.

    A record may come in several states, each known at another time. The column `known_at` of a part says to which of
    them it belongs; where it is missing the part belongs to all.
    """

    table: str
    holder: type[Record]
    attribute: str
    item: type[BaseModel]
    identity: str
    key: str
    fixed: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = False

    def own_rows(self, parts: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the part's table that belong to records of this kind."""
        for column, value in self.fixed.items():
            parts = parts[parts[column] == value]
        return parts


STOPS = PartTable("stops", Shipment, "stops", Stop, "shipment_id", "shipment_id", ordered=True)
PARTS: tuple[PartTable, ...] = (
    STOPS,
    PartTable("contents", Package, "contents", Content, "package_id", "package_id", ordered=True),
    *(
        PartTable("references", holder, "references", Reference, identity, "subject_id", {"subject": subject.value})
        for holder, identity, subject in (
            (Shipment, "shipment_id", Subject.SHIPMENT),
            (Tender, "tender_id", Subject.TENDER),
            (FreightInvoice, "invoice_id", Subject.INVOICE),
        )
    ),
)
"""The tables of parts."""


def _shapes() -> dict[str, tuple[FieldShape, ...]]:
    text = pa.string()
    shapes = {table: shape_of(record) for table, record in RECORDS.items()}
    for part in PARTS:
        subjects = tuple(other.fixed["subject"] for other in PARTS if other.table == part.table and other.fixed)
        own = [FieldShape(name, text, required=True, words=subjects) for name in part.fixed]
        own.append(FieldShape(part.key, text, required=True, longest=200))
        if part.ordered:
            own.append(FieldShape("sequence", pa.int64(), required=True, least=0))
        own.append(FieldShape("known_at", pa.timestamp("us", tz="UTC"), required=False))
        shapes[part.table] = (*own, *shape_of(part.item))
    return {table: shapes[table] for table in (field.name for field in fields(RecordTables))}


def _empty(table: str) -> pd.DataFrame:
    return frame_of(table, [])


@dataclass(frozen=True, slots=True)
class RecordTables:
    """The canonical tables of one data set, each a frame with the columns of `SCHEMAS`; one not given is empty."""

    shipments: pd.DataFrame
    stops: pd.DataFrame
    events: pd.DataFrame
    weather: pd.DataFrame
    weather_forecasts: pd.DataFrame = field(default_factory=partial(_empty, "weather_forecasts"))
    disruptions: pd.DataFrame = field(default_factory=partial(_empty, "disruptions"))
    places: pd.DataFrame = field(default_factory=partial(_empty, "places"))
    references: pd.DataFrame = field(default_factory=partial(_empty, "references"))
    orders: pd.DataFrame = field(default_factory=partial(_empty, "orders"))
    order_lines: pd.DataFrame = field(default_factory=partial(_empty, "order_lines"))
    packages: pd.DataFrame = field(default_factory=partial(_empty, "packages"))
    contents: pd.DataFrame = field(default_factory=partial(_empty, "contents"))
    handling_units: pd.DataFrame = field(default_factory=partial(_empty, "handling_units"))
    tenders: pd.DataFrame = field(default_factory=partial(_empty, "tenders"))
    tender_responses: pd.DataFrame = field(default_factory=partial(_empty, "tender_responses"))
    claims: pd.DataFrame = field(default_factory=partial(_empty, "claims"))
    warehouse_tasks: pd.DataFrame = field(default_factory=partial(_empty, "warehouse_tasks"))
    labour_shifts: pd.DataFrame = field(default_factory=partial(_empty, "labour_shifts"))
    inventory_positions: pd.DataFrame = field(default_factory=partial(_empty, "inventory_positions"))
    inventory_adjustments: pd.DataFrame = field(default_factory=partial(_empty, "inventory_adjustments"))
    carrier_rates: pd.DataFrame = field(default_factory=partial(_empty, "carrier_rates"))
    fuel_index: pd.DataFrame = field(default_factory=partial(_empty, "fuel_index"))
    accessorials: pd.DataFrame = field(default_factory=partial(_empty, "accessorials"))
    freight_invoices: pd.DataFrame = field(default_factory=partial(_empty, "freight_invoices"))
    invoice_lines: pd.DataFrame = field(default_factory=partial(_empty, "invoice_lines"))
    outcomes: pd.DataFrame = field(default_factory=partial(_empty, "outcomes"))
    reviews: pd.DataFrame = field(default_factory=partial(_empty, "reviews"))

    @classmethod
    def read(cls, folder: Path, without: Collection[str] = ()) -> RecordTables:
        """Read the tables of a folder; a table other than those of `NEEDED` may be absent and is empty then.

        Parameters
        ----------
        without
            Tables that nobody asks for: they are left empty.

        Raises
        ------
        SourceError
            If a table that is needed is absent, or one is not Parquet.
        TableError
            If a table lacks a column that no record may lack.
        """
        paths = {table: folder / f"{table}.parquet" for table in SCHEMAS if table not in without}
        read = {
            table: read_table(path, table, SHAPES[table])
            for table, path in paths.items()
            if table in NEEDED or path.exists()
        }
        return cls(**{table: frame_of(table, []) for table in NEEDED if table in without}, **read)

    @classmethod
    def from_records(cls, records: Iterable[Record]) -> RecordTables:
        """Turn records into tables, in the order given."""
        rows = rows_of(records)
        return cls(**{table: frame_of(table, rows[table]) for table in SCHEMAS})

    def known(self, *, until: datetime, after: datetime | None = None) -> RecordTables:
        """Return the tables with the records that became known by `until`, and after `after` if that is given.

        Parts follow their record.
        """
        kept: dict[str, pd.DataFrame] = {}
        for table in RECORDS:
            frame = getattr(self, table)
            if frame.empty:
                kept[table] = frame
                continue
            chosen = frame["known_at"] <= until
            if after is not None:
                chosen &= frame["known_at"] > after
            kept[table] = frame[chosen].reset_index(drop=True)
        for table in {part.table for part in PARTS}:
            frame = getattr(self, table)
            belongs = np.zeros(len(frame), dtype=bool)
            for part in PARTS:
                if part.table == table:
                    belongs |= belonging(part, frame, kept[_TABLE_OF[part.holder]])
            kept[table] = frame[belongs].reset_index(drop=True)
        return RecordTables(**kept)

    def write(self, folder: Path) -> None:
        """Write the tables into a folder, which is made if missing.

        A table that is not needed and has no rows is not written; one that stands there from before is taken away.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for table, schema in SCHEMAS.items():
            frame, path = getattr(self, table), folder / f"{table}.parquet"
            if frame.empty and table not in NEEDED:
                path.unlink(missing_ok=True)
                continue
            written = arrow_table(frame, schema)
            pq.write_table(written, path, compression="zstd")


NEEDED = ("shipments", "stops", "events", "weather")
"""Tables that every data set has, if only without rows."""


def part_rows(part: PartTable, parts: pd.DataFrame, holders: pd.DataFrame) -> tuple[Ints, Ints]:
    """Pair the rows of a part's table with the rows of the records that they belong to.

    Returns
    -------
    int64 [n], int64 [n]
        Positions in `parts` and in `holders`. A part of every state of its record stands in several pairs.
    """
    ours = pd.Series(True, index=parts.index)
    for column, value in part.fixed.items():
        ours &= parts[column] == value
    position = np.flatnonzero(ours.to_numpy())
    if not len(position) or holders.empty:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    whose = pd.DataFrame(
        {
            "id": parts[part.key].to_numpy(object)[position],
            "known_at": parts["known_at"].array[position],
            "part": position,
        }
    )
    states = pd.DataFrame(
        {
            "id": holders[part.identity].to_numpy(object),
            "known_at": holders["known_at"].array,
            "holder": np.arange(len(holders)),
        }
    )
    given = whose["known_at"].notna()
    of_one = whose[given].merge(states, on=["id", "known_at"])
    of_all = whose[~given].drop(columns="known_at").merge(states, on="id")
    part_of, holder_of = (
        np.concatenate([of_one[column], of_all[column]]).astype(np.int64) for column in ("part", "holder")
    )
    return part_of, holder_of


def belonging(part: PartTable, parts: pd.DataFrame, holders: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which rows of a part's table belong to one of these records."""
    belongs = np.zeros(len(parts), dtype=bool)
    belongs[part_rows(part, parts, holders)[0]] = True
    return belongs


@cache
def no_records() -> RecordTables:
    """Return tables without a row; they are made once, and nobody changes them."""
    return RecordTables.from_records([])


def rows_of(records: Iterable[Record]) -> dict[str, list[dict[str, Any]]]:
    """Turn records into rows of each table, in the order given."""
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
    for record in records:
        parts = _PARTS_OF[type(record)]
        rows[_TABLE_OF[type(record)]].append(record.model_dump(exclude={part.attribute for part in parts}))
        for part in parts:
            key = {**part.fixed, part.key: getattr(record, part.identity), "known_at": record.known_at}
            rows[part.table] += [
                {**key, "sequence": sequence, **item.model_dump()}
                for sequence, item in enumerate(getattr(record, part.attribute))
            ]
    return rows


def frame_of(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Turn rows of one table into a frame with that table's columns and types; a column not given is null."""
    if not rows:
        return _without_rows(table).copy()
    frame: pd.DataFrame = pa.Table.from_pylist(list(rows), schema=SCHEMAS[table]).to_pandas()
    return frame


@cache
def _without_rows(table: str) -> pd.DataFrame:
    """Return the frame of a table without a row, made once: most data sets leave most tables empty."""
    frame: pd.DataFrame = SCHEMAS[table].empty_table().to_pandas()
    return frame


def records_of(tables: RecordTables, kind: type[R]) -> Iterator[R]:
    """Yield the records of one kind in the order of their table, with their parts in order."""
    table = _TABLE_OF[kind]
    parts = {part.table: _rows(part.table, part.own_rows(getattr(tables, part.table))) for part in parts_of(kind)}
    yield from assembled(kind, _rows(table, getattr(tables, table)), parts)


def assembled(
    kind: type[R], rows: Iterable[dict[str, Any]], parts: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[R]:
    """Yield the records of rows, with their parts out of the rows of the parts' tables, by table."""
    held = [(part, _by_state(part, parts[part.table])) for part in parts_of(kind)]
    for row in rows:
        for part, items in held:
            whole, own = (items.get((row[part.identity], known), []) for known in (None, row["known_at"]))
            row[part.attribute] = whole + own
        yield kind.model_validate(row)


def table_of(kind: type[Record]) -> str:
    """Return the table that records of one kind stand in."""
    return _TABLE_OF[kind]


def parts_of(kind: type[Record]) -> tuple[PartTable, ...]:
    """Return what a record holds several of."""
    return _PARTS_OF[kind]


def shipments_of(tables: RecordTables) -> Iterator[Shipment]:
    """Yield the shipments of the tables as records, with their stops in order."""
    return records_of(tables, Shipment)


def events_of(tables: RecordTables) -> Iterator[DeliveryEvent]:
    """Yield the delivery events of the tables as records."""
    return records_of(tables, DeliveryEvent)


def weather_of(tables: RecordTables) -> Iterator[WeatherObservation]:
    """Yield the weather observations of the tables as records."""
    return records_of(tables, WeatherObservation)


def rows_in(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of a table without what is missing in them."""
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


def _by_state(part: PartTable, rows: Sequence[Mapping[str, Any]]) -> dict[_State, list[dict[str, Any]]]:
    if part.ordered:
        rows = sorted(rows, key=lambda row: (row[part.key], row["sequence"]))
    held: dict[_State, list[dict[str, Any]]] = {}
    for row in rows:
        item = {name: value for name, value in row.items() if name in part.item.model_fields}
        held.setdefault((row[part.key], row.get("known_at")), []).append(item)
    return held


def _rows(table: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    return rows_in(arrow_table(frame, SCHEMAS[table]))


_TABLE_OF = {record: table for table, record in RECORDS.items()}
_PARTS_OF = {record: tuple(part for part in PARTS if part.holder is record) for record in RECORDS.values()}

SHAPES: Mapping[str, tuple[FieldShape, ...]] = _shapes()
"""The fields of each table."""

SCHEMAS: Mapping[str, pa.Schema] = {
    table: pa.schema({shape.name: shape.kind for shape in shapes}) for table, shapes in SHAPES.items()
}
"""Column names and types of each canonical table."""
