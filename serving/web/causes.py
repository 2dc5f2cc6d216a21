"""A common cause in the browser: what it holds, what to do about it, and the three answers to it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import Response

from serving.causes.errors import CauseEndedError, CauseNotFoundError
from serving.causes.repository import HELD
from serving.causes.service import Cause, CauseService
from serving.shapes import NO_NUL, PathId
from serving.web.visit import GUARDED, Answered, Here, Typed, Visit

SHOWN = 50
"""Cases held that one page lists."""

After = Annotated[str | None, Query(max_length=200, pattern=NO_NUL)]
"""The last case of the page before."""

router = APIRouter(include_in_schema=False)


@router.get("/causes/{cause_id}")
async def cause(cause_id: PathId, visit: Here, after: After = None) -> Response:
    """Show one common cause, and what it holds from the one after `after` on."""
    if not visit.may_look:
        return visit.sign_in(_path(cause_id))
    return _page(visit, cause_id, after=after)


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
    visit: Visit,
    cause_id: str,
    status: HTTPStatus = HTTPStatus.OK,
    message: str = "",
    typed: Typed | None = None,
    after: str | None = None,
) -> Response:
    causes = visit.app.causes
    try:
        found = causes.cause(cause_id)
    except CauseNotFoundError:
        return visit.page("missing.html", HTTPStatus.NOT_FOUND, item_id=cause_id)
    held = causes.children(cause_id, status=HELD, after=after, limit=SHOWN + 1)
    children = held[:SHOWN]
    return visit.page(
        "cause.html",
        status,
        cause=found,
        children=children,
        after=after,
        last=children[-1].subject_id if len(held) > SHOWN else None,
        history=causes.history(cause_id),
        message=message,
        typed=typed or Typed(),
    )


def _path(cause_id: str) -> str:
    return f"/causes/{quote(cause_id, safe='')}"
