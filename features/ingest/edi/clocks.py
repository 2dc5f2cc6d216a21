"""Dates and times as EDI writes them, and the instants that they mean.

A local time that comes twice, when clocks go back, is the first of the two; one that never comes, when they go forward,
is read as if they had not yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

_HOURS: Mapping[str, float] = {
    **{f"{hours:02d}": hours for hours in range(1, 13)},
    **{f"{25 - hours:02d}": -hours for hours in range(1, 13)},
    "GM": 0,
    "UT": 0,
    "NS": -3.5,
    "ND": -2.5,
    "TS": -4,
    "TD": -3,
    "ES": -5,
    "ED": -4,
    "CS": -6,
    "CD": -5,
    "MS": -7,
    "MD": -6,
    "PS": -8,
    "PD": -7,
    "AS": -9,
    "AD": -8,
    "HS": -10,
    "HD": -9,
}
OFFSETS: Mapping[str, timezone] = {code: timezone(timedelta(hours=hours)) for code, hours in _HOURS.items()}
"""Fixed offsets of time codes (element 623): 01 to 12 hours ahead of UTC, 13 to 24 behind it (24 is one hour), and the
standard or daylight time of a zone."""

ZONES: Mapping[str, str] = {
    "NT": "America/St_Johns",
    "TT": "America/Halifax",
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "AT": "America/Anchorage",
    "HT": "Pacific/Honolulu",
}
"""Zones of time codes that leave open whether it is standard or daylight time."""

LOCAL = "LT"
"""Time code of a time that is local to its place."""


def date_of(text: str) -> date:
    """Read CCYYMMDD, or YYMMDD, whose years from 69 on are 19xx.

    Raises
    ------
    ValueError
        If it is no date.
    """
    if not text.isascii() or not text.isdecimal() or len(text) not in (6, 8):
        raise ValueError
    if len(text) == 6:
        text = ("19" if text >= "69" else "20") + text
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def time_of(text: str) -> time:
    """Read HHMM, HHMMSS, or HHMMSS with one or two decimals of a second.

    Raises
    ------
    ValueError
        If it is no time of day.
    """
    if not text.isascii() or not text.isdecimal() or len(text) not in (4, 6, 7, 8):
        raise ValueError
    micros = int(text[6:].ljust(6, "0")) if len(text) > 6 else 0
    return time(int(text[:2]), int(text[2:4]), int(text[4:6] or 0), micros)


def instant_of(day: date, clock: time, zone: str | timezone) -> datetime:
    """Return the instant at which a clock in a zone shows this.

    Raises
    ------
    ValueError
        If it lies outside the years that can be told.
    """
    where = _zone(zone) if isinstance(zone, str) else zone
    try:
        return datetime.combine(day, clock, where).astimezone(UTC)
    except OverflowError as error:
        raise ValueError from error


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
