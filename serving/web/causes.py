"""A common cause in the browser: what it holds, what to do about it, and the three answers to it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from serving.causes.errors import CauseEndedError, CauseNotFoundError
from serving.causes.repository import HELD
from serving.causes.service import Cause, CauseService
from serving.shapes import PathId
from serving.web.visit import GUARDED, Answered, Here, Typed, Visit

SHOWN = 50
"""Held shipments that the page lists; the API lists all."""

router = APIRouter(include_in_schema=False)


@router.get("/causes/{cause_id}")
async def cause(cause_id: PathId, visit: Here) -> Response:
    """Show one common cause."""
    if not visit.may_look:
        return visit.sign_in(_path(cause_id))
    return _page(visit, cause_id)


@router.get("/causes/{cause_id}/{verb}")
async def not_an_answer(cause_id: PathId, visit: Here) -> Response:
    """Lead from the address of an answer, loaded anew, to the cause."""
    return visit.go(_path(cause_id))


@router.post("/causes/{cause_id}/confirm", dependencies=GUARDED)
async def confirm(cause_id: PathId, visit: Here, typed: Answered) -> Response:
    """Say that somebody has looked: what is held goes on waiting."""
    return _say(visit, cause_id, typed, CauseService.confirm)


@router.post("/causes/{cause_id}/close", dependencies=GUARDED)
async def close(cause_id: PathId, visit: Here, typed: Answered) -> Response:
    """Say that it is over."""
    return _say(visit, cause_id, typed, CauseService.close)


@router.post("/causes/{cause_id}/decline", dependencies=GUARDED)
async def decline(cause_id: PathId, visit: Here, typed: Answered) -> Response:
    """Say that it is no common cause."""
    return _say(visit, cause_id, typed, CauseService.decline)


def _say(visit: Visit, cause_id: str, typed: Typed, answer: Callable[..., Cause]) -> Response:
    if visit.analyst is None:
        return visit.signed_out(_path(cause_id), typed)
    try:
        answer(visit.app.causes, cause_id, actor=visit.analyst, note=typed.said)
    except CauseNotFoundError:
        return _page(visit, cause_id)
    except CauseEndedError as error:
        return _page(visit, cause_id, HTTPStatus.CONFLICT, str(error), typed)
    return visit.go(_path(cause_id))


def _page(
    visit: Visit, cause_id: str, status: HTTPStatus = HTTPStatus.OK, message: str = "", typed: Typed | None = None
) -> Response:
    causes = visit.app.causes
    try:
        found = causes.cause(cause_id)
    except CauseNotFoundError:
        return visit.page("missing.html", HTTPStatus.NOT_FOUND, item_id=cause_id)
    children = causes.children(cause_id, status=HELD, after=None, limit=SHOWN)
    history = causes.history(cause_id)
    told = {"cause": found, "children": children, "history": history, "message": message, "typed": typed or Typed()}
    return visit.page("cause.html", status, **told)


def _path(cause_id: str) -> str:
    return f"/causes/{quote(cause_id, safe='')}"
