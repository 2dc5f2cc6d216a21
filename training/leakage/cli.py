"""The verb `triage leakage`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from training.leakage.findings import Report

_LISTED = 20


def leakage(
    data: Annotated[Path, typer.Option("--data", help="folder of canonical tables", exists=True, file_okay=False)],
    config: Annotated[
        Path | None,
        typer.Option("--config", help="training configuration (YAML); without it the last fifth is the test period"),
    ] = None,
    sample: Annotated[int, typer.Option("--sample", min=1, help="questions that are answered again")] = 300,
    seed: Annotated[int, typer.Option("--seed", min=0, help="the same seed asks the same questions")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object, with every feature")] = False,
    by_feature: Annotated[bool, typer.Option("--by-feature", help="list what was seen of every feature")] = False,
) -> None:
    """Check that no feature knows what nobody could have known; ends with status 1 if one does."""
    # Imported here: no other command waits for these libraries.
    from features.tables import RecordTables
    from training.config import TrainingConfig, load_config
    from training.leakage.check import check_leakage, default_config

    tables = RecordTables.read(data)
    settings = default_config(tables, data.name) if config is None else load_config(config, TrainingConfig)
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=None)

        def step(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        report = check_leakage(tables, settings, sample=sample, seed=seed, step=step)
    if as_json:
        told = {"data": settings.data, "seed": seed, "leaks": len(report.findings), **asdict(report)}
        typer.echo(json.dumps(told, default=str))
    else:
        show(report, Console(), by_feature=by_feature)
    if report.findings:
        raise typer.Exit(1)


def show(report: Report, console: Console, *, by_feature: bool = False) -> None:
    """Print what was checked, then what was found."""
    console.print(_checks(report))
    if by_feature:
        console.print(_trails(report))
    if report.findings:
        console.print(_findings(report))
        if len(report.findings) > _LISTED:
            console.print(f"and {len(report.findings) - _LISTED} more; --json has all of them.")
    leaking = sorted({finding.feature for finding in report.findings})
    if leaking:
        console.print(f"{len(leaking)} leak: {', '.join(leaking[:_LISTED])}. No figure of such a model can be trusted.")
    else:
        console.print("No leak was found.")


def _checks(report: Report) -> Table:
    asked = ", ".join(f"{count:,} {name}" for name, count in report.asked.items())
    title = f"{asked} asked at {report.cutoffs} cutoffs, {len(report.trails)} features"
    table = Table(
        "check", "what was tried", title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("compared", justify="right")
    table.add_column("failed", justify="right")
    for check in report.checks:
        if check.skipped_because:
            table.add_row(check.name, f"not checked: {check.skipped_because}", "0", "–")
        else:
            compared = f"{check.compared:,} {check.unit}"
            table.add_row(check.name, check.meaning, compared, f"{check.failed:,}")
    return table


def _findings(report: Report) -> Table:
    table = Table("feature", "check", "what to know", title="Found", title_justify="left", show_lines=True)
    for finding in report.findings[:_LISTED]:
        said = f"{finding.found}\nExpected: {finding.expected}\n{finding.to_do}"
        table.add_row(finding.feature, finding.check, said)
    return table


def _trails(report: Report) -> Table:
    table = Table("feature", title="What was seen of every feature", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("compared", "differences", "newest known", "newest occurred"):
        table.add_column(column, justify="right")
    for trail in report.trails:
        differences = ", ".join(f"{count} {check}" for check, count in trail.differences.items()) or "0"
        ages = (trail.newest_known or "–", trail.newest_occurred or "–")
        table.add_row(trail.feature, f"{trail.compared:,}", differences, *ages)
    return table
