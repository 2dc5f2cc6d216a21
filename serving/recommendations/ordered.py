"""A line of an order as a recommendation is asked about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ordered:
    """A line as asked: loss a unit where the caller says so, else its value by the lateness share of the tier."""

    line_id: str
    sku: str
    quantity: float
    unit_value_minor: int | None = None
    loss_minor_per_unit: float | None = None
