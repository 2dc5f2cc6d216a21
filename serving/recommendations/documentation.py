"""Examples of the questions about carriers and places, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi.openapi.models import Example

from serving.events.documentation import SHIPMENT_EXAMPLE

_BY_ID: dict[str, Any] = {"shipment_id": "SH-1001"}

CARRIERS_EXAMPLES: dict[str, Example] = {
    "a shipment that was announced": {"value": _BY_ID},
    "one that needs something": {
        "value": {
            **_BY_ID,
            "equipment": ["reefer"],
            "carriers": [{"carrier_id": "NORX", "equipment": ["reefer", "tail lift"], "takes_dangerous_goods": True}],
        }
    },
    "a shipment given inline": {"value": {"shipment": SHIPMENT_EXAMPLE}},
}
