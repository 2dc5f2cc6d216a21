"""`triage import edi`: EDI interchanges into canonical tables."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from serving.clock import SystemClock

if TYPE_CHECKING:
    from features.ingest.edi.summary import EdiSummary

_SENT = "sent"


def import_edi_command(
    source: Annotated[Path, typer.Option("--source", help="file, or folder whose files are all read", exists=True)],
    out: Annotated[Path, typer.Option("--out", help="folder for the tables; made if missing", file_okay=False)],
    acknowledge: Annotated[
        Path | None,
        typer.Option("--acknowledge", help="file for functional acknowledgements (997)", dir_okay=False),
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(
            "--known-at",
            help="when the files were learnt, e.g. 2026-03-02T12:00:00Z, or `sent`: when each says it was sent. "
            "Without it now.",
        ),
    ] = None,
    zones: Annotated[
        Path | None,
        typer.Option("--zones", help="time zones of places and senders (YAML)", exists=True, dir_okay=False),
    ] = None,
    currency: Annotated[
        str, typer.Option("--currency", help="ISO 4217 code of money whose currency is not told")
    ] = "USD",
    stock: Annotated[
        Path | None,
        typer.Option(
            "--stock",
            help="folder of canonical tables with `inventory_positions`: the levels from which positions follow",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Import X12 (204, 210, 214, 856, 944, 945, 947, 990) and EDIFACT (IFTSTA) interchanges."""
    # Imported here: no other command waits for these libraries.
    from features.ingest.edi.importer import import_edi
    from features.ingest.edi.places import Zones
    from features.ingest.edi.reading import Terms
    from features.ingest.edi.stock_ledger import StockLedger

    if not re.fullmatch("[A-Z]{3}", currency):
        raise typer.BadParameter(f"--currency is {currency!r}; give an ISO 4217 code, e.g. USD.")
    console = Console(stderr=True)
    began = perf_counter()
    now = SystemClock().now()
    learnt = None if known_at == _SENT else now if known_at is None else _instant(known_at)
    terms = Terms(learnt, Zones() if zones is None else Zones.read(zones), currency)
    ledger = None if stock is None else StockLedger.read(stock)
    columns = (TextColumn("{task.description:<32}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("reading", total=None)

        def on_step(what: str, done: int, total: int) -> None:
            bar.update(task, description=what[-32:], completed=done, total=total)

        summary = import_edi(source, out, terms, now=now, acknowledge=acknowledge, stock=ledger, on_step=on_step)
    if as_json:
        typer.echo(json.dumps(summary, default=_fields))
        return
    _show(summary, Console())
    _explain(summary, console)
    told = f"{sum(summary.transactions.values()):,} transactions of {summary.files:,} files"
    console.print(f"Read {told} in {perf_counter() - began:.1f} s. Tables and rejects are in {out}.", highlight=False)


def _show(summary: EdiSummary, console: Console) -> None:
    table = Table("set", title="Imported", title_justify="left")
    for column in ("read", "imported", "repeated", "rejected", "not supported"):
        table.add_column(column, justify="right")
    for name, count in sorted(summary.transactions.items()):
        became = (summary.imported, summary.repeated, summary.rejected, summary.unsupported)
        table.add_row(name, f"{count:,}", *(f"{counted[name]:,}" for counted in became))
    console.print(table)


def _explain(summary: EdiSummary, console: Console) -> None:
    for reason, count in summary.rejects.items():
        console.print(f"  rejected {count:,}: {reason}", highlight=False, markup=False)
    if summary.leftovers:
        console.print(f"  rejected {summary.leftovers:,} pieces that belong to no transaction", highlight=False)
    for remark, noted in summary.findings.items():
        console.print(f"  found {noted.count:,}: {remark}, first {noted.first}", highlight=False, markup=False)
    for what, count in summary.stock.items():
        if count:
            console.print(f"  stock {count:,}: {what}", highlight=False, markup=False)
    for name in summary.not_edi:
        console.print(f"  no interchange in {name}", highlight=False, markup=False)


def _fields(counted: Any) -> dict[str, object]:
    return {field.name: getattr(counted, field.name) for field in fields(counted)}


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter(f"--known-at is {text!r}; give a time with its zone, e.g. 2026-03-02T12:00:00Z.")
    return instant
