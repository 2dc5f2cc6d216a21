"""The verbs `evaluate table`, `evaluate backorder` and `evaluate dataco`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from features.progress import counting
from training.console import AsJson, Config, show, table_of

Folder = Annotated[
    Path, typer.Option("--data", help="folder of the table as it was published", exists=True, file_okay=False)
]
Report = Annotated[Path | None, typer.Option("--report", help="folder for a page and a picture")]


def evaluate_table(data: Folder, config: Config, as_json: AsJson = False, report: Report = None) -> None:
    """Judge a flat table without clocks, as a configuration says: grouped folds or order, calibration, baselines."""
    # Imported here: no other command waits for these libraries.
    from training.config import load_config
    from training.flat.config import FlatConfig
    from training.flat.judge import judge_flat
    from training.flat.report import write_report

    settings = load_config(config, FlatConfig)
    with counting(Console(stderr=True), "boosters") as progress:
        result, drawn = judge_flat(data, settings, progress)
    if report is not None:
        write_report(result, drawn, settings, report)
    show(result, partial(table_of, outcome=settings.outcome), as_json=as_json)


def evaluate_backorder(data: Folder, as_json: AsJson = False, report: Report = None) -> None:
    """Judge which parts go on backorder, from their stock situation as published (configuration `backorder.yaml`)."""
    _as_configured("backorder", data, as_json=as_json, report=report)


def evaluate_dataco(data: Folder, as_json: AsJson = False, report: Report = None) -> None:
    """Judge the simulated DataCo orders beside the truth they were made by (configuration `dataco.yaml`)."""
    _as_configured("dataco", data, as_json=as_json, report=report)


def _as_configured(name: str, data: Path, *, as_json: bool, report: Path | None) -> None:
    from training.flat.config import CONFIGS

    evaluate_table(data, CONFIGS / f"{name}.yaml", as_json, report)
