"""Examples of the questions about order lines, for the OpenAPI document."""

from __future__ import annotations

from fastapi.openapi.models import Example

LINE_EXAMPLES: dict[str, Example] = {
    "all lines of a wave, before it is released": {"value": {"wave_id": "DEHAM-591"}},
    "all lines of an order": {"value": {"order_id": "SO-4711"}},
    "one line, without reasons": {
        "value": {"lines": [{"order_id": "SO-4711", "line_id": "10"}], "explain": False},
    },
}
