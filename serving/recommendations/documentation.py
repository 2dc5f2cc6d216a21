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

_NODE: dict[str, Any] = {
    "place": "DEHAM",
    "positions": [{"sku": "A003", "on_hand": 12, "reserved": 8}],
    "inbound": [{"sku": "A003", "quantity": 40, "due_at": "2026-03-03T10:00:00Z", "late_probability": 0.3}],
    "cut_off_at": "2026-03-03T14:00:00Z",
}
_PRICED: dict[str, Any] = {"late_probability": 0.08, "ship_minor": 4200}
_ORDER: dict[str, Any] = {"lines": [{"line_id": "10", "sku": "A003", "quantity": 10, "unit_value_minor": 42337}]}
NODES_EXAMPLES: dict[str, Example] = {
    "an order whose places have prices and risks": {
        "value": {
            **_ORDER,
            "promised_at": "2026-03-05T16:00:00Z",
            "customer_tier": "priority",
            "nodes": [
                {**_NODE, **_PRICED, "stands": True},
                {
                    "place": "NLRTM",
                    "positions": [{"sku": "A003", "on_hand": 30}],
                    "usual_hours": 20,
                    "slow_hours": 31,
                    "leaves_at": "2026-03-04T06:00:00Z",
                    "ship_minor": 6100,
                },
            ],
        }
    },
    "an order that was sent, from the stock that is known": {
        "value": {"order_id": "SO-4711", "nodes": [{"place": "DEHAM", **_PRICED}, {"place": "NLRTM", **_PRICED}]}
    },
    "an order with a shipment to price by": {
        "value": {
            **_ORDER,
            "shipment_id": "SH-1001",
            "nodes": [_NODE, {"place": "NLRTM", "positions": [{"sku": "A003", "on_hand": 30}]}],
        }
    },
}

ASSIGNMENT_EXAMPLES: dict[str, Example] = {
    "all that waits in the queue": {"value": {"capacity": {"NORX": 3, "PAKT": 5}}},
    "some shipments, by weight": {
        "value": {"capacity": {"NORX": 1200.0}, "per": "weight_kg", "shipment_ids": ["SH-1001", "SH-1002"]}
    },
}
