"""`triage backfill`: the features of every question of a history, into Parquet."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from features.progress import counting
from features.vocabulary import Moment

if TYPE_CHECKING:
    from features.settings import FeatureSettings


class Engine(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    SPARK = "spark"


def register(app: typer.Typer) -> None:
    """Add `backfill` to the command line."""
    app.command("backfill")(backfill)


def backfill(
    data: Annotated[str, typer.Option("--data", help="folder of canonical tables; with Spark, anything it can read")],
    out: Annotated[str, typer.Option("--out", help="new folder for the features, in Parquet")],
    engine: Annotated[Engine, typer.Option("--engine", help="one machine, or a Spark cluster")] = Engine.LOCAL,
    moments: Annotated[list[Moment] | None, typer.Option("--moment", help="only these; all by default")] = None,
    late_after_minutes: Annotated[int, typer.Option("--late-after-minutes", min=0, max=10_080)] = 0,
    currency: Annotated[str | None, typer.Option("--currency", help="ISO 4217; amounts in others are missing")] = None,
    parts: Annotated[int, typer.Option("--parts", min=1, help="Spark: how many parts; one must fit a worker")] = 64,
    master: Annotated[
        str | None, typer.Option("--master", help="Spark master, e.g. local[2]; else as submitted")
    ] = None,
) -> None:
    """Build the features of every shipment and moment of a history, and write them beside their fingerprint."""
    # Imported here: no other command waits for these libraries.
    from features.definitions import fingerprint
    from features.errors import FeatureError
    from features.settings import FeatureSettings

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    settings = FeatureSettings(late_after_minutes=late_after_minutes, currency=currency)
    wanted = tuple(moments or Moment)
    try:
        if engine is Engine.SPARK:
            count = _on_spark(data, out, settings, wanted, parts, master)
        else:
            count = _here(Path(data), Path(out), settings, wanted, console)
    except FeatureError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    told = {"engine": engine.value, "rows": count, "features": fingerprint(settings), "out": out}
    typer.echo(json.dumps(told))


def _here(data: Path, out: Path, settings: FeatureSettings, moments: tuple[Moment, ...], console: Console) -> int:
    from training.backfill import local

    if out.exists() and any(out.iterdir()):
        console.print(f"The folder {out} is not empty. Name a new one, so that no old part stays among new ones.")
        raise typer.Exit(2)
    out.mkdir(parents=True, exist_ok=True)
    with counting(console, "features") as progress:
        return local.backfill(data, out, settings, moments, progress)


def _on_spark(
    data: str, out: str, settings: FeatureSettings, moments: tuple[Moment, ...], parts: int, master: str | None
) -> int:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise typer.BadParameter(
            "PySpark is not installed here; install what training/backfill/requirements.lock names"
        ) from error
    from training.backfill import spark

    if master is not None and master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers on this machine are of this environment
    building = SparkSession.builder.appName("freight-triage backfill")
    session = (building.master(master) if master else building).getOrCreate()
    try:
        return spark.backfill(session, data, out, settings, moments, parts)
    finally:
        session.stop()
