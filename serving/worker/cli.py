"""`triage worker`, `triage dead-letters` and `triage new-secret`: the commands of the outgoing half."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from routing.dispatch.delivery import DispatchSettings
from routing.dispatch.errors import DispatchError
from routing.dispatch.retry import RetryPolicy
from routing.dispatch.signing import new_secret
from routing.dispatch.targets import Limits
from serving.broker.errors import LibraryMissingError
from serving.errors import ServingError
from serving.worker import dead_letters_cli
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
from serving.worker.run import Until, WorkerSettings, run_worker
from serving.worker.targets import TargetOptions, target_from
from serving.worker.targets_file import read_targets


def register(app: typer.Typer) -> None:
    """Add the commands of the outgoing half to `triage`."""
    app.command("worker")(worker_command)
    app.command("new-secret")(new_secret_command)
    app.add_typer(dead_letters_cli.app, name="dead-letters")


def worker_command(
    target_url: Annotated[
        str | None,
        typer.Option(
            envvar="TRIAGE_TARGET_URL",
            help="Where the orchestrator takes calls: http(s)://, nats://, amqp(s)://, kafka:// or prefect+http(s)://.",
        ),
    ] = None,
    targets: Annotated[
        Path | None,
        typer.Option(
            envvar="TRIAGE_TARGETS",
            exists=True,
            dir_okay=False,
            help="Several targets: a file with each one's URL, credentials and limits, and which calls go to which.",
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            envvar="TRIAGE_WEBHOOK_SECRETS",
            help="whsec_…, the current one first; give a second one while it is being replaced. Not for Prefect.",
        ),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    target: Annotated[str, typer.Option(help="The target's name in the outbox.")] = "orchestrator",
    status_url: Annotated[
        str | None,
        typer.Option(help="Where to ask what became of a call, with {call_id} in it; on the host of the target URL."),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="NATS: where calls are published; a stream holds it.")] = None,
    exchange: Annotated[str | None, typer.Option(help="RabbitMQ: where calls are published.")] = None,
    routing_key: Annotated[
        str | None, typer.Option(help="RabbitMQ: their routing key; without an exchange, the queue.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Kafka: where calls are published.")] = None,
    deployment: Annotated[
        list[str] | None, typer.Option(help="Prefect: branch=flow/deployment, or its id; once for each branch.")
    ] = None,
    undo_deployment: Annotated[
        list[str] | None, typer.Option(help="Prefect: which deployment undoes a branch, in the same way.")
    ] = None,
    authorization: Annotated[
        str | None,
        typer.Option(
            envvar="TRIAGE_TARGET_AUTHORIZATION", help="HTTP and Prefect: the header of that name, e.g. 'Bearer …'."
        ),
    ] = None,
    allow_private: Annotated[bool, typer.Option(help="The target may have a private or loopback address.")] = False,
    until_empty: Annotated[bool, typer.Option("--until-empty", help="End when every call is settled.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is due; leave what was put off.")] = False,
    poll_seconds: Annotated[float, typer.Option(min=0.001, help="Between two looks at an idle outbox.")] = 0.5,
    timeout_seconds: Annotated[float, typer.Option(min=0.001, help="For one call, altogether.")] = 15.0,
    lease_seconds: Annotated[float, typer.Option(min=0.002, help="At least twice the timeout.")] = 60.0,
    concurrency: Annotated[int, typer.Option(min=1, help="Calls in flight at once.")] = 8,
    max_attempts: Annotated[int, typer.Option(min=1, help="Then a call is a dead letter.")] = 20,
    first_wait_seconds: Annotated[float, typer.Option(min=0.001, help="Bound of the first wait.")] = 5.0,
    longest_wait_seconds: Annotated[float, typer.Option(min=0.001, help="Bound of any wait.")] = 3600.0,
    breaker_threshold: Annotated[int, typer.Option(min=1, help="Failures in a row that open the circuit.")] = 10,
    breaker_cool_down_seconds: Annotated[float, typer.Option(min=0, help="Until one call tries again.")] = 30.0,
    name: Annotated[str | None, typer.Option(help="Name of this worker. Default: host, process and chance.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the jitter.")] = None,
    simulated_from: SimulatedFromOption = None,
    speed: SpeedOption = 1.0,
    real_epoch: RealEpochOption = None,
    epoch_file: EpochFileOption = None,
    simulated_until: SimulatedUntilOption = None,
) -> None:
    """Deliver branch calls to the orchestrator, or to several, signed, at least once, in order for each shipment.

    Waits between attempts go by the business's time, which may be simulated; leases, timeouts and signatures by the
    machine's clock. SIGTERM lets the calls in flight end; SIGKILL loses nothing.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if until_empty and once:
        raise typer.BadParameter("Give --until-empty or --once, not both.")
    if (target_url is None) is (targets is None):
        raise typer.BadParameter("Give --target-url for one target, or --targets for several; one of them.")
    until = Until.EMPTY if until_empty else Until.ONCE if once else Until.STOPPED
    clock = clock_for(simulated_from, speed, real_epoch, simulated_until, epoch_file)
    try:
        options = TargetOptions(
            name=target,
            url=target_url or "",
            timeout=timedelta(seconds=timeout_seconds),
            secret=secret or (),
            allow_private=allow_private,
            status_url=status_url,
            subject=subject,
            exchange=exchange,
            routing_key=routing_key,
            topic=topic,
            deployment=deployment or (),
            undo_deployment=undo_deployment or (),
            authorization=authorization,
        )
        directory = None if targets is None else read_targets(targets, os.environ)
        settings = WorkerSettings(
            database_url=database,
            targets=[target_from(options)] if directory is None else directory.targets,
            routes=None if directory is None else directory.routes,
            owner="" if directory is None else directory.owner,
            dispatch=DispatchSettings(
                owner=name or f"{socket.gethostname()[:50]}:{os.getpid()}:{token_hex(4)}",
                lease=timedelta(seconds=lease_seconds),
                limits=Limits(
                    concurrency=concurrency,
                    retry=RetryPolicy(
                        first=timedelta(seconds=first_wait_seconds),
                        longest=timedelta(seconds=longest_wait_seconds),
                        max_attempts=max_attempts,
                    ),
                    breaker_threshold=breaker_threshold,
                    breaker_cool_down=timedelta(seconds=breaker_cool_down_seconds),
                ),
            ),
            poll_seconds=poll_seconds,
            until=until,
            seed=seed,
        )
        tally = asyncio.run(run_worker(settings, clock=clock))
    except (DispatchError, ServingError, ValueError, ModuleNotFoundError) as error:
        said = LibraryMissingError(str(error.name)) if isinstance(error, ModuleNotFoundError) else error
        typer.echo(str(said), err=True)
        raise typer.Exit(2) from error
    typer.echo(", ".join(f"{what} {count}" for what, count in sorted(tally.items()) if count) or "nothing to do")


def new_secret_command() -> None:
    """Make a signing secret, to be given to the worker and to the orchestrator."""
    typer.echo(new_secret().text())
