"""The functions that a mapping's expressions may call: each works on whole columns and touches nothing else.

Columns are pandas Series. Text and numbers are as read; instants are aware, in UTC. A missing input gives a missing
output, unless the function says otherwise. So does what cannot be read; `unread` tells the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from features.ingest import choosing, groups, money, texts, times, units
from features.ingest.columns import Column

TOPICS: Mapping[str, tuple[Callable[..., Column], ...]] = {
    "Choosing": (
        choosing.if_else,
        choosing.first_of,
        choosing.if_readable,
        choosing.translate,
        choosing.present,
        choosing.missing,
        choosing.one_of,
        choosing.greatest,
        choosing.least,
    ),
    "Text and numbers": (
        texts.text,
        texts.number,
        texts.rounded,
        texts.strip,
        texts.upper,
        texts.lower,
        texts.replace,
        texts.part,
        texts.starts_with,
        texts.contains,
    ),
    "Money": (money.money_minor, money.currency_of),
    "Units": (
        units.convert,
        units.pounds_to_kg,
        units.cubic_feet_to_m3,
        units.miles_to_km,
        units.mph_to_ms,
        units.inches_to_mm,
        units.fahrenheit_to_celsius,
    ),
    "Times": (
        times.parse_time,
        times.parse_time_as,
        times.wall_clock,
        times.next_wall_clock,
        times.hhmm_minutes,
        times.plus_minutes,
        times.plus_days,
        times.minutes_between,
    ),
    "Several rows": (
        groups.row_number,
        groups.occurrence,
        groups.typical,
        groups.group_count,
        groups.group_sum,
        groups.group_least,
        groups.group_greatest,
        groups.group_first,
    ),
}
"""The functions by topic, in the order in which they are documented."""

_BY_NAME = {function.__name__: function for topic in TOPICS.values() for function in topic}


def functions() -> Mapping[str, Callable[..., Column]]:
    """Return the functions by name."""
    return _BY_NAME
