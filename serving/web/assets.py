"""Styles, scripts and the icon, from the package. Their address changes with their content, so they are cached."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

_HERE = Path(__file__).parent / "static"
_ASSETS = {
    "htmx.js": (Path(str(files("js_lib_htmx"))) / "static" / "htmx" / "htmx.min.js", "text/javascript"),
    "page.js": (_HERE / "page.js", "text/javascript"),
    "page.css": (_HERE / "page.css", "text/css"),
    "icon.svg": (_HERE / "icon.svg", "image/svg+xml"),
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"

router = APIRouter(include_in_schema=False)


@cache
def digest_of(name: str) -> str:
    """Return what tells this content of a file from another one."""
    return hashlib.sha256(_ASSETS[name][0].read_bytes()).hexdigest()[:12]


def address_of(name: str) -> str:
    """Return the address of a file with the content it has now."""
    return f"/assets/{name}?v={digest_of(name)}"


@router.get("/assets/{name}")
async def asset(name: str, v: str = "") -> Response:
    """Serve a style, a script or the icon; for good if it is asked for by its content."""
    if name not in _ASSETS:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    path, media_type = _ASSETS[name]
    cached = _FOR_GOOD if v == digest_of(name) else _ASK_AGAIN
    headers = {"Cache-Control": cached, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=media_type, headers=headers)
