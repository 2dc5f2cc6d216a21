"""Examples of the questions about an invoice, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi.openapi.models import Example

from serving.events.documentation import INVOICE_EXAMPLE

_BY_ID: dict[str, Any] = {"invoice_id": "NWX-2026-7781"}

TRIAGE_EXAMPLES: dict[str, Example] = {
    "an invoice that was sent": {"value": _BY_ID},
    "again, by what is known now": {"value": {**_BY_ID, "anew": True}},
}

INVOICE_EXAMPLES: dict[str, Example] = {
    "an invoice that was sent, as known when it came in": {"value": _BY_ID},
    "anew, as known now: a delivery that was told since counts": {"value": {**_BY_ID, "anew": True}},
    "an invoice given inline": {"value": {"invoice": INVOICE_EXAMPLE}},
}
