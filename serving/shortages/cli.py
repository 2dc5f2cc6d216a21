"""`triage shortages`: which order lines will be picked short, why, and who could cover them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
    from models.shortage import ShortageModel
    from serving.shortages.schemas import LineAnswer

_LISTED = 15


def register(app: typer.Typer) -> None:
    """Add `shortages` to the command line."""
    app.command("shortages")(shortages)


def shortages(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="folder for what is found; made if missing", file_okay=False)],
    tracking_uri: TrackingUri = None,
    name: Annotated[str, typer.Option("--name", help="registered model, as its configuration calls it")] = "shortage",
    wave: Annotated[
        str | None, typer.Option("--wave", help="only the lines of this wave, as of just before its release")
    ] = None,
    at: At = None,
) -> None:
    """Judge the order lines that wait to be picked: risk, cause with evidence, quantity, and who could cover it."""
    # Imported here: no other command waits for these libraries.
    from features.tables import RecordTables
    from serving.shortages.batch import Asked, judge_lines, write_lines

    console, began = Console(stderr=True), perf_counter()
    model = _model(tracking_uri, name, console)
    asked = Asked(wave, instant_of("--at", at))
    tables = RecordTables.read(data)
    with counting(console, "order lines") as progress:
        answers = judge_lines(tables, asked, model, progress)
    write_lines(answers, out)
    _show(answers, Console())
    console.print(f"What was found is in {out} ({perf_counter() - began:.0f} s).", highlight=False)


def _model(tracking_uri: str | None, name: str, console: Console) -> ShortageModel | None:
    """Load the champion; where there is none, say that no probability is given."""
    from models.registry import load_shortage_champion

    model, why = champion_of(load_shortage_champion, tracking_uri, name)
    alone = f"Stock and demand alone, no probability: {why}"
    console.print(alone if model is None else f"Model {model.name} {model.version}.", highlight=False)
    return model


def _show(answers: Sequence[LineAnswer], console: Console) -> None:
    from serving.shortages.judging import NO_MODEL

    at = f", as of {answers[0].as_of:%Y-%m-%d %H:%M} UTC" if answers else ""
    table = _table(f"{len(answers):,} order lines{at}", "line", "article", "place", "short", "at risk", "cause",
                   "covered by")  # fmt: skip
    for one in answers[:_LISTED]:
        evidence = one.evidence
        table.add_row(
            f"{one.order_id} {one.line_id}",
            one.sku or "–",
            one.place or "–",
            "–" if one.probability is None else f"{one.probability:.0%}",
            "–" if evidence is None else f"{evidence.quantity_at_risk:g} of {one.needed:g}",
            "–" if evidence is None else evidence.cause.value.replace("_", " "),
            "–" if evidence is None else evidence.covered_by or "no single place",
        )
    console.print(table)
    if len(answers) > _LISTED:
        console.print(f"and {len(answers) - _LISTED:,} more in the files.", highlight=False)
    because = Counter(why for one in answers for why in one.abstained_because if why != NO_MODEL)
    if because:
        told = _table("Abstained", "because", "lines")
        for why, count in because.most_common(_LISTED):
            told.add_row(why, f"{count:,}")
        console.print(told)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
