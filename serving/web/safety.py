"""What keeps the pages safe: nothing from elsewhere runs in them, and nobody elsewhere submits their forms."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every page."""


def is_from_here(request: Request) -> bool:
    """Tell whether a form was submitted from one of our own pages; every browser says so, silence is refused."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "none given")


def local_path(path: str) -> str:
    """Return a path to go on to after signing in; anything that is no page of ours becomes the queue."""
    is_ours = path.startswith(("/queue", "/budgets", "/causes/")) and "\\" not in path and "//" not in path
    return path if is_ours and path.isprintable() else "/queue"
