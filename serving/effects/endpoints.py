"""`POST /v1/outcomes`, and the calls whose effects they are about."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response

from serving.db.tables import OutgoingCallRow
from serving.decisions.idempotency import Keyed
from serving.decisions.schemas import CallShape
from serving.dependencies import Actor, Effects, Key, Reporter, require_json
from serving.effects.schemas import CallAnswer, CallList, CallsAsked, OutcomeAnswer, OutcomeBody, UndoCallBody
from serving.effects.service import Told
from serving.replies import respond
from serving.shapes import PathId

router = APIRouter(prefix="/v1", tags=["effects"])
_json = [Depends(require_json)]
_CALL = "dec_4f0a1c9b_rebook_1"
EXAMPLES: dict[str, Any] = {
    "done": {
        "summary": "The shipment is booked with another carrier",
        "value": {
            "call_id": _CALL,
            "outcome": "done",
            "occurred_at": "2026-03-02T09:14:00Z",
            "reference": "BK-4711",
        },
    },
    "failed": {
        "summary": "No carrier took the tender",
        "value": {
            "call_id": _CALL,
            "outcome": "failed",
            "occurred_at": "2026-03-02T11:00:00Z",
            "reason": "all three carriers declined",
        },
    },
    "partial": {
        "summary": "Only a part was booked; it is undone if the bundle says how",
        "value": {
            "decision_id": "dec_4f0a1c9b",
            "branch": "split",
            "outcome": "partial",
            "occurred_at": "2026-03-02T09:20:00Z",
            "reference": "BK-4712",
            "reason": "2 of 3 pieces",
        },
    },
    "undone": {
        "summary": "The booking was cancelled, as the compensation asked",
        "value": {
            "decision_id": "dec_4f0a1c9b",
            "branch": "rebook",
            "step": "compensate",
            "outcome": "done",
            "occurred_at": "2026-03-02T12:00:00Z",
        },
    },
}


@router.post("/outcomes", response_model=OutcomeAnswer, dependencies=_json)
async def report_outcome(
    body: Annotated[OutcomeBody, Body(openapi_examples=EXAMPLES)], effects: Effects, reporter: Reporter, key: Key
) -> Response:
    """Report what became of a branch call: `done`, `failed` or `partial`. For the orchestrator.

    The first report of a call counts, a repeat changes nothing. One that contradicts what is known never overwrites it:
    it is kept and a person decides (`reception`). A report may come before the answer to the call itself has been read,
    and not before the call was sent (409), nor tell of a time before it was made (422).
    What failed goes before a person, what failed in part is undone if the bundle of its decision says how.
    """
    sent = body.model_dump_json(exclude_none=True)
    return respond(
        effects.report(
            body.named, body.report, _render, sent=sent, keyed=_keyed("outcome", body.named, sent, key), actor=reporter
        )
    )


@router.get("/calls")
async def list_calls(effects: Effects, asked: Annotated[CallsAsked, Query()]) -> CallList:
    """List the calls that were let out, newest first, with how far each and its effect have come."""
    found = effects.page(effect=asked.effect, key=asked.subject, before=asked.before, limit=asked.limit)
    return CallList.of(found, asked.limit)


@router.get("/calls/{call_id}")
async def get_call(call_id: PathId, effects: Effects) -> CallAnswer:
    """Return one call with every report of what became of it."""
    return CallAnswer.of(*effects.call(call_id))


@router.post("/calls/{call_id}/undo", response_model=CallShape, dependencies=_json)
async def undo_call(
    call_id: PathId,
    body: Annotated[UndoCallBody, Body(examples=[{"reason": "the customer will collect it"}])],
    effects: Effects,
    actor: Actor,
    key: Key,
) -> Response:
    """Undo what a call asked for, as the bundle of its decision says. The answer is the call that undoes it."""
    keyed = _keyed("undo", call_id, body.model_dump_json() + actor, key)
    return respond(effects.undo(call_id, f"{actor} undoes it: {body.reason}", _render_call, keyed=keyed, actor=actor))


def _keyed(verb: str, call_id: str, sent: str, key: str) -> Keyed:
    return Keyed(key, hashlib.sha256(json.dumps([verb, call_id, sent]).encode()).hexdigest())


def _render(told: Told) -> str:
    return OutcomeAnswer.of(told).model_dump_json()


def _render_call(row: OutgoingCallRow) -> str:
    return CallShape.model_validate(row, from_attributes=True).model_dump_json()
