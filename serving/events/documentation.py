"""Request body and examples of `POST /v1/events` for the OpenAPI document; FastAPI cannot see a body read by hand."""

from __future__ import annotations

from typing import Any

SHIPMENT_EXAMPLE: dict[str, Any] = {
    "shipment_id": "SH-1001",
    "carrier_id": "NWX",
    "service_id": "NWX-204",
    "mode": "road_ltl",
    "customer_id": "C-17",
    "customer_tier": "priority",
    "pieces": 12,
    "weight_kg": 840.0,
    "value_minor": 1250000,
    "currency": "EUR",
    "occurred_at": "2026-03-01T08:15:00Z",
    "stops": [
        {"place": "DEHAM", "kind": "pickup", "timezone": "Europe/Berlin", "planned_at": "2026-03-02T06:00:00Z"},
        {"place": "ATVIE", "kind": "delivery", "timezone": "Europe/Vienna", "promised_at": "2026-03-03T16:00:00Z"},
    ],
}
_PLANNED = {
    "specversion": "1.0",
    "id": "plan-1001",
    "source": "/erp",
    "type": "freight.shipment.planned",
    "data": SHIPMENT_EXAMPLE,
}
_DEPARTED: dict[str, Any] = {
    "specversion": "1.0",
    "id": "214-88231",
    "source": "/carriers/NWX",
    "type": "freight.delivery",
    "data": {
        "event_id": "214-88231",
        "shipment_id": "SH-1001",
        "status": "departed",
        "raw_status": "AF",
        "place": "DEHAM",
        "occurred_at": "2026-03-02T07:40:00+01:00",
    },
}
_WEATHER = {
    "specversion": "1.0",
    "id": "EDDH-2026030206",
    "source": "/weather",
    "type": "freight.weather.observed",
    "time": "2026-03-02T06:00:00Z",
    "data": {"place": "DEHAM", "temperature_c": -2.5, "wind_speed_ms": 11.0, "precipitation_mm": 1.2},
}
_WHERE = {
    "specversion": "1.0",
    "id": "place-DEHAM",
    "source": "/network",
    "type": "freight.place",
    "time": "2026-01-01T00:00:00Z",
    "data": {"place": "DEHAM", "latitude": 53.55, "longitude": 9.99},
}
_STRIKE = {
    "specversion": "1.0",
    "id": "strike-7-announced",
    "source": "/control-tower",
    "type": "freight.disruption",
    "time": "2026-03-01T16:00:00Z",
    "data": {
        "disruption_id": "strike-7",
        "kind": "strike",
        "severity": "severe",
        "place": "DEHAM",
        "valid_from": "2026-03-03T04:00:00Z",
        "valid_until": "2026-03-04T04:00:00Z",
    },
}
_OFFER = {
    "specversion": "1.0",
    "id": "204-7781",
    "source": "/transport",
    "type": "freight.tender",
    "time": "2026-03-01T08:00:00Z",
    "data": {
        "tender_id": "204-7781",
        "shipment_id": "SH-1001",
        "carrier_id": "NWX",
        "respond_by": "2026-03-01T10:00:00Z",
    },
}
_ANSWER = {
    "specversion": "1.0",
    "id": "990-5120",
    "source": "/carriers/NWX",
    "type": "freight.tender.response",
    "time": "2026-03-01T08:25:00Z",
    "data": {
        "response_id": "990-5120",
        "shipment_id": "SH-1001",
        "carrier_id": "NWX",
        "tender_id": "204-7781",
        "reply": "accepted",
    },
}
_CLAIM = {
    "specversion": "1.0",
    "id": "claim-88-filed",
    "source": "/claims",
    "type": "freight.claim",
    "time": "2026-03-05T09:00:00Z",
    "data": {
        "claim_id": "claim-88",
        "carrier_id": "NWX",
        "shipment_id": "SH-1001",
        "kind": "damage",
        "filed_at": "2026-03-05T09:00:00Z",
        "claimed_minor": 42000,
        "currency": "EUR",
    },
}
INVOICE_EXAMPLE: dict[str, Any] = {
    "invoice_id": "NWX-2026-7781",
    "invoice_number": "7781",
    "carrier_id": "NWX",
    "shipment_id": "SH-1001",
    "currency": "EUR",
    "occurred_at": "2026-03-06T00:00:00Z",
    "weight_kg": 840.0,
    "total_minor": 93500,
    "net_due_minor": 93500,
    "references": [{"kind": "pro", "value": "NWX-55120"}],
    "lines": [
        {"line_number": 1, "kind": "line_haul", "quantity": 840.0, "basis": "kg", "rate_minor": 10000, "rate_per": 100,
         "amount_minor": 84000},
        {"line_number": 2, "kind": "fuel", "charge_code": "FSC", "percent": 10.0, "amount_minor": 9500},
    ],
}  # fmt: skip
_INVOICE = {
    "specversion": "1.0",
    "id": "210-7781",
    "source": "/carriers/NWX",
    "type": "freight.invoice",
    "data": INVOICE_EXAMPLE,
}
_RATE = {
    "specversion": "1.0",
    "id": "rate-NWX-17",
    "source": "/contracts",
    "type": "freight.contract.rate",
    "time": "2026-01-05T09:00:00Z",
    "data": {
        "rate_id": "NWX-17",
        "carrier_id": "NWX",
        "origin": "DEHAM",
        "destination": "ATVIE",
        "basis": "kg",
        "rate_minor": 10000,
        "rate_per": 100,
        "currency": "EUR",
        "valid_from": "2026-01-01T00:00:00Z",
        "fuel_index_id": "DIESEL-DE",
    },
}
_FUEL = {
    "specversion": "1.0",
    "id": "diesel-2026-W10",
    "source": "/fuel",
    "type": "freight.contract.fuel",
    "time": "2026-03-02T06:00:00Z",
    "data": {
        "fuel_index_id": "DIESEL-DE",
        "surcharge_pct": 10.0,
        "valid_from": "2026-03-02T00:00:00Z",
        "valid_until": "2026-03-09T00:00:00Z",
    },
}
ORDER_EXAMPLE: dict[str, Any] = {
    "order_id": "SO-4711",
    "customer_id": "C-17",
    "customer_tier": "priority",
    "ordered_at": "2026-03-01T09:30:00Z",
    "last_confirmed_at": "2026-03-04T16:00:00Z",
    "currency": "EUR",
    "occurred_at": "2026-03-01T09:30:00Z",
    "lines": [
        {"line_id": "10", "sku": "A-204", "quantity": 12, "unit_value_minor": 4900, "warehouse_id": "DEHAM"},
        {"line_id": "20", "sku": "A-377", "quantity": 3, "unit_value_minor": 18900, "warehouse_id": "DEHAM"},
    ],
}
_ORDER = {"specversion": "1.0", "id": "SO-4711-1", "source": "/erp", "type": "freight.order", "data": ORDER_EXAMPLE}
_PICK = {
    "specversion": "1.0",
    "id": "P-88101-planned",
    "source": "/warehouses/DEHAM/tasks",
    "type": "freight.warehouse.task",
    "time": "2026-03-02T05:10:00Z",
    "data": {
        "task_id": "P-88101",
        "warehouse_id": "DEHAM",
        "kind": "pick",
        "status": "planned",
        "wave_id": "DEHAM-591",
        "order_id": "SO-4711",
        "line_id": "10",
        "sku": "A-204",
        "quantity": 12,
        "due_at": "2026-03-02T11:00:00Z",
    },
}
_RESERVED = {
    "specversion": "1.0",
    "id": "stock-DEHAM-A-204-55120",
    "source": "/warehouses/DEHAM/stock",
    "type": "freight.stock.position",
    "time": "2026-03-02T05:12:00Z",
    "data": {"place": "DEHAM", "sku": "A-204", "disposition": "reserved", "held_by": "SO-4650", "quantity": 20},
}
_COMING = {
    "specversion": "1.0",
    "id": "856-7714",
    "source": "/suppliers/ACME",
    "type": "freight.stock.position",
    "time": "2026-02-27T14:00:00Z",
    "data": {
        "place": "DEHAM",
        "sku": "A-204",
        "lot": "L-7714",
        "disposition": "in_transit",
        "quantity": 48,
        "expected_at": "2026-03-02T08:00:00Z",
    },
}
_RECEIVED = {
    "specversion": "1.0",
    "id": "944-90233",
    "source": "/warehouses/DEHAM/stock",
    "type": "freight.stock.receipt",
    "time": "2026-03-02T13:40:00Z",
    "data": {
        "receipt_id": "944-90233",
        "place": "DEHAM",
        "sku": "A-204",
        "lot": "L-7714",
        "levels": [{"disposition": "available", "quantity": 52}, {"disposition": "damaged", "quantity": 2}],
    },
}
_COUNTED = {
    "specversion": "1.0",
    "id": "947-3301",
    "source": "/warehouses/DEHAM/stock",
    "type": "freight.stock.adjustment",
    "time": "2026-03-02T04:00:00Z",
    "data": {"adjustment_id": "947-3301", "place": "DEHAM", "sku": "A-204", "quantity": -3, "reason": "count"},
}
_FORETOLD = {
    "specversion": "1.0",
    "id": "EDDH-2026030200-09",
    "source": "/weather",
    "type": "freight.weather.forecast",
    "time": "2026-03-02T00:00:00Z",
    "data": {"place": "DEHAM", "valid_at": "2026-03-02T09:00:00Z", "wind_speed_ms": 19.5},
}
_TAKEN_BACK = {
    "specversion": "1.0",
    "id": "214-88240",
    "source": "/carriers/NWX",
    "type": "freight.delivery",
    "data": {
        **_DEPARTED["data"],
        "event_id": "214-88240",
        "corrects": "214-88231",
        "correction": "did_not_occur",
    },
}
_DETENTION = {
    "specversion": "1.0",
    "id": "A-NWX-DET",
    "source": "/contracts/NWX",
    "type": "freight.contract.accessorial",
    "time": "2025-12-12T10:00:00Z",
    "data": {
        "accessorial_id": "NWX-DET",
        "carrier_id": "NWX",
        "charge_code": "DET",
        "proof": "waiting",
        "basis": "hour",
        "rate_minor": 4500,
        "currency": "EUR",
        "free_minutes": 60,
        "valid_from": "2026-01-01T00:00:00Z",
    },
}
_SHIFT = {
    "specversion": "1.0",
    "id": "DEHAM-0302-early",
    "source": "/warehouses/DEHAM/labour",
    "type": "freight.labour.shift",
    "time": "2026-03-01T14:00:00Z",
    "data": {
        "shift_id": "DEHAM-0302-early",
        "warehouse_id": "DEHAM",
        "starts_at": "2026-03-02T05:00:00Z",
        "ends_at": "2026-03-02T13:00:00Z",
        "planned_heads": 14,
    },
}
_ONE = {"$ref": "#/components/schemas/CloudEvent"}
_MANY = {"type": "array", "items": _ONE}

EVENTS_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {
                "schema": _ONE,
                "examples": {
                    "a shipment is announced": {"value": _PLANNED},
                    "it departs": {"value": _DEPARTED},
                    "it did not: the event is repeated, and taken back from now on": {"value": _TAKEN_BACK},
                    "weather; `time` stands for data.occurred_at": {"value": _WEATHER},
                    "weather is foretold for `valid_at`": {"value": _FORETOLD},
                    "where a place or a weather station lies": {"value": _WHERE},
                    "a strike is announced; another event with its disruption_id says when it is over": {
                        "value": _STRIKE
                    },
                    "a load is offered to a carrier": {"value": _OFFER},
                    "the carrier answers": {"value": _ANSWER},
                    "a claim is filed; another event with its claim_id says what became of it": {"value": _CLAIM},
                    "a carrier bills a shipment, all lines in one event": {"value": _INVOICE},
                    "a rate is agreed": {"value": _RATE},
                    "the fuel surcharge of a week": {"value": _FUEL},
                    "a charge beside the freight is agreed": {"value": _DETENTION},
                    "people are to work in a warehouse; another event with its shift_id says how many came": {
                        "value": _SHIFT
                    },
                    "an order is placed, with its lines": {"value": _ORDER},
                    "a line is planned into a wave": {"value": _PICK},
                    "stock is reserved for another order": {"value": _RESERVED},
                    "a lot is on its way": {"value": _COMING},
                    "it came in; what lies there since": {"value": _RECEIVED},
                    "a count found less than the books say": {"value": _COUNTED},
                },
            },
            "application/cloudevents-batch+json": {
                "schema": _MANY,
                "examples": {"two events": {"value": [_PLANNED, _DEPARTED]}},
            },
            "application/json": {"schema": {"oneOf": [_ONE, _MANY]}},
        },
    }
}
