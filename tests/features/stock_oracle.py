"""Inventory features of one order line as loops over the records known at a cutoff; slow and obvious."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from statistics import fmean, pstdev
from typing import TypeVar

from features.fields import Record
from features.order_records import Order, OrderLine
from features.stock_records import InventoryAdjustment, InventoryPosition, WarehouseTask
from features.vocabulary import AdjustmentReason, CustomerTier, Disposition, TaskKind, TaskStatus

AnyRecord = Order | OrderLine | WarehouseTask | InventoryPosition | InventoryAdjustment
R = TypeVar("R", bound=Record)

NAN = float("nan")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PICKED = (TaskStatus.DONE, TaskStatus.SHORT)
FAR = datetime(9999, 1, 1, tzinfo=UTC)
PICKABLE = (Disposition.AVAILABLE, Disposition.RESERVED)
Article = tuple[str, str, str]


def age(record: Record) -> tuple[datetime, datetime]:
    return record.occurred_at, record.known_at


def newest(records: Iterable[R], identity: Callable[[R], Hashable]) -> list[R]:
    found: dict[Hashable, R] = {}
    for record in sorted(records, key=age):
        found[identity(record)] = record
    return list(found.values())


def position_id(one: InventoryPosition) -> Hashable:
    return one.place, one.sku, one.lot, one.disposition, one.held_by


def is_short(pick: WarehouseTask) -> bool:
    told = pick.quantity is not None and pick.done_quantity is not None
    return pick.status is TaskStatus.SHORT or (told and pick.done_quantity < pick.quantity)


@dataclass(frozen=True)
class Want:
    """An order line as known: what it still needs, and what of that is not reserved for its order."""

    article: Article | None
    quantity: float
    needed: float
    reserved: float
    is_open: bool
    first: datetime
    due: datetime | None
    wave: str | None
    tier: int
    order: Order | None
    line: OrderLine

    @property
    def wanted(self) -> float:
        return self.needed if self.is_open else 0.0

    @property
    def unreserved(self) -> float:
        return max(self.wanted - self.reserved, 0.0)

    @property
    def rank(self) -> tuple[int, float]:
        return -self.tier, float("inf") if self.due is None else self.due.timestamp()


class Known:
    """All that counts at a cutoff, and the line that is asked about."""

    def __init__(self, records: Sequence[AnyRecord], order_id: str, line_id: str, cutoff: datetime) -> None:
        self.cutoff = cutoff
        told = [one for one in records if one.known_at <= cutoff and one.occurred_at <= cutoff]
        self.orders = newest((one for one in told if isinstance(one, Order)), lambda one: one.order_id)
        self.line_records = [one for one in told if isinstance(one, OrderLine)]
        self.task_records = [one for one in told if isinstance(one, WarehouseTask)]
        self.tasks = newest(self.task_records, lambda one: one.task_id)
        self.position_records = [one for one in told if isinstance(one, InventoryPosition)]
        self.positions = newest(self.position_records, position_id)
        self.adjustment_records = [one for one in told if isinstance(one, InventoryAdjustment)]
        self.adjustments = newest(self.adjustment_records, lambda one: one.adjustment_id)
        self.me = self.want(order_id, line_id)
        self.place = self.me.article[0] if self.me.article else None

    def want(self, order_id: str, line_id: str) -> Want:
        states = [one for one in self.line_records if (one.order_id, one.line_id) == (order_id, line_id)]
        line = max(states, key=age)
        first = min(states, key=lambda one: (max(age(one)), [-part.timestamp() for part in age(one)]))
        mine = [
            one
            for one in self.task_records
            if one.kind is TaskKind.PICK and (one.order_id, one.line_id) == (order_id, line_id)
        ]
        pick = max(mine, key=age, default=None)
        picks = newest(mine, lambda one: one.task_id)
        done = 0.0
        for one in picks:
            if one.done_quantity is not None:
                done += one.done_quantity
            elif one.status in PICKED:
                done += one.quantity or 0.0
        place = line.warehouse_id or (pick.warehouse_id if pick else None)
        article = None if place is None else (place, line.sku, line.unit)
        order = next((one for one in self.orders if one.order_id == order_id), None)
        return Want(
            article=article,
            quantity=line.quantity,
            needed=max(line.quantity - done, 0.0),
            reserved=self.reserved(article, order_id),
            is_open=not picks or any(one.status not in (*PICKED, TaskStatus.CANCELLED) for one in picks),
            first=first.occurred_at,
            due=pick.due_at if pick else None,
            wave=pick.wave_id if pick else None,
            tier=list(CustomerTier).index(order.customer_tier) if order else 0,
            order=order,
            line=line,
        )

    def reserved(self, article: Article | None, holder: str | None) -> float:
        return sum(one.quantity for one in self.holding(article, holder))

    def holding(self, article: Article | None, holder: str | None) -> list[InventoryPosition]:
        at = self.at(article, Disposition.RESERVED)
        return [one for one in at if holder is not None and one.held_by == holder]

    def at(self, article: Article | None, *dispositions: Disposition) -> list[InventoryPosition]:
        here = [one for one in self.positions if (one.place, one.sku, one.unit) == article]
        return [one for one in here if one.disposition in dispositions]

    def quantity(self, *dispositions: Disposition) -> float:
        on_site = self.at(self.me.article, *(one for one in Disposition if one is not Disposition.IN_TRANSIT))
        if not on_site:
            return NAN
        return sum(one.quantity for one in on_site if one.disposition in dispositions)

    @cached_property
    def others(self) -> list[Want]:
        names = {(one.order_id, one.line_id) for one in self.line_records}
        names.discard((self.me.line.order_id, self.me.line.line_id))
        wants = [self.want(*name) for name in sorted(names)]
        return [one for one in wants if one.article == self.me.article and one.wanted > 0]

    def free(self) -> float:
        me = self.me
        return self.quantity(Disposition.AVAILABLE) + me.reserved + self.reserved(me.article, me.wave)

    def on_hand(self) -> float:
        return self.quantity(*(one for one in Disposition if one is not Disposition.IN_TRANSIT))

    def reserved_for_others(self) -> float:
        return self.quantity(Disposition.RESERVED) - self.me.reserved - self.reserved(self.me.article, self.me.wave)

    def holders(self) -> float:
        if self.quantity() != 0:
            return NAN
        all_of_them = [one for one in self.at(self.me.article, Disposition.RESERVED) if one.quantity > 0]
        own = self.holding(self.me.article, self.me.line.order_id) + self.holding(self.me.article, self.me.wave)
        return len(all_of_them) - len([one for one in own if one.quantity > 0])

    def books_age(self) -> float:
        told = [
            one.occurred_at
            for one in self.position_records
            if (one.place, one.sku, one.unit) == self.me.article and one.disposition is not Disposition.IN_TRANSIT
        ]
        return hours(self.cutoff - max(told)) if told else NAN

    def inbound(self, until: datetime | None, *, put_off: bool = False) -> float:
        if self.me.article is None or not any(
            one.disposition is Disposition.IN_TRANSIT and one.place == self.place for one in self.position_records
        ):
            return NAN
        amount = 0.0
        for one in self.at(self.me.article, Disposition.IN_TRANSIT):
            if put_off:
                promised = self.lot(one)[0]
                late = promised is not None and one.expected_at is not None
                amount += one.quantity if late and one.expected_at - promised > 4 * HOUR else 0.0
            elif until is FAR or (one.expected_at is not None and one.expected_at <= until):
                amount += one.quantity
        return amount

    def lot(self, one: InventoryPosition) -> tuple[datetime | None, datetime | None]:
        """When a lot was promised first, and when it came, as the states of it became known one after the other."""
        told = [other for other in self.position_records if position_id(other) == position_id(one)]
        promised = came = promised_then = None
        for instant in sorted({max(age(other)) for other in told}):
            state = max((other for other in told if max(age(other)) <= instant), key=age)
            promised = promised or state.expected_at
            if state.quantity > 0:
                came = None
            elif came is None:
                came, promised_then = state.occurred_at, promised
        return promised, came if promised_then is not None else None

    def lots(self, level: int) -> list[float]:
        """Hours after the first promise at which the lots of the last 90 days came: of all, the place, the article."""
        delays = []
        for one in self.positions:
            if one.disposition is not Disposition.IN_TRANSIT or one.lot is None:
                continue
            if level and one.place != self.place:
                continue
            if level == 2 and (one.place, one.sku, one.unit) != self.me.article:
                continue
            promised, came = self.lot(one)
            if came is not None and self.cutoff < came + 90 * DAY:
                delays.append(hours(came - promised))
        return delays

    def lots_late_share(self, level: int) -> float:
        share = 0.2
        for each in range(level + 1):
            lots = self.lots(each)
            share = (sum(one > 4 for one in lots) + 5 * share) / (len(lots) + 5)
        return share + self.inbound(FAR) * 0

    def lots_delay(self) -> float:
        delay = 0.0
        for level in range(3):
            lots = self.lots(level)
            delay = (sum((one * 60) // 1 / 60 for one in lots) + 5 * delay) / (len(lots) + 5)
        return delay + self.inbound(FAR) * 0

    def ordered(self, days: float, since_days: float = 0.0) -> float:
        if self.me.article is None:
            return NAN
        total = 0.0
        for one in newest(self.line_records, lambda one: (one.order_id, one.line_id)):
            want = self.want(one.order_id, one.line_id)
            ago = self.cutoff - want.first
            if want.article == self.me.article and since_days * DAY <= ago < days * DAY:
                total += want.quantity
        return total

    def weekly_variation(self) -> float:
        weeks = [self.ordered(7 * week + 7, 7 * week) for week in range(4)]
        return pstdev(weeks) / fmean(weeks) if self.me.article and any(weeks) else NAN

    def forecast_error(self) -> float:
        before = self.ordered(28, 7)
        return (self.ordered(7) - before / 3) / (before / 3) if before > 0 else NAN

    def competing(self, amount: Callable[[Want], float], counts: Callable[[Want], bool] = lambda _: True) -> float:
        return NAN if self.me.article is None else sum(amount(one) for one in self.others if counts(one))

    def is_due_first(self, one: Want) -> bool:
        return one.due is not None and self.me.due is not None and one.due <= self.me.due

    def is_ahead(self, one: Want) -> bool:
        return one.rank < self.me.rank

    def changes(self, days: int, *, of_place: bool) -> list[float]:
        effects = []
        for one in self.adjustments:
            here = one.place == self.place if of_place else (one.place, one.sku, one.unit) == self.me.article
            if here and self.cutoff < one.occurred_at + days * DAY:
                gained = one.quantity * (one.disposition in PICKABLE)
                effects.append(gained - one.quantity * (one.from_disposition in PICKABLE))
        return effects

    def knows_adjustments(self) -> bool:
        return any(one.place == self.place for one in self.adjustment_records)

    def days_since_count(self, *, counts_only: bool) -> float:
        happened = [
            one.occurred_at
            for one in self.adjustments
            if (one.place, one.sku, one.unit) == self.me.article
            and (one.reason is AdjustmentReason.COUNT or not counts_only)
        ]
        if counts_only:
            happened += [one.occurred_at for one in self.done(TaskKind.COUNT) if article_of(one) == self.me.article]
        return hours(self.cutoff - max(happened)) / 24 if happened and self.knows_adjustments() else NAN

    def done(self, kind: TaskKind) -> list[WarehouseTask]:
        return [one for one in self.tasks if one.kind is kind and one.status in PICKED]

    def picks(self, days: int, level: int) -> list[WarehouseTask]:
        return [
            one
            for one in self.done(TaskKind.PICK)
            if self.cutoff < one.occurred_at + days * DAY
            and (level == 0 or one.warehouse_id == self.place)
            and (level < 2 or article_of(one) == self.me.article)
        ]

    def knows_picks(self) -> bool:
        return any(one.kind is TaskKind.PICK and one.warehouse_id == self.place for one in self.task_records)

    def short_share(self, days: int, level: int) -> float:
        share = 0.04
        for each in range(level + 1):
            picks = self.picks(days, each)
            share = (sum(map(is_short, picks)) + 20 * share) / (len(picks) + 20)
        return share if self.knows_picks() else NAN

    def days_since_pick(self, *, short: bool) -> float:
        ages = [
            self.cutoff - one.occurred_at
            for one in self.done(TaskKind.PICK)
            if article_of(one) == self.me.article and is_short(one) == short
        ]
        return hours(min(ages)) / 24 if ages and self.knows_picks() else NAN


def article_of(one: WarehouseTask) -> Article | None:
    return None if one.sku is None else (one.warehouse_id, one.sku, one.unit)


def hours(span: timedelta) -> float:
    return span / HOUR


def until(known: Known, instant: datetime | None) -> float:
    return NAN if instant is None else hours(instant - known.cutoff)


def flag(condition: bool, *unknown_if_nan: float) -> float:
    return NAN if any(one != one for one in unknown_if_nan) else float(condition)


def promised_at(known: Known) -> datetime | None:
    order = known.me.order
    return known.me.line.last_confirmed_at or (order.last_confirmed_at if order else None)


def shortfall(known: Known) -> float:
    free = known.free()
    return NAN if free != free else max(known.me.needed - free, 0.0)


def late_inbound(known: Known) -> float:
    late = known.inbound(known.cutoff) + known.inbound(FAR, put_off=True)
    return flag(shortfall(known) > 0 and late > 0, shortfall(known), late)


def due_inbound(known: Known) -> float:
    return NAN if known.me.due is None else known.inbound(known.me.due)


def negative_share(changes: list[float]) -> float:
    return sum(one < 0 for one in changes) / len(changes) if changes else NAN


ORACLES: dict[str, Callable[[Known], float]] = {
    "needed": lambda known: known.me.needed,
    "hours_to_due": lambda known: until(known, known.me.due),
    "hours_to_confirmed": lambda known: until(known, promised_at(known)),
    "hours_since_order": lambda known: -until(known, known.me.first),
    "order_tier": lambda known: NAN if known.me.order is None else known.me.tier,
    "order_ship_complete": lambda known: NAN if known.me.order is None else known.me.order.ship_complete,
    "on_hand": Known.on_hand,
    "reserved_for_others": Known.reserved_for_others,
    "holders": Known.holders,
    "reserved_for_order": lambda known: known.me.reserved + known.quantity() * 0,
    "reserved_for_wave": lambda known: known.reserved(known.me.article, known.me.wave) + known.quantity() * 0,
    "held": lambda known: known.quantity(Disposition.HELD),
    "damaged": lambda known: known.quantity(Disposition.DAMAGED),
    "free": Known.free,
    "free_to_needed": lambda known: known.free() / known.me.needed if known.me.needed > 0 else NAN,
    "shortfall": shortfall,
    "lacks_on_hand": lambda known: flag(known.on_hand() < known.me.needed, known.on_hand()),
    "lacks_for_others": lambda known: flag(known.on_hand() >= known.me.needed > known.free(), known.on_hand()),
    "books_age_hours": Known.books_age,
    "inbound": lambda known: known.inbound(FAR),
    "inbound_due": due_inbound,
    "inbound_72h": lambda known: known.inbound(known.cutoff + 72 * HOUR),
    "inbound_overdue": lambda known: known.inbound(known.cutoff),
    "inbound_put_off": lambda known: known.inbound(FAR, put_off=True),
    "lots_90d": lambda known: len(known.lots(2)) + known.inbound(FAR) * 0,
    "lots_late_share_90d": lambda known: known.lots_late_share(2),
    "lots_delay_hours_90d": Known.lots_delay,
    "place_lots_late_share_90d": lambda known: known.lots_late_share(1),
    "inbound_due_at_risk": lambda known: due_inbound(known) * known.lots_late_share(2),
    "lacks_for_late_inbound": late_inbound,
    "competing_lines": lambda known: known.competing(lambda _: 1),
    "competing_demand": lambda known: known.competing(lambda one: one.wanted),
    "competing_unreserved": lambda known: known.competing(lambda one: one.unreserved),
    "demand_due_first": lambda known: (
        NAN if known.me.due is None else known.competing(lambda one: one.wanted, known.is_due_first)
    ),
    "demand_ahead": lambda known: known.competing(lambda one: one.wanted, known.is_ahead),
    "unreserved_ahead": lambda known: known.competing(lambda one: one.unreserved, known.is_ahead),
    "free_after_ahead": lambda known: known.free() - known.competing(lambda one: one.unreserved, known.is_ahead),
    "ordered_7d": lambda known: known.ordered(7),
    "ordered_28d": lambda known: known.ordered(28),
    "ordered_90d": lambda known: known.ordered(90),
    "forecast_error_7d": Known.forecast_error,
    "weekly_variation_28d": Known.weekly_variation,
    "days_of_cover": lambda known: known.free() / known.ordered(28) * 28 if known.ordered(28) > 0 else NAN,
    "days_since_adjustment": lambda known: known.days_since_count(counts_only=False),
    "days_since_count": lambda known: known.days_since_count(counts_only=True),
    "days_since_short_pick": lambda known: known.days_since_pick(short=True),
    "days_since_full_pick": lambda known: known.days_since_pick(short=False),
}


def windowed(days: int, *, of_place: bool) -> dict[str, Callable[[Known], float]]:
    """The features of one window, of the article or of its place."""
    whose, level = ("place_", 1) if of_place else ("", 2)

    def total(amount: Callable[[list[float]], float]) -> Callable[[Known], float]:
        return lambda known: amount(known.changes(days, of_place=of_place)) if known.knows_adjustments() else NAN

    return {
        f"{whose}adjustment_count_{days}d": total(len),
        f"{whose}adjustment_net_{days}d": total(sum),
        f"{whose}adjustment_absolute_{days}d": total(lambda changes: sum(map(abs, changes))),
        f"{whose}adjustment_negative_share_{days}d": total(negative_share),
        f"{whose}picks_{days}d": lambda known: len(known.picks(days, level)) if known.knows_picks() else NAN,
        f"{whose}short_share_{days}d": lambda known: known.short_share(days, level),
    }


for window in (7, 28, 90):
    ORACLES |= windowed(window, of_place=False) | windowed(window, of_place=True)
