"""`triage stop`: the kill switch for whoever has the database, when there is no time or no service to ask."""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import token_hex
from typing import Annotated

import typer

from features.vocabulary import Branch, SubjectType
from routing.canonical import rfc3339
from routing.directives import Directive, DirectiveKind
from routing.ordering import mistakes_in
from routing.policy import Mode
from serving.clock import SystemClock
from serving.db.engine import engine_while, session_factory
from serving.db.migrate import require_head
from serving.directives import repository
from serving.directives.errors import DirectiveError
from serving.directives.service import issue
from serving.options import of_a_person
from serving.policies.bundles import Bundles
from serving.worker.options import DEFAULT_DATABASE, DatabaseOption


def register(application: typer.Typer) -> None:
    """Add the command to the `triage` command."""
    application.command("stop")(stop_command)


def stop_command(
    owner: Annotated[str, typer.Option(help="On whose behalf: an owner of the bundle.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in every decision that is held back.")],
    by: Annotated[str, typer.Option(callback=of_a_person, help="Who you are, for the audit trail.")],
    branch: Annotated[Branch | None, typer.Option(help="Stop this branch alone. Default: all.")] = None,
    subject: Annotated[
        SubjectType, typer.Option(help="Whose bundle owner and branch belong to.")
    ] = SubjectType.SHIPMENT,
    hours: Annotated[
        float | None, typer.Option(min=0.01, help="For how long, e.g. for a drill. Default: until two people raise it.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Stop everything at once: decisions are made and sealed, nothing is done, and nothing leaves the outbox."""
    with engine_while(database) as engine:
        require_head(engine)
        with session_factory(engine).begin() as session:
            repository.lock(session)
            now = SystemClock().now()
            until = None if hours is None else now + timedelta(hours=hours)
            stop = _stop(owner, reason, branch, now, until)
            mistakes = mistakes_in(stop, Bundles().live(session, subject))
            if mistakes:
                raise DirectiveError(mistakes)
            issue(session, stop, subject, by=by, at=now)
    end = "two people raise it" if until is None else rfc3339(until)
    typer.echo(f"{branch or 'Everything'} is stopped until {end} ({stop.id}).")


def _stop(owner: str, reason: str, branch: Branch | None, now: datetime, until: datetime | None) -> Directive:
    return Directive(
        id=f"dir_{token_hex(12)}",
        kind=DirectiveKind.LIMIT,
        owner=owner,
        reason=reason,
        since=now,
        until=until,
        branch=branch,
        mode=Mode.OBSERVE,
    )
