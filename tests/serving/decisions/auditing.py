"""`triage audit` as a test calls it."""

from __future__ import annotations

import typer
from typer.testing import CliRunner, Result

from serving.decisions.audit_cli import register


def triage_audit(*arguments: object) -> Result:
    """Run a command of `triage audit`."""
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])
