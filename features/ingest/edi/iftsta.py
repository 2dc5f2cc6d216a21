"""IFTSTA, multimodal status report: each STS segment of each consignment (CNI) is an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from features.ingest.edi.clocks import date_of, time_of
from features.ingest.edi.codes import EDIFACT_STATUSES
from features.ingest.edi.edifact import COMPONENT, component
from features.ingest.edi.faults import Fault, Reason, TransactionError
from features.ingest.edi.reading import Reading, split
from features.ingest.edi.segments import Segment
from features.records import DeliveryEvent
from features.vocabulary import Classifier, EventStatus, PartyAtFault

_DATES = (
    (("334", "7", "178", "186", "35", "200"), Classifier.ACTUAL),
    (("132", "133", "17"), Classifier.ESTIMATED),
)
"""What a date is of (DTM, element 2005): the status, an arrival, a departure, a delivery, a pickup; what is only
expected."""

_MESSAGE = "137"
"""The date of the message, which is that of a status for which none of these is told."""

_CONSIGNMENTS = ("CU", "SI", "CN", "BM", "AAS")
"""References that name a consignment where CNI does not (RFF, element 1153)."""

_DELIVERY, _DEPARTURE = frozenset({"7", "8"}), frozenset({"5", "9"})
_BY_PLACE = {
    (EventStatus.TERMINAL_ARRIVED, _DELIVERY): EventStatus.DELIVERY_ARRIVED,
    (EventStatus.TERMINAL_DEPARTED, _DEPARTURE): EventStatus.DEPARTED,
}
"""What an arrival or a departure is where the place is that of delivery, or that of departure (LOC, element 3227)."""

_DAY, _MINUTE, _SECOND, _MINUTE_UTC = "102", "203", "204", "303"


def read_iftsta(reading: Reading) -> None:
    """Read an IFTSTA into delivery events."""
    heading, *consignments = split(reading.segments, "CNI")
    message = _dates(heading).get(_MESSAGE)
    if not consignments:
        position = len(reading.transaction.segments)
        raise TransactionError(Fault(Reason.SEGMENT_MISSING, "the message has no CNI segment", "CNI", position))
    number = 0
    for consignment in consignments:
        with reading.part():
            header, *pieces = split(consignment, "STS")
            shipment = _shipment(header)
            if not pieces:
                raise header[0].error(Reason.SEGMENT_MISSING, "the consignment has no STS segment")
            for piece in pieces:
                number += 1
                _read_status(reading, piece, shipment, number, message)


def _shipment(header: Sequence[Segment]) -> str:
    told = component(header[0], 2, 1)
    references = {component(one, 1, 1): component(one, 1, 2) for one in header if one.tag == "RFF"}
    told = told or next((references[kind] for kind in _CONSIGNMENTS if references.get(kind)), None)
    if told is None:
        raise header[0].error(Reason.ELEMENT_MISSING, "neither CNI nor RFF names the consignment", 2)
    return told


def _read_status(
    reading: Reading, piece: Sequence[Segment], shipment: str, number: int, message: Segment | None
) -> None:
    status = component(piece[0], 2, 1)
    if status is None:
        raise piece[0].error(Reason.ELEMENT_MISSING, "the status is missing", 2)
    reason, (place, kind) = component(piece[0], 3, 1), _place(piece)
    reading.known(status, EDIFACT_STATUSES, "status", piece[0])
    canonical = EDIFACT_STATUSES.get(status, EventStatus.OTHER)
    for (general, kinds), special in _BY_PLACE.items():
        canonical = special if canonical is general and kind in kinds else canonical
    occurred_at, classifier = _time(reading, piece, place, message)
    reading.add(
        DeliveryEvent,
        piece[0],
        event_id=f"{reading.identity}/{number}",
        shipment_id=shipment,
        status=canonical,
        raw_status=status,
        reason=reason,
        party_at_fault=None if reason is None else PartyAtFault.OTHER,
        text=next((_words(one) for one in piece if one.tag == "FTX"), None),
        classifier=classifier,
        place=place,
        occurred_at=occurred_at,
    )


def _place(piece: Sequence[Segment]) -> tuple[str | None, str]:
    """Return the place of a status and what kind of place it is."""
    for segment in piece:
        if segment.tag == "LOC":
            return component(segment, 2, 1) or component(segment, 2, 4), segment.text(1) or ""
    return None, ""


def _words(text: Segment) -> str | None:
    return text.text(4) and (text.text(4) or "").replace(COMPONENT, " ")


def _dates(piece: Sequence[Segment]) -> dict[str | None, Segment]:
    return {component(one, 1, 1): one for one in reversed(piece) if one.tag == "DTM"}


def _time(
    reading: Reading, piece: Sequence[Segment], place: str | None, message: Segment | None
) -> tuple[datetime, Classifier]:
    dates = _dates(piece)
    for kinds, classifier in _DATES:
        for kind in kinds:
            if kind in dates:
                return _instant(reading, dates[kind], place), classifier
    told = dates.get(_MESSAGE, message)
    if told is None:
        raise piece[0].error(Reason.SEGMENT_MISSING, "no DTM segment of the status or the message says when it was")
    return _instant(reading, told, place, by_sender=told is message), Classifier.ACTUAL


def _instant(reading: Reading, dtm: Segment, place: str | None, *, by_sender: bool = False) -> datetime:
    text, form = component(dtm, 1, 2) or "", component(dtm, 1, 3)
    if form == _MINUTE_UTC:
        if not text.endswith(("UTC", "GMT")):
            raise dtm.error(Reason.ZONE, f"{text!r} does not end in UTC or GMT", 1)
        text = text[:-3]
    elif form not in (_DAY, _MINUTE, _SECOND):
        raise dtm.error(Reason.CODE, f"{form!r} is no form of a time that is known here: 102, 203, 204, 303", 1)
    try:
        day, clock = date_of(text[:8]), None if form == _DAY else time_of(text[8:])
    except ValueError as error:
        raise dtm.error(Reason.DATE, f"{text!r} is no time of the form {form}", 1) from error
    if form == _MINUTE_UTC and clock is not None:
        return datetime.combine(day, clock, UTC)
    return reading.localised(dtm, day, clock, place=place, by_sender=by_sender)
