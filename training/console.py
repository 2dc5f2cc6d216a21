"""What the verbs of training share on the command line: options, and how a result is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

DEFAULT_TRACKING = "sqlite:///var/mlflow/mlflow.db"

Data = Annotated[Path, typer.Option("--data", help="folder of canonical tables", exists=True, file_okay=False)]
Config = Annotated[Path, typer.Option("--config", help="training configuration (YAML)")]
Name = Annotated[str, typer.Option("--name", help="registered name of the model, as in its configuration")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]
Tracking = Annotated[
    str, typer.Option("--tracking-uri", help="MLflow tracking and registry", envvar="MLFLOW_TRACKING_URI")
]


def make_folder(tracking_uri: str) -> None:
    """Make the folder of a local tracking database."""
    if tracking_uri.startswith("sqlite:///"):
        Path(tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)


def show(result: dict[str, Any], table: Callable[[dict[str, Any]], Table], *, as_json: bool) -> None:
    """Print a result, as one JSON object or as a table."""
    if as_json:
        typer.echo(json.dumps(result))
    else:
        Console().print(table(result))


def registered(console: Console, name: str, version: str, tracking_uri: str, report: Path) -> None:
    """Say that a model is registered, and where its report is."""
    console.print(f"Registered as {name} version {version}, alias champion, in {tracking_uri}. Report: {report}")


def table_of(result: dict[str, Any], outcome: str = "late") -> Table:
    """Return the measures of a probability by moment and scorer, as a table of the terminal."""
    title = f"{result['model']} {result['version']}: {result['data']}"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)  # what fits into 80 characters
    for column in ("moment", "scorer"):
        table.add_column(column, overflow="fold")
    for column in ("AUC", "average\nprecision", "Brier", "ECE", "n", outcome):
        table.add_column(column, justify="right", no_wrap=True)
    moments = result["moments"]
    assert isinstance(moments, dict)  # noqa: S101  for the type checker: `summary` made it
    for moment, found in moments.items():
        for scorer, measured in (("model", found), *found["baselines"].items()):
            table.add_row(
                moment if scorer == "model" else "",
                scorer.replace("_", " "),
                *(f"{measured[name]:.4f}" for name in ("auc", "average_precision", "brier", "ece")),
                f"{measured['n']:,}",
                f"{measured['base_rate']:.1%}",
            )
    return table
