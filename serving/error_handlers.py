"""One table from exception class to problem (RFC 9457), for every error the service answers with."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from features.errors import FutureKnowledgeError, RecordError, UnknownShipmentError
from routing.errors import PolicyError, RosterError
from serving import errors
from serving.causes import errors as causes
from serving.directives import errors as orders
from serving.effects import errors as effects
from serving.errors import Fault
from serving.policies import errors as policies
from serving.recommendations import errors as recommendations
from serving.reviews import errors as reviews
from serving.scores import errors as scores
from serving.shortages import errors as shortages

PROBLEM_JSON = "application/problem+json"
_UNPARSED = "There was an error parsing the body"
"""What FastAPI says of a body that fails in another way than by its grammar: bytes, depth, length of a number."""
_log = logging.getLogger(__name__)
_Handler = Callable[[Request, Exception], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem: its HTTP status, the last part of its type, and its title."""

    status: int
    slug: str
    title: str


KINDS: Mapping[type[Exception], ProblemKind] = {
    errors.MalformedBodyError: ProblemKind(400, "malformed-body", "The body is not JSON"),
    errors.MediaTypeError: ProblemKind(415, "media-type", "The body is of a type this call does not take"),
    errors.ContentTooLargeError: ProblemKind(413, "content-too-large", "The body is too large"),
    errors.UnauthorizedError: ProblemKind(401, "unauthorized", "A token is needed"),
    errors.ActorMissingError: ProblemKind(400, "actor-missing", "Nobody says who acts"),
    errors.ImpersonationError: ProblemKind(403, "impersonation", "The actor is somebody else"),
    errors.PersonUnknownError: ProblemKind(401, "person-unknown", "A token of one's own is needed"),
    errors.RoleMissingError: ProblemKind(403, "role-missing", "This is somebody else's to order"),
    errors.CursorError: ProblemKind(422, "cursor", "The page cursor is not ours"),
    errors.InvalidRecordError: ProblemKind(422, "invalid-record", "The record breaks the canonical form"),
    errors.EnvelopeError: ProblemKind(422, "not-a-cloudevent", "This is not a CloudEvent"),
    errors.UnknownEventTypeError: ProblemKind(422, "unknown-event-type", "Nobody reads events of that type"),
    errors.KnownTimeError: ProblemKind(422, "known-time", "The service sets the time it learns of an event"),
    errors.EventConflictError: ProblemKind(409, "event-conflict", "The same event came before with other data"),
    RecordError: ProblemKind(409, "record-conflict", "The record contradicts one that came before"),
    FutureKnowledgeError: ProblemKind(422, "event-from-the-future", "The record lies in the future"),
    UnknownShipmentError: ProblemKind(404, "unknown-shipment", "The shipment is unknown"),
    errors.KeyMissingError: ProblemKind(400, "idempotency-key-missing", "An Idempotency-Key is needed"),
    errors.KeyInUseError: ProblemKind(409, "idempotency-key-in-use", "The first request is still running"),
    errors.KeyReusedError: ProblemKind(422, "idempotency-key-reused", "The key belongs to another payload"),
    errors.NothingToDecideError: ProblemKind(422, "nothing-to-decide", "Nothing is left to decide"),
    errors.InvoiceCancelledError: ProblemKind(422, "invoice-cancelled", "The carrier has cancelled the invoice"),
    errors.NoDecisionMomentError: ProblemKind(422, "no-decision-moment", "There is nothing to decide now"),
    errors.NoContractsError: ProblemKind(409, "no-contracts", "No contract is on file"),
    recommendations.LineValueError: ProblemKind(422, "no-line-value", "Nobody says what a line is worth"),
    errors.NoPromiseError: ProblemKind(422, "no-promise", "Nobody says by when it is promised"),
    causes.CauseNotFoundError: ProblemKind(404, "unknown-cause", "The common cause is unknown"),
    causes.CauseEndedError: ProblemKind(409, "cause-ended", "The common cause does not stand any more"),
    errors.UnknownInvoiceError: ProblemKind(404, "unknown-invoice", "The invoice is unknown"),
    scores.NoDelayModelError: ProblemKind(409, "no-delay-model", "Shipments are not scored here"),
    shortages.NoShortageModelError: ProblemKind(409, "no-shortage-model", "Shortages are not judged here"),
    shortages.UnknownLinesError: ProblemKind(404, "unknown-order-line", "An order line is unknown"),
    shortages.UnknownOrderError: ProblemKind(404, "unknown-order", "The order is unknown"),
    shortages.UnknownPlaceError: ProblemKind(404, "unknown-place", "The place is unknown"),
    shortages.UnknownWaveError: ProblemKind(404, "unknown-wave", "The wave is unknown"),
    shortages.TooManyLinesError: ProblemKind(422, "too-many-lines", "Too many order lines at once"),
    errors.DecisionNotFoundError: ProblemKind(404, "unknown-decision", "The decision is unknown"),
    effects.CallNotFoundError: ProblemKind(404, "unknown-call", "Nobody made that call"),
    effects.FutureOutcomeError: ProblemKind(422, "outcome-from-the-future", "The outcome lies in the future"),
    effects.EarlyOutcomeError: ProblemKind(422, "outcome-before-the-call", "The outcome lies before its call"),
    effects.UnsentCallError: ProblemKind(409, "unsent-call", "The call was not sent yet"),
    effects.UndoError: ProblemKind(409, "undo", "The call cannot be undone"),
    orders.DirectiveError: ProblemKind(422, "directive", "The directive does not fit the bundle"),
    orders.DirectiveNotFoundError: ProblemKind(404, "unknown-directive", "The directive is unknown"),
    orders.DirectiveEndedError: ProblemKind(409, "directive-ended", "The directive has ended"),
    orders.LimitError: ProblemKind(409, "limit", "A limit is raised by a step up"),
    orders.StepUpError: ProblemKind(409, "step-up", "The step up is refused"),
    orders.StepUpNotFoundError: ProblemKind(404, "unknown-step-up", "The step up is unknown"),
    policies.BundleRefusedError: ProblemKind(422, "bundle", "The bundle has mistakes"),
    policies.BundleNotFoundError: ProblemKind(404, "unknown-bundle", "The bundle is unknown"),
    policies.WindowError: ProblemKind(422, "window", "Nothing can lie in that past"),
    RosterError: ProblemKind(422, "reviewers", "Who looks at the queue cannot be read"),
    policies.BundleStepError: ProblemKind(409, "bundle-step", "The bundle cannot take that step"),
    policies.BundleDamagedError: ProblemKind(409, "bundle-damaged", "The bundle is not what was handed in"),
    policies.NothingInForceError: ProblemKind(409, "no-bundle", "No bundle is in force"),
    PolicyError: ProblemKind(409, "bundle-unreadable", "This release cannot read the bundle"),
    reviews.ItemNotFoundError: ProblemKind(404, "unknown-review-item", "The review item is unknown"),
    reviews.AlreadyClaimedError: ProblemKind(409, "already-claimed", "Somebody else holds the item"),
    reviews.ClaimLostError: ProblemKind(409, "claim-lost", "The claim does not hold any more"),
    reviews.ItemClosedError: ProblemKind(409, "item-closed", "The item is done"),
    reviews.AnswerError: ProblemKind(422, "answer", "The answer cannot be carried out"),
    reviews.OvertakenError: ProblemKind(409, "overtaken", "What has come since speaks against it"),
    RequestValidationError: ProblemKind(422, "invalid-request", "The request breaks its schema"),
    OperationalError: ProblemKind(503, "database-unavailable", "The database does not answer"),
    Exception: ProblemKind(500, "internal", "Something is wrong on our side"),
}
"""From class to problem. A class that is not listed takes the entry of its nearest listed base."""


def plain_kind(status: HTTPStatus) -> ProblemKind:
    """Return the kind of problem that says no more than its HTTP status."""
    return ProblemKind(int(status), status.phrase.lower().replace(" ", "-"), status.phrase)


def kind_of(error: Exception) -> ProblemKind:
    """Return the kind of problem an error is, by its nearest listed class."""
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def problem_of(error: Exception) -> dict[str, Any]:
    """Turn an error into the members of a problem document.

    The detail is the error's own sentence, except where that could show internals.
    """
    kind = kind_of(error)
    faults: tuple[Fault, ...] = getattr(error, "faults", ())
    match error:
        case RequestValidationError():
            faults = tuple(Fault(_path(fault["loc"]), _sentence(fault)) for fault in error.errors())
            detail = f"The request has {len(faults)} fault(s); mend them all and send it again."
            unparsed = [fault for fault in error.errors() if fault["type"] == "json_invalid"]
            if unparsed:
                reason = f"{unparsed[0]['ctx']['error']}, at character {unparsed[0]['loc'][-1]}"
                return problem(KINDS[errors.MalformedBodyError], detail=str(errors.MalformedBodyError(reason)))
        case OperationalError():
            detail = "What cannot be recorded is not done: nothing was changed. Send the request again in a moment."
        case _ if kind.status == 500:
            detail = "Nothing was changed. The cause is in the service's log under this problem's `instance`."
        case _:
            detail = str(error)
    return problem(kind, detail=detail, faults=faults)


def problem(kind: ProblemKind, *, detail: str, faults: tuple[Fault, ...] = ()) -> dict[str, Any]:
    """Build the members of a problem document; `errors` is there only when there are faults to list."""
    members: dict[str, Any] = {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
    }
    if faults:
        members["errors"] = [{"path": fault.path, "detail": fault.detail} for fault in faults]
    return members


def problem_response(members: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Answer with a problem document."""
    return JSONResponse(members, status_code=members["status"], headers=headers, media_type=PROBLEM_JSON)


def install(app: FastAPI, *, shown: Callable[[Request, JSONResponse], Response]) -> None:
    """Let an app answer every error of the table, and every HTTP error of the framework, with a problem.

    Parameters
    ----------
    shown
        Turns the problem document into what the one who asked is to see.
    """

    def showing(answer: Callable[[Request, Exception], Awaitable[JSONResponse]]) -> _Handler:
        async def handle(request: Request, error: Exception) -> Response:
            return shown(request, await answer(request, error))

        return handle

    for cls in KINDS:
        app.add_exception_handler(cls, showing(_answer_unexpected if cls is Exception else _answer))
    app.add_exception_handler(HTTPException, showing(_answer_http))


async def _answer(request: Request, error: Exception) -> JSONResponse:
    members = problem_of(error)
    if members["status"] >= 500:
        return _answer_logged(request, error, members)
    headers = {"WWW-Authenticate": "Bearer"} if members["status"] == HTTPStatus.UNAUTHORIZED else None
    return problem_response(members, headers)


async def _answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    return _answer_logged(request, error, problem_of(error))


def _answer_logged(request: Request, error: Exception, members: dict[str, Any]) -> JSONResponse:
    members["instance"] = f"urn:uuid:{uuid4()}"
    _log.error("%s %s failed: %s", request.method, request.url.path, members["instance"], exc_info=error)
    headers = {"Retry-After": "1"} if members["status"] == HTTPStatus.SERVICE_UNAVAILABLE else None
    return problem_response(members, headers)


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: no such path, another method, a body that is too large."""
    assert isinstance(error, HTTPException)  # noqa: S101  registered for that class alone
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    match status:
        case HTTPStatus.NOT_FOUND if error.detail == status.phrase:
            detail = f"There is nothing at {request.url.path}. The calls are listed at /openapi.json."
        case HTTPStatus.BAD_REQUEST if error.detail == _UNPARSED:
            return problem_response(problem_of(errors.MalformedBodyError(_why_unparsed(error.__cause__))))
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = headers.get("allow") or headers.get("Allow") or "another one"
            detail = f"{request.url.path} does not take {request.method}. Use {allowed}."
        case _:
            detail = str(error.detail)
    return problem_response(problem(plain_kind(status), detail=detail), headers)


def _why_unparsed(cause: BaseException | None) -> str:
    match cause:
        case UnicodeDecodeError():
            return f"byte {cause.start} is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return "a number in it is too long"


def _path(location: tuple[int | str, ...]) -> str:
    """Write a pydantic location as a path: ("body", "stops", 0, "place") is `body.stops[0].place`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _sentence(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"])
    found = fault.get("input")
    short = isinstance(found, str | int | float | bool) and len(repr(found)) <= 60
    return f"{message}; found {found!r}" if short else message
