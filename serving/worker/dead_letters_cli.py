"""`triage dead-letters`: what was refused or given up, and what becomes of it."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from routing.canonical import jsonable, rfc3339
from serving.db.engine import engine_while
from serving.errors import ServingError
from serving.options import of_a_person
from serving.worker.dead_letters import dead_letters, dismiss, replay
from serving.worker.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    RealEpochOption,
    SimulatedFromOption,
    SpeedOption,
    clock_for,
)

app = typer.Typer(help="Calls that were refused or given up.", no_args_is_help=True)

ActorOption = Annotated[
    str | None, typer.Option(callback=of_a_person, help="Who does it, for the audit log. Default: user:<login>.")
]


@app.command("list")
def list_command(
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the dead letters, oldest first."""
    with engine_while(database) as engine:
        found = dead_letters(engine)
    if as_json:
        for letter in found:
            typer.echo(json.dumps(jsonable(asdict(letter))))
        return
    if not found:
        typer.echo("There are no dead letters.")
        return
    table = Table()
    for column in ("call", "shipment", "branch", "target", "attempts", "created", "why"):
        table.add_column(column, overflow="fold")  # a call's id is shown whole, to be given to replay or dismiss
    for letter in found:
        words = (letter.call_id, letter.subject_id, letter.branch, letter.target, str(letter.attempts))
        # As `Text`: what a stranger answered must not be taken for markup.
        table.add_row(*(Text(word) for word in (*words, rfc3339(letter.created_at), letter.last_error)))
    Console().print(table)


@app.command("replay")
def replay_command(
    call_ids: Annotated[list[str] | None, typer.Argument(help="Calls to send again.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All dead letters, oldest first.")] = False,
    database: DatabaseOption = DEFAULT_DATABASE,
    actor: ActorOption = None,
    simulated_from: SimulatedFromOption = None,
    speed: SpeedOption = 1.0,
    real_epoch: RealEpochOption = None,
) -> None:
    """Send dead letters again, each with its own id; exit 1 if one could not be."""
    clock = clock_for(simulated_from, speed, real_epoch)
    if bool(call_ids) == every:
        raise typer.BadParameter("Name the calls to send again, or give --all.")
    refused = 0
    with engine_while(database) as engine:
        for call_id in call_ids or [letter.call_id for letter in dead_letters(engine)]:
            try:
                replay(engine, call_id, actor=_actor(actor), now=clock.now())
                typer.echo(f"Call {call_id} will be sent again.")
            except ServingError as error:
                refused += 1
                typer.echo(str(error), err=True)
    if refused:
        raise typer.Exit(1)


@app.command("dismiss")
def dismiss_command(
    call_id: Annotated[str, typer.Argument(help="The call that is not needed.")],
    reason: Annotated[str, typer.Option(help="Why it is not needed; kept in the audit log.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    actor: ActorOption = None,
    simulated_from: SimulatedFromOption = None,
    speed: SpeedOption = 1.0,
    real_epoch: RealEpochOption = None,
) -> None:
    """Settle a dead letter without sending it."""
    clock = clock_for(simulated_from, speed, real_epoch)
    with engine_while(database) as engine:
        try:
            dismiss(engine, call_id, reason=reason, actor=_actor(actor), now=clock.now())
        except ServingError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
    typer.echo(f"Call {call_id} is dismissed.")


def _actor(given: str | None) -> str:
    return given or f"user:{getpass.getuser()}"
