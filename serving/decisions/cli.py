"""`triage replay` and `triage why`: decisions made again from the record alone, and what would have changed them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from routing.loader import load_policy
from serving.db.engine import engine_while, read_only, session_factory
from serving.db.migrate import require_head
from serving.decisions import repository
from serving.errors import DecisionNotFoundError
from serving.worker.options import DEFAULT_DATABASE, DatabaseOption

_errors = Console(stderr=True, soft_wrap=True, highlight=False)
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def register(application: typer.Typer) -> None:
    """Add the commands to the `triage` command."""
    application.command("replay")(replay_command)
    application.command("why")(why_command)


def replay_command(
    decision_id: Annotated[str | None, typer.Argument(help="One decision. Default: all.")] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    bundles: Annotated[
        list[Path] | None, typer.Option("--bundle", help="Bundle of decisions of before bundles were kept; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make decisions again from the record alone; ends with status 1 if one does not come out byte for byte."""
    from serving.decisions.replaying import count, replay_all  # slow to import: every other command would wait for it

    given = {policy.digest: policy for policy in map(load_policy, bundles or ())}
    with engine_while(database) as engine:
        require_head(engine)
        with session_factory(read_only(engine))() as session:
            if decision_id is not None and repository.find(session, decision_id) is None:
                raise DecisionNotFoundError(decision_id)
            total = 1 if decision_id is not None else count(session)
            made = replay_all(session, given, decision_id)
            seen = list(track(made, "decisions", total, console=_errors, transient=True))
    wrong = [each for each in seen if each.differences or each.why_not]
    for each in wrong:
        told = each.why_not or f"comes out otherwise: {', '.join(each.differences)}"
        _errors.print(f"{each.decision_id}: {told}", style="red", markup=False)
    if as_json:
        failed = [{"decision_id": each.decision_id, "differences": each.differences, "why_not": each.why_not}
                  for each in wrong]  # fmt: skip
        typer.echo(json.dumps({"decisions": len(seen), "equal": len(seen) - len(wrong), "failed": failed}))
    else:
        typer.echo(f"{len(seen)} decisions, {len(seen) - len(wrong)} come out byte for byte")
    if wrong:
        raise typer.Exit(1)


def why_command(
    decision_id: Annotated[str, typer.Argument(help="The decision.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: AsJson = False,
) -> None:
    """Say why a decision came out as it did, and the nearest facts and thresholds with which it would not have."""
    from serving.decisions.replaying import counterfactuals  # slow to import, as above
    from serving.decisions.schemas import CounterfactualShape

    with engine_while(database) as engine:
        require_head(engine)
        with session_factory(read_only(engine))() as session:
            row = repository.find(session, decision_id)
            if row is None:
                raise DecisionNotFoundError(decision_id)
            body, found = json.loads(row.body), counterfactuals(session, row.body)
    if as_json:
        told = [CounterfactualShape.of(each).model_dump(mode="json") for each in found]
        typer.echo(json.dumps({"decision_id": decision_id, "branch": body["branch"], "counterfactuals": told}))
        return
    typer.echo(f"{body['subject']['id']}: {body['branch']} by {body['decided_by']}. {body['explanation']['staff']}")
    for each in found:
        typer.echo(f"  {each.in_words()}")
    if not found:
        typer.echo("  No single fact or threshold would have changed it.")
