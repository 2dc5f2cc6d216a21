"""`POST /v1/events`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from serving.dependencies import Events
from serving.error_handlers import problem_of
from serving.errors import MalformedBodyError
from serving.events.documentation import EVENTS_OPENAPI
from serving.events.parsing import parse
from serving.events.schemas import BatchAnswer, EventAnswer
from serving.events.service import EventResult

router = APIRouter(prefix="/v1", tags=["events"])


@router.post("/events", response_model=EventAnswer | BatchAnswer, openapi_extra=EVENTS_OPENAPI)
async def receive_events(request: Request, events: Events) -> EventAnswer | BatchAnswer:
    """Take one CloudEvent, or a batch of them, into the record log.

    An event is kept once by its source and id: sending it again answers `duplicate` and changes nothing. A refused
    event is kept too, with the reason. In a batch each event gets its own result, so the status is 200 even if
    some are refused; a single refused event is a problem of its own (422, or 409 if it contradicts one that came
    before).
    The service sets `known_at` itself.
    """
    body = await request.body()
    try:
        incoming = parse(body, request.headers)
    except MalformedBodyError as error:
        events.keep_unreadable(body, error)
        raise
    results = events.receive(incoming.events)
    if incoming.is_batch:
        return _batch(results)
    if results[0].error is not None:
        raise results[0].error
    return _answer(results[0])


def _batch(results: list[EventResult]) -> BatchAnswer:
    counts = dict.fromkeys(("accepted", "duplicate", "rejected"), 0)
    for result in results:
        counts[result.status] += 1
    return BatchAnswer(**counts, results=[_answer(result) for result in results])


def _answer(result: EventResult) -> EventAnswer:
    problem: dict[str, Any] | None = problem_of(result.error) if result.error else None
    return EventAnswer(status=result.status, id=result.event_id, source=result.source, problem=problem)
