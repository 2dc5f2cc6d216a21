"""Saying who sits before the page, and leaving."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from serving.auth.people import is_of_the_service
from serving.web.analyst import COOKIE, clean_name, seal
from serving.web.safety import local_path
from serving.web.visit import GUARDED, Here, Text, sealed_with

_SHIFT_SECONDS = 12 * 60 * 60

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def sign_in(visit: Here, then: Annotated[str, Query(max_length=300)] = "/queue") -> Response:
    """Ask who is there."""
    return visit.page("sign_in.html", then=local_path(then), message="")


@router.post("/sign-in", dependencies=GUARDED)
async def sign_in_as(visit: Here, name: Text = "", token: Text = "", then: Text = "/queue") -> Response:
    """Remember who is there."""
    who, app = clean_name(name), visit.app
    person = app.people.known_by(token or None)
    message = ""
    if who is None:
        message = "Give a name of 1 to 60 printable characters: your answers are recorded under it."
    elif is_of_the_service(who):
        message = f"{who} is what the service itself is called. Give your own name."
    elif person is not None and person.name != who:
        message = f"That is the token of {person.name}. Give your own name with it."
    elif person is None and app.people.is_listed(who):
        message = f"{who} has a token of their own. Give that one."
    elif person is None and app.people:
        message = f"{who} is not among those who answer here. Ask whoever runs the service to list you."
    elif person is None and not app.settings.accepts(token or None):
        message = "That is not the token of this service. Ask whoever runs it."
    if who is None or message:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return visit.page("sign_in.html", status, then=local_path(then), message=message, name=name)
    response = visit.go(local_path(then))
    secure = visit.request.url.scheme == "https"
    response.set_cookie(
        COOKIE,
        seal(who, sealed_with(app, who)),
        httponly=True,
        samesite="strict",
        secure=secure,
        max_age=_SHIFT_SECONDS,
    )
    return response


@router.post("/sign-out", dependencies=GUARDED)
async def sign_out(visit: Here) -> Response:
    """Forget who is there."""
    response = visit.go("/queue")
    response.delete_cookie(COOKIE)
    return response
