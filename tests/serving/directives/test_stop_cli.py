"""`triage stop`, as it is called."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner, Result

from serving.clock import SystemClock
from serving.db.tables import AuditRow, DirectiveRow
from serving.directives.cli import register
from serving.directives.errors import DirectiveError
from tests.serving.house import House


def stop(house: House, *arguments: str, owner: str = "duty-manager") -> Result:
    app = typer.Typer()
    app.command("other")(lambda: None)
    register(app)
    said = ["--owner", owner, "--reason", "wrong messages", "--by", "ben", "--database", house.database_url]
    return CliRunner().invoke(app, ["stop", *said, *arguments])


def test_nothing_is_done_from_then_on(any_house: House) -> None:
    any_house.clock.set(SystemClock().now())
    any_house.announce("SH-1", promised_at="2099-01-01T00:00:00Z", planned_at="2098-12-30T00:00:00Z")
    result = stop(any_house)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Everything is stopped until two people raise it (dir_")
    assert any_house.decided("SH-1", risk=0.5)["branch"] == "none"
    assert next((row.action, row.actor) for row in any_house.rows(AuditRow)) == ("directive.issued", "ben")


def test_one_branch_is_stopped_for_a_while(house: House) -> None:
    result = stop(house, "--branch", "notify", "--hours", "2")
    assert result.output.startswith("notify is stopped until 20")
    (row,) = house.rows(DirectiveRow)
    assert row.until is not None
    assert ((row.until - row.since).total_seconds(), row.branch) == (7200, "notify")


@pytest.mark.parametrize("name", ["system", "system:worker", " ", "", "a" * 61, "b\n"])
def test_nobody_stops_it_in_the_name_of_the_service_or_of_nobody(house: House, name: str) -> None:
    result = stop(house, "--by", name)
    assert (result.exit_code, house.count(DirectiveRow)) == (2, 0)
    told = " ".join(result.output.replace("│", " ").split())
    assert "is what the service itself is called" in told or "expected a name of 1 to 60" in told


def test_an_owner_the_bundle_does_not_list_stops_nothing(house: House) -> None:
    result = stop(house, owner="nobody")
    assert isinstance(result.exception, DirectiveError)
    assert "`owner`: 'nobody' is not in the bundle" in str(result.exception)
    assert house.count(DirectiveRow) == 0
