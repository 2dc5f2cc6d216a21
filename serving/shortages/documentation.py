"""Examples of the questions about order lines, for the OpenAPI document."""

from __future__ import annotations

from fastapi.openapi.models import Example

LINE_EXAMPLES: dict[str, Example] = {
    "all lines of a wave, before it is released": {"value": {"wave_id": "DEHAM-591"}},
    "all lines of an order": {"value": {"order_id": "SO-4711"}},
    "all lines that wait at a place": {"value": {"place": "DEHAM"}},
    "one line, without reasons": {
        "value": {"lines": [{"order_id": "SO-4711", "line_id": "10"}], "explain": False},
    },
}

TRIAGE_EXAMPLES: dict[str, Example] = {
    "all lines of a wave": {"value": {"wave_id": "DEHAM-591"}},
    "all lines that wait at a place": {"value": {"place": "DEHAM"}},
    "one line, with what could go instead": {
        "value": {
            "lines": [{"order_id": "SO-4711", "line_id": "10"}],
            "substitutes": [{"sku": "A-204", "instead": "A-205", "is_accepted": True}],
        },
    },
}
