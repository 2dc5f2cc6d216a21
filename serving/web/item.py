"""The page of one item, and the moves that lead back to it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from fastapi.responses import Response

from serving.error_handlers import kind_of
from serving.errors import RoleMissingError
from serving.reviews.errors import AlreadyClaimedError, AnswerError, ClaimLostError, ItemClosedError, ItemNotFoundError
from serving.reviews.items import Item, is_of_case
from serving.reviews.repository import DONE
from serving.web import messages, words
from serving.web.arrivals import arrival_view
from serving.web.calls import lines_of
from serving.web.carriers import carriers_view
from serving.web.views import item_view
from serving.web.visit import Typed, Visit, item_path

Refused = AlreadyClaimedError | AnswerError | ClaimLostError | ItemClosedError | RoleMissingError
REFUSED = (AlreadyClaimedError, AnswerError, ClaimLostError, ItemClosedError, RoleMissingError)


def move(visit: Visit, item_id: str, typed: Typed, move: Callable[[str], Item], *, then: str | None = None) -> Response:
    """Make a move that needs a claim, then show what came of it."""
    if visit.analyst is None:
        return visit.signed_out(item_path(item_id), typed)
    try:
        moved = move(visit.analyst)
    except ItemNotFoundError as error:
        return missing(visit, error)
    except REFUSED as error:
        return refused(visit, item_id, error, typed)
    if moved.status == "claimed" and typed:
        return item_page(visit, item_id, typed=typed)
    return visit.go(then or item_path(item_id))


def item_page(
    visit: Visit, item_id: str, status: HTTPStatus = HTTPStatus.OK, message: str = "", typed: Typed | None = None
) -> Response:
    """Show an item as it stands, with what went wrong and what was typed."""
    try:
        detail = visit.app.reviews.detail(item_id)
    except ItemNotFoundError as error:
        return missing(visit, error)
    found = detail.item
    decision, _ = visit.app.decisions.decision(found.decision_id)
    calls = lines_of(visit.app.effects.of_subject(found.key), found, visit.app.clock.now())
    history = visit.app.reviews.history(item_id)
    token = None if visit.analyst is None else visit.app.reviews.held_token(item_id, actor=visit.analyst)
    view = item_view(found, decision, calls, history, detail.policy, visit.app.clock.now())
    arrival = carriers = None
    if found.shipment_id is not None and is_of_case(found, detail.decision) and not visit.is_refresh:
        is_open = found.status != DONE
        arrival = arrival_view(visit.app, found.shipment_id) if is_open else None
        carriers = carriers_view(visit.app, found.shipment_id, detail.decision, is_open=is_open)
    shown = {"view": view, "arrival": arrival, "carriers": carriers, "item": found, "token": token, "message": message}
    return visit.page("item.html", status, **shown, typed=typed or Typed())


def refused(visit: Visit, item_id: str, error: Refused, typed: Typed) -> Response:
    """Show the item as it is now to somebody whose move was refused."""
    names = words.names_in(visit.app.reviews.detail(item_id).decision)
    return item_page(visit, item_id, HTTPStatus(kind_of(error).status), messages.refusal(error, names), typed)


def missing(visit: Visit, error: ItemNotFoundError) -> Response:
    """Say that there is no such item."""
    return visit.page("missing.html", HTTPStatus.NOT_FOUND, item_id=error.item_id)
