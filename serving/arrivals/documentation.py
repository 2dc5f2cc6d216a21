"""Examples of the questions about an arrival, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi.openapi.models import Example

from serving.events.documentation import SHIPMENT_EXAMPLE

_BY_ID: dict[str, Any] = {"shipment_id": "SH-1001"}

ARRIVAL_EXAMPLES: dict[str, Example] = {
    "a shipment that was announced": {"value": _BY_ID},
    "with reasons": {"value": {**_BY_ID, "explain": True}},
    "a shipment given inline": {"value": {"shipment": SHIPMENT_EXAMPLE}},
    "at another moment": {"value": {**_BY_ID, "moment": "24h_before"}},
}
