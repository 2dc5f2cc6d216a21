"""A command on a path that was mistyped says that nothing is there, and leaves nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from serving import cli
from serving.config import bundled_policy
from serving.db.engine import DatabaseMissingError
from serving.decisions import audit_cli
from serving.decisions import cli as decisions_cli
from serving.directives import cli as directives_cli
from serving.policies import cli as policies_cli
from serving.policies import life_cli
from serving.worker import dead_letters_cli

BUNDLE = str(bundled_policy())
COMMANDS = {
    "audit verify": [],
    "audit checkpoint": ["--key", "{key}", "--to", "{folder}/checkpoints.jsonl"],
    "audit export": ["--out", "{folder}/decisions.jsonl"],
    "replay": [],
    "why": ["dec_1"],
    "preview": ["--bundle", BUNDLE, "--from", "2026-03-01", "--to", "2026-03-02", "--out", "{folder}/flips.jsonl"],
    "break-glass": [BUNDLE, "--reason", "r", "--by", "ann"],
    "dismiss": ["call_1", "--reason", "r", "--actor", "dana"],
    "snapshot": ["--out", "{folder}/snapshot"],
    "stop": ["--owner", "o", "--reason", "r", "--by", "ann"],
}


def apps() -> list[typer.Typer]:
    mine, policy = typer.Typer(), typer.Typer()
    for each in (audit_cli, decisions_cli, directives_cli):
        each.register(mine)
    life_cli.register(policy)
    policy.command("preview")(policies_cli.preview_command)
    return [mine, policy, cli.app, dead_letters_cli.app]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_makes_no_database(name: str, tmp_path: Path) -> None:
    key, folder = tmp_path / "audit.pem", tmp_path / "empty"
    folder.mkdir()
    audit_cli.audit_key(key)
    given = [each.format(key=key, folder=folder) for each in COMMANDS[name]]
    missing = folder / "new" / "triage.db"
    app = next(each for each in apps() if name.split()[0] in _names(each))
    result = CliRunner().invoke(app, [*name.split(), *given, "--database", f"sqlite:///{missing}"])

    assert isinstance(result.exception, DatabaseMissingError), result.output
    assert str(result.exception).startswith(f"There is no database at {missing}. Give the path of one")
    assert list(folder.iterdir()) == []


def _names(app: typer.Typer) -> set[str | None]:
    return {each.name for each in (*app.registered_commands, *app.registered_groups)} | {
        getattr(each.callback, "__name__", None) for each in app.registered_commands
    }
