"""Inventory features: what may keep an order line from being picked in full, as known at its cutoff.

Asked at the latest just before its wave is released. Six families: the line itself, declared here; the books
(`books`), what is on its way (`inbound`), who competes for it (`demand`), how far books and shelves have
drifted apart (`adjustments`), and how often picks found too little (`picks`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.codes import Ints
from features.errors import TimelineError
from features.instants import micros_of
from features.inventory import adjustments, books, demand, inbound, picks
from features.inventory.adjustments import ReadCorrections
from features.inventory.asked_lines import UNITS, Asked, Floats, declared, hours_between, units
from features.inventory.books import ReadBooks
from features.inventory.demand import ReadDemand
from features.inventory.inbound import ReadInbound
from features.inventory.line_states import LineStates, View
from features.inventory.numbering import Dense
from features.inventory.picks import ReadPicks
from features.inventory.stock import DISPOSITIONS, Stock
from features.steps import Steps
from features.tables import RecordTables
from features.vocabulary import Disposition, TaskKind

LINE = (
    declared("needed", UNITS, "what the line still needs", "order_lines, warehouse_tasks"),
    declared("hours_to_due", "hours", "time until its pick is due", "warehouse_tasks"),
    declared("hours_to_confirmed", "hours", "time until the delivery confirmed last", "order_lines, orders"),
    declared("hours_since_order", "hours", "time since the line was ordered", "order_lines"),
    declared("order_tier", "rank", "tier of the customer", "orders"),
    declared("order_ship_complete", "flag", "whether the customer takes all of the order or none", "orders"),
)
HINTS = (
    declared(
        "lacks_for_late_inbound",
        "flag",
        "whether too little is free, while stock in transit should have come or was put off",
        "inventory_positions, order_lines, warehouse_tasks",
    ),
)
INVENTORY_FEATURES = (
    LINE + books.FEATURES + inbound.FEATURES + HINTS + demand.FEATURES + adjustments.FEATURES + picks.FEATURES
)
INVENTORY_NAMES = tuple(feature.name for feature in INVENTORY_FEATURES)


@dataclass(frozen=True, slots=True)
class InventoryMatrix:
    """Features of n questions: `values` is float64 [n, len(INVENTORY_FEATURES)], NaN where unknown."""

    values: NDArray[np.float64]
    names: tuple[str, ...] = INVENTORY_NAMES


def build_inventory(tables: RecordTables, questions: pd.DataFrame) -> InventoryMatrix:
    """Build the features of each question, from what was known at its cutoff and from nothing else.

    Parameters
    ----------
    tables
        Canonical tables; records after a cutoff may be there and change nothing.
    questions
        Columns `order_id`, `line_id` and `cutoff_at` (aware).

    Raises
    ------
    TimelineError
        If an order line is not in the tables, or was not yet known at its cutoff.
    """
    inventory = Inventory(Stock.of_tables(tables))
    return InventoryMatrix(inventory.values(inventory.lines_of(questions), micros_of(questions["cutoff_at"])))


@dataclass(frozen=True, slots=True)
class Families:
    """The families of stock, however they are kept: of tables, or of records told one by one."""

    books: ReadBooks
    inbound: ReadInbound
    demand: ReadDemand
    corrections: ReadCorrections
    picks: ReadPicks

    def values(self, asked: Asked) -> Floats:
        """Return the features of lines as they are known: float64 [q, len(INVENTORY_FEATURES)]."""
        told = self.books.values(asked)
        coming = self.inbound.values(asked)
        reserved, _ = self.books.reserved(asked.orders, asked.articles, asked.cutoffs)
        competing = self.demand.values(asked, reserved, told[:, _FREE])
        families = [_line(asked.view, asked.cutoffs), told, coming, _hints(told, coming), competing]
        families += [self.corrections.values(asked), self.picks.values(asked)]
        return np.concatenate(families, axis=1)

    def free_for_more(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return what of articles could be given to one more line: int64 [q], thousandths, -1 where it is not told."""
        available = self.books.available(articles, cutoffs)
        return np.where(available < 0, -1, np.maximum(available - self.demand.unreserved(articles, cutoffs), 0))


class Inventory:
    """All that is known of stock, made once, asked often."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._states = LineStates(stock)
        positions, tasks, changes = stock.positions, stock.tasks, stock.adjustments
        steps = Steps(
            positions.identity, positions.occurred, positions.known,
            [positions.quantity, positions.expected, positions.article],
        )  # fmt: skip
        lines, instants = _turns(stock, self._states, steps)
        view = self._states.at(lines, instants)
        self._articles = Dense(view.article, positions.article, tasks.article, changes.article)
        of_positions, n_articles = self._articles.of(positions.article), len(self._articles)
        told = books.Books(positions, of_positions, n_articles, steps)
        wanted = demand.Demand(lines, instants, view, stock.order_of[lines], self._articles.of(view.article), told)
        counts, picked = tasks.of_kind(TaskKind.COUNT), tasks.of_kind(TaskKind.PICK)
        counted, _, _ = picks.done_tasks(counts, self._articles.of(counts.article))
        self._families = Families(
            told,
            inbound.Inbound(positions, of_positions),
            wanted,
            adjustments.Corrections(changes, self._articles.of(changes.article), counted),
            picks.Picks(picked, self._articles.of(picked.article)),
        )

    def views(self, lines: Ints, cutoffs: Ints) -> View:
        """Return the lines as known at the cutoffs."""
        return self._states.at(lines, cutoffs)

    def free_for_more(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return what of articles could be given to one more line: int64 [q], thousandths, -1 where it is not told.

        Parameters
        ----------
        articles : int64 [q]
            As `Stock` numbers them.
        """
        return self._families.free_for_more(self._articles.of(articles), cutoffs)

    def lines_of(self, questions: pd.DataFrame) -> Ints:
        """Return the number of the line of each question: int64 [q]."""
        asked = pd.MultiIndex.from_frame(questions[["order_id", "line_id"]].astype(object))
        places = self._stock.ids.get_indexer(asked)
        if (places < 0).any():
            first = asked[places < 0][0]
            raise TimelineError(
                f"{int((places < 0).sum())} of {len(questions)} questions name an order line that is not in the "
                f"tables, the first {first}. Import its order line, or leave the question out."
            )
        return self._stock.line_numbers[places]

    def values(self, lines: Ints, cutoffs: Ints) -> Floats:
        """Return the features of lines, by number, at the cutoffs: float64 [q, len(INVENTORY_FEATURES)]."""
        view = self._states.at(lines, cutoffs)
        if not view.is_known.all():
            raise TimelineError(
                f"{int((~view.is_known).sum())} of {len(lines)} questions are asked before their order line was known. "
                f"Move the cutoff, or leave the question out."
            )
        orders, articles = self._stock.order_of[lines], self._articles.of(view.article)
        return self._families.values(Asked(cutoffs, orders, articles, view))


_FREE, _SHORTFALL = ([feature.name for feature in books.FEATURES].index(name) for name in ("free", "shortfall"))
_OVERDUE, _PUT_OFF = (
    [feature.name for feature in inbound.FEATURES].index(name) for name in ("inbound_overdue", "inbound_put_off")
)


def _turns(stock: Stock, states: LineStates, positions: Steps) -> tuple[Ints, Ints]:
    """Return each line with every instant at which it, its order, its picks or its reservations may change."""
    row = positions.rows
    is_reserved = stock.positions.disposition[row] == DISPOSITIONS.index(Disposition.RESERVED)
    holders = np.where(is_reserved, stock.positions.holder[row], -1)
    orders = np.concatenate([states.orders.keys, holders[holders >= 0]])
    instants = np.concatenate([states.orders.since, positions.since[holders >= 0]])

    by_order = np.argsort(stock.order_of, kind="stable")
    first, last = (np.searchsorted(stock.order_of[by_order], orders, side=side) for side in ("left", "right"))
    count = last - first
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    of_orders = by_order[np.repeat(first, count) + offset]
    picked, picked_at = states.pick_turns
    lines = np.concatenate([states.lines.keys, picked, of_orders])
    times = np.concatenate([states.lines.since, picked_at, np.repeat(instants, count)])
    order = np.lexsort((times, lines))
    lines, times = lines[order], times[order]
    new = np.append(True, (lines[1:] != lines[:-1]) | (times[1:] != times[:-1]))[: len(lines)]
    return lines[new], times[new]


def _line(view: View, cutoffs: Ints) -> Floats:
    columns = [
        units(view.needed),
        hours_between(cutoffs, view.due),
        hours_between(cutoffs, view.promised),
        hours_between(view.first, cutoffs),
        np.where(view.tier < 0, np.nan, view.tier),
        np.where(view.complete < 0, np.nan, view.complete),
    ]
    return np.stack(columns, axis=1)


def _hints(told: Floats, coming: Floats) -> Floats:
    missing, late = told[:, _SHORTFALL], coming[:, _OVERDUE] + coming[:, _PUT_OFF]
    hint = ((missing > 0) & (late > 0)).astype(np.float64)
    return np.where(np.isnan(missing) | np.isnan(late), np.nan, hint)[:, None]
