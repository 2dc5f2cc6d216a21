"""The review queue over HTTP. The page uses the same service, not these calls."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query

from features.vocabulary import SubjectType
from serving.dependencies import Actor, Effects, Reviews, require_json
from serving.reviews.bulk import BulkAnswer, BulkBody, answer_all
from serving.reviews.repository import Which
from serving.reviews.schemas import (
    AcceptBody,
    ClaimAnswer,
    ClaimBody,
    DetailAnswer,
    DismissBody,
    ItemAnswer,
    OverrideBody,
    QueueAnswer,
    ReleaseBody,
    SettleBody,
    UndoBody,
)
from serving.shapes import PathId

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])
_json = [Depends(require_json)]
_TOKEN = {"claim_token": "6f1c…"}


@router.get("")
async def list_reviews(
    reviews: Reviews,
    status: Annotated[Which, Query(description="which items; `waiting` is all that are not done")] = Which.WAITING,
    about: Annotated[SubjectType | None, Query(description="what the items are about; anything if left out")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=600, description="`next` of the page before")] = None,
) -> QueueAnswer:
    """List the queue: free items first, then claimed ones, then those it is too late for.

    Within each, what is worth most in each analyst minute comes first: expected loss × what the suggested action can
    still save of it ÷ the minutes that it takes (`priority`).
    """
    return QueueAnswer.of(reviews.page(which=status, kind=about, limit=limit, cursor=cursor))


@router.post("/bulk", dependencies=_json)
async def answer_reviews(
    reviews: Reviews,
    actor: Actor,
    body: Annotated[
        BulkBody,
        Body(examples=[{"items": [{"item_id": "rev_…", **_TOKEN}], "answer": "dismiss", "reason_code": "not_late"}]),
    ],
) -> BulkAnswer:
    """Answer several held items alike, each as if alone: with the same effects, entries and refusals."""
    return answer_all(reviews, body, actor=actor)


@router.get("/{item_id}")
async def get_review(item_id: PathId, reviews: Reviews) -> DetailAnswer:
    """Return one item with the sealed decision behind it."""
    return DetailAnswer.with_decision(reviews.detail(item_id))


@router.post("/{item_id}/claim")
async def claim_review(
    item_id: PathId,
    reviews: Reviews,
    actor: Actor,
    body: Annotated[ClaimBody | None, Body(examples=[{}, _TOKEN])] = None,
) -> ClaimAnswer:
    """Claim a free item for some minutes, or let one's own claim run longer. Of two at once, one gets 409."""
    return ClaimAnswer.of(reviews.claim(item_id, actor=actor, token=body.claim_token if body else None))


@router.post("/{item_id}/release", dependencies=_json)
async def release_review(
    item_id: PathId, reviews: Reviews, actor: Actor, body: Annotated[ReleaseBody, Body(examples=[_TOKEN])]
) -> ItemAnswer:
    """Give an item back to the queue."""
    return ItemAnswer.of(reviews.release(item_id, actor=actor, token=body.claim_token))


@router.post("/{item_id}/accept", dependencies=_json)
async def accept_review(
    item_id: PathId, reviews: Reviews, actor: Actor, body: Annotated[AcceptBody, Body(examples=[_TOKEN])]
) -> ItemAnswer:
    """Let the suggested branch be carried out: its call is enqueued, once, in the same transaction."""
    return ItemAnswer.of(reviews.accept(item_id, actor=actor, token=body.claim_token, note=body.note))


@router.post("/{item_id}/override", dependencies=_json)
async def override_review(
    item_id: PathId,
    reviews: Reviews,
    actor: Actor,
    body: Annotated[
        OverrideBody, Body(examples=[{**_TOKEN, "branch": "notify", "reason_code": "cost_too_high", "note": "…"}])
    ],
) -> ItemAnswer:
    """Let another branch be carried out, with the reason."""
    return ItemAnswer.of(
        reviews.override(
            item_id,
            actor=actor,
            token=body.claim_token,
            branch=body.branch,
            reason=body.reason_code,
            note=body.note,
        )
    )


@router.post("/{item_id}/dismiss", dependencies=_json)
async def dismiss_review(
    item_id: PathId,
    reviews: Reviews,
    actor: Actor,
    body: Annotated[DismissBody, Body(examples=[{**_TOKEN, "reason_code": "not_late"}])],
) -> ItemAnswer:
    """Do nothing about it, with the reason."""
    return ItemAnswer.of(
        reviews.dismiss(item_id, actor=actor, token=body.claim_token, reason=body.reason_code, note=body.note)
    )


@router.post("/{item_id}/settle", dependencies=_json)
async def settle_review(
    item_id: PathId,
    effects: Effects,
    actor: Actor,
    body: Annotated[SettleBody, Body(examples=[{**_TOKEN, "happened": True, "note": "seen in the carrier's portal"}])],
) -> ItemAnswer:
    """Say of the call that an item asks about whether it was done. That stands, whatever was reported before."""
    return ItemAnswer.of(
        effects.settle(item_id, happened=body.happened, actor=actor, token=body.claim_token, note=body.note)
    )


@router.post("/{item_id}/undo", dependencies=_json)
async def undo_review(
    item_id: PathId, effects: Effects, actor: Actor, body: Annotated[UndoBody, Body(examples=[_TOKEN])]
) -> ItemAnswer:
    """Undo the call that an item asks about, or, by `call_id`, the booking for which that call waits."""
    return ItemAnswer.of(
        effects.undo_from(item_id, actor=actor, token=body.claim_token, call_id=body.call_id, note=body.note)
    )
