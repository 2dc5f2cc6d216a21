"""Orders, stock and warehouse work as columns of integers: names are numbers, quantities whole thousandths.

Names are numbered alike in all tables. An *article* is a sku at a place in one unit: quantities of two units do not add
up. Times are int64 microseconds, `NEVER` where missing; a number that is missing is -1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from features.codes import Ints
from features.instants import micros_of
from features.inventory.numbering import Dense, combined, numbered, numbered_names, thousandths
from features.tables import RecordTables
from features.vocabulary import AdjustmentReason, CustomerTier, Disposition, TaskKind, TaskStatus

DISPOSITIONS = tuple(disposition.value for disposition in Disposition)
STATUSES = tuple(status.value for status in TaskStatus)
KINDS = tuple(kind.value for kind in TaskKind)
TIERS = tuple(tier.value for tier in CustomerTier)
PICKABLE = (Disposition.AVAILABLE, Disposition.RESERVED)
"""What of the stock may be picked."""


class Positions(NamedTuple):
    """Stock positions: int64 [n] each; `holder` holds the reservation, `disposition` counts along `DISPOSITIONS`."""

    identity: Ints
    place: Ints
    article: Ints
    lot: Ints
    holder: Ints
    disposition: Ints
    quantity: Ints
    expected: Ints
    occurred: Ints
    known: Ints


class Lines(NamedTuple):
    """States of order lines: int64 [n] each."""

    line: Ints
    order: Ints
    place: Ints
    sku: Ints
    unit: Ints
    quantity: Ints
    promised: Ints
    occurred: Ints
    known: Ints


class Orders(NamedTuple):
    """States of orders: int64 [n] each; `tier` is the rank of the customer, `complete` 0 or 1."""

    order: Ints
    tier: Ints
    complete: Ints
    promised: Ints
    occurred: Ints
    known: Ints


class Tasks(NamedTuple):
    """States of warehouse tasks: int64 [n] each; `kind` and `status` count along `KINDS` and `STATUSES`."""

    task: Ints
    kind: Ints
    status: Ints
    line: Ints
    order: Ints
    place: Ints
    article: Ints
    wave: Ints
    quantity: Ints
    done: Ints
    due: Ints
    occurred: Ints
    known: Ints

    def of_kind(self, kind: TaskKind) -> Tasks:
        """Return the tasks of one kind."""
        chosen = self.kind == KINDS.index(kind.value)
        return Tasks(*(column[chosen] for column in self))


class Adjustments(NamedTuple):
    """Adjustments of the books: int64 [n] each; `effect` is what they add to the stock that may be picked."""

    identity: Ints
    place: Ints
    article: Ints
    effect: Ints
    is_count: Ints
    occurred: Ints
    known: Ints


@dataclass(frozen=True, slots=True)
class Stock:
    """What tables say of orders, stock and warehouse work.

    Attributes
    ----------
    ids
        Names of the lines by their number: order_id, line_id; -1 for one that only a task names.
    order_of : int64 [lines]
        Order of each line.
    sizes
        How many skus and units there are; `article_of` builds on it.
    places, holders
        Names by number of places, and of all that may hold a reservation (orders and waves among them).
    """

    positions: Positions
    lines: Lines
    orders: Orders
    tasks: Tasks
    adjustments: Adjustments
    ids: pd.MultiIndex
    line_numbers: Ints
    order_of: Ints
    sizes: tuple[int, int]
    places: tuple[str, ...]
    holders: tuple[str, ...]

    @classmethod
    def of_tables(cls, tables: RecordTables) -> Stock:
        """Number the names of the tables and turn their columns into integers."""
        lines, tasks = tables.order_lines, tables.warehouse_tasks
        positions, adjustments, orders = tables.inventory_positions, tables.inventory_adjustments, tables.orders
        places, place_names = numbered_names(
            [positions["place"], lines["warehouse_id"], tasks["warehouse_id"], adjustments["place"]]
        )
        skus = numbered([table["sku"] for table in (positions, lines, tasks, adjustments)])
        units = numbered([table["unit"] for table in (positions, lines, tasks, adjustments)])
        holders, holder_names = numbered_names(
            [positions["held_by"], lines["order_id"], tasks["order_id"], orders["order_id"], tasks["wave_id"]]
        )
        line_ids = numbered([lines["line_id"], tasks["line_id"]])
        n_skus, n_units, n_line_ids = (_size(codes) for codes in (skus, units, line_ids))
        of_lines = combined(holders[1], line_ids[0], n_line_ids)
        of_tasks = combined(holders[2], line_ids[1], n_line_ids)
        dense = Dense(of_lines, of_tasks)
        line, line_of_task = dense.of(of_lines), dense.of(of_tasks)
        order_of = np.full(len(dense), -1, dtype=np.int64)
        order_of[line_of_task[line_of_task >= 0]] = holders[2][line_of_task >= 0]
        order_of[line] = holders[1]
        sizes = (n_skus, n_units)
        known_lines = ~pd.Series(line).duplicated().to_numpy()
        return cls(
            positions=_positions(positions, places[0], article_of(places[0], skus[0], units[0], sizes), holders[0]),
            lines=Lines(
                line, holders[1], places[1], skus[1], units[1], thousandths(lines["quantity"]),
                micros_of(lines["last_confirmed_at"]), *_clocks(lines),
            ),
            orders=Orders(
                holders[3], ranks(orders["customer_tier"], TIERS), orders["ship_complete"].to_numpy(dtype=np.int64),
                micros_of(orders["last_confirmed_at"]), *_clocks(orders),
            ),
            tasks=Tasks(
                numbered([tasks["task_id"]])[0], ranks(tasks["kind"], KINDS), ranks(tasks["status"], STATUSES),
                line_of_task, holders[2], places[2], article_of(places[2], skus[2], units[2], sizes), holders[4],
                thousandths(tasks["quantity"], -1), thousandths(tasks["done_quantity"], -1), micros_of(tasks["due_at"]),
                *_clocks(tasks),
            ),
            adjustments=_adjustments(adjustments, places[3], article_of(places[3], skus[3], units[3], sizes)),
            ids=pd.MultiIndex.from_frame(lines.loc[known_lines, ["order_id", "line_id"]].astype(object)),
            line_numbers=line[known_lines],
            order_of=order_of,
            sizes=sizes,
            places=place_names,
            holders=holder_names,
        )  # fmt: skip

    def article(self, place: Ints, sku: Ints, unit: Ints) -> Ints:
        """Return the number of a sku at a place in a unit, -1 where one is missing."""
        return article_of(place, sku, unit, self.sizes)

    def elsewhere(self, articles: Ints, place: int) -> Ints:
        """Return the number that the same sku in the same unit has at another place, -1 where one is missing."""
        n_skus, n_units = self.sizes
        sku, unit = articles // n_units % n_skus, articles % n_units
        return np.where(articles < 0, -1, self.article(np.full(len(articles), place), sku, unit))


def article_of(place: Ints, sku: Ints, unit: Ints, sizes: tuple[int, int]) -> Ints:
    """Return the number of a sku at a place in a unit, -1 where one is missing; `sizes` of skus and units."""
    return combined(combined(place, sku, sizes[0]), unit, sizes[1])


def _positions(table: pd.DataFrame, place: Ints, article: Ints, holder: Ints) -> Positions:
    disposition, lot = ranks(table["disposition"], DISPOSITIONS), numbered([table["lot"]])[0]
    sku = numbered([table["sku"]])[0]
    identity = combined(place, sku, _size((sku,)))
    for part, size in ((lot + 1, _size((lot,)) + 1), (holder + 1, _size((holder,)) + 1)):
        identity = combined(Dense(identity).of(identity), part, size)
    identity = combined(Dense(identity).of(identity), disposition, len(DISPOSITIONS))
    return Positions(
        identity, place, article, lot, holder, disposition, thousandths(table["quantity"]),
        micros_of(table["expected_at"]), *_clocks(table),
    )  # fmt: skip


def _adjustments(table: pd.DataFrame, place: Ints, article: Ints) -> Adjustments:
    is_count = (table["reason"] == AdjustmentReason.COUNT).to_numpy().astype(np.int64)
    identity = numbered([table["adjustment_id"]])[0]
    return Adjustments(identity, place, article, effects_of(table), is_count, *_clocks(table))


def effects_of(table: pd.DataFrame) -> Ints:
    """Return what adjustments add to the stock that may be picked: int64 [n], thousandths."""
    to, source = (ranks(table[column], DISPOSITIONS) for column in ("disposition", "from_disposition"))
    pickable = [DISPOSITIONS.index(one.value) for one in PICKABLE]
    return thousandths(table["quantity"]) * (np.isin(to, pickable).astype(np.int64) - np.isin(source, pickable))


def ranks(column: pd.Series, words: tuple[str, ...]) -> Ints:
    """Return where each of a column stands along words, -1 where it is none of them: int64 [n]."""
    return pd.Index(words).get_indexer(pd.Index(column.astype(object))).astype(np.int64)


def _size(codes: tuple[Ints, ...]) -> int:
    return 1 + max(int(column.max(initial=-1)) for column in codes)


def _clocks(table: pd.DataFrame) -> tuple[Ints, Ints]:
    return micros_of(table["occurred_at"]), micros_of(table["known_at"])
