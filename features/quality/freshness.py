"""Is a feed silent for longer than it usually is?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from features.quality.feeds import hours
from features.quality.measures import Kind, Measure
from features.quality.window import Window


def stale(window: Window) -> Iterator[Measure]:
    """Measure the time since the newest record became known against the usual longest silence.

    The usual is that of the days before the newest record: of the longest silence that begins on each day, the ninth
    of ten. So nights and weekends are usual, and one outage in the past is not.
    """
    settings = window.settings
    known = window.sender.records["known_at"].drop_duplicates()
    last = known.iloc[-1]
    silent = window.at - last
    known = known[known > last - pd.Timedelta(days=settings.usual_days)]
    if len(known) <= settings.least_records or silent > pd.Timedelta(days=settings.ended_after_days):
        return
    gap = known.diff().iloc[1:].to_numpy()
    day = known.iloc[:-1].dt.floor("D").to_numpy()
    usual = hours(
        np.quantile(pd.Series(gap).groupby(day).max().to_numpy().astype(np.int64), 0.9).astype("timedelta64[us]")
    )
    limit = max(settings.silence_least_hours, settings.silence_times_usual * usual)
    yield window.measure(
        Kind.STALE,
        hours(silent),
        limit,
        "hours",
        usual=usual,
        since=last,
        records=len(known),
        found=f"Nothing has come in {window.who} since {last:%Y-%m-%d %H:%M} UTC, for {hours(silent):,.1f} h.",
        expected=f"Its longest silence of a day is usually {usual:,.1f} h; {limit:,.1f} h are allowed.",
        to_do="Ask the sender whether the feed is down. Until it is back, what it tells is unknown, not zero.",
    )
