"""`triage policy`: what a bundle says, what is wrong with it, what it would change."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from routing.document import policy_json_schema
from routing.errors import Problem, Severity
from routing.loader import lint_policy, read_text
from serving.clock import SystemClock

app = typer.Typer(help="Policy bundles: the rules by which is decided.", no_args_is_help=True)
_console = Console(soft_wrap=True, highlight=False)


def register(application: typer.Typer) -> None:
    """Add the commands to the `triage` command."""
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
