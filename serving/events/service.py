"""Takes events in: each is judged, kept once by source and id, and only then told to the feature state."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError
from sqlalchemy.orm import Session, sessionmaker

from features.carrier_records import Claim, Tender, TenderResponse
from features.errors import FutureKnowledgeError, RecordError
from features.invoice_records import BilledInvoice
from features.order_records import PlacedOrder
from features.records import DeliveryEvent, Disruption, Place, Shipment
from features.state import AnyRecord
from features.stock_records import InboundReceipt, InventoryAdjustment, InventoryPosition, LabourShift, WarehouseTask
from features.vocabulary import EventType
from serving.clock import Clock
from serving.errors import (
    EnvelopeError,
    EventConflictError,
    EventError,
    Fault,
    InvalidRecordError,
    UnknownEventTypeError,
)
from serving.events import repository
from serving.events.following import Following, Learns
from serving.events.records import RECORD_OF, Intake, faults_of, read_record, stored_record, subject_of, write_record
from serving.events.repository import NewEvent
from serving.events.schemas import CloudEvent

RefusedError = EventError | InvalidRecordError | RecordError


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of one event: `position` is its place in the record log, `error` says why it was refused."""

    status: Literal["accepted", "duplicate", "rejected"]
    event_id: str | None
    source: str | None
    position: int | None = None
    error: RefusedError | None = None


@dataclass(frozen=True, slots=True)
class _Judged:
    """An event that can be read, with its record; or why it cannot."""

    raw: Any
    event: NewEvent | None = None
    record: AnyRecord | None = None
    known_at_given: bool = False
    error: RefusedError | None = None


@dataclass(frozen=True, slots=True)
class EventService:
    """Takes events into the record log and the state."""

    sessions: sessionmaker[Session]
    clock: Clock
    state: Learns
    intake: Intake
    following: Following

    def receive(self, raw_events: Sequence[Any]) -> list[EventResult]:
        """Take events in, each on its own merits, whoever else takes some in at the same time.

        The state learns of them after the commit: if the database fails, neither has them and the sender tries again.
        """
        waiting = deque(raw_events)
        results: list[EventResult] = []
        while waiting:
            results += self._take(waiting)
        return results

    def _take(self, waiting: deque[Any]) -> list[EventResult]:
        """Take the first events in, up to one about a thing spoken of before: it is checked after that is learnt."""
        results: list[EventResult] = []
        accepted: list[tuple[int, AnyRecord]] = []
        spoken_of: set[tuple[str, ...]] = set()
        with self.sessions.begin() as session:
            repository.lock_log(session)
            self.following.catch_up_in(session)
            now = self.clock.now()
            while waiting:
                judged = self._judge(waiting[0], now)
                identity = _identity(judged)
                if spoken_of.intersection(identity):
                    break
                spoken_of.update(identity)
                waiting.popleft()
                result = self._keep(session, judged)
                if result.position is not None and judged.record is not None:
                    accepted.append((result.position, judged.record))
                if result.error is not None:
                    whole = json.dumps(judged.raw)
                    repository.keep_rejected(session, received_at=now, reason=str(result.error), body=whole)
                results.append(result)
        for position, record in accepted:
            self.following.learn(position, record)
        return results

    def keep_unreadable(self, body: bytes, error: Exception) -> None:
        """Keep a body that is no JSON, as it came; bytes that are no UTF-8 are escaped."""
        text = body.decode(errors="backslashreplace").replace("\x00", "\\x00")
        with self.sessions.begin() as session:
            repository.keep_rejected(session, received_at=self.clock.now(), reason=str(error), body=text)

    def _judge(self, raw: Any, now: datetime) -> _Judged:
        try:
            envelope = _envelope(raw)
            if envelope.time is not None and envelope.time > now + self.intake.clock_skew:
                raise FutureKnowledgeError(f"Event '{envelope.id}'", "time", envelope.time, now)
            data = envelope.data
            if envelope.time is not None and "occurred_at" not in data:
                data = {"occurred_at": envelope.time, **data}
            record = read_record(RECORD_OF[EventType(envelope.type)], data, now=now, intake=self.intake)
        except (EventError, InvalidRecordError, RecordError) as error:
            return _Judged(raw, error=error)
        event = NewEvent(
            source=envelope.source,
            event_id=envelope.id,
            type=envelope.type,
            subject=subject_of(record),
            occurred_at=record.occurred_at,
            known_at=record.known_at,
            received_at=now,
            data=write_record(record),
        )
        return _Judged(raw, event, record, known_at_given="known_at" in data)

    def _keep(self, session: Session, judged: _Judged) -> EventResult:
        """Keep an event if it is new and the state can take it; a repeated one must say the same as before."""
        event, record = judged.event, judged.record
        if event is None or record is None:
            return EventResult("rejected", _text(judged.raw, "id"), _text(judged.raw, "source"), error=judged.error)
        try:
            if self._is_repeated(session, event, record, judged.known_at_given):
                return EventResult("duplicate", event.event_id, event.source)
            self.state.check(record)
            position = repository.append(session, event)
            if position is None:  # another process kept one like it in this very moment
                self._is_repeated(session, event, record, judged.known_at_given)
                return EventResult("duplicate", event.event_id, event.source)
        except (EventConflictError, RecordError) as error:
            return EventResult("rejected", event.event_id, event.source, error=error)
        return EventResult("accepted", event.event_id, event.source, position)

    def _is_repeated(self, session: Session, event: NewEvent, record: AnyRecord, known_at_given: bool) -> bool:
        kept = repository.find(session, event.source, event.event_id)
        if kept is None:
            return False
        if not known_at_given:
            record = record.model_copy(update={"known_at": kept.known_at})
        if kept.type != event.type:
            raise EventConflictError(event.source, event.event_id, kept.received_at)
        try:
            said_before = stored_record(kept.type, kept.data)
        except ValidationError as error:
            raise EventConflictError(event.source, event.event_id, kept.received_at, faults_of(error)) from error
        if said_before != record:
            raise EventConflictError(event.source, event.event_id, kept.received_at)
        return True


def _envelope(raw: Any) -> CloudEvent:
    try:
        envelope = CloudEvent.model_validate(raw)
    except ValidationError as error:
        faults = [Fault(".".join(map(str, fault["loc"])) or "event", fault["msg"]) for fault in error.errors()]
        raise EnvelopeError(faults) from error
    if envelope.type not in RECORD_OF:
        raise UnknownEventTypeError(envelope.type, [event_type.value for event_type in RECORD_OF])
    return envelope


def _identity(judged: _Judged) -> tuple[tuple[str, ...], ...]:
    match judged.record:
        case Shipment() as record:
            return (("shipment", record.shipment_id),)
        case DeliveryEvent() as record:
            return (("event", record.shipment_id, record.event_id),)
        case Place() as record:
            return (("place", record.place),)
        case Disruption() as record:
            return (("disruption", record.disruption_id),)
        case WarehouseTask() as record:
            return (("task", record.task_id),)
        case LabourShift() as record:
            return (("shift", record.shift_id),)
        case Tender() as record:
            return (("tender", record.shipment_id, record.tender_id),)
        case TenderResponse() as record:
            return (("tender response", record.shipment_id, record.response_id),)
        case Claim() as record:
            return (("claim", record.claim_id),)
        case BilledInvoice() as record:
            return (("invoice", record.invoice_id),)
        case PlacedOrder() as record:
            return (("order", record.order_id),)
        case InventoryPosition() as record:
            return (("stock", record.place, record.sku),)
        case InboundReceipt() as record:
            return (("stock", record.place, record.sku),)
        case InventoryAdjustment() as record:
            return (("adjustment", record.adjustment_id),)
    return ()


def _text(raw: Any, name: str) -> str | None:
    value = raw.get(name) if isinstance(raw, dict) else None
    return value if isinstance(value, str) else None
