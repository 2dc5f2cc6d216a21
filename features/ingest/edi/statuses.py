"""214, shipment status: each AT7 segment is an event."""

from __future__ import annotations

from collections.abc import Sequence

from features.ingest.edi.codes import APPOINTMENTS, PARTIES_AT_FAULT, STATUSES
from features.ingest.edi.faults import Reason, Remark
from features.ingest.edi.places import place_of
from features.ingest.edi.reading import Reading, split
from features.ingest.edi.segments import Segment
from features.records import DeliveryEvent
from features.vocabulary import Classifier, EventStatus, PartyAtFault

_LAST_WITH_PAIRS = 4020
"""Up to this release a status and its reason come together; later ones leave the reason open."""


def read_statuses(reading: Reading) -> None:
    """Read a 214 into delivery events."""
    head = reading.first("B10")
    shipment = head.text(2)
    if shipment is None:
        shipment = head.required(1)
        reading.remark(Remark.SHIPMENT_BY_CARRIER_NUMBER, "the shipment is named by the carrier's number alone", head)
    head.required(3)
    reading.first("AT7")
    for number, piece in enumerate(split(reading.segments, "AT7")[1:], start=1):
        with reading.part():
            _read_status(reading, piece, shipment, number)


def _read_status(reading: Reading, piece: Sequence[Segment], shipment: str, number: int) -> None:
    status, appointment = piece[0].text(1), piece[0].text(3)
    _check_pairs(reading, piece[0])
    reason = piece[0].text(2) or piece[0].text(4)
    reading.known(status, STATUSES, "status", piece[0])
    reading.known(appointment, APPOINTMENTS, "appointment", piece[0])
    reading.known(reason, PARTIES_AT_FAULT, "reason", piece[0])
    place = _place(piece)
    canonical = STATUSES.get(status or "", EventStatus.OTHER)
    reading.add(
        DeliveryEvent,
        piece[0],
        event_id=f"{reading.identity}/{number}",
        shipment_id=shipment,
        status=canonical,
        raw_status=status,
        reason=reason,
        party_at_fault=None if reason is None else PARTIES_AT_FAULT.get(reason, PartyAtFault.OTHER),
        appointment=appointment,
        classifier=_classifier(canonical, status),
        place=place,
        occurred_at=reading.instant(piece[0], 5, 6, 7, place=place),
    )


def _check_pairs(reading: Reading, at7: Segment) -> None:
    group = reading.transaction.group
    release = 0 if group is None or group.release is None else group.release
    if at7.text(1) is None and at7.text(3) is None:
        raise at7.error(Reason.ELEMENT_MISSING, "neither a status nor an appointment is given", 1)
    for code, reason in ((1, 2), (3, 4)):
        if at7.text(code) is None and at7.text(reason) is not None:
            raise at7.error(Reason.PAIR_INCOMPLETE, f"a reason {at7.text(reason)!r} stands without its status", code)
        if release <= _LAST_WITH_PAIRS and at7.text(code) is not None and at7.text(reason) is None:
            words = f"in release {release:06d} a status needs its reason beside it"
            raise at7.error(Reason.PAIR_INCOMPLETE, words, reason)


def _classifier(status: EventStatus, raw: str | None) -> Classifier:
    if raw is None:
        return Classifier.PLANNED
    return Classifier.ESTIMATED if status is EventStatus.ESTIMATED_DELIVERY else Classifier.ACTUAL


def _place(piece: Sequence[Segment]) -> str | None:
    """Return where a status was: what the MS1 segment behind it says, before the next line begins."""
    for segment in piece:
        if segment.tag == "MS1":
            return place_of(city=segment.text(1), state=segment.text(2), country=segment.text(3))
        if segment.tag == "LX":
            break
    return None
