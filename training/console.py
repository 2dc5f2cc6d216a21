"""What the verbs of training share on the command line: options and the bar of progress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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


def progress(console: Console) -> Progress:
    """Return a bar that counts what is done of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)
