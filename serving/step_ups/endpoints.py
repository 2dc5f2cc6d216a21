"""Raising a limit over HTTP: propose, list, read, approve, reject."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response

from serving.db.tables import StepUpRow
from serving.dependencies import Key, Known, StepUps, require_json
from serving.directives.endpoints import keyed
from serving.replies import respond
from serving.shapes import PathId, Position
from serving.step_ups.schemas import ApproveBody, RejectBody, StepUpAnswer, StepUpBody, StepUpList

router = APIRouter(prefix="/v1", tags=["directives"])
_json = [Depends(require_json)]


@router.post("/directives/{directive_id}/step-ups", status_code=201, response_model=StepUpAnswer, dependencies=_json)
async def propose_step_up(
    directive_id: PathId,
    body: Annotated[StepUpBody, Body(examples=[{"mode": "act_non_financial", "reason": "people agree with it"}])],
    step_ups: StepUps,
    person: Known,
    key: Key,
) -> Response:
    """Propose to raise a limit, or to lift it, with the evidence that people agree with what would then be done."""
    once = keyed(directive_id, body, person, key)
    return respond(
        step_ups.propose(directive_id, _render, mode=body.mode, reason=body.reason, person=person, keyed=once)
    )


@router.get("/step-ups")
async def list_step_ups(
    step_ups: StepUps,
    settled: Annotated[bool, Query(description="list those that are approved or rejected as well")] = False,
    before: Annotated[Position | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> StepUpList:
    """List the proposals that wait for a second person, newest first."""
    return StepUpList.of(step_ups.page(only_open=not settled, before=before, limit=limit), limit)


@router.get("/step-ups/{step_up_id}")
async def get_step_up(step_up_id: PathId, step_ups: StepUps) -> StepUpAnswer:
    """Return one proposal with its evidence."""
    return StepUpAnswer.of(step_ups.step_up(step_up_id))


@router.post("/step-ups/{step_up_id}/approve", response_model=StepUpAnswer, dependencies=_json)
async def approve_step_up(
    step_up_id: PathId,
    body: Annotated[ApproveBody, Body(examples=[{"digest": "9f86d081884c7d65" * 4}])],
    step_ups: StepUps,
    person: Known,
    key: Key,
) -> Response:
    """Approve what another has proposed, by the digest of what was shown. The limit is raised at once."""
    once = keyed(step_up_id, body, person, key)
    return respond(step_ups.approve(step_up_id, _render, signed=body.digest, person=person, keyed=once))


@router.post("/step-ups/{step_up_id}/reject", response_model=StepUpAnswer, dependencies=_json)
async def reject_step_up(
    step_up_id: PathId,
    body: Annotated[RejectBody, Body(examples=[{"reason": "too few people answered"}])],
    step_ups: StepUps,
    person: Known,
    key: Key,
) -> Response:
    """Reject a proposal, or take back one's own."""
    once = keyed(step_up_id, body, person, key)
    return respond(step_ups.reject(step_up_id, _render, reason=body.reason, person=person, keyed=once))


def _render(row: StepUpRow) -> str:
    return StepUpAnswer.of(row).model_dump_json()
