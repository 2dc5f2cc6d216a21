"""The verbs `train eta` and `evaluate eta`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from features.progress import counting
from training.console import DEFAULT_TRACKING, AsJson, Config, Data, Name, Tracking, make_folder, registered, show


def train_eta(
    data: Data,
    config: Config,
    out: Annotated[Path, typer.Option("--out", help="where the bundle and the report go")] = Path("var/models/eta"),
    tracking_uri: Tracking = DEFAULT_TRACKING,
) -> None:
    """Train the model of arrival: quantiles by moment, corrected by the newest outcomes, a report, the registry."""
    # Imported here: no other command waits for these libraries.
    from features.tables import RecordTables
    from models.eta_bundle import save
    from training.about import CANDIDATE, about
    from training.config import EtaConfig, load_config
    from training.dataset import make_dataset
    from training.eta.evaluate import judge_arrivals, summary
    from training.eta.fit import fit_eta
    from training.eta.report import write_report
    from training.track import register

    console = Console(stderr=True)
    settings = load_config(config, EtaConfig)
    make_folder(tracking_uri)
    with counting(console, "features") as progress:
        dataset = make_dataset(data, settings, progress, awaited=True)
    model = fit_eta(dataset, settings, note=lambda line: console.print(f"  {line}"))
    model = save(model, out / "bundle", {"config": settings.model_dump(mode="json")})
    judged = judge_arrivals(model, dataset, RecordTables.read(data))
    result = {**about(model, settings), **CANDIDATE, **summary(judged, settings.seed)}
    report = write_report(result, judged, out / "report")
    version = register(model, settings, result, out / "bundle", out / "report", tracking_uri)
    console.print(_table({**result, "version": version}))
    registered(console, model.name, version, tracking_uri, report)


def evaluate_eta(
    data: Data, as_json: AsJson = False, name: Name = "eta", tracking_uri: Tracking = DEFAULT_TRACKING
) -> None:
    """Judge the champion on the test period of the split that it was trained with."""
    # Imported here: no other command waits for these libraries.
    from models.registry import load_eta_champion
    from training.eta.evaluate import evaluate_arrivals

    console = Console(stderr=True)
    model, training = load_eta_champion(tracking_uri, name)
    with counting(console, "features") as progress:
        result, _ = evaluate_arrivals(model, training, data, progress)
    show(result, _table, as_json=as_json)


def _table(result: dict[str, Any]) -> Table:
    title = f"{result['model']} {result['version']}: {result['data']}"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)  # what fits into 80 characters
    for column in ("moment", "quantiles"):
        table.add_column(column, overflow="fold")
    for column in ("covers", "median\nwidth h", "interval\nscore h", "median\nerror h", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    for moment, found in {**result["moments"], "all": result["overall"]}.items():
        for scorer, measured in (("model", found), *found["baselines"].items()):
            table.add_row(
                moment if scorer == "model" else "",
                scorer.replace("_", " "),
                f"{measured['coverage']:.1%}",
                *(
                    f"{measured[name]:.3f}"
                    for name in ("median_width_hours", "interval_score_hours", "median_error_hours")
                ),
                f"{measured['n']:,}",
            )
    return table
