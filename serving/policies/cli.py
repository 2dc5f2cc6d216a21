"""`triage policy`: what a bundle says, what is wrong with it, what it would change."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from routing.canonical import rfc3339
from routing.document import policy_json_schema
from routing.errors import Problem, RosterError, Severity
from routing.loader import lint_policy, load_policy, read_text, run_suite
from routing.preview.comparing import Compared
from routing.preview.roster import FIRST_LOOK_MINUTES, REVIEWERS
from routing.preview.summary import Summary
from serving.clock import SystemClock
from serving.db.engine import engine_while, read_only, session_factory
from serving.db.migrate import require_head
from serving.policies import life_cli
from serving.policies.options import FirstLookOption, ReviewersOption
from serving.worker.options import DEFAULT_DATABASE, DatabaseOption

app = typer.Typer(help="Policy bundles: the rules by which is decided.", no_args_is_help=True)
_console = Console(soft_wrap=True, highlight=False)
_errors = Console(stderr=True, soft_wrap=True, highlight=False)


def register(application: typer.Typer) -> None:
    """Add the commands to the `triage` command."""
    life_cli.register(app)
    application.add_typer(app, name="policy")


@app.command("lint")
def lint_command(
    bundles: Annotated[list[Path], typer.Argument(help="Policy bundles (YAML).")],
    today: Annotated[
        datetime | None, typer.Option(help="Day by which reviews are due. Default: today.", formats=["%Y-%m-%d"])
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a finding, a line each.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are mistakes too.")] = False,
) -> None:
    """Find every mistake of a bundle, each with its line; ends with status 1 if there is one."""
    day = SystemClock().now().date() if today is None else today.date()
    found = [(path.name, problem) for path in bundles for problem in lint_policy(read_text(path), today=day)]
    for name, problem in found:
        _console.print(_as_json(name, problem) if as_json else f"{name}:{problem}", markup=False)
    errors = sum(problem.severity is Severity.ERROR for _, problem in found)
    if not as_json:
        _console.print(f"{len(bundles)} bundle(s) as of {day}: {errors} error(s), {len(found) - errors} warning(s).")
    if errors or (strict and found):
        raise typer.Exit(1)


@app.command("suite")
def suite_command(
    bundle: Annotated[Path, typer.Argument(help="A policy bundle (YAML).")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with every scenario.")] = False,
) -> None:
    """Decide the scenarios that a bundle names, each alone; ends with status 1 if one comes to something else."""
    suite = run_suite(load_policy(bundle))
    if as_json:
        typer.echo(json.dumps(suite.as_json(), ensure_ascii=False, indent=2))
    else:
        for ran in suite.ran:
            mark = "ok" if ran.mistake is None else "WRONG"
            typer.echo(f"{mark:<5} {ran.id}: {ran.branch} by {ran.decided_by}")
            if ran.mistake is not None:
                typer.echo(f"      {ran.mistake}")
        without = f" No scenario comes to: {', '.join(suite.rules_without)}." if suite.rules_without else ""
        typer.echo(f"{len(suite.ran)} scenario(s), {len(suite.wrong)} wrong.{without}")
    if suite.wrong:
        raise typer.Exit(1)


@app.command("preview")
def preview_command(
    bundle: Annotated[Path, typer.Option(help="The bundle to try (YAML).")],
    since: Annotated[str, typer.Option("--from", help="First day or time, e.g. 2026-03-01; UTC if no zone is given.")],
    until: Annotated[str, typer.Option("--to", help="Day or time just after the last.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    show: Annotated[int, typer.Option(min=0, help="How many decisions that come to something else to show.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with all counts.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write every decision that comes to something else here, a JSON object a line.")
    ] = None,
    reviewers: ReviewersOption = None,
    first_look_minutes: FirstLookOption = FIRST_LOOK_MINUTES,
) -> None:
    """Decide past decisions again under a bundle: what comes to something else, why, at what cost. Sends nothing."""
    from serving.policies import past, preview, queue  # slow to import, and only this command needs the database

    policy = load_policy(bundle)
    try:
        staffing = queue.Staffing.parse(reviewers or [REVIEWERS], first_look_minutes)
    except RosterError as error:
        raise typer.BadParameter(str(error), param_hint="--reviewers") from error
    begin, end = _moment(since, "--from"), _moment(until, "--to")
    if begin >= end:
        raise typer.BadParameter(f"--from {since} is not before --to {until}: nothing lies between them.")
    summary = Summary(policy)
    shown: list[Compared] = []
    with ExitStack() as stack:
        engine = stack.enter_context(engine_while(database))
        require_head(engine)
        flips = None if out is None else stack.enter_context(out.open("w", encoding="utf-8"))
        session = stack.enter_context(session_factory(read_only(engine))())
        decided = past.PastOfLedger(session, policy, begin, end)
        queues = queue.Queues(session, policy)
        for compared in track(preview.preview_of(decided), "decisions", decided.count, console=_errors, transient=True):
            summary.add(compared)
            queues.add(compared)
            if compared.why is None:
                continue
            if len(shown) < show:
                shown.append(compared)
            if flips is not None:
                flips.write(json.dumps(preview.flip_as_json(compared), ensure_ascii=False) + "\n")
        queues.add_causes(begin, end)
        queued = queues.preview(staffing, begin, end)
    if as_json:
        told = {**summary.as_json(), "queue": queued.as_json()}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for line in (*preview.in_words(summary), *queue.in_words(queued)):
        typer.echo(line)
    for compared in shown:
        place = f"{compared.subject_id} at {rfc3339(compared.decided_at)}"
        typer.echo(f"{place}: {compared.before} → {compared.after}, {compared.why}")


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is {text!r}; give a day or a time, e.g. 2026-03-01.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


@app.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of a bundle, by which editors complete and check it."""
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """Write the JSON Schema of a bundle as it is published."""
    return json.dumps(policy_json_schema(), indent=2, ensure_ascii=False) + "\n"


def _as_json(name: str, problem: Problem) -> str:
    return json.dumps(
        {
            "bundle": name,
            "line": problem.line,
            "column": problem.column,
            "severity": problem.severity.value,
            "where": problem.where,
            "message": problem.message,
        }
    )
