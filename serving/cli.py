"""The `triage` command: the service's own verbs, and those that other packages add."""

from __future__ import annotations

import logging
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from features.errors import FeatureError
from models.errors import ModelError
from routing.errors import RoutingError
from serving import imports, quality
from serving.broker import cli as broker_cli
from serving.config import Settings
from serving.db.engine import engine_while, read_only, session_factory
from serving.db.migrate import current, require_head, upgrade
from serving.decisions import audit_cli
from serving.decisions import cli as decisions_cli
from serving.demo import cli as demo_cli
from serving.directives import cli as directives_cli
from serving.errors import ServingError
from serving.invoices import cli as invoices_cli
from serving.policies import cli as policies_cli
from serving.priorities import cli as priorities_cli
from serving.recommendations import cli as recommendations_cli
from serving.shortages import cli as shortages_cli
from serving.worker import cli as worker_cli
from serving.worker.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    EpochFileOption,
    RealEpochOption,
    SimulatedFromOption,
    SimulatedUntilOption,
    SpeedOption,
    clock_for,
)

COMMANDS = "triage.commands"
"""Entry points of this group are called with the application, and add their commands to it."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Freight Triage: predicts which shipments will go wrong, decides what to do about each, and does it once.",
)
db_app = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(db_app, name="db")
_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def main() -> None:
    """Run the command; an error of ours ends it with its sentence and status 2, without a traceback."""
    imports.register(app)
    decisions_cli.register(app)
    audit_cli.register(app)
    quality.register(app)
    invoices_cli.register(app)
    shortages_cli.register(app)
    recommendations_cli.register(app)
    worker_cli.register(app)
    broker_cli.register(app)
    policies_cli.register(app)
    directives_cli.register(app)
    priorities_cli.register(app)
    demo_cli.register(app)
    for entry_point in entry_points(group=COMMANDS):
        entry_point.load()(app)
    try:
        app()
    except (FeatureError, ModelError, RoutingError, ServingError) as error:
        _errors.print(str(error), style="red", markup=False)
        raise SystemExit(2) from error


@app.command()
def serve(
    database: DatabaseOption = DEFAULT_DATABASE,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at.")] = 8000,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            envvar="TRIAGE_TRACKING_URI",
            help="MLflow registry with the champion model. Without one every case goes to a person.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Name of the registered model of lateness; 'none' if no shipments are to be judged.")
    ] = "delay",
    eta_model: Annotated[
        str | None,
        typer.Option(help="Name of the registered model of arrival; without one nobody is told when it arrives."),
    ] = None,
    invoice_model: Annotated[
        str | None,
        typer.Option(help="Name of the registered model of invoices; without one rules judge invoices alone."),
    ] = None,
    invoice_rules: Annotated[
        Path | None,
        typer.Option(help="What the rules of the invoice audit need to know (YAML).", exists=True, dir_okay=False),
    ] = None,
    shortage_model: Annotated[
        str | None,
        typer.Option(
            help="Name of the registered model of shortages, or the folder of its bundle; without one no shortages "
            "are judged, and orders and stock are kept but not learnt."
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help="Folder of imported tables, known before the record log begins; or a snapshot.", exists=True),
    ] = None,
    contracts: Annotated[
        Path | None,
        typer.Option(help="Folder of imported tables with carriers' contracts; else those of --history.", exists=True),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Policy bundle (YAML) of the first start; then the database says what is in force."),
    ] = None,
    invoice_policy: Annotated[
        Path | None,
        typer.Option(help="The same on invoices; else the one that ships, if a model or rules of invoices are given."),
    ] = None,
    shortage_policy: Annotated[
        Path | None,
        typer.Option(help="The same on shortages; else the one that ships, if a model of shortages is given."),
    ] = None,
    target: Annotated[str, typer.Option(help="Name of the orchestrator in the outbox.")] = "orchestrator",
    claim_minutes: Annotated[float, typer.Option(min=0.01, help="How long a claim on a review item holds.")] = 15.0,
    clock_skew_seconds: Annotated[float, typer.Option(min=0, help="How far a sender's clock may be ahead.")] = 60.0,
    body_limit_bytes: Annotated[int, typer.Option(min=1, help="Largest body that is taken.")] = 1024 * 1024,
    trust_known_time: Annotated[
        bool, typer.Option(help="Believe a sender's known_at: for replaying history, never for a live feed.")
    ] = False,
    api_token: Annotated[
        str | None,
        typer.Option(envvar="TRIAGE_API_TOKEN", help="Every call of the API must carry it as a bearer token."),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(envvar="TRIAGE_PEOPLE", help="Who answers and orders what (YAML); without it any name answers."),
    ] = None,
    demo: Annotated[bool, typer.Option(help="Allow placeholder secrets.", hidden=True)] = False,
    simulated_from: SimulatedFromOption = None,
    speed: SpeedOption = 1.0,
    real_epoch: RealEpochOption = None,
    epoch_file: EpochFileOption = None,
    simulated_until: SimulatedUntilOption = None,
) -> None:
    """Serve the API and the review queue; the database is brought to the newest revision first."""
    import uvicorn

    from serving.app import create_app
    from serving.bootstrap import build, settle  # slow to import, as below: every other command would wait for it
    from serving.scores.absent import NO_MODEL

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = Settings(
        database_url=database,
        tracking_uri=tracking_uri,
        model_name=None if model == NO_MODEL else model,
        eta_model_name=eta_model,
        invoice_model_name=invoice_model,
        invoice_rules=invoice_rules,
        shortage_model=shortage_model,
        history=history,
        contracts=contracts,
        policy=policy,
        invoice_policy=invoice_policy,
        shortage_policy=shortage_policy,
        body_limit_bytes=body_limit_bytes,
        clock_skew=timedelta(seconds=clock_skew_seconds),
        trust_known_time=trust_known_time,
        claim=timedelta(minutes=claim_minutes),
        target=target,
        demo=demo,
        api_token=api_token,
        people=people,
    )
    container = build(settings, clock=clock_for(simulated_from, speed, real_epoch, simulated_until, epoch_file))
    settle()
    uvicorn.run(create_app(container), host=host, port=port, log_level="info", access_log=False)


@app.command()
def snapshot(
    out: Annotated[Path, typer.Option(help="New folder for the snapshot.", file_okay=False)],
    database: DatabaseOption = DEFAULT_DATABASE,
    history: Annotated[
        Path | None,
        typer.Option(help="What the service was started with: a folder, or the last snapshot.", exists=True),
    ] = None,
) -> None:
    """Write history and record log into a folder: `triage serve --history` starts from it and learns only the rest."""
    from serving.events.snapshot import take

    with engine_while(database) as engine:
        require_head(engine)
        taken = take(session_factory(read_only(engine)), history, out)
    typer.echo(f"{out} reaches to event {taken.position} of the record log.")


@db_app.command("upgrade")
def db_upgrade(database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Bring the database to the newest revision; nothing is lost, and a second run changes nothing."""
    with engine_while(database, may_be_new=True) as engine:
        upgrade(engine)
        typer.echo(f"The database is at revision {current(engine)}.")
