"""One request of a page: what it may use, who is there, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException

from features.amounts import money
from serving.bootstrap import Container
from serving.dependencies import App
from serving.web import words
from serving.web.analyst import COOKIE, unseal
from serving.web.assets import address_of
from serving.web.safety import HEADERS, is_from_here

_templates = Jinja2Templates(Path(__file__).parent / "templates")
_templates.env.filters |= {
    "money": money,
    "percent": words.percent,
    "subject": words.subject,
    "instant": words.instant,
    "distance": words.distance,
    "span": words.span,
    "plain": words.plain,
    "unbroken": words.unbroken,
    "role": words.role,
    "instants_in": words.instants_in,
    "durations_in": words.durations_in,
}
_templates.env.globals["asset"] = address_of


def sealed_with(app: Container, name: str) -> str | None:
    """Return what the cookie of somebody is sealed with: the digest of their own token, or the API token."""
    return app.people.digest_of(name) or app.settings.api_token


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a page: what it may use, and who is there."""

    request: Request
    app: App
    analyst: str | None

    @property
    def may_look(self) -> bool:
        """Whether pages may be shown: to anybody, unless the service was given a token."""
        return self.analyst is not None or self.app.settings.api_token is None

    @property
    def is_refresh(self) -> bool:
        """Whether the page asks in the background, to show what is new."""
        return self.request.headers.get("hx-request") == "true"

    def page(self, template: str, status: HTTPStatus = HTTPStatus.OK, **context: object) -> Response:
        """Draw a page."""
        shared = {
            "analyst": self.analyst,
            "now": self.app.clock.now(),
            "needs_token": self.app.settings.api_token is not None or bool(self.app.people),
            "own_token": bool(self.app.people),
        }
        return _templates.TemplateResponse(
            self.request, template, {**shared, **context}, status_code=status, headers=HEADERS
        )

    def go(self, path: str) -> Response:
        """Send the browser on."""
        return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER, headers=HEADERS)

    def signed_out(self, back: str, typed: Typed) -> Response:
        """Ask somebody who answers to sign in again, and keep what was typed."""
        if not typed:
            return self.sign_in(back)
        message = "You are not signed in any more, so nothing was changed. Sign in, then answer again."
        return self.page("sign_in.html", HTTPStatus.UNAUTHORIZED, then=back, message=message, kept=typed.note)

    def sign_in(self, back: str) -> Response:
        """Ask who is there, and come back. A refresh changes nothing: somebody may be typing on the page."""
        if self.is_refresh:
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
        return self.go(f"/sign-in?{urlencode({'then': back})}")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed and chosen in the answer to an item; it is shown again when it cannot be taken."""

    note: str = ""
    branch: str = ""
    override_reason: str = ""
    dismiss_reason: str = ""

    def __bool__(self) -> bool:
        """Tell whether anything would be lost."""
        return any((self.note, self.branch, self.override_reason, self.dismiss_reason))

    @property
    def said(self) -> str | None:
        """The note as it is kept."""
        return self.note.replace("\x00", "").replace("\r\n", "\n").strip() or None


Text = Annotated[str, Form(max_length=4000)]
"""A field of a form. A note holds 2,000 characters, and browsers send each end of a line as two."""


def item_path(item_id: str) -> str:
    """Return the address of an item's page."""
    return f"/queue/{quote(item_id, safe='')}"


def visit_of(request: Request, app: Container) -> Visit:
    """Return the visit that a request is, whoever it is from."""
    name = unseal(request.cookies.get(COOKIE), partial(sealed_with, app))
    is_known = name is not None and (not app.people or app.people.is_listed(name))
    return Visit(request, app, name if is_known else None)


async def _visit(request: Request, app: App) -> Visit:
    return visit_of(request, app)


async def _from_here(request: Request) -> None:
    if not is_from_here(request):
        raise HTTPException(
            HTTPStatus.FORBIDDEN, "This form was submitted from another site. Open the queue and try again."
        )


async def _typed(
    request: Request, note: Text = "", branch: Text = "", override_reason: Text = "", dismiss_reason: Text = ""
) -> Typed:
    typed = Typed(note, branch, override_reason, dismiss_reason)
    request.state.typed = typed  # whatever goes wrong, it can be shown again
    return typed


Here = Annotated[Visit, Depends(_visit)]
Answered = Annotated[Typed, Depends(_typed)]
GUARDED = [Depends(_from_here)]
"""What every route has that changes something."""
