"""Is the same thing told more than once?"""

from __future__ import annotations

from collections.abc import Iterator

from features.quality.measures import Kind, Measure
from features.quality.window import Window


def repeated(window: Window) -> Iterator[Measure]:
    """Measure the share of recent records that say what an earlier one, recent or usual, said."""
    settings, feed = window.settings, window.sender.feed
    if len(window.recent) < settings.least_records:
        return
    again = window.sender.records.duplicated(list(feed.same))[window.recent.index]
    usual = None
    if len(window.usual) >= settings.least_records:
        usual = float(window.sender.records.duplicated(list(feed.same))[window.usual.index].mean())
    yield window.measure(
        Kind.REPEATED,
        float(again.mean()),
        settings.duplicate_share,
        "share",
        usual=usual,
        since=window.recent.loc[again, "known_at"].min() if again.any() else None,
        records=len(window.recent),
        found=f"{again.mean():.1%} of {len(window.recent):,} recent {window.who} repeat an earlier one.",
        expected=f"At most {settings.duplicate_share:.1%}.",
        to_do="Ask the sender to send each message once, with one number. Features count a repeated milestone once.",
    )
