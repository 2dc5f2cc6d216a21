"""`triage places`: from where orders could be sent that lack something where they are to be picked."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from features.progress import counting
from serving.options import At, Data, TrackingUri, champion_of, instant_of

if TYPE_CHECKING:
    from serving.recommendations.batch import Places

_LISTED = 15


def register(app: typer.Typer) -> None:
    """Add `places` to the command line."""
    app.command("places")(places)


def places(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="folder for what is found; made if missing", file_okay=False)],
    tracking_uri: TrackingUri = None,
    name: Annotated[str, typer.Option("--name", help="registered delay model")] = "delay",
    at: At = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="bundle with the cost table; else ours")] = None,
) -> None:
    """Rank the places that could send each order that lacks something: by contract, risk, and what stays short."""
    # Imported here: no other command waits for these libraries.
    from features.inventory.waiting_lines import newest_stock_news
    from features.settings import FeatureSettings
    from features.tables import RecordTables
    from models.registry import load_champion
    from routing.loader import load_policy
    from serving.config import bundled_policy
    from serving.recommendations.batch import rank_places, write_places
    from serving.scores.absent import AbsentModel
    from serving.scores.live import LiveState
    from serving.shortages.errors import NoLinesError

    console, began = Console(stderr=True), perf_counter()
    model, why = champion_of(load_champion, tracking_uri, name)
    if model is None:
        console.print(f"No risk of a place can be told: {why}", highlight=False)
    settings = FeatureSettings() if model is None else model.feature_settings
    tables = RecordTables.read(data)
    newest = newest_stock_news(tables)
    if newest is None:
        raise NoLinesError("the tables hold no order lines, warehouse tasks or stock positions")
    moment = instant_of("--at", at) or newest.to_pydatetime()
    bundle = load_policy(policy or bundled_policy())
    with counting(console, "orders") as progress:
        state = LiveState(settings, with_stock=True)
        found = rank_places(tables, moment, AbsentModel() if model is None else model, state, bundle, progress)
    write_places(found.answers, out)
    _show(found, Console())
    console.print(f"What was found is in {out} ({perf_counter() - began:.0f} s).", highlight=False)


def _show(found: Places, console: Console) -> None:
    from serving.recommendations.batch import saving

    currency = f" {found.answers[0].ways.currency}" if found.answers else ""
    table = Table(
        title=f"{len(found.answers):,} orders that lack something", title_justify="left", box=box.SIMPLE_HEAD, padding=0
    )
    for column in ("order", "lines that lack", "from now", "from better", f"saves{currency}"):
        table.add_column(column, overflow="fold")
    for each in found.answers[:_LISTED]:
        stands = next((way.places[0] for way in each.ways.options if way.stands), "–")
        best = " + ".join(each.ways.recommended or ()) or "no way"
        table.add_row(each.order_id, ", ".join(each.lacking), stands, best, f"{saving(each) / 100:,.2f}")
    console.print(table)
    if len(found.answers) > _LISTED:
        console.print(f"and {len(found.answers) - _LISTED:,} more in the file.", highlight=False)
    for why, count in sorted(found.left_out.items()):
        console.print(f"{count:,} left out: {why}.", highlight=False)
