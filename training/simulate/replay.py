"""Plays canonical tables as they became known: what was known by an instant, and what came after as CloudEvents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from features.carrier_records import Claim, Tender, TenderResponse
from features.fields import Record
from features.invoice_records import BilledInvoice, BilledLine, FreightInvoice, FuelIndex, InvoiceLine
from features.order_records import Order, OrderLine, PlacedLine, PlacedOrder
from features.records import DeliveryEvent, Disruption, Shipment, WeatherForecast, WeatherObservation
from features.stock_records import InventoryAdjustment, InventoryPosition, LabourShift, WarehouseTask
from features.tables import RecordTables, events_of, records_of, shipments_of, weather_of
from features.vocabulary import AssertedBy, EventType

HISTORY_FOLDER, FEED_FILE = "history", "feed.jsonl"

CloudEvent = dict[str, Any]


def history_until(tables: RecordTables, instant: datetime) -> RecordTables:
    """Return the tables as they stood at the instant: every record with `known_at` at or before it."""
    return tables.known(until=instant)


def replay_feed(tables: RecordTables, start: datetime, end: datetime) -> Iterator[CloudEvent]:
    """Yield the records that became known after `start` and at or before `end`, in the order in which they did.

    With `history_until(tables, start)` it holds every record known by `end` exactly once; a message that was sent
    twice is held twice, with the same source and id.

    Returns
    -------
    iterator of dict
        CloudEvents 1.0 in JSON form: `time` is the record's `occurred_at`, `data` the record of that type.
    """
    chosen = tables.known(after=start, until=end)
    carrier_of = dict(zip(tables.shipments["shipment_id"], tables.shipments["carrier_id"], strict=True))
    customer_of = dict(zip(tables.shipments["shipment_id"], tables.shipments["customer_id"], strict=True))

    def source_of(event: DeliveryEvent) -> str:
        return _source(event, carrier_of[event.shipment_id], customer_of[event.shipment_id])

    # Of records known in the same second a shipment comes before what happened to it.
    feed = [
        *((shipment.known_at, 0, _shipment_event(shipment)) for shipment in shipments_of(chosen)),
        *((observation.known_at, 1, _weather_event(observation)) for observation in weather_of(chosen)),
        *((event.known_at, 2, _delivery_event(event, source_of(event))) for event in events_of(chosen)),
        *((task.known_at, 3, _task_event(task)) for task in records_of(chosen, WarehouseTask)),
        *((tender.known_at, 4, _tender_event(tender)) for tender in records_of(chosen, Tender)),
        *((answer.known_at, 5, _answer_event(answer)) for answer in records_of(chosen, TenderResponse)),
        *((claim.known_at, 6, _claim_event(claim)) for claim in records_of(chosen, Claim)),
        *((shift.known_at, 7, _shift_event(shift)) for shift in records_of(chosen, LabourShift)),
        *((foretold.known_at, 8, _forecast_event(foretold)) for foretold in records_of(chosen, WeatherForecast)),
        *((one.known_at, 9, _disruption_event(one)) for one in records_of(chosen, Disruption)),
        *((order.known_at, 10, _order_event(order)) for order in _placed_orders(chosen)),
        *((lies.known_at, 11, _position_event(lies)) for lies in records_of(chosen, InventoryPosition)),
        *((one.known_at, 12, _adjustment_event(one)) for one in records_of(chosen, InventoryAdjustment)),
        *((week.known_at, 13, _fuel_event(week)) for week in records_of(chosen, FuelIndex)),
        *((bill.known_at, 14, _invoice_event(bill)) for bill in _billed(chosen)),
    ]
    feed.sort(key=lambda entry: (entry[0], entry[1], entry[2]["id"]))
    return (event for _, _, event in feed)


def write_replay(tables: RecordTables, start: datetime, end: datetime, folder: Path) -> int:
    """Write the history at `start` as tables into `history/`, the feed after it into `feed.jsonl`, one event a line.

    Returns
    -------
    int
        Number of events in the feed.
    """
    history_until(tables, start).write(folder / HISTORY_FOLDER)
    lines = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in replay_feed(tables, start, end)]
    (folder / FEED_FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def _source(event: DeliveryEvent, carrier_id: str, customer_id: str) -> str:
    match event.asserted_by:
        case AssertedBy.WAREHOUSE:
            return f"/warehouses/{event.place}"
        case AssertedBy.CUSTOMER:
            return f"/customers/{customer_id}"
        case _:
            return f"/carriers/{carrier_id}"


def _shipment_event(shipment: Shipment) -> CloudEvent:
    """Return the event of a plan; another plan of the same shipment is another event."""
    told = f"plan-{shipment.shipment_id}-{shipment.known_at:%Y%m%dT%H%M%S%fZ}"
    return _envelope(EventType.SHIPMENT_PLANNED, told, "/orders", shipment.shipment_id, _data(shipment))


def _delivery_event(event: DeliveryEvent, source: str) -> CloudEvent:
    return _envelope(EventType.DELIVERY, event.event_id, source, event.shipment_id, _data(event))


def _weather_event(observation: WeatherObservation) -> CloudEvent:
    hour = observation.occurred_at.strftime("%Y%m%dT%H%MZ")
    source = f"/weather/{observation.place}"
    return _envelope(
        EventType.WEATHER_OBSERVED, f"{observation.place}-{hour}", source, observation.place, _data(observation)
    )


def _task_event(task: WarehouseTask) -> CloudEvent:
    return _envelope(
        EventType.WAREHOUSE_TASK,
        f"{task.task_id}-{task.status.value}",
        f"/warehouses/{task.warehouse_id}/tasks",
        task.task_id,
        _data(task),
    )


def _tender_event(tender: Tender) -> CloudEvent:
    return _envelope(EventType.TENDER, tender.tender_id, "/transport", tender.shipment_id, _data(tender))


def _answer_event(answer: TenderResponse) -> CloudEvent:
    source = f"/carriers/{answer.carrier_id}"
    return _envelope(EventType.TENDER_RESPONSE, answer.response_id, source, answer.shipment_id, _data(answer))


def _claim_event(claim: Claim) -> CloudEvent:
    event_id = f"{claim.claim_id}-{claim.status.value}"
    return _envelope(EventType.CLAIM, event_id, "/claims", claim.claim_id, _data(claim))


def _shift_event(shift: LabourShift) -> CloudEvent:
    event_id = f"{shift.shift_id}-{'planned' if shift.present_heads is None else 'present'}"
    source = f"/warehouses/{shift.warehouse_id}/labour"
    return _envelope(EventType.LABOUR_SHIFT, event_id, source, shift.shift_id, _data(shift))


def _forecast_event(foretold: WeatherForecast) -> CloudEvent:
    issued, valid = (time.strftime("%Y%m%dT%H%MZ") for time in (foretold.issued_at, foretold.valid_at))
    event_id = f"{foretold.place}-{issued}-{valid}"
    return _envelope(
        EventType.WEATHER_FORECAST, event_id, f"/weather/{foretold.place}/forecasts", foretold.place, _data(foretold)
    )


def _disruption_event(one: Disruption) -> CloudEvent:
    event_id = f"{one.disruption_id}-{'begun' if one.valid_until is None else 'over'}"
    return _envelope(EventType.DISRUPTION, event_id, "/control-tower", one.disruption_id, _data(one))


def _placed_orders(tables: RecordTables) -> Iterator[PlacedOrder]:
    """Yield orders with the lines that were told together with them."""
    lines: dict[tuple[str, datetime], list[PlacedLine]] = {}
    for line in records_of(tables, OrderLine):
        told = line.model_dump(include=set(PlacedLine.model_fields))
        lines.setdefault((line.order_id, line.known_at), []).append(PlacedLine.model_validate(told))
    for order in records_of(tables, Order):
        own = lines.get((order.order_id, order.known_at), ())
        yield PlacedOrder.model_validate({**order.model_dump(), "lines": own})


def _order_event(order: PlacedOrder) -> CloudEvent:
    event_id = f"order-{order.order_id}-{_stamp(order.known_at)}"
    return _envelope(EventType.ORDER, event_id, "/orders", order.order_id, _data(order))


def _position_event(lies: InventoryPosition) -> CloudEvent:
    about = (lies.sku, lies.disposition.value, lies.lot or "", lies.held_by or "", _stamp(lies.known_at))
    source = f"/warehouses/{lies.place}/stock"
    return _envelope(EventType.STOCK_POSITION, "-".join(about), source, lies.sku, _data(lies))


def _adjustment_event(one: InventoryAdjustment) -> CloudEvent:
    source = f"/warehouses/{one.place}/stock"
    return _envelope(EventType.STOCK_ADJUSTMENT, one.adjustment_id, source, one.adjustment_id, _data(one))


def _fuel_event(week: FuelIndex) -> CloudEvent:
    event_id = f"{week.fuel_index_id}-{_stamp(week.valid_from)}"
    return _envelope(EventType.FUEL_INDEX, event_id, "/contracts", week.fuel_index_id, _data(week))


def _billed(tables: RecordTables) -> Iterator[BilledInvoice]:
    """Yield invoices with the charges that were told together with them."""
    lines: dict[tuple[str, datetime], list[BilledLine]] = {}
    for line in records_of(tables, InvoiceLine):
        told = line.model_dump(include=set(BilledLine.model_fields))
        lines.setdefault((line.invoice_id, line.known_at), []).append(BilledLine.model_validate(told))
    for invoice in records_of(tables, FreightInvoice):
        own = lines.get((invoice.invoice_id, invoice.known_at), ())
        yield BilledInvoice.model_validate({**invoice.model_dump(), "lines": own})


def _invoice_event(bill: BilledInvoice) -> CloudEvent:
    source = f"/carriers/{bill.carrier_id}/invoices"
    return _envelope(EventType.INVOICE, bill.invoice_id, source, bill.invoice_id, _data(bill))


def _stamp(time: datetime) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ")


def _data(record: Record) -> Mapping[str, Any]:
    data: dict[str, Any] = record.model_dump(mode="json", exclude_none=True)
    return data


def _envelope(event_type: EventType, event_id: str, source: str, subject: str, data: Mapping[str, Any]) -> CloudEvent:
    return {
        "specversion": "1.0",
        "type": event_type.value,
        "id": event_id,
        "source": source,
        "time": data["occurred_at"],
        "subject": subject,
        "datacontenttype": "application/json",
        "data": data,
    }
