"""Reads the three ways an HTTP request carries CloudEvents: structured, batched, binary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pydantic_core import from_json

from serving.errors import MalformedBodyError, MediaTypeError

MEDIA_TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json")
_BATCH = "application/cloudevents-batch+json"
_ATTRIBUTES = ("specversion", "id", "source", "type", "time", "subject")


@dataclass(frozen=True, slots=True)
class Incoming:
    """Events as they came, not judged yet. A single one is answered with a status, a batch with one result each."""

    events: tuple[Any, ...]
    is_batch: bool


def parse(body: bytes, headers: Mapping[str, str]) -> Incoming:
    """Take the events out of a request.

    Parameters
    ----------
    body
        The request's body.
    headers
        Its headers, looked up in lower case.

    Raises
    ------
    MediaTypeError
        If the content type is none of CloudEvents JSON, its batch, or JSON.
    MalformedBodyError
        If the body is not JSON.
    """
    found = headers.get("content-type", "")
    media_type = found.partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise MediaTypeError(found or None, MEDIA_TYPES)
    try:
        content = from_json(body.removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBodyError(str(error)) from error
    if "ce-id" in headers or "ce-specversion" in headers:
        return Incoming((_binary(headers, content, media_type),), is_batch=False)
    if isinstance(content, list):
        return Incoming(tuple(content), is_batch=True)
    return Incoming((content,), is_batch=media_type == _BATCH)


def _binary(headers: Mapping[str, str], data: Any, media_type: str) -> dict[str, Any]:
    """Put an event in binary mode (attributes as headers, data as body) into the structured form."""
    given = {name: unquote(headers[f"ce-{name}"]) for name in _ATTRIBUTES if f"ce-{name}" in headers}
    return {**given, "datacontenttype": media_type, "data": data}
