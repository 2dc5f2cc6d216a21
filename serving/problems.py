"""`GET /problems/{slug}`: where the `type` of a problem document leads."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from inspect import getdoc

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from serving.error_handlers import KINDS, ProblemKind, plain_kind
from serving.shapes import PathId

router = APIRouter(include_in_schema=False)


class ProblemPage(BaseModel):
    """A kind of problem: what it is called, with which status it comes, and what it means."""

    type: str
    title: str
    status: int
    meaning: str


@router.get("/problems/{slug}")
async def explain_problem(slug: PathId) -> ProblemPage:
    """Explain a kind of problem."""
    for kind, meaning in _explained():
        if kind.slug == slug:
            return ProblemPage(type=f"/problems/{slug}", title=kind.title, status=kind.status, meaning=meaning)
    raise HTTPException(HTTPStatus.NOT_FOUND)


def _explained() -> Iterator[tuple[ProblemKind, str]]:
    for cls, kind in KINDS.items():
        is_ours = cls.__module__.startswith(("serving.", "features."))
        yield kind, (getdoc(cls) if is_ours else None) or f"{kind.title}."
    for status in HTTPStatus:
        if status >= HTTPStatus.BAD_REQUEST:
            yield plain_kind(status), f"{status.description or status.phrase}."
