"""Canonical records as Parquet tables: one folder, one file a table.

The columns follow `features.records`; a shipment's stops are a table of their own, in order of `sequence`.
Times are UTC microseconds, a missing value is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import SourceError, TableError
from features.records import DeliveryEvent, Shipment, WeatherObservation

_TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()

SCHEMAS: Mapping[str, pa.Schema] = {
    "shipments": pa.schema(
        {
            "shipment_id": _TEXT,
            "carrier_id": _TEXT,
            "service_id": _TEXT,
            "vehicle_id": _TEXT,
            "mode": _TEXT,
            "customer_id": _TEXT,
            "customer_tier": _TEXT,
            "order_id": _TEXT,
            "pieces": pa.int64(),
            "weight_kg": pa.float64(),
            "distance_km": pa.float64(),
            "value_minor": pa.int64(),
            "currency": _TEXT,
            "ship_complete": pa.bool_(),
            "occurred_at": _TIME,
            "known_at": _TIME,
        }
    ),
    "stops": pa.schema(
        {
            "shipment_id": _TEXT,
            "sequence": pa.int64(),
            "place": _TEXT,
            "kind": _TEXT,
            "timezone": _TEXT,
            "requested_at": _TIME,
            "promised_at": _TIME,
            "appointment_at": _TIME,
            "planned_at": _TIME,
            "estimated_at": _TIME,
            "actual_at": _TIME,
        }
    ),
    "events": pa.schema(
        {
            "event_id": _TEXT,
            "shipment_id": _TEXT,
            "status": _TEXT,
            "raw_status": _TEXT,
            "reason": _TEXT,
            "classifier": _TEXT,
            "place": _TEXT,
            "asserted_by": _TEXT,
            "corrects": _TEXT,
            "occurred_at": _TIME,
            "known_at": _TIME,
        }
    ),
    "weather": pa.schema(
        {
            "place": _TEXT,
            "temperature_c": pa.float64(),
            "dew_point_c": pa.float64(),
            "humidity_pct": pa.float64(),
            "wind_speed_ms": pa.float64(),
            "wind_direction_deg": pa.float64(),
            "precipitation_mm": pa.float64(),
            "pressure_hpa": pa.float64(),
            "visibility_km": pa.float64(),
            "occurred_at": _TIME,
            "known_at": _TIME,
        }
    ),
}
"""Column names and types of each canonical table."""


@dataclass(frozen=True, slots=True)
class RecordTables:
    """The canonical tables of one data set, each a frame with the columns of `SCHEMAS`."""

    shipments: pd.DataFrame
    stops: pd.DataFrame
    events: pd.DataFrame
    weather: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> RecordTables:
        """Read the tables of a folder.

        Raises
        ------
        SourceError
            If a table is absent or is not Parquet.
        TableError
            If a table lacks a column.
        """
        return cls(**{table: _read(folder / f"{table}.parquet", table) for table in SCHEMAS})

    @classmethod
    def from_records(cls, records: Iterable[Shipment | DeliveryEvent | WeatherObservation]) -> RecordTables:
        """Turn records into tables, in the order given."""
        rows: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
        for record in records:
            match record:
                case Shipment():
                    rows["shipments"].append(record.model_dump(exclude={"stops"}))
                    rows["stops"] += [
                        {"shipment_id": record.shipment_id, "sequence": sequence, **stop.model_dump()}
                        for sequence, stop in enumerate(record.stops)
                    ]
                case DeliveryEvent():
                    rows["events"].append(record.model_dump())
                case WeatherObservation():
                    rows["weather"].append(record.model_dump())
        return cls(**{table: frame_of(table, rows[table]) for table in SCHEMAS})

    def write(self, folder: Path) -> None:
        """Write the tables into a folder, which is made if missing."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            table = pa.Table.from_pandas(getattr(self, field.name), schema=SCHEMAS[field.name], preserve_index=False)
            pq.write_table(table, folder / f"{field.name}.parquet", compression="zstd")


def frame_of(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Turn rows of one table into a frame with that table's columns and types; a column not given is null."""
    frame: pd.DataFrame = pa.Table.from_pylist(list(rows), schema=SCHEMAS[table]).to_pandas()
    return frame


def shipments_of(tables: RecordTables) -> Iterable[Shipment]:
    """Yield the shipments of the tables as records, with their stops in order."""
    stops_of: dict[str, list[dict[str, Any]]] = {}
    ordered = tables.stops.sort_values(["shipment_id", "sequence"], kind="stable")
    for row in _rows("stops", ordered):
        row.pop("sequence")
        stops_of.setdefault(row.pop("shipment_id"), []).append(row)
    for row in _rows("shipments", tables.shipments):
        yield Shipment.model_validate({**row, "stops": stops_of.get(row["shipment_id"], [])})


def events_of(tables: RecordTables) -> Iterable[DeliveryEvent]:
    """Yield the delivery events of the tables as records."""
    return (DeliveryEvent.model_validate(row) for row in _rows("events", tables.events))


def weather_of(tables: RecordTables) -> Iterable[WeatherObservation]:
    """Yield the weather observations of the tables as records."""
    return (WeatherObservation.model_validate(row) for row in _rows("weather", tables.weather))


def _rows(table: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, schema=SCHEMAS[table], preserve_index=False).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _read(path: Path, table: str) -> pd.DataFrame:
    try:
        read = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(path, str(error)) from error
    schema = SCHEMAS[table]
    missing = [name for name in schema.names if name not in read.column_names]
    if missing:
        raise TableError(table, read.column_names, missing)
    frame: pd.DataFrame = read.select(schema.names).cast(schema).to_pandas()
    return frame
