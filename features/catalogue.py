"""`python -m features.catalogue` writes docs/features.md: every feature with unit, window, source, owner, meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill

from features import claims, recent, rests, stations, tenders, weather
from features.declaration import Feature
from features.definitions import FEATURES, HISTORY
from features.history import HOUR, PRIOR_DELAY_MINUTES, PRIOR_DELAY_SPREAD_MINUTES, PRIOR_LATE_SHARE
from features.inventory import picks
from features.inventory.features import INVENTORY_FEATURES
from features.invoice import INVOICE_FEATURES
from features.rates import PSEUDO_LEGS

_SECTIONS: tuple[tuple[str, str, Sequence[Feature]], ...] = (
    ("Of a shipment", "For the delay model, at each decision moment.", FEATURES),
    ("Of an invoice", "When the invoice came in. Amounts are in the minor units of its currency.", INVOICE_FEATURES),
    ("Of an order line", "When it is ordered, and just before its wave is released.", INVENTORY_FEATURES),
)


def catalogue() -> str:
    """Return the catalogue as Markdown."""
    count = sum(len(features) for _, _, features in _SECTIONS)
    lines = [
        "# Features",
        "",
        f"{count} features, made from the declarations in `features/` by `make docs`. All are float64; what is",
        "missing is NaN. A window looks back from the cutoff and counts only what was known by then.",
        "",
        "## How to read them",
        "",
        *_reading(),
    ]
    for title, when, features in _SECTIONS:
        lines += [
            "",
            f"## {title}",
            "",
            f"{len(features)} features. {when}",
            "",
            "| name | unit | window | source | owner | meaning |",
            "|---|---|---|---|---|---|",
        ]
        lines += [f"| `{f.name}` | {f.unit} | {f.window} | {f.source} | {f.owner} | {f.meaning} |" for f in features]
    return "\n".join(lines) + "\n"


def _reading() -> Iterator[str]:
    """Yield what holds for many features, and what their meanings leave out."""
    yield f"* Shares, means and spreads of legs are shrunk towards their parent, as if it had added {PSEUDO_LEGS:g}:"
    parents: dict[str, list[str]] = {}
    for stream in HISTORY.streams:
        if stream.parent is not None:
            parents.setdefault(stream.parent, []).append(f"`{stream.name}`")
    for parent, streams in parents.items():
        yield f"  * {', '.join(streams)} towards `{parent}`"
    for words in (
        f"""What has no parent is shrunk towards a late share of {PRIOR_LATE_SHARE:g}, a delay of
        {PRIOR_DELAY_MINUTES:g} minutes and a spread of {PRIOR_DELAY_SPREAD_MINUTES:g}.""",
        f"""So are tenders of a carrier and of a lane towards all, those of a carrier on a lane towards the carrier,
        all of them towards {tenders.PRIOR_ACCEPTED_SHARE:g} accepted and {tenders.PRIOR_ANSWER_MINUTES:g}
        minutes; rests at a place towards their status anywhere, that towards all, and all towards
        {rests.PRIOR_REST_MINUTES / 60:g} hours.""",
        f"""Claims are shrunk towards all, and all towards {1000 * claims.PRIOR_CLAIMS:g} in 1000, by
        {claims.PSEUDO_SHIPMENTS:g} shipments; short picks of an article towards its place, the place towards all,
        and all towards {picks.PRIOR_SHORT_SHARE:g}, by {picks.PSEUDO_PICKS:g} picks. Counts, sums and a carrier's
        billing habits are as they are.""",
        """Late is more than `late_after_minutes` of the settings after plan or promise, 0 if they do not say. Delays
        are whole minutes, and a week at most either way.""",
        """A shipment or task that is open, waits or is overdue counts for a week at most: a report that was lost
        must not leave it open for ever.""",
        f"""A typical transit is that of the newest {recent.LEGS} legs that were told; those taken back since are left
        out, and not replaced.""",
        f"""Weather is told by the place itself or by the nearest station within {stations.WITHIN_KM:g} km; one that
        has been silent for {stations.SILENT_AFTER // HOUR} hours gives way to the next. What was measured
        {weather.STALE_AFTER // HOUR} hours ago or more is no weather of now.""",
    ):
        yield fill(" ".join(words.split()), 120, initial_indent="* ", subsequent_indent="  ")


if __name__ == "__main__":
    Path("docs/features.md").write_text(catalogue(), encoding="utf-8")
