"""Measures of all feeds as known at an instant: are they fresh, complete, in their units, on time, told once?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pandas as pd

from features.quality.clocks import early, future, late_news
from features.quality.completeness import incomplete, no_end
from features.quality.feeds import Sender, senders_of
from features.quality.freshness import stale
from features.quality.measures import Measure
from features.quality.repeats import repeated
from features.quality.settings import QualitySettings
from features.quality.units import unit_jumps
from features.quality.window import Window
from features.tables import RecordTables


def measures_of(tables: RecordTables, at: datetime, settings: QualitySettings) -> tuple[Measure, ...]:
    """Measure every feed from what was known at the instant, and from nothing else; alarms first.

    A measure for which there is too little data is left out: silence about it means that nothing can be said.
    """
    instant = pd.Timestamp(at)
    known = tables.known(until=at)
    measures = [measure for sender in senders_of(known) for measure in _of(sender, instant, settings)]
    measures += no_end(known, instant, settings)
    return tuple(
        sorted(measures, key=lambda one: (not one.alarm, one.kind, one.feed, one.source or "", one.carrier or ""))
    )


def alarms_of(tables: RecordTables, at: datetime, settings: QualitySettings) -> tuple[Measure, ...]:
    """Return the measures that are over their limit."""
    return tuple(measure for measure in measures_of(tables, at, settings) if measure.alarm)


def newest_news(tables: RecordTables) -> datetime | None:
    """Return when the newest fact became known: the instant at which history stands still; None without any."""
    instants = [getattr(tables, table)["known_at"].max() for table in ("events", "weather", "shipments")]
    given = [instant for instant in instants[:2] if not pd.isna(instant)] or [
        instant for instant in instants[2:] if not pd.isna(instant)
    ]
    return max(given).to_pydatetime() if given else None


def _of(sender: Sender, at: pd.Timestamp, settings: QualitySettings) -> Iterator[Measure]:
    window = Window.of(sender, at, settings)
    if sender.feed.regular:
        yield from stale(window)
    yield from incomplete(window)
    yield from unit_jumps(window)
    if sender.feed.facts:
        happened = Window.of(sender.of_what_happened(), at, settings)
        yield from early(happened)
        yield from future(happened)
        yield from late_news(happened)
    if sender.feed.same:
        yield from repeated(window)
