"""A real Prefect server on loopback with a home of its own, and the flows served to it, until the end of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving.worker.processes import ROOT, free_port

BIN = ROOT / ".venv-prefect" / "bin"
PASSWORD = "triage:" + "p" * 16
AUTHORIZATION = f"Basic {b64encode(PASSWORD.encode()).decode()}"


@dataclass(frozen=True)
class Prefect:
    """The server; `url` is that of its API."""

    url: str

    def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask the server; while it is busy (503: its database is locked) again and again, as the worker does."""
        deadline = time.monotonic() + 60
        while True:
            headers = {"authorization": AUTHORIZATION}
            answer = httpx.request(method, self.url + path, json=body, headers=headers, timeout=30, trust_env=False)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                return answer
            time.sleep(0.5)

    def create(self, call_id: str, shipment_id: str) -> httpx.Response:
        """Create a flow run as the worker does."""
        found = self.request("GET", "/deployments/name/rebook-shipment/test").json()
        run = {"name": call_id, "idempotency_key": call_id, "parameters": {"call": {"subject": shipment_id}}}
        return self.request("POST", f"/deployments/{found['id']}/create_flow_run", run)

    def runs(self, call_id: str) -> list[dict[str, Any]]:
        """Return the flow runs of a call."""
        answer = self.filtered(call_id).json()
        assert isinstance(answer, list), answer
        return answer

    def filtered(self, call_id: str) -> httpx.Response:
        wanted = {"flow_runs": {"idempotency_key": {"any_": [call_id]}}, "limit": 200}
        return self.request("POST", "/flow_runs/filter", wanted)


@contextmanager
def prefect_server(home: Path) -> Iterator[Prefect]:
    """Start server and flows; the test is skipped where Prefect is not installed beside."""
    if not (BIN / "prefect").exists():
        pytest.skip("Prefect is not installed here; make test-prefect installs it beside")
    port = free_port()
    made = Prefect(f"http://127.0.0.1:{port}/api")
    settings = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": made.url,
        "PREFECT_API_AUTH_STRING": PASSWORD,
        "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        "DO_NOT_TRACK": "1",
    }
    serving = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with _process(serving, home / "server.log", settings):
        wait_until(lambda: _answers(made), seconds=120)
        with _process([str(BIN / "python"), str(Path(__file__).with_name("flows.py"))], home / "flows.log", settings):
            wait_until(lambda: made.request("GET", "/deployments/name/cancel-booking/test").is_success, seconds=120)
            yield made


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{holds} did not come true in {seconds} s"
        time.sleep(0.5)


def _answers(made: Prefect) -> bool:
    try:
        return made.request("GET", "/health").is_success
    except httpx.TransportError:
        return False


@contextmanager
def _process(command: list[str], log: Path, settings: dict[str, str]) -> Iterator[None]:
    """Run a program in a session of its own, and end all of it afterwards: Prefect starts others."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=environment | settings,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(15)
