"""Functions of mappings about times. Instants are aware, in UTC; what cannot be read as a time is unreadable."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.fields import is_zone
from features.ingest.columns import Column, whole
from features.ingest.texts import number


def hhmm_minutes(column: Column) -> Column:
    """Read a clock time written as the number HHMM, from 0 to 2400, as minutes after midnight."""
    clock: Column = pd.to_numeric(column, errors="coerce")
    clock = clock.astype("float64")
    return (clock // 100 * 60 + clock % 100).where(clock.between(0, 2400) & (clock % 100 < 60) & (clock % 1 == 0))


def parse_time(column: Column, zone: Column) -> Column:
    """Read ISO 8601 text, or a time without a zone, as an instant; one without an offset is local to `zone`."""
    if not isinstance(column, pd.Series):
        return parse_time(pd.Series([column]), zone).iloc[0]
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert("UTC")
    written = written_times(column)
    told = has_offset(written)
    local = _instants(written.where(~told), format="ISO8601", errors="coerce")
    aware = _instants(written.where(told), format="ISO8601", errors="coerce", utc=True)
    return aware.where(aware.notna(), _localised(local, whole(zone, column.index)))


def parse_time_as(column: Column, form: str, zone: Column) -> Column:
    """Read text of one form, such as "%d-%b-%y %H:%M", as an instant; one without an offset is local to `zone`.

    A form without a time of day means the day's first minute; another year of two digits than 69 to 99 is 20xx.
    """
    written = column.astype("string").str.strip()
    if "%z" in form:
        return _instants(written, format=form, errors="coerce", utc=True).astype("datetime64[us, UTC]")
    return _localised(_instants(written, format=form, errors="coerce"), whole(zone, column.index))


def wall_clock(year: Column, month: Column, day: Column, minutes: Column, zone: Column) -> Column:
    """Return the instant at which a clock in `zone` shows that date and that many minutes after midnight.

    A time that comes twice, when clocks go back, is the first of the two; one that never comes, when they go
    forward, is the first that does after it.
    """
    parts = {"year": year, "month": month, "day": day}
    numbers = {name: number(part).astype("float64") for name, part in parts.items() if isinstance(part, pd.Series)}
    date = pd.to_datetime(pd.DataFrame(parts | numbers), errors="coerce")
    local = date + pd.to_timedelta(minutes, unit="m")
    return _localised(local, whole(zone, local.index))


def next_wall_clock(after: Column, minutes: Column, zone: Column) -> Column:
    """Return the first instant after `after` at which a clock in `zone` shows that many minutes after midnight.

    A time that comes twice on a day is the second of the two if `after` lies between them.
    """
    zones = whole(zone, after.index)
    local = pd.Series(pd.NaT, index=after.index, dtype="datetime64[us]")
    for name, rows in zones.groupby(zones):
        if not is_zone(str(name)):
            continue
        local[rows.index] = after[rows.index].dt.tz_convert(str(name)).dt.tz_localize(None)
    today = local.dt.normalize() + pd.to_timedelta(minutes % 1440, unit="m")
    tomorrow = today + pd.Timedelta(days=1)
    shown = _localised(tomorrow, zones)
    for earlier in (_localised(today, zones, is_first=False), _localised(today, zones)):
        shown = earlier.where(earlier > after, shown)
    return shown


def plus_minutes(instant: Column, minutes: Column) -> Column:
    """Return the instant so many minutes later."""
    return instant + pd.to_timedelta(minutes, unit="m")


def plus_days(instant: Column, days: Column) -> Column:
    """Return the instant so many days of 24 hours later."""
    return instant + pd.to_timedelta(days, unit="D")


def minutes_between(start: Column, end: Column) -> Column:
    """Return how many minutes `end` is after `start`; negative if it is before."""
    return (end - start).dt.total_seconds() / 60


_OFFSET = r"\d[T ].*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$"

# pandas' stubs cannot tell that a Series in gives a Series out.
_instants: Column = pd.to_datetime


def written_times(column: Column) -> Column:
    """Return times as text without blanks around them; those that a table holds with a type stay as they are."""
    return column if pd.api.types.is_datetime64_any_dtype(column) else column.astype("string").str.strip()


def has_offset(column: Column) -> Column:
    """Tell where a time says by itself which instant it is: an aware one, or text that ends in Z or an offset."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.notna()
    ends = column.astype("string").str.contains(_OFFSET)
    return ends.fillna(False).astype(bool)


def _localised(local: pd.Series, zones: pd.Series, *, is_first: bool = True) -> pd.Series:
    """Turn local times into instants, zone by zone; missing where the zone is none.

    A time that comes twice is the first of the two, or the second.
    """
    instants = pd.Series(pd.NaT, index=local.index, dtype="datetime64[us, UTC]")
    for name, rows in zones.groupby(zones):
        if not is_zone(str(name)):
            continue
        times = local[rows.index].astype("datetime64[us]")
        aware = times.dt.tz_localize(str(name), ambiguous=np.full(len(times), is_first), nonexistent="shift_forward")
        instants[rows.index] = aware.dt.tz_convert("UTC")
    return instants
