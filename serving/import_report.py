"""The report of `triage import files --check`, as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from features.ingest.breaks import Breaks
    from features.ingest.profile import Profile


def show_profile(profile: Profile, console: Console) -> None:
    """Print what a mapping makes of its files: rows and clocks by table, then the coverage of every field."""
    console.print(_rows(profile))
    console.print(_lags(profile))
    console.print(_coverage(profile))
    if profile.breaks is not None:
        _show_breaks(profile.breaks, console)


def _rows(profile: Profile) -> Table:
    shown = Table("table", title="Rows", title_justify="left")
    for column in ("offered", "kept", "same key", "identical"):
        shown.add_column(column, justify="right")
    for name, table in profile.tables.items():
        counts = (table.offered, table.kept, table.same_key, table.identical)
        shown.add_row(name, *(f"{count:,}" for count in counts))
    return shown


def _lags(profile: Profile) -> Table:
    shown = Table("table", title="Known after it happened, in hours", title_justify="left")
    for column in ("min", "median", "p90", "p99", "max", "negative"):
        shown.add_column(column, justify="right")
    for name, table in profile.tables.items():
        if table.lag is not None:
            lag = table.lag
            hours = (lag.minimum_hours, lag.median_hours, lag.p90_hours, lag.p99_hours, lag.maximum_hours)
            shown.add_row(name, *(f"{value:,.1f}" for value in hours), f"{lag.negatives:,}")
    return shown


def _show_breaks(breaks: Breaks, console: Console) -> None:
    shown = Table("rates", "first", title="Weight breaks", title_justify="left")
    shown.add_row(f"{breaks.contradicting:,} contradict another", escape(breaks.first_contradiction))
    shown.add_row(f"{breaks.gaps:,} begin behind a gap", escape(breaks.first_gap))
    console.print(shown)


def _coverage(profile: Profile) -> Table:
    shown = Table("table", "field", title="Given by the files", title_justify="left")
    shown.add_column("share", justify="right")
    for name, table in profile.tables.items():
        given = [(field, share) for field, share in table.coverage.items() if share > 0]
        for number, (field, share) in enumerate(given):
            shown.add_row("" if number else name, field, f"{share:.1%}")
        never = ", ".join(field for field, share in table.coverage.items() if share == 0)
        if never:
            shown.add_row("", f"[dim]never: {never}[/dim]", "", end_section=True)
    return shown
