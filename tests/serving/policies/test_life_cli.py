"""`triage policy submit`, `approve`, `publish`, … as they are called, against a service that listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import sleep

import httpx
import pytest
import typer
import uvicorn
from typer.testing import CliRunner, Result

from routing.policy import Policy
from serving.app import create_app
from serving.policies import life_cli
from serving.policies.errors import BundleRefusedError, BundleStepError, ServiceRefusedError
from tests.serving.house import House
from tests.serving.policies.lives import PEOPLE, approve, bolder, moves, version


@pytest.fixture
def house(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(sqlite_url, late_shipments, people=PEOPLE) as made:
        yield made


@pytest.fixture
def api(house: House) -> Iterator[str]:
    config = uvicorn.Config(create_app(house.container), port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    path = tmp_path / "edited.yaml"
    path.write_text(version(2, bolder), encoding="utf-8")
    return path


def triage(*arguments: str) -> Result:
    app = typer.Typer()
    life_cli.register(app)
    return CliRunner().invoke(app, arguments)


def test_a_bundle_is_led_to_be_in_force_and_back(house: House, api: str, edited: Path) -> None:
    def said(*arguments: str, by: str | None = None) -> str:
        result = triage(*arguments, "--api", api, *([] if by is None else ["--token", f"{by}-token"]))
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    people = ["--reviewers", "2 mon-fri 08:00-17:00", "--first-look-minutes", "30"]
    told = said("submit", str(edited), "--reason", "earlier", *people, by="ann")
    begins = told.split("(")[1][:10]
    signs = told.split("--signs ")[1].strip()
    assert signs in told
    evidence, _ = json.JSONDecoder().raw_decode(said("show", begins))
    assert evidence["bundle"]["version"] == 2
    assert (evidence["queue"]["reviewers"], evidence["queue"]["first_look_minutes"]) == (["2 mon-fri 08:00-17:00"], 30)
    said("shadow", begins, by="ann")
    said("shadow", begins, "--end", by="ann")
    assert "It was tried on 0 past decisions, fewer than 100: --waive says why" in told
    assert "is approved" in said("approve", begins, "--signs", signs, "--waive", "the first day", by="pat")
    assert "is live for 10.00% of shipments" in said("publish", begins, "--share", "0.1", "--reason", "so", by="pat")
    assert [line.split()[1:3] for line in said("list").splitlines()] == [["live", "10.00%"], ["live", "90.00%"]]
    assert "late_shipments version 1" in said("rollback", "--reason", "too many messages", by="ben")
    assert "ben rolled_back" in said("history").splitlines()[0]
    assert moves(house)[-2:] == ["published", "rolled_back"]


def test_what_is_refused_is_said(house: House, api: str, edited: Path) -> None:
    edited.write_text(version(2).replace("$notify_from", "$notify_form"), encoding="utf-8")
    refused = triage("submit", str(edited), "--reason", "r", "--token", "ann-token", "--api", api)
    assert isinstance(refused.exception, ServiceRefusedError)
    assert "\n  - rules[1].when" in str(refused.exception)
    unknown = triage("reject", "00", "--reason", "r", "--token", "ann-token", "--api", api)
    assert str(unknown.exception) == "0 bundles begin with '00'. List them: triage policy list"


def test_who_does_not_answer_is_named() -> None:
    result = triage("list", "--api", "http://127.0.0.1:9")
    assert str(result.exception).startswith("The service at http://127.0.0.1:9 does not answer")


def test_who_answers_in_another_language_is_not_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "request", lambda *_, **__: httpx.Response(502, text="<html>Bad Gateway</html>"))
    result = triage("list", "--api", "http://proxy")
    assert str(result.exception) == "What answers at http://proxy is not the service: 502, and no JSON. Give --api."


class TestBreakingTheGlass:
    def broken(self, house: House, path: Path) -> Result:
        database = ["--database", house.database_url]
        return triage("break-glass", str(path), "--by", "ben", "--reason", "nobody answers", *database)

    def test_needs_the_database_alone_and_waits_for_a_second_person(self, house: House, edited: Path) -> None:
        result = self.broken(house, edited)
        assert result.exit_code == 0, result.exception
        assert "late_shipments version 2 is live, unapproved (" in result.output
        listed = house.api.get("/v1/policies").json()["policies"]
        assert [(each["status"], each["unapproved"]) for each in listed if each["version"] == 2] == [("live", True)]
        bundle = house.api.get(f"/v1/policies/{house.policy.digest}").json()
        assert approve(house, bundle).json()["unapproved"] is False
        assert isinstance(self.broken(house, edited).exception, BundleStepError)

    def test_is_nothing_that_the_service_does(self, house: House, edited: Path) -> None:
        database = ["--database", house.database_url]
        result = triage("break-glass", str(edited), "--by", "System", "--reason", "x", *database)
        assert (result.exit_code, len(house.api.get("/v1/policies").json()["policies"])) == (2, 1)

    def test_takes_no_bundle_with_mistakes(self, house: House, edited: Path) -> None:
        edited.write_text("policy: nothing", encoding="utf-8")
        assert isinstance(self.broken(house, edited).exception, BundleRefusedError)
