"""Which kind of items somebody works on. The browser remembers it, so that the next one taken is of that kind too."""

from __future__ import annotations

from enum import StrEnum

from fastapi.responses import Response

from features.vocabulary import SubjectType
from serving.web.visit import Visit

COOKIE = "about"
_REMEMBERED_SECONDS = 365 * 24 * 3600


class Kind(StrEnum):
    """What the items of a list are about."""

    ALL = "all"
    SHIPMENT = "shipment"
    INVOICE = "invoice"
    SHORTAGE = "shortage"

    @property
    def subject(self) -> SubjectType | None:
        """The type of subject; None for all."""
        return None if self is Kind.ALL else SubjectType(self.value)

    @property
    def words(self) -> str:
        """The kind as a heading."""
        return "Everything" if self is Kind.ALL else f"{self.value.capitalize()}s"


def remembered(visit: Visit) -> Kind:
    """Return the kind that this browser looked at last."""
    said = visit.request.cookies.get(COOKIE)
    return Kind(said) if said in list(Kind) else Kind.ALL


def remember(response: Response, visit: Visit, kind: Kind) -> Response:
    """Let the browser remember a kind that somebody chose; what a page asks for by itself is no choice."""
    if not visit.is_refresh and kind is not remembered(visit):
        response.set_cookie(COOKIE, kind.value, httponly=True, samesite="strict", max_age=_REMEMBERED_SECONDS)
    return response
