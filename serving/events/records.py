"""Turns the JSON a sender gives into a canonical record, with the service's own second clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from features.carrier_records import Claim, Tender, TenderResponse
from features.errors import FutureKnowledgeError
from features.fields import Record
from features.invoice_records import Accessorial, BilledInvoice, CarrierRate, FuelIndex
from features.order_records import PlacedOrder
from features.records import DeliveryEvent, Disruption, Place, Shipment, WeatherForecast, WeatherObservation
from features.state import AnyRecord
from features.stock_records import InboundReceipt, InventoryAdjustment, InventoryPosition, LabourShift, WarehouseTask
from features.vocabulary import Classifier, EventType
from routing.canonical import canonical_json
from serving.errors import Fault, InvalidRecordError, KnownTimeError

R = TypeVar("R", bound=Record)

RECORD_OF: Mapping[EventType, type[AnyRecord]] = {
    EventType.SHIPMENT_PLANNED: Shipment,
    EventType.DELIVERY: DeliveryEvent,
    EventType.WEATHER_OBSERVED: WeatherObservation,
    EventType.WEATHER_FORECAST: WeatherForecast,
    EventType.PLACE: Place,
    EventType.DISRUPTION: Disruption,
    EventType.WAREHOUSE_TASK: WarehouseTask,
    EventType.LABOUR_SHIFT: LabourShift,
    EventType.TENDER: Tender,
    EventType.TENDER_RESPONSE: TenderResponse,
    EventType.CLAIM: Claim,
    EventType.INVOICE: BilledInvoice,
    EventType.CARRIER_RATE: CarrierRate,
    EventType.FUEL_INDEX: FuelIndex,
    EventType.ACCESSORIAL: Accessorial,
    EventType.ORDER: PlacedOrder,
    EventType.STOCK_POSITION: InventoryPosition,
    EventType.STOCK_ADJUSTMENT: InventoryAdjustment,
    EventType.STOCK_RECEIPT: InboundReceipt,
}
"""The record that the data of each event type is."""

OF_STOCK = (EventType.ORDER, EventType.STOCK_POSITION, EventType.STOCK_ADJUSTMENT, EventType.STOCK_RECEIPT)
"""Types that only who judges shortages needs to learn."""


@dataclass(frozen=True, slots=True)
class Intake:
    """How far a sender is believed about time."""

    clock_skew: timedelta
    trust_known_time: bool


def read_record(kind: type[R], data: Mapping[str, Any], *, now: datetime, intake: Intake, where: str = "data") -> R:
    """Read a record as a sender gives it: without `known_at`, which is `now`.

    A planned or estimated delivery event may lie in the future, as a forecast does; nothing else may.

    Raises
    ------
    KnownTimeError
        If `known_at` is given and the service does not replay history.
    InvalidRecordError
        If a field is missing, unknown or wrong; every fault has its path below `where`.
    FutureKnowledgeError
        If it happened or was learnt later than `now` and the tolerated clock skew.
    """
    if "known_at" in data and not intake.trust_known_time:
        raise KnownTimeError
    try:
        record = kind.model_validate({"known_at": now, **data})
    except ValidationError as error:
        raise InvalidRecordError(kind.__name__, faults_of(error, where)) from error
    except OverflowError as error:
        fault = Fault(where, "a time lies outside the years 1 to 9999 in UTC")
        raise InvalidRecordError(kind.__name__, (fault,)) from error
    unstorable = _unstorable(data)
    if unstorable is not None:
        raise InvalidRecordError(kind.__name__, (Fault(where, unstorable),))
    latest = now + intake.clock_skew
    if record.known_at > latest:
        raise FutureKnowledgeError(kind.__name__, "known_at", record.known_at, now)
    is_forecast = getattr(record, "classifier", Classifier.ACTUAL) is not Classifier.ACTUAL
    if record.occurred_at > latest and not is_forecast:
        raise FutureKnowledgeError(kind.__name__, "occurred_at", record.occurred_at, now)
    return record


def subject_of(record: AnyRecord) -> str:
    """Return what a record is about: its shipment, its place, or whatever it identifies."""
    match record:
        case WeatherObservation() | WeatherForecast() | Place():
            return record.place
        case Disruption():
            return record.disruption_id
        case WarehouseTask():
            return record.task_id
        case LabourShift():
            return record.shift_id
        case Claim():
            return record.claim_id
        case BilledInvoice():
            return record.invoice_id
        case CarrierRate():
            return record.rate_id
        case FuelIndex():
            return record.fuel_index_id
        case Accessorial():
            return record.accessorial_id
        case PlacedOrder():
            return record.order_id
        case InventoryPosition() | InboundReceipt():
            return record.sku
        case InventoryAdjustment():
            return record.adjustment_id
        case _:
            return record.shipment_id


def write_record(record: AnyRecord) -> str:
    """Write a record as the canonical JSON the record log keeps."""
    return canonical_json(record.model_dump(exclude_none=True))


def stored_record(event_type: str, data: str) -> AnyRecord:
    """Read a record back from the record log.

    Raises
    ------
    ValidationError
        If an earlier release took what this one refuses.
    """
    return RECORD_OF[EventType(event_type)].model_validate(json.loads(data))


def faults_of(error: ValidationError, where: str = "data") -> tuple[Fault, ...]:
    """Return every fault of a record, each with its path below `where`."""
    return tuple(_fault(where, fault) for fault in error.errors())


def _fault(where: str, fault: Mapping[str, Any]) -> Fault:
    path = where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    found = fault.get("input")
    shown = f"; found {found!r}" if isinstance(found, str | int | float) and len(repr(found)) <= 60 else ""
    return Fault(path, f"{fault['msg']}{shown}")


def _unstorable(value: object) -> str | None:
    """Say what in a JSON value no database column holds; None if all of it can be kept."""
    match value:
        case str() if "\x00" in value:
            return "a text holds the character U+0000; leave it out"
        case int() if abs(value) >= 2**63:
            return "a whole number lies beyond 64 bits; mend its unit"
        case list():
            return next(filter(None, map(_unstorable, value)), None)
        case Mapping():
            return next(filter(None, map(_unstorable, value.values())), None)
    return None
