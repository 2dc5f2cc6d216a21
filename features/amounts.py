"""Exact arithmetic of charges: decimals as written, one rounding to whole minor units, and amounts in words."""

from __future__ import annotations

from fractions import Fraction
from math import floor

_DECIMALS = {
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"), 0
    ),
}
"""Decimal places of the currencies of ISO 4217 that do not have two."""


def minor_digits(currency: str) -> int:
    """Return how many decimal places a currency of ISO 4217 has."""
    return _DECIMALS.get(currency, 2)


def bare_money(amount_minor: int, currency: str | None) -> str:
    """Say an amount whose currency stands elsewhere: 1860260 euro cents as "18,602.60"."""
    digits = minor_digits(currency or "")
    whole, rest = divmod(abs(amount_minor), 10**digits)
    decimals = f".{rest:0{digits}d}" if digits else ""
    return f"{'-' if amount_minor < 0 else ''}{whole:,}{decimals}"


def money(amount_minor: int, currency: str | None) -> str:
    """Say an amount of minor units as people write it: -1234 euro cents as "-12.34 EUR"."""
    return f"{bare_money(amount_minor, currency)} {currency or ''}".rstrip()


def exact(number: float) -> Fraction:
    """Return a number as the decimal that it was written as: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(str(number))


def half_up(amount: Fraction) -> int:
    """Round to a whole number, halves away from zero, as invoices do."""
    return floor(amount + Fraction(1, 2)) if amount >= 0 else -floor(-amount + Fraction(1, 2))
