"""`triage invoices`: what is to be done about each freight invoice."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from features.progress import counting
from serving.options import Data, Since, TrackingUri, champion_of, instant_of

if TYPE_CHECKING:
    from models.audit.score import AuditModel


def register(app: typer.Typer) -> None:
    """Add `invoices` to the command line."""
    app.command("invoices")(invoices)


def invoices(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="folder for the findings; made if missing", file_okay=False)],
    tracking_uri: TrackingUri = None,
    name: Annotated[str, typer.Option("--name", help="registered model, as its configuration calls it")] = "invoices",
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules", help="what the rules need to know (YAML); else as the model was trained", dir_okay=False
        ),
    ] = None,
    since: Since = None,
) -> None:
    """Judge freight invoices: approve, dispute on proof, put a question, review on suspicion, or cannot determine."""
    # Imported here: no other command waits for these libraries.
    from features.tables import RecordTables
    from models.audit.company import read_audit_settings
    from models.audit.findings import AuditSettings
    from serving.invoices.batch import judge_tables, write_answers
    from serving.invoices.summary import show_invoices

    console, began = Console(stderr=True), perf_counter()
    model = _model(tracking_uri, name, console)
    settings = AuditSettings() if model is None else model.settings
    if rules is not None:
        settings = read_audit_settings(rules)
    from_when = instant_of("--since", since)
    tables = RecordTables.read(data)
    with counting(console, "invoices") as progress:
        answers = judge_tables(tables, settings, model, from_when, progress)
    write_answers(answers, out)
    show_invoices(answers, Console())
    console.print(f"Findings are in {out} ({perf_counter() - began:.0f} s).", highlight=False)


def _model(tracking_uri: str | None, name: str, console: Console) -> AuditModel | None:
    """Load the champion; where there is none, say that rules judge alone."""
    from models.registry import load_audit_champion

    model, why = champion_of(load_audit_champion, tracking_uri, name)
    alone = f"Rules alone, nothing is suspected: {why}"
    console.print(alone if model is None else f"Rules, and model {model.name} {model.version}.", highlight=False)
    return model
