"""Canonical records of orders, after the sales order of an ERP system.

An order changes after it was placed. Each change is a new record with the same identity; the newest one known at a
cutoff is what held then, and the earlier ones stay as they were.
"""

from __future__ import annotations

from pydantic import Field

from features.fields import Amount, Identifier, Instant, Priced
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
    quantity: Amount
    unit: Identifier = "EA"
    unit_value_minor: int | None = Field(default=None, ge=0)
    requested_at: Instant | None = None
    first_confirmed_at: Instant | None = None
    last_confirmed_at: Instant | None = None
    warehouse_id: Identifier | None = None
