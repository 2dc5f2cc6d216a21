"""Calls as flow runs of a real Prefect server: done, failed and undone, still running, and never two runs of one call.

`make test-prefect` runs it. With TRIAGE_RECORD=1 it writes down anew what the fake of the default tier answers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from routing.policy import Policy
from serving.worker.dead_letters import replay
from tests.routing.dispatch.fake_prefect import ANSWERS, Recorded
from tests.serving.effects.calls import call, effect, items_about, rebooked
from tests.serving.house import NOW, House
from tests.serving.prefect.server import AUTHORIZATION, Prefect, prefect_server, wait_until
from tests.serving.worker.processes import start_worker_on

pytestmark = [pytest.mark.slow, pytest.mark.service]

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as made:
        yield made


@pytest.fixture
def file_house(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(sqlite_url, late_shipments) as made:
        yield made


def worker_options(*more: str) -> list[str]:
    """Return the options of a worker whose business time goes 120 times as fast: 3 hours are a minute and a half."""
    return [
        *("--allow-private", "--deployment", "rebook=rebook-shipment/test"),
        *("--undo-deployment", "rebook=cancel-booking/test", "--authorization", AUTHORIZATION),
        *("--simulated-from", NOW.isoformat(), "--speed", "120", *more),
    ]


def test_calls_are_carried_out_followed_and_undone_by_flow_runs(prefect: Prefect, file_house: House) -> None:
    done, failing, hanging = (rebooked(file_house, name) for name in ("SH-1", "SH-FAILS", "SH-HANGS"))
    undoing = failing.removesuffix("1") + "compensate"
    worker = start_worker_on(file_house.database_url, f"prefect+{prefect.url}", *worker_options())
    try:
        wait_until(lambda: effect(file_house, done) == "verified", seconds=120)
        wait_until(lambda: effect(file_house, failing) == "compensated", seconds=180)
        wait_until(lambda: effect(file_house, hanging) == "with_person", seconds=180)
    finally:
        worker.terminate()
        _, said = worker.communicate(timeout=60)

    (run,) = prefect.runs(done)
    assert run["parameters"]["call"]["data"]["idempotency_key"] == run["name"] == done
    assert call(file_house, done)["reference"] == run["id"]
    found = call(file_house, failing)
    (failed,), (cancelled,) = prefect.runs(failing), prefect.runs(undoing)
    assert (failed["state_type"], found["reference"]) == ("FAILED", failed["id"])
    assert "the carrier did not answer" in found["reports"][0]["reason"]
    asked = cancelled["parameters"]["call"]["data"]
    assert (asked["undoes"], asked["reference"]) == (failing, failed["id"])
    (running,) = prefect.runs(hanging)
    assert running["state_type"] == "RUNNING"
    (item,) = items_about(file_house, hanging)
    assert "within 3 hours nobody has said whether it was done" in item.why
    assert AUTHORIZATION.split()[1] not in said


def test_the_same_call_again_makes_no_second_run(prefect: Prefect, file_house: House) -> None:
    """A worker that died after the server's answer, and one that gave up: what they send again is known by its id."""
    call_id = rebooked(file_house, "SH-AGAIN")
    url = f"prefect+{prefect.url}"
    nowhere = start_worker_on(file_house.database_url, url, *worker_options("--authorization", "Basic bm8=", "--once"))
    assert nowhere.communicate(timeout=60)[0].endswith("dead 1\n")
    assert prefect.runs(call_id) == []
    for _ in range(2):
        replay(file_house.engine, call_id, actor="user:dana", now=NOW)
        once = start_worker_on(file_house.database_url, url, *worker_options("--once"))
        assert once.communicate(timeout=60)[0].endswith("delivered 1\n")
        with file_house.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE outgoing_calls SET status = 'dead'")
    assert len(prefect.runs(call_id)) == 1


def test_the_fake_of_the_default_tier_answers_as_the_server_does(prefect: Prefect) -> None:
    found = recorded(prefect)
    if os.environ.get("TRIAGE_RECORD"):
        Path(ANSWERS).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    stored: Recorded = json.loads(Path(ANSWERS).read_text())
    assert found.keys() == stored.keys()
    for name, (status, body) in found.items():
        assert (status, shape(body)) == (stored[name][0], shape(stored[name][1])), name


def recorded(prefect: Prefect) -> Recorded:
    """Ask the server all that the worker asks."""
    answers = {
        "deployment": prefect.request("GET", "/deployments/name/rebook-shipment/test"),
        "no_deployment": prefect.request("GET", "/deployments/name/rebook-shipment/none"),
        "created": prefect.create("rec_done", "SH-1"),
        "repeated": prefect.create("rec_done", "SH-1"),
        "scheduled": prefect.filtered("rec_done"),
        "no_run": prefect.filtered("rec_nothing"),
    }
    cancelled = prefect.create("rec_cancelled", "SH-1").json()["id"]
    forced = {"state": {"type": "CANCELLED", "message": "not wanted"}, "force": True}
    prefect.request("POST", f"/flow_runs/{cancelled}/set_state", forced)
    answers["cancelled_before_start"] = prefect.filtered("rec_cancelled")
    for call_id, shipment_id in (("rec_failed", "SH-FAILS"), ("rec_crashed", "SH-DIES"), ("rec_running", "SH-HANGS")):
        prefect.create(call_id, shipment_id)
    wait_until(lambda: prefect.runs("rec_running")[0]["state_type"] == "RUNNING", seconds=120)
    answers["running"] = prefect.filtered("rec_running")
    for call_id, name in (("rec_done", "completed"), ("rec_failed", "failed"), ("rec_crashed", "crashed")):
        wait_until(lambda call_id=call_id: prefect.runs(call_id)[0]["state_type"] in ENDED, seconds=120)  # type: ignore[misc]
        answers[name] = prefect.filtered(call_id)
    return {name: (answer.status_code, without_paths(answer.json())) for name, answer in answers.items()}


def without_paths(body: Any) -> Any:
    """Return an answer without where files lie on this machine."""
    if isinstance(body, dict):
        return {name: None if name in ("entrypoint", "data") else without_paths(value) for name, value in body.items()}
    return [without_paths(each) for each in body] if isinstance(body, list) else body


def shape(body: Any) -> Any:
    """Return of an answer what the worker rests on: the names and kinds of what it reads."""
    if isinstance(body, list):
        return [shape(each) for each in body]
    state = body.get("state") or {}
    return (
        sorted(body),
        state.get("type"),
        {name: type(state.get(name)).__name__ for name in ("timestamp", "message")},
        (body.get("run_count"), bool(body.get("total_run_time"))),
    )
