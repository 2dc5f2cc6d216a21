"""The verbs `train invoices` and `evaluate invoices`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from features.progress import counting
from training.console import DEFAULT_TRACKING, AsJson, Config, Data, Tracking, make_folder, registered, show


def train_invoices(
    data: Data,
    config: Config,
    out: Annotated[Path, typer.Option("--out", help="where the bundle and the report go")] = Path(
        "var/models/invoices"
    ),
    tracking_uri: Tracking = DEFAULT_TRACKING,
) -> None:
    """Train the invoice audit: expected charges, signs, the bound on what is missed, a report, the registry."""
    # Imported here: no other command waits for these libraries.
    from models.audit.bundle import save
    from training.about import CANDIDATE, about
    from training.config import load_config
    from training.invoices.config import InvoicesConfig
    from training.invoices.dataset import make_invoice_dataset
    from training.invoices.evaluate import judge_invoices
    from training.invoices.fit import fit_invoices
    from training.invoices.report import write_report
    from training.invoices.track import register_audit

    console = Console(stderr=True)
    settings = load_config(config, InvoicesConfig)
    make_folder(tracking_uri)
    with counting(console, "features") as progress:
        dataset = make_invoice_dataset(data, settings, progress)
    model = fit_invoices(dataset, settings, note=lambda line: console.print(f"  {line}"))
    model = save(model, out / "bundle", {"config": settings.model_dump(mode="json")})
    measured, drawn = judge_invoices(model, dataset, settings)
    result = {**about(model, settings), **CANDIDATE, **measured}
    report = write_report(result, drawn, out / "report")
    version = register_audit(model, settings, result, out / "bundle", out / "report", tracking_uri)
    console.print(_table({**result, "version": version}))
    registered(console, model.name, version, tracking_uri, report)


def evaluate_invoices(
    data: Data,
    as_json: AsJson = False,
    report: Annotated[Path | None, typer.Option("--report", help="folder for a page and a picture")] = None,
    name: Annotated[str, typer.Option("--name", help="registered model, as its configuration calls it")] = "invoices",
    tracking_uri: Tracking = DEFAULT_TRACKING,
) -> None:
    """Judge the champion on the test period of the split that it was trained with."""
    # Imported here: no other command waits for these libraries.
    from models.registry import load_audit_champion
    from training.invoices.evaluate import evaluate_invoices as evaluate
    from training.invoices.report import write_report

    console = Console(stderr=True)
    model, training = load_audit_champion(tracking_uri, name)
    with counting(console, "features") as progress:
        result, drawn = evaluate(model, training, data, progress)
    if report is not None:
        console.print(f"Report: {write_report(result, drawn, report)}")
    show(result, _table, as_json=as_json)


def _table(result: dict[str, Any]) -> Table:
    title = f"{result['model']} {result['version']}: {result['data']}"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)  # what fits into 80 characters
    table.add_column("measure", overflow="fold")
    for column in ("model", "baseline"):
        table.add_column(column, justify="right", no_wrap=True)
    rules, thumb = result["rules"], result["rules"]["baselines"]["largest_component"]
    review, forest = result["review"], result["review"]["baselines"]["isolation_forest"]
    for measure in ("recall", "precision"):
        table.add_row(f"rules: {measure} (largest component)", _share(rules[measure]), _share(thumb[measure]))
    for measure in ("precision", "money_recovered"):
        words = f"{review['share']:.0%} of review time: {measure.replace('_', ' ')} (isolation forest)"
        table.add_row(words, _share(review["of_minutes"][measure]), _share(forest["of_minutes"][measure]))
    for name, found in result["unseen"].items():
        words = f"AUC without rules, {name.replace('_', ' ')} (isolation forest)"
        table.add_row(words, f"{found['model']['auc']:.3f}", f"{found['isolation_forest']['auc']:.3f}")
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
