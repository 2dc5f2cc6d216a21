"""Dead letters of the incoming half: a message that is refused, whole, with the reason in its headers and its body.

A dead letter that is consumed again is opened first, so replaying one is consuming the place where they lie.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from serving.broker.messages import Message, Refusal
from serving.errors import EnvelopeError, Fault, MalformedBodyError, RequestError

DEAD_LETTER_TYPE = "application/vnd.freight-triage.dead-letter+json"
_LONGEST_HEADER = 2000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message to be put aside; headers are ASCII, so that every broker carries them."""

    headers: Mapping[str, str]
    body: bytes


def dead_letter(message: Message, refusals: Sequence[Refusal], *, origin: str) -> DeadLetter:
    """Write a refused message as a dead letter.

    Parameters
    ----------
    refusals
        Why; at least one. The headers tell the first.
    origin
        Where it was consumed, e.g. `nats:shipments.events`.

    A dead letter that is refused again is not put into another one: the new one holds the message itself.
    """
    try:
        body, headers = opened(message.body, message.headers)
    except RequestError:
        body, headers = message.body, message.headers
    message = replace(message, body=body, headers=headers)
    try:
        content = {"body": message.body.decode()}
    except UnicodeDecodeError:
        content = {"body_base64": b64encode(message.body).decode()}
    return _letter(message, refusals, origin, content)


def short_dead_letter(message: Message, refusals: Sequence[Refusal], *, origin: str) -> DeadLetter:
    """Write a dead letter without the body, for one that is larger than the broker takes; the database keeps it."""
    content = {"body": None, "kept_in": "rejected_events", "body_bytes": len(message.body)}
    return _letter(message, refusals, origin, content)


def opened(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """Take the message out of a dead letter; anything else is returned as it is.

    Raises
    ------
    MalformedBodyError, EnvelopeError
        If it says that it is a dead letter, and is none that holds its message.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != DEAD_LETTER_TYPE:
        return body, headers
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError(str(error)) from error
    match envelope:
        case {"headers": {**within}, "body": str(text)}:
            return text.encode(), {str(name): str(value) for name, value in within.items()}
        case {"headers": {**within}, "body_base64": str(text)}:
            try:
                return b64decode(text, validate=True), {str(name): str(value) for name, value in within.items()}
            except binascii.Error as error:
                raise EnvelopeError([Fault("body_base64", str(error))]) from error
        case {"kept_in": place}:
            raise EnvelopeError([Fault("body", f"is not in this dead letter, it was too large; it is in {place}")])
    raise EnvelopeError([Fault("body", "is absent from this dead letter, or its headers are")])


def _letter(message: Message, refusals: Sequence[Refusal], origin: str, content: Mapping[str, object]) -> DeadLetter:
    first = refusals[0].problem
    problems = [_told(refusal) for refusal in refusals]
    envelope = {"origin": origin, "problems": problems, "headers": dict(message.headers), **content}
    headers = {
        "content-type": DEAD_LETTER_TYPE,
        "triage-problem": _in_header(first),
        "triage-problem-type": str(first["type"]),
        "triage-origin": origin,
    }
    return DeadLetter(headers, json.dumps(envelope, ensure_ascii=False).encode(errors="backslashreplace"))


def _told(refusal: Refusal) -> dict[str, Any]:
    about = {"event": refusal.place, "id": refusal.event_id, "source": refusal.source}
    return {**{name: value for name, value in about.items() if value is not None}, "problem": dict(refusal.problem)}


def _in_header(problem: Mapping[str, Any]) -> str:
    """Write a problem document as one line of ASCII; a long one without its list of faults, its detail cut."""
    line = json.dumps(problem)
    if len(line) <= _LONGEST_HEADER:
        return line
    short = {name: value for name, value in problem.items() if name != "errors"}
    return json.dumps({**short, "detail": str(problem["detail"])[:300] + "…"})
