"""Are fields missing that should be there, and shipments whose end nobody told?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from features.quality.feeds import Feed, Sender, without_end
from features.quality.measures import Kind, Measure
from features.quality.settings import QualitySettings
from features.quality.window import Window
from features.tables import RecordTables

_ENDS = Feed("events", "carrier management", carrier="shipment")


def incomplete(window: Window) -> Iterator[Measure]:
    """Measure the share of recent records that lack a field.

    A field that no model can do without may be missing rarely; any other not much more often than usual.
    """
    settings, feed = window.settings, window.sender.feed
    if len(window.recent) < settings.least_records:
        return
    enough = len(window.usual) >= settings.least_records
    for field in (*feed.needed, *feed.given):
        if field in feed.given and not enough:
            continue
        missing = window.recent[field].isna()
        usual = float(window.usual[field].isna().mean()) if enough else None
        limit = settings.missing_share if field in feed.needed else min(1.0, (usual or 0.0) + settings.missing_rise)
        was = "" if usual is None else f", {usual:.1%} before"
        yield window.measure(
            Kind.INCOMPLETE,
            float(missing.mean()),
            limit,
            "share",
            usual=usual,
            field=field,
            since=window.recent.loc[missing, "known_at"].min() if missing.any() else None,
            records=len(window.recent),
            found=f"{field} is missing in {missing.mean():.1%} of {len(window.recent):,} recent {window.who}{was}.",
            expected=f"At most {limit:.1%}.",
            to_do="See whether the sender dropped or renamed the field, then mend the mapping or the sender; "
            "`triage import files --check` shows what the files give.",
        )


def no_end(known: RecordTables, at: pd.Timestamp, settings: QualitySettings) -> list[Measure]:
    """Measure, by carrier, the share of shipments past their promise for `recent_days` of which no end is known."""
    recent, usual = (pd.Timedelta(days=days) for days in (settings.recent_days, settings.usual_days))
    due = without_end(known, at, recent, usual)
    measures = []
    for carrier, shipments in due.groupby("carrier_id", observed=True, sort=True):
        if len(shipments) < settings.least_records:
            continue
        window = Window(Sender(_ENDS, None, str(carrier), shipments), at, settings, shipments, shipments)
        open_ = shipments[shipments["open"]]
        measures.append(
            window.measure(
                Kind.NO_END,
                float(shipments["open"].mean()),
                settings.missing_share,
                "share",
                field="status",
                since=open_["promised_at"].min() if len(open_) else None,
                records=len(shipments),
                found=f"Of {len(shipments):,} shipments of carrier {carrier} promised more than "
                f"{settings.recent_days:g} days ago, {len(open_):,} have no known end.",
                expected=f"At most {settings.missing_share:.1%}: delivered, cancelled, diverted, returned or refused.",
                to_do="Ask the carrier for the missing scans. Until then they count neither as late nor as punctual.",
            )
        )
    return measures
