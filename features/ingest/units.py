"""Functions of mappings about units of measure."""

from __future__ import annotations

from collections.abc import Mapping

from features.ingest.columns import Column, whole
from features.ingest.texts import number

_SIZES: Mapping[str, Mapping[str, float]] = {
    "mass": {"kg": 1, "g": 0.001, "t": 1000, "lb": 0.45359237, "oz": 0.028349523125, "cwt": 45.359237},
    "length": {
        "m": 1,
        "km": 1000,
        "cm": 0.01,
        "mm": 0.001,
        "mi": 1609.344,
        "nmi": 1852,
        "yd": 0.9144,
        "ft": 0.3048,
        "in": 0.0254,
    },
    "volume": {"m3": 1, "l": 0.001, "ft3": 0.028316846592, "in3": 0.000016387064, "gal": 0.003785411784},
    "speed": {"m/s": 1, "km/h": 1 / 3.6, "mph": 0.44704, "kn": 1852 / 3600},
    "pressure": {"hPa": 1, "mbar": 1, "kPa": 10, "inHg": 33.8638866667},
}
"""Each unit in the first of its kind."""


def convert(column: Column, unit: Column, to: str) -> Column:
    """Turn a number from its unit, one for all or one a row, into another unit of the same kind.

    Units: kg g t lb oz cwt, m km cm mm mi nmi yd ft in, m3 l ft3 in3 gal (US), m/s km/h mph kn, hPa mbar kPa inHg.
    A number whose unit is none of them is unreadable.
    """
    sizes = next((kind for kind in _SIZES.values() if to in kind), None)
    if sizes is None:
        raise ValueError(f"convert knows no unit '{to}'; expected one of {', '.join(_units())}")
    if isinstance(unit, str) and unit not in sizes:
        raise ValueError(f"convert knows no way from '{unit}' to '{to}'; expected one of {', '.join(sizes)}")
    units = whole(unit, column.index).astype("string").str.strip()
    factor = units.map({name: size / sizes[to] for name, size in sizes.items()})
    return number(column) * factor


def _units() -> list[str]:
    return [name for kind in _SIZES.values() for name in kind]


def fahrenheit_to_celsius(column: Column) -> Column:
    """Degrees Fahrenheit as degrees Celsius."""
    return (number(column) - 32.0) / 1.8


def miles_to_km(column: Column) -> Column:
    """Statute miles as kilometres."""
    return number(column) * 1.609344


def mph_to_ms(column: Column) -> Column:
    """Miles an hour as metres a second."""
    return number(column) * 0.44704


def inches_to_mm(column: Column) -> Column:
    """Inches as millimetres."""
    return number(column) * 25.4


def pounds_to_kg(column: Column) -> Column:
    """Pounds (avoirdupois) as kilograms."""
    return number(column) * 0.45359237


def cubic_feet_to_m3(column: Column) -> Column:
    """Cubic feet as cubic metres."""
    return number(column) * 0.028316846592
