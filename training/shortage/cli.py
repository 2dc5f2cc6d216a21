"""The verbs `train shortage` and `evaluate shortage`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.console import (
    DEFAULT_TRACKING,
    AsJson,
    Config,
    Data,
    Name,
    Tracking,
    make_folder,
    registered,
    show,
    table_of,
)

_table = partial(table_of, outcome="short")


def train_shortage(
    data: Data,
    config: Config,
    out: Annotated[Path, typer.Option("--out", help="where the bundle and the report go")] = Path(
        "var/models/shortage"
    ),
    tracking_uri: Tracking = DEFAULT_TRACKING,
) -> None:
    """Train the shortage model: stock as known at each moment of a line, calibration, a report, the registry."""
    # Imported here: no other command waits for these libraries.
    from models.shortage_bundle import save
    from training.about import CANDIDATE, about
    from training.config import load_config
    from training.report import write_report
    from training.shortage.config import ShortageConfig
    from training.shortage.dataset import make_shortage_dataset
    from training.shortage.evaluate import TOLD, judge_shortage, summary_of
    from training.shortage.fit import fit_shortage, kept_of
    from training.shortage.track import register_shortage

    console = Console(stderr=True)
    settings = load_config(config, ShortageConfig)
    make_folder(tracking_uri)
    with console.status("features"):
        dataset = make_shortage_dataset(data, settings)
    model = fit_shortage(dataset, settings, note=lambda line: console.print(f"  {line}"))
    kept = kept_of(dataset, settings)
    model = save(model, out / "bundle", kept)
    judged, beside = judge_shortage(model, dataset, kept["fit_shares"])
    result = {**about(model, settings), **CANDIDATE, **summary_of(judged, beside, settings.seed)}
    report = write_report(result, judged, out / "report", TOLD)
    version = register_shortage(model, settings, result, out / "bundle", out / "report", tracking_uri)
    console.print(_table({**result, "version": version}))
    registered(console, model.name, version, tracking_uri, report)


def evaluate_shortage(
    data: Data, as_json: AsJson = False, name: Name = "shortage", tracking_uri: Tracking = DEFAULT_TRACKING
) -> None:
    """Judge the champion on the test period of the split that it was trained with."""
    # Imported here: no other command waits for these libraries.
    from models.registry import load_shortage_champion
    from training.shortage.evaluate import evaluate_lines

    console = Console(stderr=True)
    model, training = load_shortage_champion(tracking_uri, name)
    with console.status("features"):
        result, _ = evaluate_lines(model, training, data)
    show(result, _table, as_json=as_json)
