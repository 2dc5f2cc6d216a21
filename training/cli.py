"""Verbs of the command line that make and judge models."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console

from features.errors import FeatureError
from features.progress import counting
from models.errors import ModelError
from routing.errors import RoutingError
from training.alternatives.cli import evaluate_alternatives
from training.backfill import cli as backfill_cli
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
from training.errors import TrainingError
from training.eta.cli import evaluate_eta, train_eta
from training.flat.cli import evaluate_backorder, evaluate_dataco, evaluate_table
from training.invoices.cli import evaluate_invoices, train_invoices
from training.leakage.cli import leakage
from training.policies.cli import evaluate_policy
from training.shortage.cli import evaluate_shortage, train_shortage
from training.simulate import cli as simulate_cli
from training.simulate.billing.cli import simulate_invoices
from training.tuning.cli import tune_delay, tune_eta, tune_shortage, tune_table

_P = ParamSpec("_P")


def register(app: typer.Typer) -> None:
    """Add the verbs of training: `train`, `tune`, `evaluate`, `leakage`, `simulate`, `backfill` and the like."""
    train = typer.Typer(no_args_is_help=True, help="Fit, calibrate, judge and register a model.")
    train.command("delay")(_told(train_delay))
    train.command("eta")(_told(train_eta))
    train.command("invoices")(_told(train_invoices))
    train.command("shortage")(_told(train_shortage))
    app.add_typer(train, name="train")
    tune = typer.Typer(no_args_is_help=True, help="Search for trees that predict better than a configuration's.")
    tune.command("delay")(_told(tune_delay))
    tune.command("eta")(_told(tune_eta))
    tune.command("shortage")(_told(tune_shortage))
    tune.command("table")(_told(tune_table))
    app.add_typer(tune, name="tune")
    judge_ = typer.Typer(no_args_is_help=True, help="Judge a registered model, a table, or a policy.")
    judge_.command("delay")(_told(evaluate_delay))
    judge_.command("eta")(_told(evaluate_eta))
    judge_.command("invoices")(_told(evaluate_invoices))
    judge_.command("shortage")(_told(evaluate_shortage))
    judge_.command("policy")(_told(evaluate_policy))
    judge_.command("alternatives")(_told(evaluate_alternatives))
    judge_.command("table")(_told(evaluate_table))
    judge_.command("backorder")(_told(evaluate_backorder))
    judge_.command("dataco")(_told(evaluate_dataco))
    app.add_typer(judge_, name="evaluate")
    app.command("leakage")(_told(leakage))
    simulate_cli.register(app)
    app.command("simulate-invoices")(_told(simulate_invoices))
    backfill_cli.register(app)


def train_delay(
    data: Data,
    config: Config,
    out: Annotated[Path, typer.Option("--out", help="where the bundle and the report go")] = Path("var/models/delay"),
    tracking_uri: Tracking = DEFAULT_TRACKING,
) -> None:
    """Train the delay model: features as known at each moment, a split by time, calibration, a report, the registry."""
    # Imported here: no other command waits for these libraries.
    from models.bundle import save
    from training.about import CANDIDATE, about
    from training.config import TrainingConfig, load_config
    from training.dataset import make_dataset
    from training.evaluate import judge, kept_of, summary
    from training.fit import fit_delay
    from training.report import write_report
    from training.track import register as register_model

    console = Console(stderr=True)
    settings = load_config(config, TrainingConfig)
    make_folder(tracking_uri)
    with counting(console, "features") as progress:
        dataset = make_dataset(data, settings, progress)
    model = fit_delay(dataset, settings, note=lambda line: console.print(f"  {line}"))
    kept = kept_of(dataset, settings)
    model = save(model, out / "bundle", kept)
    judged = judge(model, dataset, kept["fit_known"])
    result = {**about(model, settings), **CANDIDATE, **summary(judged, settings.seed)}
    report = write_report(result, judged, out / "report")
    version = register_model(model, settings, result, out / "bundle", out / "report", tracking_uri)
    console.print(table_of({**result, "version": version}))
    registered(console, model.name, version, tracking_uri, report)


def evaluate_delay(
    data: Data,
    as_json: AsJson = False,
    name: Name = "delay",
    tracking_uri: Tracking = DEFAULT_TRACKING,
) -> None:
    """Judge the champion on the test period of the split that it was trained with."""
    from models.registry import load_champion  # imported here: no other command waits for these libraries
    from training.evaluate import evaluate

    console = Console(stderr=True)
    model, training = load_champion(tracking_uri, name)
    with counting(console, "features") as progress:
        result, _ = evaluate(model, training, data, progress)
    show(result, table_of, as_json=as_json)


def _told(command: Callable[_P, None]) -> Callable[_P, None]:
    """Let an error of ours end a command with its sentence and status 2, without a traceback."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (FeatureError, ModelError, RoutingError, TrainingError) as error:
            Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), style="red", markup=False)
            raise typer.Exit(2) from error

    return run
