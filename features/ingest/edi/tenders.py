"""204, load tender, and 990, the answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from features.carrier_records import Tender, TenderResponse
from features.ingest.edi.codes import CUBIC_METRES, MODES, PURPOSES, REPLIES, STOPS
from features.ingest.edi.faults import Fault, Reason, Remark, TransactionError
from features.ingest.edi.names import parties_of, references_of
from features.ingest.edi.reading import Reading, pieces_of, split
from features.ingest.edi.segments import Segment
from features.records import Shipment, Stop
from features.vocabulary import Mode, StopKind, TenderPurpose

_WINDOWS = {
    "37": "promised_from_at",
    "38": "promised_at",
    "53": "promised_from_at",
    "54": "promised_at",
    "10": "requested_at",
    "02": "requested_at",
    "68": "requested_at",
    "69": "planned_at",
    "70": "planned_at",
    "17": "estimated_at",
}
"""What a date at a stop is (G62-01): not before and not after, requested, scheduled, estimated."""

_RESPOND_BY = "64"
_NAMES_OF_STOPS = ("SH", "SF", "CN", "ST", "PW", "UC")


def read_tender(reading: Reading) -> None:
    """Read a 204 into a tender and, unless it is taken back, the shipment as it is offered."""
    head, purpose_told = reading.first("B2"), reading.first("B2A")
    purpose = PURPOSES.get(purpose_told.required(1))
    if purpose is None:
        words = f"{purpose_told.text(1)!r} is no purpose that is known here: {', '.join(PURPOSES)}"
        raise purpose_told.error(Reason.CODE, words, 1)
    header, *stops = split(reading.segments, "S5")
    shared = {
        "shipment_id": head.required(4),
        "carrier_id": head.required(2),
        "mode": _mode(reading),
        "references": references_of(reading.segments),
        "occurred_at": reading.sent_at,
        **_measures(reading),
    }
    offered = _offered(reading)
    read = [] if purpose is TenderPurpose.CANCELLATION else [_stop(reading, stop) for stop in stops]
    reading.add(
        Tender,
        head,
        tender_id=reading.identity,
        purpose=purpose,
        origin=read[0].place if read else None,
        destination=read[-1].place if read else None,
        respond_by=_respond_by(reading, header),
        **offered,
        **shared,
    )
    if purpose is TenderPurpose.CANCELLATION:
        return
    if len(read) < 2:
        words = f"there are {len(read)} S5 segments; a load has at least two stops"
        raise TransactionError(Fault(Reason.SEGMENT_MISSING, words, "S5", len(reading.transaction.segments)))
    reading.add(Shipment, head, **{**shared, "mode": shared["mode"] or Mode.OTHER}, stops=tuple(read))


def read_response(reading: Reading) -> None:
    """Read a 990 into the carrier's answer."""
    head = reading.first("B1")
    code = head.required(4)
    reply = REPLIES.get(code)
    if reply is None:
        raise head.error(Reason.CODE, f"{code!r} is no answer that is known here: {', '.join(REPLIES)}", 4)
    carrier_number = next((one.text(2) for one in reading.segments if one.tag == "N9" and one.text(1) == "CN"), None)
    reading.add(
        TenderResponse,
        head,
        response_id=reading.identity,
        shipment_id=head.required(2),
        carrier_id=head.required(1),
        reply=reply,
        raw_reply=code,
        reason=next((one.text(1) for one in reading.segments if one.tag == "K1"), None),
        carrier_reference=carrier_number,
        occurred_at=reading.sent_at if head.text(3) is None else reading.instant(head, 3, place=None, by_sender=True),
    )


def _mode(reading: Reading) -> Mode | None:
    told = next((segment for segment in reading.segments if segment.tag == "MS3"), None)
    code = None if told is None else told.text(4)
    if code not in MODES:
        reading.remark(Remark.MODE_UNKNOWN, f"the mode of transport is {code or 'not told'}", told)
    return MODES.get(code or "")


def _offered(reading: Reading) -> dict[str, Any]:
    total = _total(reading)
    if total is None or total.text(5) is None:
        return {}
    told = next((segment for segment in reading.segments if segment.tag == "C3"), None)
    currency = reading.currency(None if told is None else told.text(1))
    return {"offered_minor": reading.minor(total, 5, currency), "currency": currency}


def _measures(reading: Reading) -> dict[str, Any]:
    """Return weight, volume and pieces of the whole load (L3)."""
    total = _total(reading)
    if total is None:
        return {}
    unit = total.text(12) or next((one.text(2) for one in reading.segments if one.tag == "AT8" and one.text(2)), None)
    volume, volume_unit = total.amount(9), total.text(10) or ""
    return {
        "weight_kg": reading.kilograms(total, 1, unit),
        "volume_m3": volume * CUBIC_METRES[volume_unit] if volume is not None and volume_unit in CUBIC_METRES else None,
        "pieces": pieces_of(total, 11),
    }


def _total(reading: Reading) -> Segment | None:
    return next((segment for segment in reversed(reading.segments) if segment.tag == "L3"), None)


def _respond_by(reading: Reading, header: Sequence[Segment]) -> datetime | None:
    for segment in header:
        if segment.tag == "G62" and segment.text(1) == _RESPOND_BY:
            return reading.instant(segment, 2, 4, 5, place=None, by_sender=True)
    return None


def _stop(reading: Reading, piece: Sequence[Segment]) -> Stop:
    head = piece[0]
    code = head.required(2)
    reading.known(code, STOPS, "stop reason", head)
    where = next((one.place for one in parties_of(piece) if one.role in _NAMES_OF_STOPS and one.place), None)
    if where is None:
        raise head.error(Reason.SEGMENT_MISSING, "the stop has no N1 with an N4 behind it, so it has no place")
    times = {
        _WINDOWS[segment.text(1) or ""]: reading.instant(segment, 2, 4, 5, place=where)
        for segment in piece
        if segment.tag == "G62" and segment.text(1) in _WINDOWS
    }
    try:
        return Stop(place=where, kind=STOPS.get(code, StopKind.TRANSFER), timezone=reading.zone_of(where), **times)
    except ValueError as error:
        raise head.error(Reason.RECORD, "the end of the stop's window is before its beginning") from error
