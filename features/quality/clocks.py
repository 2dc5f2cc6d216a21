"""Do the two clocks of a record agree? Known before it happened, not happened yet, or told later than it used to be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from features.quality.measures import Kind, Measure
from features.quality.window import Window, change_point

_HOUR = 60.0
_FURTHEST_ZONE = 14
"""Hours by which a zone may be off UTC."""


def early(window: Window) -> Iterator[Measure]:
    """Measure the share of recent records that were known before they happened, by more than the allowed skew."""
    settings, recent = window.settings, window.recent
    if len(recent) < settings.least_records:
        return
    ahead = recent["occurred_at"] - recent["known_at"]
    wrong = ahead > pd.Timedelta(seconds=settings.skew_seconds)
    furthest = ahead.max().total_seconds() / 60
    yield window.measure(
        Kind.EARLY,
        float(wrong.mean()),
        settings.early_share,
        "share",
        since=recent.loc[wrong, "known_at"].min() if wrong.any() else None,
        records=len(recent),
        found=f"{wrong.mean():.1%} of {len(recent):,} recent {window.who} were known before they happened, by up to "
        f"{furthest:,.0f} min.",
        expected=f"At most {settings.early_share:.1%} by more than {settings.skew_seconds:g} s.",
        to_do="Mend the sender's clock, or the time zone in the mapping: whole hours mean a zone.",
    )


def future(window: Window) -> Iterator[Measure]:
    """Count the records of what has not happened yet at the instant."""
    settings = window.settings
    if window.sender.records.empty:
        return
    ahead = window.sender.records["occurred_at"] > window.at + pd.Timedelta(seconds=settings.skew_seconds)
    wrong = window.sender.records[ahead]
    furthest = wrong["occurred_at"].max() if len(wrong) else window.at
    yield window.measure(
        Kind.FUTURE,
        float(len(wrong)),
        0.0,
        "records",
        since=wrong["known_at"].min() if len(wrong) else None,
        records=len(window.sender.records),
        found=f"{len(wrong):,} {window.who} say what happens only later, up to {furthest:%Y-%m-%d %H:%M} UTC.",
        expected="None: what is planned or estimated belongs into a plan, or is classified as such.",
        to_do="Mend the sender's clock, or the time zone in the mapping.",
    )


def late_news(window: Window) -> Iterator[Measure]:
    """Measure by how much the median time from happening to being known has risen.

    It is an alarm if at least half of the recent records took longer than nineteen of twenty usually did.
    """
    settings = window.settings
    if min(len(window.recent), len(window.usual)) < settings.least_records:
        return
    both = pd.concat([window.usual, window.recent])
    lag = (both["known_at"] - both["occurred_at"]).dt.total_seconds()
    minutes = np.asarray(lag / 60, dtype=np.float64)
    before, now = minutes[: len(window.usual)], minutes[len(window.usual) :]
    usual, recent, slow = float(np.median(before)), float(np.median(now)), float(np.quantile(before, 0.95))
    risen, place = recent - usual, change_point(minutes)
    shift = float(np.median(minutes[place:])) - usual
    whole = round(shift / _HOUR)
    zone = (
        f" Now it is {whole} h more to the minute, as a time zone makes."
        if 0 < whole <= _FURTHEST_ZONE and abs(shift - whole * _HOUR) < 2
        else ""
    )
    yield window.measure(
        Kind.LATE_NEWS,
        risen / _HOUR,
        settings.lag_rise_minutes / _HOUR,
        "hours",
        usual=usual / _HOUR,
        since=both["known_at"].iloc[place],
        records=len(now),
        alarm=risen > settings.lag_rise_minutes and recent > slow,
        found=f"Half of the recent {window.who} became known {recent:,.0f} min after they happened, {usual:,.0f} min "
        f"before.{zone}",
        expected=f"At most {settings.lag_rise_minutes:g} min more than usual.",
        to_do="Ask the sender for a backlog or a change of the times it sends. Late news makes every count too low.",
    )
