"""`triage audit`: checks the record, signs how far it had come, and writes it out for others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from routing.canonical import rfc3339
from routing.checkpoints import Checkpoint, new_key, read_checkpoints, read_private_key, read_public_key, sign
from routing.decision import GENESIS
from routing.errors import CheckpointError
from serving.clock import SystemClock
from serving.db.engine import as_of_now, engine_while, read_only, session_factory
from serving.db.migrate import require_head
from serving.decisions import repository
from serving.decisions.verification import verify, verify_export, verify_since
from serving.worker.options import DEFAULT_DATABASE, DatabaseOption

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
_errors = Console(stderr=True, soft_wrap=True, highlight=False)
_audit = typer.Typer(no_args_is_help=True, help="The record of what was decided.")


def register(application: typer.Typer) -> None:
    """Add the commands to the `triage` command."""
    application.add_typer(_audit, name="audit")


@_audit.command("verify")
def audit_verify(
    database: DatabaseOption = DEFAULT_DATABASE,
    head: Annotated[
        str | None, typer.Option(help="Sequence and hash noted elsewhere, as 120:9f86d0…; finds a rewritten chain.")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="File that `triage audit checkpoint` wrote; finds a rewritten or cut chain.", exists=True),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Key that the checkpoints are checked with (PEM).", exists=True)
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Check what `triage audit export` wrote, without the database, by checkpoints.", exists=True),
    ] = None,
) -> None:
    """Check that no decision, call, answer or entry of the audit trail was edited, deleted, inserted or reordered.

    Ends with status 1 if one was.
    """
    if (checkpoints is None) != (public_key is None):
        raise typer.BadParameter("--checkpoints and --public-key go together: give both or neither.")
    signed: Sequence[Checkpoint] = ()
    if checkpoints is not None and public_key is not None:
        signed = read_checkpoints(checkpoints, read_public_key(public_key))
    heads = [each.head for each in signed if each.sequence] + ([] if head is None else [_head(head)])
    trail = [each.trail for each in signed if each.trail is not None]
    if export is not None:
        if not heads:
            raise typer.BadParameter(
                "an export proves nothing by itself: give --checkpoints and --public-key, or --head."
            )
        found = verify_export(export, heads=heads)
    else:
        with engine_while(database) as engine:
            require_head(engine)
            with session_factory(as_of_now(engine))() as session:
                found = verify(session, heads=heads, trail=trail)
    for problem in found.problems:
        _errors.print(problem, style="red", markup=False)
    last = "none" if found.head is None else f"{found.head[0]}:{found.head[1]}"
    told = f", {len(signed)} checkpoints" if signed else ""
    looked_at = f"{found.decisions} decisions" + ("" if export else f", {found.entries} entries of the audit trail")
    typer.echo(f"{looked_at}, {len(found.problems)} problems{told}, head {last}")
    if found.problems:
        raise typer.Exit(1)


@_audit.command("checkpoint")
def audit_checkpoint(
    key: Annotated[Path, typer.Option(help="Private key that signs (PEM, `triage audit key`).", exists=True)],
    to: Annotated[Path, typer.Option(help="File to append to; keep it where the database's owner cannot write.")],
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Check what was decided and done since the last checkpoint, and sign how far both chains have come.

    Ends with status 1, and signs nothing, if a chain does not continue what was signed before.
    """
    private = read_private_key(key)
    signed = read_checkpoints(to, private.public_key()) if to.exists() else ()
    after = signed[-1].head if signed else (0, GENESIS)
    trail = (signed[-1].trail if signed else None) or (0, GENESIS)
    with engine_while(database) as engine:
        require_head(engine)
        with session_factory(as_of_now(engine))() as session:
            found = verify_since(session, after, trail)
    for problem in found.problems:
        _errors.print(problem, style="red", markup=False)
    if found.problems:
        _errors.print("Nothing was signed. Look with `triage audit verify`.", style="red")
        raise typer.Exit(1)
    if not found.decisions and not found.entries:
        typer.echo(f"nothing was decided or done since decision {after[0]}; nothing to sign")
        return
    made = sign(private, *(found.head or after), signed_at=rfc3339(SystemClock().now()), trail=found.trail or trail)
    with to.open("a", encoding="ascii") as file:
        file.write(f"{made.line()}\n")
    typer.echo(f"{found.decisions} decisions since the last checkpoint, signed up to {made.sequence}:{made.hash}")


@_audit.command("key")
def audit_key(
    out: Annotated[Path, typer.Option(help="File for the private key; the public one is put beside it, as NAME.pub.")],
) -> None:
    """Make a pair of keys: the private one signs checkpoints, the public one checks them."""
    private, public = new_key()
    public_file = out.with_name(f"{out.name}.pub")
    _create(out, private, mode=0o600)
    _create(public_file, public, mode=0o644)
    typer.echo(f"{out} signs and is to be kept secret; {public_file} checks, and is for whoever audits")


@_audit.command("export")
def audit_export(
    out: Annotated[Path, typer.Option(help="File to write, one sealed decision (JSON) a line.", dir_okay=False)],
    database: DatabaseOption = DEFAULT_DATABASE,
    since: Annotated[
        datetime | None, typer.Option("--from", help="First day or time, in UTC.", formats=_MOMENTS)
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", help="Day or time just after the last.", formats=_MOMENTS)
    ] = None,
) -> None:
    """Write decisions as they were sealed, in the order of the chain, e.g. for `triage evaluate policy`."""
    with ExitStack() as stack:
        engine = stack.enter_context(engine_while(database))
        require_head(engine)
        session = stack.enter_context(session_factory(read_only(engine))())
        lines = stack.enter_context(out.open("w", encoding="utf-8"))
        count = 0
        for body in repository.bodies(session, since=_in_utc(since), until=_in_utc(until)):
            lines.write(f"{body}\n")
            count += 1
    typer.echo(f"{count} decisions in {out}")


def _create(path: Path, content: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise CheckpointError(f"{path} is there already", "No key is overwritten: give another name.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _head(text: str) -> tuple[int, str]:
    sequence, _, digest = text.partition(":")
    if not sequence.isdecimal() or len(digest) != 64:
        raise typer.BadParameter(f"--head is {text!r}; give sequence and hash as `triage audit verify` prints them.")
    return int(sequence), digest
