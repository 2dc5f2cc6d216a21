"""Puts the headers of a message into the form they have over HTTP, which `serving.events.parsing` reads.

Each CloudEvents binding writes an attribute differently: `ce-id` (NATS, percent-encoded as over HTTP), `ce_id` (Kafka),
`cloudEvents:id` or `cloudEvents_id` (AMQP).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

DEFAULT_CONTENT_TYPE = "application/json"
"""What a message is taken for that does not say what it is."""
_PLAIN_PREFIXES = ("ce_", "cloudevents:", "cloudevents_")


def http_headers(headers: Mapping[str, object], *, content_type: str | None = None) -> dict[str, str]:
    """Return headers in lower case, with CloudEvents attributes as `ce-…`, percent-encoded.

    Parameters
    ----------
    headers
        As the broker gave them; a value may be text, bytes, a number or a time.
    content_type
        Where the broker carries it beside the headers, as AMQP does; it goes before a header of that name.
    """
    made: dict[str, str] = {}
    for given, value in headers.items():
        name, text = given.lower(), _text(value)
        prefix = next((prefix for prefix in _PLAIN_PREFIXES if name.startswith(prefix)), None)
        if prefix is None:
            made[name] = text
        else:
            made[f"ce-{name.removeprefix(prefix)}"] = quote(text, safe="/:;,=+@ ")
    made["content-type"] = content_type or made.get("content-type") or DEFAULT_CONTENT_TYPE
    return made


def _text(value: object) -> str:
    match value:
        case bytes() | bytearray():
            return value.decode(errors="replace")
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
