"""Canonical records of orders, after the sales order of an ERP system.

An order changes after it was placed. Each change is a new record with the same identity; the newest one known at a
cutoff is what held then, and the earlier ones stay as they were.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from features.fields import Identifier, Instant, Part, Priced, Quantity
from features.vocabulary import CustomerTier


class Order(Priced):
    """What a customer ordered; `occurred_at` is when this state of it came about, first of all when it was placed."""

    order_id: Identifier
    customer_id: Identifier
    customer_tier: CustomerTier = CustomerTier.STANDARD
    ordered_at: Instant = Field(description="when the customer authorised it")
    requested_at: Instant | None = Field(default=None, description="when the customer wants it")
    first_confirmed_at: Instant | None = Field(default=None, description="delivery that was confirmed first")
    last_confirmed_at: Instant | None = Field(default=None, description="delivery that was confirmed last")
    ship_from: Identifier | None = None
    ship_to: Identifier | None = None
    ship_complete: bool = Field(default=False, description="the customer takes all of it or none")
    held: bool = Field(default=False, description="nothing may be released, for example for want of credit")
    value_minor: int | None = Field(default=None, ge=0)


class OrderLine(Priced):
    """One article of an order."""

    order_id: Identifier
    line_id: Identifier
    sku: Identifier
    quantity: Quantity
    unit: Identifier = "EA"
    unit_value_minor: int | None = Field(default=None, ge=0)
    requested_at: Instant | None = None
    first_confirmed_at: Instant | None = None
    last_confirmed_at: Instant | None = None
    warehouse_id: Identifier | None = None


class PlacedLine(Part):
    """One article of an order as it is told with it: an `OrderLine` without what the order says."""

    line_id: Identifier
    sku: Identifier
    quantity: Quantity
    unit: Identifier = "EA"
    unit_value_minor: int | None = Field(default=None, ge=0)
    requested_at: Instant | None = None
    first_confirmed_at: Instant | None = None
    last_confirmed_at: Instant | None = None
    warehouse_id: Identifier | None = None


class PlacedOrder(Order):
    """An order with its lines, as one message.

    A later one changes the lines that it names; the others stay as they were. A line that is no longer wanted comes
    with a quantity of 0.
    """

    lines: tuple[PlacedLine, ...] = ()

    @model_validator(mode="after")
    def _lines_are_told_once(self) -> Self:
        names = [line.line_id for line in self.lines]
        if len(set(names)) < len(names):
            raise ValueError(f"lines are called {names}; give each a line_id of its own")
        if self.currency is None and any(line.unit_value_minor is not None for line in self.lines):
            raise ValueError("unit_value_minor is given without currency; add the ISO 4217 code, e.g. 'EUR'")
        return self

    def order(self) -> Order:
        """Return the order without its lines."""
        return Order.model_validate(self.model_dump(exclude={"lines"}))

    def order_lines(self) -> tuple[OrderLine, ...]:
        """Return the lines as records of their own."""
        shared = {name: getattr(self, name) for name in ("order_id", "currency", "occurred_at", "known_at")}
        return tuple(OrderLine.model_validate(line.model_dump() | shared) for line in self.lines)
