"""`triage import`: outside files into canonical tables."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from serving.edi_imports import import_edi_command
from serving.import_report import show_profile

if TYPE_CHECKING:
    from features.ingest.importer import ImportSummary


def register(app: typer.Typer) -> None:
    """Add `import` to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Turn outside data into canonical tables.")
    group.command("files")(import_command)
    group.command("edi")(import_edi_command)
    group.callback()(_group)
    app.add_typer(group, name="import")


def _group() -> None:
    """Turn outside data into canonical tables; what cannot be used is kept beside them with the reason."""


def import_command(
    mapping: Annotated[Path, typer.Option("--mapping", help="mapping file (YAML)")],
    source: Annotated[Path, typer.Option("--source", help="folder of the files", exists=True, file_okay=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="folder for the tables; made if missing", file_okay=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="report what would be written, and write nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Import CSV, Excel and Parquet files by a mapping file."""
    from features.ingest.importer import import_files, prepare  # imported here: no other command waits for it
    from features.ingest.mapping import load_mapping
    from features.ingest.profile import profile_of

    if (out is None) != check:
        raise typer.BadParameter("give a folder for the tables with --out, or --check to write none.")
    console = Console(stderr=True)
    began = perf_counter()
    loaded = load_mapping(mapping)
    head = {"mapping": loaded.name, "version": loaded.version, "owner": loaded.owner}
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    profile = None
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("reading", total=None)

        def on_step(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        if out is None:
            profile = profile_of(prepare(loaded, source, on_step))
            summary = profile.summary
        else:
            summary = import_files(loaded, source, out, on_step)
    if as_json:
        typer.echo(json.dumps({**head, **asdict(summary)} if profile is None else {**head, **asdict(profile)}))
        return
    if profile is None:
        Console().print(_table(summary))
    else:
        show_profile(profile, Console())
    for reason, count in summary.rejects.items():
        console.print(f"  rejected {count:,}: {reason}", highlight=False)
    read = ", ".join(f"{count:,} rows of {name}" for name, count in summary.rows_read.items())
    end = "Nothing was written." if out is None else f"Tables and rejects are in {out}."
    console.print(f"Read {read} in {perf_counter() - began:.1f} s. {end}", highlight=False)


def _table(summary: ImportSummary) -> Table:
    table = Table("table", title="Imported", title_justify="left")
    for column in ("offered", "written", "left out", "rejected"):
        table.add_column(column, justify="right")
    for name, counted in summary.tables.items():
        counts = (counted.offered, counted.written, counted.left_out, counted.rejected)
        table.add_row(name, *(f"{count:,}" for count in counts))
    return table
