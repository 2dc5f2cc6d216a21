"""Common causes over HTTP: list, read, children, confirm, close, decline."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from features.vocabulary import SubjectType
from serving.causes.schemas import CauseAnswer, CauseList, ChildList, ChildStatus, SayBody
from serving.dependencies import Actor, Causes, require_json
from serving.shapes import NO_NUL, PathId, Position

router = APIRouter(prefix="/v1/causes", tags=["causes"])
_json = [Depends(require_json)]


@router.get("")
async def list_causes(
    causes: Causes,
    about: Annotated[SubjectType | None, Query(description="what they hold; anything if left out")] = None,
    ended: Annotated[bool, Query(description="list those that hold nothing any more as well")] = False,
    before: Annotated[Position | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CauseList:
    """List the common causes that stand or still hold something, newest first."""
    return CauseList.of(causes.page(only_open=not ended, subject=about, before=before, limit=limit), limit)


@router.get("/{cause_id}")
async def get_cause(cause_id: PathId, causes: Causes) -> CauseAnswer:
    """Return one common cause, with how many cases it holds and what became of the others."""
    return CauseAnswer.of(causes.cause(cause_id))


@router.get("/{cause_id}/children")
async def list_children(
    cause_id: PathId,
    causes: Causes,
    status: ChildStatus | None = None,
    after: Annotated[str | None, Query(max_length=200, pattern=NO_NUL, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> ChildList:
    """List what a cause holds or held, shipments, invoices or order lines, each with the decision that names it."""
    return ChildList.of(causes.children(cause_id, status=status, after=after, limit=limit), limit)


@router.post("/{cause_id}/confirm", dependencies=_json)
async def confirm_cause(cause_id: PathId, body: SayBody, causes: Causes, actor: Actor) -> CauseAnswer:
    """Say that you have looked and it is a common cause: what it holds goes on waiting."""
    return CauseAnswer.of(causes.confirm(cause_id, actor=actor, note=body.note))


@router.post("/{cause_id}/close", dependencies=_json)
async def close_cause(cause_id: PathId, body: SayBody, causes: Causes, actor: Actor) -> CauseAnswer:
    """Say that it is over: what it holds is decided anew, in order, and it is not declared again for a while."""
    return CauseAnswer.of(causes.close(cause_id, actor=actor, note=body.note))


@router.post("/{cause_id}/decline", dependencies=_json)
async def decline_cause(cause_id: PathId, body: SayBody, causes: Causes, actor: Actor) -> CauseAnswer:
    """Say that it is no common cause: what it holds is decided anew, in order, each by itself."""
    return CauseAnswer.of(causes.decline(cause_id, actor=actor, note=body.note))
