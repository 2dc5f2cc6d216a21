"""Exact arithmetic of charges: decimals as they are written, and one rounding to whole minor units at the end."""

from __future__ import annotations

from fractions import Fraction
from math import floor


def exact(number: float) -> Fraction:
    """Return a number as the decimal that it was written as: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(str(number))


def half_up(amount: Fraction) -> int:
    """Round to a whole number, halves away from zero, as invoices do."""
    return floor(amount + Fraction(1, 2)) if amount >= 0 else -floor(-amount + Fraction(1, 2))
