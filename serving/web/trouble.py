"""What a person is shown whose browser asked for a page and met a problem: words and a way back, not a document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from serving.web.visit import Typed, visit_of

_NOT_FOR_PEOPLE = ("/v1/", "/problems/", "/metrics", "/healthz", "/readyz", "/openapi.json", "/assets/")
"""Where programs ask: they are always answered with a problem document."""

_NO_PAGE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


def shown(request: Request, answer: JSONResponse) -> Response:
    """Return a problem as a page if a browser asked for one, else as it is; what was typed is there to be copied."""
    if request.url.path.startswith(_NOT_FOR_PEOPLE) or "text/html" not in request.headers.get("accept", ""):
        return answer
    problem, status = json.loads(bytes(answer.body)), HTTPStatus(answer.status_code)
    title, said = _in_words(status, problem, request.url.path)
    typed: Typed = getattr(request.state, "typed", Typed())
    page = visit_of(request, request.app.state.container).page(
        "trouble.html", status, title=title, said=said, reference=problem.get("instance"), kept=typed.note
    )
    for name in ("retry-after", "allow"):
        if name in answer.headers:
            page.headers[name] = answer.headers[name]
    return page


def _in_words(status: HTTPStatus, problem: Mapping[str, Any], path: str) -> tuple[str, str]:
    if status in _NO_PAGE:
        return "There is no such page", f"Nothing is to be seen at {path}. Was the address cut off?"
    if status is HTTPStatus.UNPROCESSABLE_ENTITY and "errors" in problem:
        faults = "; ".join(f"{each['path'].rpartition('.')[2]}: {each['detail']}" for each in problem["errors"])
        return (
            "That cannot be read",
            f"Nothing was changed. The address or the form holds what is not known here: {faults}",
        )
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return "The service is busy", "Go back, see whether what you did was taken, and if not try again in a moment."
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return (
            "Something is wrong on our side",
            "Go back and see whether what you did was taken. If it stays so, tell whoever runs the service.",
        )
    return "That was refused", str(problem["detail"])
