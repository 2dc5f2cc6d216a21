"""The review queue in the browser: a list, an item, and one form for every answer to it.

Every page works without script. htmx keeps the list fresh; `page.js` adds the keys. A refused move shows the item as it
stands now, with what went wrong, what to do, and what was typed.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from features.vocabulary import Branch
from serving.errors import CursorError
from serving.reviews.errors import AnswerError, ItemNotFoundError
from serving.reviews.items import Item
from serving.reviews.reasons import ReasonCode
from serving.reviews.repository import Which
from serving.shapes import PathId
from serving.web import assets, budgets, causes, changes, effects, sign_in
from serving.web.item import REFUSED, item_page, missing, move, refused
from serving.web.kinds import Kind, remember, remembered
from serving.web.rows import rows_of
from serving.web.visit import GUARDED, Answered, Here, Text, item_path

PAGE = 25
"""Items on a page of the list."""

_WITH_CAUSES = (Which.WAITING, Which.OPEN, Which.ALL)
"""The lists that show what stands for many items, before all others."""
router = APIRouter(include_in_schema=False)
router.include_router(sign_in.router)
router.include_router(assets.router)
router.include_router(budgets.router)
router.include_router(causes.router)
router.include_router(changes.router)
router.include_router(effects.router)


@router.get("/")
async def home(visit: Here) -> Response:
    """Lead to the queue."""
    return visit.go("/queue")


@router.get("/queue")
async def queue(
    visit: Here,
    show: Which = Which.WAITING,
    about: Kind | None = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Show a page of the queue; htmx asks for the same and takes the list out of it."""
    if not visit.may_look:
        return visit.sign_in("/queue")
    kind = remembered(visit) if about is None else about
    try:
        page = visit.app.reviews.page(which=show, kind=kind.subject, limit=PAGE, cursor=cursor)
    except CursorError:
        return visit.go(f"/queue?show={show}")
    decisions = visit.app.decisions.several([item.decision_id for item in page.items])
    rows = rows_of(page.items, decisions, visit.app.clock.now(), analyst=visit.analyst)
    at_the_top = cursor is None and show in _WITH_CAUSES
    many = visit.app.causes.page(only_open=True, subject=kind.subject) if at_the_top else []
    overdue = visit.app.policies.overdue(only_open=True, subject=kind.subject) if at_the_top else []
    drawn = visit.page(
        "queue.html",
        page=page,
        rows=rows,
        overdue=overdue,
        causes=many,
        show=show,
        shows=list(Which),
        kind=kind,
        kinds=list(Kind),
        cursor=cursor,
    )
    return remember(drawn, visit, kind)


@router.post("/queue/next", dependencies=GUARDED)
async def take_next(visit: Here) -> Response:
    """Claim the free item worth most, of the kind that is looked at, and show it."""
    if visit.analyst is None:
        return visit.sign_in("/queue")
    claimed = visit.app.reviews.take_next(actor=visit.analyst, kind=remembered(visit).subject)
    return visit.go("/queue" if claimed is None else item_path(claimed.item.item_id))


@router.get("/queue/{item_id}")
async def item(item_id: PathId, visit: Here) -> Response:
    """Show one item."""
    if not visit.may_look:
        return visit.sign_in(item_path(item_id))
    return item_page(visit, item_id)


@router.get("/queue/{item_id}/{verb}")
async def not_an_answer(item_id: PathId, visit: Here) -> Response:
    """Lead from the address of an answer, loaded anew, to the item."""
    return visit.go(item_path(item_id))


@router.post("/queue/{item_id}/claim", dependencies=GUARDED)
async def claim(item_id: PathId, visit: Here, typed: Answered) -> Response:
    """Claim a free item. What was typed under a claim that was lost is there again."""
    if visit.analyst is None:
        return visit.signed_out(item_path(item_id), typed)
    try:
        if visit.app.reviews.held_token(item_id, actor=visit.analyst) is None:
            visit.app.reviews.claim(item_id, actor=visit.analyst)
    except ItemNotFoundError as error:
        return missing(visit, error)
    except REFUSED as error:
        return refused(visit, item_id, error, typed)
    return item_page(visit, item_id, typed=typed) if typed else visit.go(item_path(item_id))


@router.post("/queue/{item_id}/extend", dependencies=GUARDED)
async def extend(item_id: PathId, visit: Here, typed: Answered, token: Text) -> Response:
    """Let a claim run longer, and go on typing."""
    return move(visit, item_id, typed, lambda actor: visit.app.reviews.claim(item_id, actor=actor, token=token).item)


@router.post("/queue/{item_id}/release", dependencies=GUARDED)
async def release(item_id: PathId, visit: Here, typed: Answered, token: Text) -> Response:
    """Give an item back."""
    return move(
        visit, item_id, typed, lambda actor: visit.app.reviews.release(item_id, actor=actor, token=token), then="/queue"
    )


@router.post("/queue/{item_id}/accept", dependencies=GUARDED)
async def accept(item_id: PathId, visit: Here, typed: Answered, token: Text) -> Response:
    """Let the suggestion be carried out."""
    return move(
        visit,
        item_id,
        typed,
        lambda actor: visit.app.reviews.accept(item_id, actor=actor, token=token, note=typed.said),
    )


@router.post("/queue/{item_id}/override", dependencies=GUARDED)
async def override(item_id: PathId, visit: Here, typed: Answered, token: Text) -> Response:
    """Let another branch be carried out."""

    def answer(actor: str) -> Item:
        if typed.branch not in list(Branch) or typed.override_reason not in list(ReasonCode):
            raise AnswerError(item_id, "another action needs the action and the reason", "Choose one of each.")
        return visit.app.reviews.override(
            item_id,
            actor=actor,
            token=token,
            branch=Branch(typed.branch),
            reason=ReasonCode(typed.override_reason),
            note=typed.said,
        )

    return move(visit, item_id, typed, answer)


@router.post("/queue/{item_id}/dismiss", dependencies=GUARDED)
async def dismiss(item_id: PathId, visit: Here, typed: Answered, token: Text) -> Response:
    """Do nothing about it."""

    def answer(actor: str) -> Item:
        if typed.dismiss_reason not in list(ReasonCode):
            raise AnswerError(item_id, "doing nothing needs a reason", "Choose one.")
        reason = ReasonCode(typed.dismiss_reason)
        return visit.app.reviews.dismiss(item_id, actor=actor, token=token, reason=reason, note=typed.said)

    return move(visit, item_id, typed, answer)
