"""What the online state of stock keeps of a record: as it is told, or as it stands in a table.

Times are microseconds, `NEVER` where missing; quantities are thousandths, -1 where missing; a tier and a status count
along `TIERS` and `STATUSES`. Rows of a table come in the order in which they were known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from features.codes import Ints
from features.instants import micros, micros_of
from features.inventory.numbering import in_thousandths, thousandths
from features.inventory.stock import PICKABLE, STATUSES, TIERS, effects_of, ranks
from features.order_records import Order, OrderLine, PlacedOrder
from features.stock_records import InboundReceipt, InventoryAdjustment, InventoryPosition, WarehouseTask
from features.tables import RecordTables
from features.timeline import NEVER
from features.vocabulary import AdjustmentReason, TaskKind

Row = tuple[Any, ...]
_TASKS = (TaskKind.PICK, TaskKind.COUNT)
StockRecord = PlacedOrder | Order | OrderLine | InventoryPosition | InventoryAdjustment | InboundReceipt | WarehouseTask
"""Whatever the state of stock can take in."""


def order_row(record: Order) -> Row:
    """Return id and customer, clocks, tier, whether it ships complete, and when it was confirmed for."""
    tier, confirmed = TIERS.index(record.customer_tier), _instant(record.last_confirmed_at)
    return record.order_id, record.customer_id, *_clocks(record), tier, int(record.ship_complete), confirmed


def orders_in(tables: RecordTables) -> Iterator[Row]:
    """Yield the rows of all orders."""
    table = tables.orders
    tier, complete = ranks(table["customer_tier"], TIERS), table["ship_complete"].to_numpy(dtype=np.int64)
    return _rows(table, ["order_id", "customer_id"], tier, complete, micros_of(table["last_confirmed_at"]))


def line_row(record: OrderLine) -> Row:
    """Return ids, place, sku, unit and currency, clocks, quantity, when it was confirmed for, and a unit's value."""
    value = -1 if record.unit_value_minor is None else record.unit_value_minor
    quantity, confirmed = in_thousandths(record.quantity), _instant(record.last_confirmed_at)
    about = record.order_id, record.line_id, record.warehouse_id, record.sku, record.unit, record.currency
    return *about, *_clocks(record), quantity, confirmed, value


def lines_in(tables: RecordTables) -> Iterator[Row]:
    """Yield the rows of all order lines."""
    table = tables.order_lines
    quantity, confirmed = thousandths(table["quantity"]), micros_of(table["last_confirmed_at"])
    value = table["unit_value_minor"].fillna(-1).to_numpy(dtype=np.int64)
    about = ["order_id", "line_id", "warehouse_id", "sku", "unit", "currency"]
    return _rows(table, about, quantity, confirmed, value)


def position_row(record: InventoryPosition) -> Row:
    """Return place, sku, lot, disposition, holder and unit, clocks, quantity, and when it is expected."""
    about = record.place, record.sku, record.lot, record.disposition, record.held_by, record.unit
    return *about, *_clocks(record), in_thousandths(record.quantity), _instant(record.expected_at)


def positions_in(tables: RecordTables) -> Iterator[Row]:
    """Yield the rows of all positions."""
    table = tables.inventory_positions
    about = ["place", "sku", "lot", "disposition", "held_by", "unit"]
    return _rows(table, about, thousandths(table["quantity"]), micros_of(table["expected_at"]))


def adjustment_row(record: InventoryAdjustment) -> Row:
    """Return id, place, sku and unit, clocks, what it adds to what may be picked, and whether it is a count."""
    effect = (record.disposition in PICKABLE) - (record.from_disposition in PICKABLE)
    is_count = int(record.reason is AdjustmentReason.COUNT)
    about = record.adjustment_id, record.place, record.sku, record.unit
    return *about, *_clocks(record), in_thousandths(record.quantity) * effect, is_count


def adjustments_in(tables: RecordTables) -> Iterator[Row]:
    """Yield the rows of all adjustments."""
    table = tables.inventory_adjustments
    is_count = (table["reason"] == AdjustmentReason.COUNT).to_numpy().astype(np.int64)
    return _rows(table, ["adjustment_id", "place", "sku", "unit"], effects_of(table), is_count)


def task_row(record: WarehouseTask) -> Row | None:
    """Return task, kind, order, line, wave, place, sku and unit, clocks, status, quantities done and asked, due time.

    None for a task that is neither a pick nor a count.
    """
    if record.kind not in _TASKS:
        return None
    about = record.task_id, record.kind, record.order_id, record.line_id, record.wave_id, record.warehouse_id
    done, asked = _quantity(record.done_quantity), _quantity(record.quantity)
    status, due = STATUSES.index(record.status), _instant(record.due_at)
    return *about, record.sku, record.unit, *_clocks(record), status, done, asked, due


def tasks_in(tables: RecordTables) -> Iterator[Row]:
    """Yield the rows of all picks and counts."""
    table = tables.warehouse_tasks
    table = table[table["kind"].isin([kind.value for kind in _TASKS])]
    about = ["task_id", "kind", "order_id", "line_id", "wave_id", "warehouse_id", "sku", "unit"]
    done, asked = (thousandths(table[column], -1) for column in ("done_quantity", "quantity"))
    return _rows(table, about, ranks(table["status"], STATUSES), done, asked, micros_of(table["due_at"]))


def _rows(table: pd.DataFrame, texts: list[str], *numbers: Ints) -> Iterator[Row]:
    """Yield rows of texts, clocks and numbers, the first known first."""
    occurred, known = micros_of(table["occurred_at"]), micros_of(table["known_at"])
    order = np.argsort(known, kind="stable")
    given = [_texts(table[text], order) for text in texts]
    return zip(*given, *(column[order].tolist() for column in (occurred, known, *numbers)), strict=True)


def _texts(column: pd.Series, order: Ints) -> list[str | None]:
    """Return the texts of a column in an order, each text held once, None where missing."""
    codes, names = pd.factorize(column)
    held = [*map(str, names), None]
    return [held[code] for code in codes[order].tolist()]


def _clocks(record: StockRecord) -> tuple[int, int]:
    return micros(record.occurred_at), micros(record.known_at)


def _instant(time: datetime | None) -> int:
    return NEVER if time is None else micros(time)


def _quantity(told: float | None) -> int:
    return -1 if told is None else in_thousandths(told)
