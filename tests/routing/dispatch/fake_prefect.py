"""A fake of Prefect's API that answers with what a real server (3.9.1) once answered to generated calls."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx

from tests.routing.dispatch.test_webhooks import Body

ANSWERS = Path(__file__).with_name("prefect_answers.json")
Recorded = dict[str, Any]
"""By what was asked: the status and the body."""


class FakePrefect(httpx.MockTransport):
    """Knows the deployments `rebook-shipment/test` and `cancel-booking/test`; a run is as far as `states` says."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.recorded: Recorded = json.loads(ANSWERS.read_text())
        self.requests: list[httpx.Request] = []
        self.runs: dict[str, dict[str, Any]] = {}
        """By idempotency key: what was asked for."""
        self.states: dict[str, str] = defaultdict(lambda: "scheduled")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, body = self._said(request)
        return httpx.Response(status, stream=Body(json.dumps(body).encode()))

    def _said(self, request: httpx.Request) -> tuple[int, Any]:
        path = request.url.path.removeprefix("/api")
        if path in ("/deployments/name/rebook-shipment/test", "/deployments/name/cancel-booking/test"):
            return self._recorded("deployment")
        if path == f"/deployments/{self.recorded['deployment'][1]['id']}/create_flow_run":
            asked = json.loads(request.content)
            key = asked["idempotency_key"]
            is_known = key in self.runs
            self.runs.setdefault(key, asked)
            return self._recorded("repeated" if is_known else "created")
        if path == "/flow_runs/filter":
            (key,) = json.loads(request.content)["flow_runs"]["idempotency_key"]["any_"]
            if key not in self.runs:
                return self._recorded("no_run")
            status, runs = self._recorded(self.states[key])
            return status, [{**run, "idempotency_key": key} for run in runs]
        return self._recorded("no_deployment")

    def _recorded(self, name: str) -> tuple[int, Any]:
        status, body = self.recorded[name]
        return status, body
