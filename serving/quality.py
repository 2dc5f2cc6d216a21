"""`triage quality`: what is wrong with the data, as known at an instant, and who is to see to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from serving.options import Data

if TYPE_CHECKING:
    from features.quality.measures import Measure

_LISTED = 30


def register(app: typer.Typer) -> None:
    """Add `quality` to the command line."""
    app.command("quality")(quality)


def quality(
    data: Data,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", help="instant to look from, e.g. 2014-11-15T00:00:00Z; without it that of the newest news"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object, with every measure")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="end with status 1 if there is an alarm")] = False,
) -> None:
    """Look for stale feeds, missing fields, changed units, wrong clocks and repeats; each alarm has an owner."""
    # Imported here: no other command waits for these libraries.
    from features.quality.check import measures_of, newest_news
    from features.quality.settings import QualitySettings
    from features.tables import RecordTables

    tables = RecordTables.read(data)
    instant = newest_news(tables) if at is None else _instant(at)
    measures = () if instant is None else measures_of(tables, instant, QualitySettings())
    alarms = [measure for measure in measures if measure.alarm]
    if as_json:
        told = {"at": instant, "alarms": len(alarms), "measures": [asdict(measure) for measure in measures]}
        typer.echo(json.dumps(told, default=_plain))
    else:
        _show(alarms, len(measures), instant)
    if strict and alarms:
        raise typer.Exit(1)


def _show(alarms: Sequence[Measure], measured: int, instant: datetime | None) -> None:
    console = Console()
    if alarms:
        table = Table("alarm", "owner", "what to know", title="Data quality", title_justify="left", show_lines=True)
        for alarm in alarms[:_LISTED]:
            said = f"{alarm.found}\nExpected: {alarm.expected}\n{alarm.to_do}"
            table.add_row(alarm.kind.value.replace("_", " "), alarm.owner, said)
        console.print(table)
        if len(alarms) > _LISTED:
            console.print(f"and {len(alarms) - _LISTED} more; --json has all of them.")
    seen_from = "there is no news" if instant is None else f"as known at {instant:%Y-%m-%d %H:%M} UTC"
    counted = "1 alarm" if len(alarms) == 1 else f"{len(alarms)} alarms"
    console.print(f"{counted} of {measured:,} measures, {seen_from}.", highlight=False)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter(f"--at is {text!r}; give a time with its zone, e.g. 2014-11-15T00:00:00Z.")
    return instant


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
