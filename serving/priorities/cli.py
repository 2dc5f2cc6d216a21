"""`triage priorities`: late shipments, shortages and invoices in one order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from serving.priorities.waiting import Waiting
    from serving.reviews.items import Item


def register(app: typer.Typer) -> None:
    """Add `priorities` to the command line."""
    app.command("priorities")(priorities)


def priorities(
    invoices: Annotated[
        Path | None, typer.Option("--invoices", help="folder that `triage invoices` wrote", exists=True)
    ] = None,
    shortages: Annotated[
        Path | None, typer.Option("--shortages", help="folder that `triage shortages` wrote", exists=True)
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="canonical tables with the orders of the shortages", exists=True)
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", help="of the service, for the items of its queue")
    ] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="bundle with the cost table; else ours")] = None,
    at_most: Annotated[int, typer.Option("--top", min=1, help="how many are shown")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="write all, an object a line")] = False,
) -> None:
    """Put what waits in one order: what an analyst minute is expected to save, in the policy's currency."""
    # Imported here: no other command waits for these libraries.
    from features.tables import RecordTables
    from routing.loader import load_policy
    from serving.config import bundled_policy
    from serving.invoices.schemas import InvoiceAnswer
    from serving.priorities import waiting
    from serving.shortages.schemas import LineAnswer

    bundle = load_policy(policy or bundled_policy())
    found: list[Waiting] = []
    if invoices is not None:
        answers = [InvoiceAnswer.model_validate_json(line) for line in _lines(invoices / "invoices.jsonl")]
        found += waiting.of_invoices(answers, bundle.costs.currency)
    if shortages is not None:
        if data is None:
            raise typer.BadParameter("--shortages needs --data: what a line is worth stands in its order.")
        lines = [LineAnswer.model_validate_json(line) for line in _lines(shortages / "shortages.jsonl")]
        found += waiting.of_lines(lines, RecordTables.read(data), bundle)
    if database is not None:
        found += waiting.of_items(_items(database))
    ordered = waiting.in_order(found)
    if as_json:
        for each in ordered:
            typer.echo(json.dumps(waiting.as_json(each)))
        return
    Console().print(_table(ordered[:at_most], len(ordered), bundle.costs.currency))


def _lines(path: Path) -> list[str]:
    if not path.exists():
        raise typer.BadParameter(f"{path} is not there; give the folder that the command wrote with --out.")
    return path.read_text(encoding="utf-8").splitlines()


def _items(database: str) -> list[Item]:
    """Return the items that wait in a service's queue."""
    from serving.clock import SystemClock
    from serving.db.engine import engine_while, read_only, session_factory
    from serving.db.migrate import require_head
    from serving.policies.bundles import Bundles
    from serving.reviews.service import waiting_items

    with engine_while(database) as engine:
        require_head(engine)
        with session_factory(read_only(engine))() as session:
            return waiting_items(session, Bundles().all_live(session), SystemClock().now())


def _table(shown: list[Waiting], count: int, currency: str) -> Table:
    table = Table(title=f"{count:,} wait; {currency} an analyst minute", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("a minute", "saves", "minutes"):
        table.add_column(column, justify="right")
    for column in ("kind", "id", "what"):
        table.add_column(column, overflow="fold")
    for each in shown:
        matter = each.matter
        money = (f"{amount / 100:,.2f}" for amount in (matter.worth_minor_per_minute, matter.saving_minor))
        table.add_row(*money, f"{matter.minutes:g}", each.kind.replace("_", " "), each.id, each.words)
    return table
