"""Directives over HTTP: issue, list, read, end. Orders are for people with a token and a role."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel

from serving.auth.people import Person
from serving.db.tables import DirectiveRow
from serving.decisions.idempotency import Keyed
from serving.dependencies import Directives, Key, Known, require_json
from serving.directives.schemas import DirectiveAnswer, DirectiveBody, DirectiveList, EndBody
from serving.replies import respond
from serving.shapes import PathId, Position

router = APIRouter(prefix="/v1/directives", tags=["directives"])
_json = [Depends(require_json)]
EXAMPLES: dict[str, Any] = {
    "exclude": {
        "summary": "Do not rebook to a carrier until Friday",
        "value": {
            "kind": "exclude",
            "owner": "transport-operations",
            "reason": "strike at its hub",
            "until": "2026-03-06T18:00:00Z",
            "rows_of": "alternate_carriers",
            "column": "carrier_id",
            "value": "ACE",
        },
    },
    "suppress": {
        "summary": "Leave a customer in peace, and count what would have been done",
        "value": {
            "kind": "suppress",
            "owner": "customer-service",
            "reason": "they are told by telephone",
            "until": "2026-03-06T18:00:00Z",
            "where": {"customer_id": "C-7"},
        },
    },
    "stop": {
        "summary": "The kill switch: nothing is done and nothing goes out, until a second person approves",
        "value": {"kind": "limit", "mode": "observe", "owner": "duty-manager", "reason": "wrong messages go out"},
    },
}


@router.post("", status_code=201, response_model=DirectiveAnswer, dependencies=_json)
async def issue_directive(
    body: Annotated[DirectiveBody, Body(openapi_examples=EXAMPLES)], directives: Directives, person: Known, key: Key
) -> Response:
    """Order something for a while, on behalf of an owner of the bundle. It holds from the moment it is answered.

    It never widens what the bundle allows. A `limit` of mode `observe` for all branches is the kill switch: decisions
    are made and sealed, nothing is done, and what waits in the outbox stays there.
    """
    once = keyed("", body, person, key)
    return respond(directives.issue(body.directive, _render, subject=body.subject, person=person, keyed=once))


@router.get("")
async def list_directives(
    directives: Directives,
    ended: Annotated[bool, Query(description="list those that are over as well")] = False,
    before: Annotated[Position | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DirectiveList:
    """List the directives that stand or will, newest first."""
    rows, now = directives.page(only_open=not ended, before=before, limit=limit)
    return DirectiveList.of(rows, now, limit)


@router.get("/{directive_id}")
async def get_directive(directive_id: PathId, directives: Directives) -> DirectiveAnswer:
    """Return one directive, over or not."""
    return DirectiveAnswer.of(*directives.directive(directive_id))


@router.post("/{directive_id}/end", response_model=DirectiveAnswer, dependencies=_json)
async def end_directive(
    directive_id: PathId,
    body: Annotated[EndBody, Body(examples=[{"reason": "the strike is over"}])],
    directives: Directives,
    person: Known,
    key: Key,
) -> Response:
    """End a directive before its time. A limit is not ended so, but raised by a step up."""
    once = keyed(directive_id, body, person, key)
    return respond(directives.end(directive_id, _render, person=person, keyed=once, reason=body.reason))


def keyed(what: str, body: BaseModel, person: Person, key: str) -> Keyed:
    """Digest a request: what it is about, what was sent, and by whom."""
    sent = [type(body).__name__, what, person.name, body.model_dump(mode="json", exclude_defaults=True)]
    return Keyed(key, hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest())


def _render(row: DirectiveRow, now: datetime) -> str:
    return DirectiveAnswer.of(row, now).model_dump_json()
