"""What a line of a 944, 945 or 947 does to stock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from features.stock_records import InventoryAdjustment, WarehouseTask
from features.vocabulary import Disposition, TaskKind


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of an article's stock at a place, in the unit in which the stock is told.

    Attributes
    ----------
    identity
        Of what moved; a later state of the same takes the place of an earlier one.
    lot
        As the document names it; None where it names none.
    changes
        What is added to each disposition. What was in transit is only taken from stock that is told to be.
    order
        Of a shipment: its reservation is used up before what is available.
    """

    identity: str
    place: str
    sku: str
    lot: str | None
    changes: tuple[tuple[Disposition, Decimal], ...]
    order: str | None
    occurred_at: datetime
    known_at: datetime

    @classmethod
    def of_task(cls, task: WarehouseTask, lot: str | None) -> Movement:
        """Return what a line received or shipped changes: a task of kind receive or load with sku and done quantity."""
        quantity = _exact(task.done_quantity or 0.0)
        changes = [(Disposition.AVAILABLE, -quantity)]
        if task.kind is TaskKind.RECEIVE:
            changes = [(Disposition.AVAILABLE, quantity), (Disposition.IN_TRANSIT, -quantity)]
        order = task.order_id if task.kind is TaskKind.LOAD else None
        clocks = task.occurred_at, task.known_at
        return cls(
            f"{task.kind}/{task.task_id}", task.warehouse_id, task.sku or "", lot, tuple(changes), order, *clocks
        )

    @classmethod
    def of_adjustment(cls, adjustment: InventoryAdjustment) -> Movement:
        """Return what an adjustment changes."""
        quantity = _exact(adjustment.quantity)
        changes = [(adjustment.disposition, quantity)]
        if adjustment.from_disposition is not None:
            changes.append((adjustment.from_disposition, -quantity))
        identity, clocks = f"adjust/{adjustment.adjustment_id}", (adjustment.occurred_at, adjustment.known_at)
        return cls(identity, adjustment.place, adjustment.sku, adjustment.lot, tuple(changes), None, *clocks)

    @property
    def age(self) -> tuple[datetime, datetime]:
        """What decides which of two states is the newer: when it happened, then when it was learnt."""
        return self.occurred_at, self.known_at


def _exact(quantity: float) -> Decimal:
    return Decimal(repr(quantity))
