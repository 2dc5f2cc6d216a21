"""The functions that a mapping's expressions may call: each works on whole columns and touches nothing else.

Columns are pandas Series. Text and numbers are as read; instants are aware, in UTC. A missing input gives a missing
output, unless the function says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

Column = Any
"""A Series, or a constant that stands for a whole column."""

_FUNCTIONS: dict[str, Callable[..., Column]] = {}


def functions() -> Mapping[str, Callable[..., Column]]:
    """Return the functions by name."""
    return _FUNCTIONS


def _function(made: Callable[..., Column]) -> Callable[..., Column]:
    _FUNCTIONS[made.__name__] = made
    return made


@_function
def text(*parts: Column) -> Column:
    """Join the parts into one text; missing if any part is missing."""
    joined: Column = ""
    missing: Column = False
    for part in parts:
        missing = missing | pd.isna(part)
        joined = joined + (part.astype("string") if isinstance(part, pd.Series) else str(part))
    return joined.mask(missing) if isinstance(joined, pd.Series) else joined


@_function
def number(column: Column) -> Column:
    """Read text as a number; what is not a number is missing."""
    return pd.to_numeric(column, errors="coerce")


@_function
def present(column: Column) -> Column:
    """Tell where there is a value."""
    return pd.notna(column)


@_function
def missing(column: Column) -> Column:
    """Tell where there is none."""
    return pd.isna(column)


@_function
def if_else(condition: Column, then: Column, otherwise: Column) -> Column:
    """Take `then` where the condition holds, `otherwise` where it does not."""
    if not isinstance(condition, pd.Series):
        return then if condition else otherwise
    first = then if isinstance(then, pd.Series) else pd.Series([then] * len(condition), index=condition.index)
    return first.where(condition, otherwise)


@_function
def first_of(*columns: Column) -> Column:
    """Take the first value that is present, from left to right."""
    chosen = columns[0]
    for other in columns[1:]:
        chosen = chosen.where(chosen.notna(), other)
    return chosen


@_function
def translate(column: Column, words: Mapping[Any, Any], default: Column = None) -> Column:
    """Replace each value by its word; one without a word becomes the default (missing if there is none)."""
    keys = column.astype("string") if isinstance(next(iter(words), None), str) else column
    translated = keys.map(dict(words)).astype(object)
    return translated if default is None else translated.where(translated.notna() | column.isna(), default)


@_function
def typical(column: Column, *by: Column) -> Column:
    """Fill what is missing with the median of the rows that agree in all of `by`; still missing if there are none."""
    groups = [key.to_numpy() for key in by]
    return column.where(column.notna(), column.groupby(groups).transform("median").round())


@_function
def hhmm_minutes(column: Column) -> Column:
    """Read a clock time written as the number HHMM as minutes after midnight."""
    clock: Column = pd.to_numeric(column, errors="coerce")
    clock = clock.astype("float64")
    return clock // 100 * 60 + clock % 100


@_function
def parse_time(column: Column, zone: str) -> Column:
    """Read ISO 8601 text, or a time without a zone, as an instant; one without an offset is local to `zone`."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert("UTC")
    local = _instants(column.where(~has_offset(column)), format="ISO8601", errors="coerce")
    aware = _instants(column.where(has_offset(column)), format="ISO8601", errors="coerce", utc=True)
    return aware.where(aware.notna(), _localised(local, pd.Series(zone, index=column.index)))


@_function
def wall_clock(year: Column, month: Column, day: Column, minutes: Column, zone: Column) -> Column:
    """Return the instant at which a clock in `zone` shows that date and that many minutes after midnight.

    A time that comes twice, when clocks go back, is the first of the two; one that never comes, when they go
    forward, is the first that does after it.
    """
    date = pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": day}), errors="coerce")
    local = date + pd.to_timedelta(minutes, unit="m")
    return _localised(local, _column(zone, local.index))


@_function
def next_wall_clock(after: Column, minutes: Column, zone: Column) -> Column:
    """Return the first instant after `after` at which a clock in `zone` shows that many minutes after midnight."""
    zones = _column(zone, after.index)
    local = pd.Series(pd.NaT, index=after.index, dtype="datetime64[us]")
    for name, rows in zones.groupby(zones):
        local[rows.index] = after[rows.index].dt.tz_convert(str(name)).dt.tz_localize(None)
    shown = local.dt.normalize() + pd.to_timedelta(minutes % 1440, unit="m")
    return _localised(shown.where(shown > local, shown + pd.Timedelta(days=1)), zones)


@_function
def plus_minutes(instant: Column, minutes: Column) -> Column:
    """Return the instant so many minutes later."""
    return instant + pd.to_timedelta(minutes, unit="m")


@_function
def row_number(column: Column) -> Column:
    """Return the number of each row in the file, from 1."""
    return pd.Series(np.arange(1, len(column) + 1), index=column.index)


@_function
def fahrenheit_to_celsius(column: Column) -> Column:
    """Degrees Fahrenheit as degrees Celsius."""
    return (number(column) - 32.0) / 1.8


@_function
def miles_to_km(column: Column) -> Column:
    """Statute miles as kilometres."""
    return number(column) * 1.609344


@_function
def mph_to_ms(column: Column) -> Column:
    """Miles an hour as metres a second."""
    return number(column) * 0.44704


@_function
def inches_to_mm(column: Column) -> Column:
    """Inches as millimetres."""
    return number(column) * 25.4


_OFFSET = r"[T ].*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$"

# pandas' stubs cannot tell that a Series in gives a Series out.
_instants: Column = pd.to_datetime


def has_offset(column: Column) -> Column:
    """Tell where a time says by itself which instant it is: an aware one, or text that ends in Z or an offset."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.notna()
    ends = column.astype("string").str.contains(_OFFSET)
    return ends.fillna(False).astype(bool)


def _column(value: Column, index: pd.Index) -> pd.Series:
    return value if isinstance(value, pd.Series) else pd.Series(value, index=index)


def _localised(local: pd.Series, zones: pd.Series) -> pd.Series:
    """Turn local times into instants, zone by zone."""
    instants = pd.Series(pd.NaT, index=local.index, dtype="datetime64[us, UTC]")
    for name, rows in zones.groupby(zones):
        times = local[rows.index].astype("datetime64[us]")
        aware = times.dt.tz_localize(str(name), ambiguous=np.ones(len(times), dtype=bool), nonexistent="shift_forward")
        instants[rows.index] = aware.dt.tz_convert("UTC")
    return instants
