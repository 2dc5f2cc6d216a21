"""Row checks of canonical tables: each says which rows break it, and why, in one sentence.

A row that passes makes a valid record: the checks follow the declarations of the records, on whole columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.fields import Record, is_zone
from features.invoice_records import DIVISORS, LARGEST, LEAST_RATE_PER, Bounded
from features.shape import FieldShape
from features.tables import PARTS, RECORDS, SHAPES, STOPS, belonging, part_rows

Broken = NDArray[np.bool_]

_TOLD: Mapping[str, frozenset[str]] = {"stops": frozenset({"timezone"})}
"""Fields with a default that a file must tell nevertheless: a time zone is not guessed."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    table: tuple(shape.name for shape in shapes if shape.required or shape.name in _TOLD.get(table, ()))
    for table, shapes in SHAPES.items()
}
"""Fields that no row may lack."""

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    table: {
        shape.name: shape.default for shape in shapes if shape.default is not None and shape.name not in REQUIRED[table]
    }
    for table, shapes in SHAPES.items()
}
"""What a field holds that the mapping does not name."""

UNIQUE: Mapping[str, tuple[str, ...]] = {
    "shipments": ("shipment_id", "known_at"),
    "stops": ("shipment_id", "sequence", "known_at"),
    "events": ("event_id",),
    "weather": ("place", "occurred_at", "known_at"),
    "weather_forecasts": ("place", "valid_at", "occurred_at", "known_at"),
    "disruptions": ("disruption_id", "known_at"),
    "places": ("place", "known_at"),
    "references": ("subject", "subject_id", "kind", "value", "known_at"),
    "orders": ("order_id", "known_at"),
    "order_lines": ("order_id", "line_id", "known_at"),
    "packages": ("package_id", "known_at"),
    "contents": ("package_id", "sequence", "known_at"),
    "handling_units": ("handling_unit_id", "known_at"),
    "tenders": ("tender_id",),
    "tender_responses": ("response_id",),
    "claims": ("claim_id", "known_at"),
    "warehouse_tasks": ("task_id", "known_at"),
    "labour_shifts": ("shift_id", "known_at"),
    "inventory_positions": ("place", "sku", "lot", "disposition", "held_by", "known_at"),
    "inventory_adjustments": ("adjustment_id",),
    "carrier_rates": ("rate_id", "known_at"),
    "fuel_index": ("fuel_index_id", "valid_from", "known_at"),
    "accessorials": ("accessorial_id", "known_at"),
    "freight_invoices": ("invoice_id",),
    "invoice_lines": ("invoice_id", "line_number"),
    "outcomes": ("outcome_id", "known_at"),
    "reviews": ("review_id",),
}
"""What no two rows may share. Where `known_at` is a part of it, a record may come in several states."""

_LINES: tuple[tuple[str, str, str], ...] = (
    ("order_lines", "order_id", "orders"),
    ("invoice_lines", "invoice_id", "freight_invoices"),
)
"""Rows that are nothing without their head: table, column, table of the heads."""

_NOT_BEFORE: Mapping[str, tuple[str, str]] = {
    "stops": ("promised_from_at", "promised_at"),
    "weather_forecasts": ("occurred_at", "valid_at"),
}
_DIFFERENT: Mapping[str, tuple[str, str]] = {
    "events": ("event_id", "corrects"),
    "handling_units": ("handling_unit_id", "parent_id"),
    "inventory_adjustments": ("disposition", "from_disposition"),
}


def broken_rows(table: str, frame: pd.DataFrame) -> Iterator[tuple[Broken, str]]:
    """Yield for each check the rows that break it and the reason."""
    for shape in SHAPES[table]:
        yield from _broken_fields(shape, frame[shape.name], required=shape.name in REQUIRED[table])
    yield from _broken_money(frame)
    yield from _broken_pairs(table, frame)
    if issubclass(RECORDS.get(table, Record), Bounded):
        yield from _broken_bounds(frame)
    yield frame.duplicated(list(UNIQUE[table])).to_numpy(), f"another row has the same {', '.join(UNIQUE[table])}"


def broken_links(frames: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, Broken, str]]:
    """Yield table, rows and reason for rows that do not fit the rows of another table.

    Only what is a part of something is held to be there with it. An event or an invoice may come without its shipment.
    """
    shipments = frames["shipments"]
    count = np.bincount(part_rows(STOPS, frames["stops"], shipments)[1], minlength=len(shipments))
    yield "shipments", count < 2, "the shipment has fewer than two stops"
    table_of = {record: table for table, record in RECORDS.items()}
    for table in dict.fromkeys(part.table for part in PARTS):
        belongs = np.zeros(len(frames[table]), dtype=bool)
        for part in PARTS:
            if part.table == table:
                belongs |= belonging(part, frames[table], frames[table_of[part.holder]])
        whose = "subject" if table == "references" else "package" if table == "contents" else "shipment"
        yield table, ~belongs, f"its {whose} is not in the data"
    for table, column, heads in _LINES:
        alone = ~frames[table][column].isin(frames[heads][column])
        yield table, alone.to_numpy(), f"its {column.removesuffix('_id')} is not in the data"


def _broken_fields(shape: FieldShape, column: pd.Series, *, required: bool) -> Iterator[tuple[Broken, str]]:
    name, given = shape.name, column.notna()
    if required:
        yield (~given).to_numpy(), f"'{name}' is missing"
    if shape.words:
        yield (given & ~column.isin(shape.words)).to_numpy(), f"'{name}' is none of {', '.join(shape.words)}"
    if shape.least is not None:
        yield _true(column < shape.least), f"'{name}' is below {shape.least:g}"
    if shape.above is not None:
        yield _true(column <= shape.above), f"'{name}' is not above {shape.above:g}"
    if shape.most is not None:
        yield _true(column > shape.most), f"'{name}' is above {shape.most:g}"
    if shape.longest is not None:
        yield _true(column.str.len() > shape.longest), f"'{name}' is longer than {shape.longest} characters"
    if shape.pattern is not None:
        yield (given & ~_true(column.str.fullmatch(shape.pattern))).to_numpy(), f"'{name}' is not like {shape.pattern}"
    if shape.is_zone:
        zones = {zone: is_zone(str(zone)) for zone in column.dropna().unique()}
        yield (given & ~_true(column.map(zones))).to_numpy(), f"'{name}' is no IANA time zone"


def _broken_money(frame: pd.DataFrame) -> Iterator[tuple[Broken, str]]:
    for name in frame.columns:
        if name.endswith("_minor"):
            yield (frame[name].notna() & frame["currency"].isna()).to_numpy(), f"'{name}' has no currency"


def _broken_pairs(table: str, frame: pd.DataFrame) -> Iterator[tuple[Broken, str]]:
    if "valid_until" in frame:
        ends = _true(frame["valid_until"] <= frame["valid_from"])
        yield ends, "'valid_until' is not after 'valid_from'"
    if table == "labour_shifts":
        yield _true(frame["ends_at"] <= frame["starts_at"]), "'ends_at' is not after 'starts_at'"
    if table in _NOT_BEFORE:
        earlier, later = _NOT_BEFORE[table]
        yield _true(frame[later] < frame[earlier]), f"'{later}' is before '{earlier}'"
    if table in _DIFFERENT:
        one, other = _DIFFERENT[table]
        yield _true(frame[one] == frame[other]), f"'{other}' equals '{one}'"
    if table == "carrier_rates":
        empty = _true(frame["weight_until_kg"] < frame["weight_from_kg"])
        yield empty, "'weight_until_kg' is below 'weight_from_kg', so it holds for no weight: mend one of them"
    if table == "events":
        yield (frame["correction"].notna() & frame["corrects"].isna()).to_numpy(), "'correction' has no 'corrects'"
    if table == "disruptions":
        nothing = frame["carrier_id"].isna() & frame["place"].isna()
        yield nothing.to_numpy(), "neither 'carrier_id' nor 'place' is given"


def _broken_bounds(frame: pd.DataFrame) -> Iterator[tuple[Broken, str]]:
    for name in frame.select_dtypes("number"):
        yield _true(frame[name].abs() > LARGEST), f"'{name}' is more than {LARGEST:.0e}: mend its unit"
    for name in DIVISORS:
        if name in frame:
            yield _true(frame[name] < LEAST_RATE_PER), f"'{name}' is less than {LEAST_RATE_PER:g}: mend its unit"


def _true(condition: pd.Series) -> Broken:
    """Return where a condition holds; where it cannot be judged it does not."""
    return np.asarray(condition.astype("boolean").fillna(False).to_numpy(dtype=bool))
