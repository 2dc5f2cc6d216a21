"""Stock of each article in each warehouse: what the books say, what lies there, and the picks that find too little.

The books and the shelves drift apart: goods are lost without notice until a count, or a picker, finds out. Inbound lots
come late, some are held for inspection. All of it is told as records with both clocks.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ingest.checks import UNIQUE
from features.tables import SCHEMAS
from features.vocabulary import AdjustmentReason, Disposition, TaskKind, TaskStatus
from training.simulate.bookings import Bookings
from training.simulate.frames import frame, instants
from training.simulate.journeys import Journeys
from training.simulate.network import WAREHOUSES
from training.simulate.orders import ARTICLES, Line, lines_of, order_lines_frame, orders_frame
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]

COVER_DAYS, REORDER_DAYS, LOT_DAYS = 12.0, 9.0, 10.0
LEAD_HOURS = (96.0, 192.0)
LATE_SHARE, LATE_MEAN_HOURS = 0.30, 48.0
INSPECTED_SHARE = 0.12
LOSSES_A_WEEK, DAMAGES_A_WEEK = 0.25, 0.15
COUNT_EVERY_DAYS = 21.0
LATE_REPORT_SHARE = 0.04


@dataclass(frozen=True, slots=True)
class Stock:
    """The tables of orders and of the warehouses."""

    orders: pd.DataFrame
    order_lines: pd.DataFrame
    warehouse_tasks: pd.DataFrame
    inventory_positions: pd.DataFrame
    inventory_adjustments: pd.DataFrame


class _Kind(IntEnum):
    """What happens to an article; the order breaks ties."""

    ARRIVAL = 0
    INSPECTED = 1
    NEWS = 2
    LOSS = 3
    DAMAGE = 4
    COUNT = 5
    BOOKING = 6
    RELEASE = 7
    CANCELLATION = 8
    PICK = 9


def make_stock(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, journeys: Journeys, released: Floats,
    rng: np.random.Generator,
) -> Stock:  # fmt: skip
    """Return orders, pick tasks, positions and adjustments for the bookings.

    Every shipment is an order of its own, with one to three lines; its goods are picked between the release of its wave
    and its loading.
    """
    told = _Told(settings, rng)
    lines = lines_of(timetable, bookings, journeys, released, rng)
    for place in range(len(WAREHOUSES)):
        for article in range(ARTICLES):
            mine = lines.get((place, article), [])
            if mine:
                _Article(WAREHOUSES[place].code, f"A{article + 1:03d}", mine, settings, told, rng).run()
    return Stock(
        orders=orders_frame(settings, timetable, bookings),
        order_lines=order_lines_frame(settings, bookings, lines),
        warehouse_tasks=told.frame("warehouse_tasks", ("known_at", "task_id")),
        inventory_positions=told.frame("inventory_positions", ("known_at", "place", "sku")),
        inventory_adjustments=told.frame("inventory_adjustments", ("known_at", "adjustment_id")),
    )


@dataclass(slots=True)
class _Told:
    """Collects records with their two clocks."""

    settings: SimulationSettings
    rng: np.random.Generator
    rows: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def tell(self, table: str, at: float, known: float = np.nan, **columns: Any) -> None:
        """Tell of something that happened at an hour; without a time of its own it is known soon, see `frame`."""
        self.rows.setdefault(table, []).append({**columns, "occurred_at": at, "known_at": known})

    def frame(self, table: str, by: tuple[str, ...]) -> pd.DataFrame:
        """Return the canonical table. What happened is known within minutes, now and then after hours."""
        rows = pd.DataFrame(self.rows.get(table, []), columns=SCHEMAS[table].names)
        late = self.rng.random(len(rows)) < LATE_REPORT_SHARE
        lag = np.where(late, self.rng.uniform(2.0, 14.0, len(rows)), self.rng.uniform(0.5, 15.0, len(rows)) / 60)
        rows["known_at"] = rows["known_at"].fillna(rows["occurred_at"] + lag)
        for column in ("occurred_at", "known_at", "due_at", "expected_at"):
            if column in rows:
                hours = rows[column].to_numpy(dtype=np.float64)
                rows[column] = pd.Series(instants(self.settings.start, hours)).dt.tz_localize("UTC")
        # Of two states that are learnt in the same second the later one is kept.
        rows = rows.drop_duplicates(list(UNIQUE[table]), keep="last")
        return frame(table, {name: rows[name] for name in rows.columns}, by=by)


class _Article:
    """One article in one warehouse, through time."""

    def __init__(
        self, place: str, sku: str, lines: list[Line], settings: SimulationSettings, told: _Told,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.place, self.sku, self.told, self.rng = place, sku, told, rng
        self.a_day = sum(line.quantity for line in lines) / settings.days
        self.available = self.shelf = round(COVER_DAYS * self.a_day) + 2
        self.reserved: dict[str, int] = {}
        self.coming: dict[str, int] = {}
        self.lots = self.adjustments = 0
        self.agenda: list[tuple[float, int, int, Any]] = []
        self.number = count()
        self._plan(lines, settings)

    def run(self) -> None:
        """Let everything happen in order."""
        self._position(0.0, Disposition.AVAILABLE, self.available)
        while self.agenda:
            at, kind, _, what = heapq.heappop(self.agenda)
            getattr(self, f"_{_Kind(kind).name.lower()}")(at, what)

    def _plan(self, lines: list[Line], settings: SimulationSettings) -> None:
        hours = settings.days * 24
        for line in lines:
            self._expect(line.booked, _Kind.BOOKING, line)
            if line.cancelled:
                self._expect((line.booked + line.released) / 2 + 0.1, _Kind.CANCELLATION, line)
            else:
                self._expect(max(line.released, line.booked + 0.01), _Kind.RELEASE, line)
        for kind, a_week in ((_Kind.LOSS, LOSSES_A_WEEK), (_Kind.DAMAGE, DAMAGES_A_WEEK)):
            for at in np.sort(self.rng.uniform(0, hours, size=self.rng.poisson(a_week * hours / 168))):
                self._expect(float(at), kind, None)
        first = self.rng.uniform(0, COUNT_EVERY_DAYS * 24)
        for at in np.arange(first, hours, COUNT_EVERY_DAYS * 24):
            self._expect(float(at), _Kind.COUNT, None)

    def _expect(self, at: float, kind: _Kind, what: object) -> None:
        heapq.heappush(self.agenda, (at, int(kind), next(self.number), what))

    # What happens.

    def _booking(self, at: float, line: Line) -> None:
        self._task(at, line, TaskStatus.PLANNED)
        self._reserve(at, line)
        self._reorder(at)

    def _cancellation(self, at: float, line: Line) -> None:
        self._task(at, line, TaskStatus.CANCELLED)
        self._give_back(at, line)

    def _release(self, at: float, line: Line) -> None:
        self._task(at, line, TaskStatus.RELEASED)
        self._reserve(at, line)
        self._expect(max(line.picked, at + 0.05), _Kind.PICK, line)

    def _pick(self, at: float, line: Line) -> None:
        allocated = self.reserved.get(line.key, 0)
        found = min(allocated, self.shelf)
        self.shelf -= found
        short = found < line.quantity
        reason = None if not short else "not found" if found < allocated else "not allocated"
        status = TaskStatus.SHORT if short else TaskStatus.DONE
        self._task(at, line, status, done_quantity=float(found), reason=reason)
        if allocated:
            self.reserved.pop(line.key)
            self._position(at, Disposition.RESERVED, 0, held_by=line.order_id)
        if found < allocated:
            self._adjust(at, found - allocated, AdjustmentReason.LOSS, Disposition.RESERVED)
        self._reorder(at)

    def _loss(self, _at: float, _what: object) -> None:
        self.shelf = max(self.shelf - 1 - int(self.rng.geometric(0.4)), 0)

    def _damage(self, at: float, _what: object) -> None:
        hurt = min(1 + int(self.rng.geometric(0.5)), self.available, self.shelf)
        if hurt:
            self.available -= hurt
            self.shelf -= hurt
            self._position(at, Disposition.AVAILABLE, self.available)
            self._adjust(at, hurt, AdjustmentReason.DAMAGE, Disposition.DAMAGED, Disposition.AVAILABLE)

    def _count(self, at: float, _what: object) -> None:
        found = max(self.shelf - sum(self.reserved.values()), 0)
        if found != self.available:
            self._adjust(at, found - self.available, AdjustmentReason.COUNT, Disposition.AVAILABLE)
            self.available = found
            self._position(at, Disposition.AVAILABLE, found)

    def _arrival(self, at: float, lot: str) -> None:
        quantity = self.coming.pop(lot)
        self._position(at, Disposition.IN_TRANSIT, 0, lot=lot)
        if self.rng.random() < INSPECTED_SHARE:
            self._position(at, Disposition.HELD, quantity, lot=lot, reason="inspection")
            self._expect(at + self.rng.uniform(12, 60), _Kind.INSPECTED, (lot, quantity))
        else:
            self._shelve(at, quantity)

    def _inspected(self, at: float, held: tuple[str, int]) -> None:
        lot, quantity = held
        self._position(at, Disposition.HELD, 0, lot=lot)
        self._shelve(at, quantity)

    def _news(self, at: float, said: tuple[str, float]) -> None:
        lot, expected = said
        if lot in self.coming:
            self._position(at, Disposition.IN_TRANSIT, self.coming[lot], lot=lot, expected_at=expected)

    # What follows from it.

    def _shelve(self, at: float, quantity: int) -> None:
        self.available += quantity
        self.shelf += quantity
        self._position(at, Disposition.AVAILABLE, self.available)

    def _reserve(self, at: float, line: Line) -> None:
        has = self.reserved.get(line.key, 0)
        more = min(line.quantity - has, self.available)
        if more > 0:
            self.available -= more
            self.reserved[line.key] = has + more
            self._position(at, Disposition.AVAILABLE, self.available)
            self._position(at, Disposition.RESERVED, has + more, held_by=line.order_id)

    def _give_back(self, at: float, line: Line) -> None:
        has = self.reserved.pop(line.key, 0)
        if has:
            self.available += has
            self._position(at, Disposition.AVAILABLE, self.available)
            self._position(at, Disposition.RESERVED, 0, held_by=line.order_id)

    def _reorder(self, at: float) -> None:
        if self.available + sum(self.coming.values()) >= REORDER_DAYS * self.a_day:
            return
        self.lots += 1
        lot, quantity = f"{self.place}-{self.sku}-{self.lots:03d}", round(LOT_DAYS * self.a_day) + 2
        promised = at + float(self.rng.uniform(*LEAD_HOURS))
        arrives = promised + float(self.rng.uniform(-6, 3))
        self.coming[lot] = quantity
        self._position(at, Disposition.IN_TRANSIT, quantity, lot=lot, expected_at=promised)
        if self.rng.random() < LATE_SHARE:
            arrives = promised + 4 + float(self.rng.exponential(LATE_MEAN_HOURS))
            told_at = at + float(self.rng.uniform(0.5, 1.0)) * (promised - at)
            self._expect(
                told_at, _Kind.NEWS, (lot, promised + float(self.rng.uniform(0.5, 1.2)) * (arrives - promised))
            )
        self._expect(arrives, _Kind.ARRIVAL, lot)

    # How it is told.

    def _task(self, at: float, line: Line, status: TaskStatus, **columns: Any) -> None:
        self.told.tell(
            "warehouse_tasks",
            at,
            task_id=f"K-{line.order_id}-{line.line_id}",
            warehouse_id=self.place,
            kind=TaskKind.PICK.value,
            status=status.value,
            wave_id=f"{self.place}-{line.released:.2f}",
            order_id=line.order_id,
            line_id=line.line_id,
            sku=self.sku,
            quantity=float(line.quantity),
            unit="EA",
            due_at=line.due,
            **columns,
        )

    def _position(self, at: float, disposition: Disposition, quantity: int, **columns: Any) -> None:
        self.told.tell(
            "inventory_positions",
            at,
            place=self.place,
            sku=self.sku,
            disposition=disposition.value,
            quantity=float(quantity),
            unit="EA",
            **columns,
        )

    def _adjust(
        self, at: float, quantity: int, reason: AdjustmentReason, to: Disposition, source: Disposition | None = None
    ) -> None:
        self.adjustments += 1
        self.told.tell(
            "inventory_adjustments",
            at,
            known=at + float(self.rng.uniform(0.2, 12.0)),
            adjustment_id=f"J-{self.place}-{self.sku}-{self.adjustments:04d}",
            place=self.place,
            sku=self.sku,
            disposition=to.value,
            from_disposition=None if source is None else source.value,
            quantity=float(quantity),
            unit="EA",
            reason=reason.value,
        )
