"""Canonical records of the warehouse: tasks, labour, and stock with what may be done with it (X12 944, 945, 947).

A quantity is in the article's own unit, `unit`. A task, a shift or a position that changes is a new record with the
same identity; the newest one known at a cutoff is what held then.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from features.fields import MOST_UNITS, Amount, Identifier, Instant, Part, Quantity, Record
from features.vocabulary import AdjustmentReason, Disposition, TaskKind, TaskStatus


class WarehouseTask(Record):
    """A piece of work in a warehouse; `occurred_at` is when it came to this status."""

    task_id: Identifier
    warehouse_id: Identifier
    kind: TaskKind
    status: TaskStatus
    wave_id: Identifier | None = None
    order_id: Identifier | None = None
    line_id: Identifier | None = None
    shipment_id: Identifier | None = None
    sku: Identifier | None = None
    quantity: Amount | None = Field(default=None, description="quantity asked for")
    done_quantity: Amount | None = Field(default=None, description="quantity worked so far")
    unit: Identifier = "EA"
    due_at: Instant | None = Field(default=None, description="when it must be done")
    reason: str | None = Field(default=None, description="why it is short or cancelled, as the warehouse said it")


class LabourShift(Record):
    """People at work in a warehouse from one time to another; `occurred_at` is when this was planned, or found.

    A later record with the same `shift_id` takes the place of an earlier one from its own `known_at`, for example to
    say how many came.
    """

    shift_id: Identifier
    warehouse_id: Identifier
    starts_at: Instant
    ends_at: Instant
    planned_heads: int = Field(ge=0, le=100_000, description="people that are to work then")
    present_heads: int | None = Field(
        default=None, ge=0, le=100_000, description="people that came; missing until that is known"
    )

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at is not after starts_at")
        return self


class InventoryPosition(Record):
    """How much of an article lies at a place in one disposition; `occurred_at` is when it was so."""

    place: Identifier
    sku: Identifier
    lot: Identifier | None = None
    disposition: Disposition
    held_by: Identifier | None = Field(default=None, description="order, wave or person that holds the reservation")
    reason: str | None = Field(default=None, description="why it is held or damaged")
    quantity: Quantity
    unit: Identifier = "EA"
    expected_at: Instant | None = Field(default=None, description="when stock in transit is due")


class StockLevel(Part):
    """How much lies in one disposition, as it is told with a receipt: an `InventoryPosition` without its article."""

    disposition: Disposition
    lot: Identifier | None = None
    held_by: Identifier | None = Field(default=None, description="order, wave or person that holds the reservation")
    reason: str | None = Field(default=None, description="why it is held or damaged")
    quantity: Quantity


class InboundReceipt(Record):
    """A lot came in, in whole or in part, with what of it is still to come and what lies there since, as one message.

    It says the same as positions that are told together: one in transit, which is named by its lot, and `levels`. What
    none of them names stays as it was.
    """

    receipt_id: Identifier
    place: Identifier
    sku: Identifier
    unit: Identifier = "EA"
    lot: Identifier | None = Field(default=None, description="the lot that was in transit")
    still_to_come: Quantity = Field(default=0.0, description="quantity of the lot that is in transit still")
    expected_at: Instant | None = Field(default=None, description="when that is due")
    levels: tuple[StockLevel, ...] = Field(default=(), description="what lies at the place since")

    @model_validator(mode="after")
    def _levels_lie_there(self) -> Self:
        names = [(level.disposition, level.lot, level.held_by) for level in self.levels]
        if len(set(names)) < len(names):
            raise ValueError("two levels have one disposition, lot and holder; give their sum")
        if any(level.disposition is Disposition.IN_TRANSIT for level in self.levels):
            raise ValueError("a level is in_transit; what is still to come stands in still_to_come")
        return self

    def positions(self) -> tuple[InventoryPosition, ...]:
        """Return the positions that it tells of."""
        shared = {name: getattr(self, name) for name in ("place", "sku", "unit", "occurred_at", "known_at")}
        coming = {"disposition": Disposition.IN_TRANSIT, "quantity": self.still_to_come}
        transit = {**shared, **coming, "lot": self.lot, "expected_at": self.expected_at}
        levels = ({**shared, **level.model_dump()} for level in self.levels)
        return tuple(InventoryPosition.model_validate(told) for told in (transit, *levels))


class InventoryAdjustment(Record):
    """A change of stock in the books that no movement explains; positive adds to it."""

    adjustment_id: Identifier
    place: Identifier
    sku: Identifier
    lot: Identifier | None = None
    disposition: Disposition = Field(default=Disposition.AVAILABLE, description="disposition that it adds to")
    from_disposition: Disposition | None = Field(
        default=None, description="disposition that it takes from, if it only moves stock between two"
    )
    quantity: float = Field(ge=-MOST_UNITS, le=MOST_UNITS, allow_inf_nan=False)
    unit: Identifier = "EA"
    reason: AdjustmentReason
    raw_reason: str | None = Field(default=None, description="reason code as the warehouse sent it")
    document: Identifier | None = Field(default=None, description="count sheet or paper that it stands on")

    @model_validator(mode="after")
    def _moves_somewhere(self) -> Self:
        if self.from_disposition == self.disposition:
            raise ValueError("from_disposition equals disposition; nothing is moved")
        return self
