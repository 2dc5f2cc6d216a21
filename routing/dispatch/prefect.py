"""Prefect 3 as an orchestrator, over its HTTP API: a call is a flow run, and the run's state says what became of it.

The run has the call's id as its idempotency key, so a repeat makes no second run, and it is found again by that key:
nothing else is kept of it here. The flow gets the whole event as its parameter `call`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from features.vocabulary import Branch
from routing.dispatch.envelope import COMPENSATION_PREFIX, TYPE_PREFIX_OF
from routing.dispatch.errors import DeploymentNameError, MessageRefusedError
from routing.dispatch.http import HttpClient, within
from routing.dispatch.ports import Answer
from routing.dispatch.reports import UnreadableError, read_json, read_moment, read_text
from routing.dispatch.targets import HttpTarget
from routing.effects import Outcome, Report

_OK, _NOT_2XX = 200, 300
_TEMPLATE_MARK = '"__prefect_kind"'
_FAILED = ("FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefectTarget(HttpTarget):
    """A Prefect server or workspace.

    Attributes
    ----------
    url
        Of its API, e.g. `https://prefect.example/api`.
    deployments
        Which deployment carries out a branch: its id, or `flow/deployment`.
    undoing
        Which deployment undoes one.
    authorization
        The header of that name, e.g. `Bearer pnu_…`; None for a server that asks for none.
    """

    deployments: Mapping[Branch, str]
    undoing: Mapping[Branch, str] = field(default_factory=dict)
    authorization: str | None = field(default=None, repr=False)
    response_limit_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse a URL we would not call, and a name that no deployment has."""
        HttpTarget.__post_init__(self)
        self._check_authorization(self.authorization)
        for name in (*self.deployments.values(), *self.undoing.values()):
            if not _is_id(name) and [bool(part.strip()) for part in name.split("/")] != [True, True]:
                raise DeploymentNameError(self.name, name)

    @property
    def can_be_asked(self) -> bool:
        """Whether it can be asked what became of a call: always."""
        return True

    def deployment_for(self, event_type: str) -> str | None:
        """Return the deployment that takes events of a type; None if there is none."""
        doing = dict.fromkeys(TYPE_PREFIX_OF.values(), self.deployments)
        for prefix, named in (*doing.items(), (COMPENSATION_PREFIX, self.undoing)):
            if event_type.startswith(prefix):
                return named.get(Branch(event_type.removeprefix(prefix)))
        return None


class PrefectCaller:
    """Makes flow runs of calls, and looks how they ended."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def call(self, target: PrefectTarget, *, message_id: str, body: bytes) -> Answer:
        """Create the flow run of a call, once for its id. See `Caller.call`.

        Raises
        ------
        MessageRefusedError
            No deployment is given for its branch, or Prefect would take a part of it for a template.
        """
        event = json.loads(body)
        deployment = target.deployment_for(event["type"])
        if deployment is None:
            why = f"no deployment is given for {event['type']} (give one, then send the dead letter again)"
            raise MessageRefusedError(target.host, why)
        if _TEMPLATE_MARK in body.decode():
            raise MessageRefusedError(target.host, f"it has a field {_TEMPLATE_MARK}, which Prefect would carry out")
        async with within(target):
            if not _is_id(deployment):
                found = await self._request(target, "GET", "/deployments/name/" + quote(deployment))
                if found.status >= _NOT_2XX:
                    return found
                deployment = str(json.loads(found.body)["id"])
            run = {
                "name": message_id,
                "idempotency_key": message_id,
                "parameters": {"call": event},
                "tags": ["freight-triage"],
            }
            return await self._request(target, "POST", f"/deployments/{deployment}/create_flow_run", run)

    async def ask(self, target: PrefectTarget, *, message_id: str) -> Report | None:
        """Look for the flow run of a call. See `Caller.ask`."""
        wanted = {"flow_runs": {"idempotency_key": {"any_": [message_id]}}, "limit": 1}
        async with within(target):
            return read_runs(await self._request(target, "POST", "/flow_runs/filter", wanted), message_id)

    async def _request(self, target: PrefectTarget, method: str, path: str, body: object = None) -> Answer:
        headers = {"accept": "application/json", "content-type": "application/json"}
        if target.authorization is not None:
            headers["authorization"] = target.authorization
        content = None if body is None else json.dumps(body).encode()
        return await self._http.send(target, method, target.url.rstrip("/") + path, headers=headers, body=content)


def read_runs(answer: Answer, call_id: str) -> Report | None:
    """Read what became of a call from a list with its flow run; None while that is under way, or if it is not there.

    A run that began and did not complete may have done a part of what it was asked, so it counts as done in part and is
    undone where the bundle says how; one that never began has failed. A flow that knows better reports it itself.
    """
    if answer.status != _OK:
        return None
    try:
        runs: Any = read_json(answer.body)
        run = next(run for run in runs if run["idempotency_key"] == call_id)
        state, reference = run["state"], read_text(str(run["id"]), "reference")
        kind, ended_at = state["type"], read_moment(state["timestamp"])
    except (UnreadableError, KeyError, TypeError, StopIteration):
        return None
    if kind == "COMPLETED":
        return Report(outcome=Outcome.DONE, occurred_at=ended_at, reference=reference)
    if kind not in _FAILED:
        return None
    # Not by `start_time`, which Prefect sets for a run that was cancelled before it began, too.
    never_began = run.get("run_count") == 0 and run.get("total_run_time") == 0
    outcome = Outcome.FAILED if never_began else Outcome.PARTIAL
    return Report(outcome=outcome, occurred_at=ended_at, reference=reference, reason=_why(state))


def _why(state: Mapping[str, Any]) -> str | None:
    said = f"the flow run is {state['type'].lower()}: {state.get('message') or 'without a message'}"
    return read_text(said, "reason")


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
