"""The online state of stock: takes records one by one, in any order, and answers with the numbers of the batch build.

Both sides share every formula (`features.inventory.features.Families`); only how the past is kept differs. A thing is
told as states, and a corrected one is another state of it: the same time of occurrence, learnt later.

What a line wants is worked out anew when somebody asks, for the lines that were told of since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.codes import Ints
from features.inventory.around import NOT_NAMED, Holder, Node, holders_of, nodes_of
from features.inventory.asked_lines import Asked, Floats, hours_between, units
from features.inventory.demand import orders_of, wants_of
from features.inventory.features import Families
from features.inventory.line_moments import RELEASED
from features.inventory.line_states import View
from features.inventory.live.books import LiveBooks
from features.inventory.live.demand import LiveDemand
from features.inventory.live.inbound import LiveInbound, Lot
from features.inventory.live.lines import LiveLines, Name
from features.inventory.live.names import Articles, Last, Numbers
from features.inventory.live.past import LiveCorrections, LivePicks
from features.inventory.live.rising import State, start_of
from features.inventory.live.rows import (
    StockRecord,
    adjustment_row,
    adjustments_in,
    line_row,
    lines_in,
    order_row,
    orders_in,
    position_row,
    positions_in,
    task_row,
    tasks_in,
)
from features.inventory.numbering import THOUSANDTHS
from features.order_records import Order, OrderLine, PlacedOrder
from features.stock_records import InboundReceipt, InventoryAdjustment, InventoryPosition, WarehouseTask
from features.tables import RecordTables
from features.timeline import NEVER
from features.vocabulary import Disposition, TaskKind


@dataclass(frozen=True, slots=True)
class Source:
    """A place that has units of an article to give, or will get some."""

    place: str
    free: float
    lots: tuple[Lot, ...]


class LiveStock:
    """All that is known of orders, stock and picks, ready to be asked about order lines."""

    def __init__(self) -> None:
        self._articles, self._places, self._holders = Articles(), Numbers[str](), Numbers[str]()
        self.lines = LiveLines(self._articles, self._places, self._holders)
        self._books = LiveBooks(self._articles, self._holders)
        self._inbound, self._demand, self._corrections = LiveInbound(), LiveDemand(), LiveCorrections()
        self._picks = LivePicks(self._corrections.counted)
        self._families = Families(self._books, self._inbound, self._demand, self._corrections, self._picks)
        self._news = Last()
        self._of_wave: dict[str, set[int]] = {}
        self._released: dict[int, int] = {}
        self._waves_released: dict[str, int] = {}
        self._unsettled: set[int] = set()

    def add(self, record: StockRecord) -> bool:
        """Take in a record; False if it changes nothing.

        Of two states of one thing that are alike in both clocks the greater is in force, whichever came first.
        """
        match record:
            case OrderLine():
                return self._line(*line_row(record))
            case InventoryPosition():
                return self._position(*position_row(record))
            case InventoryAdjustment():
                return self._adjustment(*adjustment_row(record))
            case WarehouseTask():
                row = task_row(record)
                return row is not None and self._task(*row)
            case PlacedOrder():
                return self._all_of(record.order(), *record.order_lines())
            case Order():
                return self._order(*order_row(record))
            case InboundReceipt():
                return self._all_of(*record.positions())

    def add_tables(self, tables: RecordTables) -> None:
        """Take in the orders, the stock and the tasks of canonical tables."""
        takes: tuple[tuple[Callable[..., bool], Iterable[tuple[Any, ...]]], ...] = (
            (self._order, orders_in(tables)),
            (self._line, lines_in(tables)),
            (self._position, positions_in(tables)),
            (self._adjustment, adjustments_in(tables)),
            (self._task, tasks_in(tables)),
        )
        for take, rows in takes:
            for row in rows:
                take(*row)

    def get_ready(self) -> None:
        """Work out what the lines want that were told of since somebody asked last, so that nobody waits for it."""
        if not self._unsettled:
            return
        settled, self._unsettled = sorted(self._unsettled), set()
        lines: list[int] = []
        instants: list[int] = []
        for line in settled:
            told, order = self.lines.lines[line], self._order_of(line)
            turns = set(self.lines.turns(line))
            for sku in told.skus:
                turns.update(self._books.turns(order, sku))
            turns.discard(NEVER)
            lines += [line] * len(turns)
            instants += sorted(turns)
        asked, times = np.array(lines, dtype=np.int64), np.array(instants, dtype=np.int64)
        orders = np.array([self._order_of(line) for line in lines], dtype=np.int64)
        view = self.lines.at(asked, times)
        reserved, _ = self._books.reserved(orders, view.article, times)
        wants = wants_of(asked, times, view, reserved, view.article)
        self._demand.replace(settled, wants, orders_of(asked, times, view, view.article))

    def line(self, name: Name) -> int | None:
        """Return the number of an order line, by order and line; None if it was not told."""
        number = self.lines.numbers.known(name)
        return number if number >= 0 and self.lines.lines[number].states.states else None

    def of_order(self, order_id: str) -> list[int]:
        """Return the lines that were told of an order."""
        return [number for number in self.lines.of_order(order_id) if self.lines.lines[number].states.states]

    def of_wave(self, wave_id: str, cutoff: int) -> list[int]:
        """Return the lines of which a pick is in a wave, by what is known then: one that moved on is in another."""
        return sorted(n for n in self._of_wave.get(wave_id, ()) if self.lines.is_in(n, wave_id, cutoff))

    def waiting(self, cutoff: int) -> list[int]:
        """Return the lines that are known and open, need something, and are not known to be released."""
        numbers = np.array([n for n in range(len(self.lines.lines)) if not self.is_released(n, cutoff)], np.int64)
        view = self.views(numbers, np.full(len(numbers), cutoff, dtype=np.int64))
        return list(map(int, numbers[view.is_known & (view.is_open > 0) & (view.needed > 0)]))

    def released_at(self, wave_id: str) -> int | None:
        """Return when the first pick of a wave was released, `NEVER` if none was; None if no pick names it."""
        return self._waves_released.get(wave_id, NEVER) if wave_id in self._of_wave else None

    def is_released(self, line: int, cutoff: int) -> bool:
        """Tell whether a pick of a line was released by then."""
        return self._released.get(line, NEVER) <= cutoff

    def views(self, lines: Ints, cutoffs: Ints) -> View:
        """Return lines as known at the cutoffs."""
        return self.lines.at(lines, cutoffs)

    def values(self, lines: Ints, cutoffs: Ints, view: View) -> Floats:
        """Return the features of lines at the cutoffs: float64 [q, len(INVENTORY_FEATURES)].

        Parameters
        ----------
        view
            The lines as known then; every one must be.
        """
        self.get_ready()
        orders = np.array([self._order_of(number) for number in lines.tolist()], dtype=np.int64)
        return self._families.values(Asked(cutoffs, orders, view.article, view))

    def news_hours(self, view: View, cutoffs: Ints) -> Floats:
        """Return the hours since the newest known change of any stock at the place of each line, NaN for none."""
        return hours_between(self._news.at(view.place, cutoffs), cutoffs)

    def nodes(self, article: int, cutoff: int) -> tuple[Node, ...]:
        """Return the other places that could give some of an article, the most first."""
        self.get_ready()
        others = np.array(self._articles.elsewhere(article) if article >= 0 else (), dtype=np.int64)
        free = self._families.free_for_more(others, np.full(len(others), cutoff))
        places = (self._articles.names[other][0] for other in others.tolist())
        return nodes_of(zip(places, units(free).tolist(), strict=True))

    def holders(self, line: int, view: View, row: int, cutoff: int) -> tuple[Holder, ...]:
        """Return who else has reserved some of a line's article at its place, the most first."""
        own = self._order_of(line), int(view.wave[row])
        held = self._books.held(int(view.article[row]), cutoff)
        names = self._holders.names
        others = ((NOT_NAMED if holder < 0 else names[holder], some) for holder, some in held if _is_other(holder, own))
        return holders_of(others)

    def sources(self, order_id: str, article: int, unreserved: int, cutoff: int) -> list[Source]:
        """Return the places that have some of an article to give to lines of an order, or are to get some.

        Where the order is to be picked that is what is available or reserved for it, less what lines of others there
        need and have not reserved.

        Parameters
        ----------
        article
            Where the order is to be picked; others are of the same sku and unit.
        unreserved
            What its own lines need of it and have not reserved, thousandths.
        """
        self.get_ready()
        at, here = np.array([cutoff]), np.array([article])
        kept, _ = self._books.reserved(np.array([self._holders.of(order_id)]), here, at)
        there = self._books.available(here, at)
        wanted = np.maximum(self._demand.unreserved(here, at) - unreserved, 0)
        found = [(article, int(np.where(there < 0, 0, np.maximum(there + kept - wanted, 0))[0]))]
        others = np.array(self._articles.elsewhere(article), dtype=np.int64)
        free = self._families.free_for_more(others, np.full(len(others), cutoff))
        found += zip(others.tolist(), np.maximum(free, 0).tolist(), strict=True)
        sources = []
        for number, some in found:
            place = self._articles.names[number][0]
            lots = self._inbound.lots_coming(self._places.of(place), number, cutoff)
            if some or lots:
                sources.append(Source(place, some / THOUSANDTHS, tuple(lots)))
        return sources

    def unreserved(self, line: int, view: View, row: int, cutoff: int) -> int:
        """Return what a line needs and has not reserved: thousandths."""
        order, article = np.array([self._order_of(line)]), view.article[row : row + 1]
        kept, _ = self._books.reserved(order, article, np.array([cutoff]))
        return max(int(view.needed[row] * view.is_open[row]) - int(kept[0]), 0)

    def article_name(self, article: int) -> tuple[str, str, str]:
        """Return place, sku and unit of an article by its number."""
        return self._articles.names[article]

    def place_name(self, place: int) -> str | None:
        """Return the name of a place by its number, None for -1."""
        return self._places.names[place] if place >= 0 else None

    def wave_name(self, wave: int) -> str | None:
        """Return the name of a wave by its number, None for -1."""
        return self._holders.names[wave] if wave >= 0 else None

    def sku(self, line: int, cutoff: int) -> str:
        """Return the article that a known line wants."""
        return str(self._told(line, cutoff)[3])

    def customer(self, line: int, cutoff: int) -> str | None:
        """Return whose order a line is of; None where nobody told of the order."""
        order = self.lines.lines[line].order.at(cutoff)
        return None if order is None else str(order[-1])

    def free(self, place: str, sku: str, unit: str, cutoff: int) -> float:
        """Return what a place could give of an article, in units: what is free there, less what its own lines need."""
        self.get_ready()
        article = np.array([self._articles.known((place, sku, unit))], dtype=np.int64)
        return max(float(units(self._families.free_for_more(article, np.array([cutoff])))[0]), 0.0)

    def changed_at(self, place: str, sku: str, unit: str, cutoff: int) -> int:
        """Return when what lies of an article at a place changed last, as known at the cutoff; `NEVER` if never."""
        article = np.array([self._articles.known((place, sku, unit))], dtype=np.int64)
        return int(self._books.changed(article, np.array([cutoff]))[0])

    def of_place(self, place: str, cutoff: int) -> list[int] | None:
        """Return the lines that wait to be picked at a place; None if nothing was ever told of it."""
        number = self._places.known(place)
        if number < 0:
            return None
        waiting = self.waiting(cutoff)
        view = self.views(np.array(waiting, dtype=np.int64), np.full(len(waiting), cutoff, dtype=np.int64))
        return [line for line, where in zip(waiting, view.place.tolist(), strict=True) if where == number]

    def unit_value(self, line: int, cutoff: int) -> tuple[int | None, str | None]:
        """Return what a unit of a known line is worth, in minor units of which currency; None where it was not told."""
        *_, value, currency = self._told(line, cutoff)
        return None if value < 0 else value, currency or None

    def __len__(self) -> int:
        return len(self.lines.lines)

    def _told(self, line: int, cutoff: int) -> State:
        state = self.lines.lines[line].states.at(cutoff)
        assert state is not None  # noqa: S101  whoever asks has seen that it is known
        return state

    def _order_of(self, line: int) -> int:
        return self._holders.of(self.lines.lines[line].name[0])

    def _all_of(self, *records: StockRecord) -> bool:
        news = [self.add(record) for record in records]
        return any(news)

    def _order(self, order_id: str, customer_id: str, *state: int) -> bool:
        changed = self.lines.add_order(order_id, (*state, customer_id))
        self._unsettled.update(changed or ())
        return changed is not None

    def _line(
        self, order_id: str, line_id: str, place: str | None, sku: str, unit: str, currency: str | None,
        occurred: int, known: int, quantity: int, confirmed: int, value: int,
    ) -> bool:  # fmt: skip
        name = order_id, line_id
        state = (occurred, known, place or "", sku, unit, quantity, confirmed, value, currency or "")
        is_new = self.lines.add_line(name, state)
        self._unsettled.add(self.lines.number(name))
        return is_new

    def _position(
        self, place: str, sku: str, lot: str | None, disposition: str, holder: str | None, unit: str,
        occurred: int, known: int, quantity: int, expected: int,
    ) -> bool:  # fmt: skip
        state = (occurred, known, quantity, expected, unit, self._articles.of((place, sku, unit)))
        number = self._places.of(place)
        self._news.note(number, occurred, start_of(state))
        if disposition == Disposition.IN_TRANSIT:
            return self._inbound.add((place, sku, lot, holder), number, state)
        is_new = self._books.add((place, sku, lot, disposition, holder), state)
        if is_new and disposition == Disposition.RESERVED and holder is not None:
            self._unsettled.update(self.lines.wanting(holder, sku))
        return is_new

    def _adjustment(
        self, adjustment_id: str, place: str, sku: str, unit: str, occurred: int, known: int, effect: int, is_count: int
    ) -> bool:
        name = place, sku, unit
        state = (occurred, known, effect, is_count, name, self._articles.of(name), self._places.of(place))
        return self._corrections.add(adjustment_id, state)

    def _task(
        self, task_id: str, kind: str, order_id: str | None, line_id: str | None, wave_id: str | None, place: str,
        sku: str | None, unit: str, occurred: int, known: int, status: int, done: int, quantity: int, due: int,
    ) -> bool:  # fmt: skip
        article, line = -1, -1
        name: tuple[()] | tuple[str, str, str] = ()
        if sku is not None:
            article = self._articles.of((place, sku, unit))
            name = self._articles.names[article]
        if kind == TaskKind.PICK and order_id is not None and line_id is not None:
            line = self.lines.number((order_id, line_id))
        state = (
            occurred, known, status, done, quantity, due, wave_id or "", place, name, task_id, line, article,
            self._places.of(place),
        )  # fmt: skip
        if kind == TaskKind.COUNT:
            return self._picks.add_count(task_id, state)
        is_new = self._picks.add(task_id, state)
        if line >= 0:
            self._unsettled.update(self.lines.add_pick(task_id, state))
            if wave_id is not None:
                self._of_wave.setdefault(wave_id, set()).add(line)
            if status in RELEASED:
                self._released[line] = min(self._released.get(line, NEVER), occurred)
                if wave_id is not None:
                    self._waves_released[wave_id] = min(self._waves_released.get(wave_id, NEVER), occurred)
        return is_new


def _is_other(holder: int, own: tuple[int, int]) -> bool:
    return holder < 0 or holder not in own
