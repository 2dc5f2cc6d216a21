"""210, freight invoice: the bill, and a line for each charge (L1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from features.amounts import minor_digits, money
from features.ingest.edi.codes import CHARGES, INVOICE_KINDS, KILOGRAMS, PAYMENTS
from features.ingest.edi.faults import Reason, Remark
from features.ingest.edi.names import Party, goods_of, parties_of, party, references_of
from features.ingest.edi.reading import Reading, pieces_of, split
from features.ingest.edi.segments import Segment
from features.invoice_records import FreightInvoice, InvoiceLine
from features.invoice_vocabulary import ChargeKind, InvoiceKind, RateBasis
from features.records import Reference
from features.vocabulary import FreightClass

_CLASSES = {word.value.replace(".", ""): word for word in FreightClass}
_ORIGIN, _DESTINATION = ("SH", "SF", "PW"), ("CN", "ST", "UC")
_DELIVERED = "035"
_LONGEST_RATE = 12
_MILE_KM = 1.609344
_BASES: dict[str, tuple[RateBasis, float]] = {
    "FR": (RateBasis.SHIPMENT, 1),
    "PH": (RateBasis.KILOGRAM, 100 * KILOGRAMS["L"]),
    "LB": (RateBasis.KILOGRAM, KILOGRAMS["L"]),
    "PM": (RateBasis.KILOMETRE, _MILE_KM),
}
"""Unit of a rate and how many of it the rate is for (L1-03): flat, a hundredweight, a pound, a mile."""


@dataclass(frozen=True, slots=True)
class _Bill:
    """What all parts of one bill share."""

    reading: Reading
    head: Segment
    parties: Sequence[Party]
    currency: str
    billed_at: datetime

    def minor(self, segment: Segment, element: int) -> int | None:
        return self.reading.minor(segment, element, self.currency)


def read_invoice(reading: Reading) -> None:
    """Read a 210 into a freight invoice and its lines; what does not add up is found, and kept as it stands."""
    head = reading.first("B3")
    told = next((segment for segment in reading.segments if segment.tag == "C3"), None)
    currency = reading.currency(None if told is None else told.text(1))
    pieces = split(reading.segments, "LX")
    parties = parties_of(pieces[0])
    bill = _Bill(reading, head, parties, currency, reading.instant(head, 6, place=_place(parties, *_ORIGIN)))
    lines: list[InvoiceLine] = []
    prepaid = 0
    for piece in pieces:
        lading = _Lading.of(piece)
        for l1 in (segment for segment in piece if segment.tag == "L1"):
            with reading.part():
                prepaid += bill.minor(l1, 6) or 0
                line = _line(bill, lading, l1, len(lines) + 1)
                if line is not None:
                    lines.append(line)
    with reading.part():
        invoice = _invoice(bill, lines, prepaid)
        reading.records += [invoice, *lines]
        _compare(reading, invoice, lines, head)


def _invoice(bill: _Bill, lines: Sequence[InvoiceLine], prepaid: int) -> FreightInvoice:
    reading, head = bill.reading, bill.head
    net_due = bill.minor(head, 7)
    if net_due is None:
        raise head.error(Reason.ELEMENT_MISSING, "the net amount due is missing", 7)
    billed, kind = party(bill.parties, "BT", "PR"), head.text(8)
    reading.known(kind, INVOICE_KINDS, "correction indicator", head)
    classes = {line.freight_class for line in lines if line.freight_class}
    return reading.make(
        FreightInvoice,
        head,
        invoice_id=reading.identity,
        invoice_number=head.required(2),
        carrier_id=head.required(11),
        shipment_id=head.text(3),
        kind=InvoiceKind.ORIGINAL if kind is None else INVOICE_KINDS.get(kind, InvoiceKind.CORRECTION),
        raw_kind=kind,
        payment=PAYMENTS.get(head.text(4) or ""),
        bill_to=None if billed is None else billed.code or billed.name,
        delivered_at=_delivered(bill),
        origin=_place(bill.parties, *_ORIGIN),
        destination=_place(bill.parties, *_DESTINATION),
        freight_class=classes.pop() if len(classes) == 1 else None,
        net_due_minor=net_due,
        currency=bill.currency,
        references=references_of(reading.segments),
        occurred_at=bill.billed_at,
        **_totals(bill, prepaid),
    )


def _place(parties: Sequence[Party], *roles: str) -> str | None:
    found = party(parties, *roles)
    return None if found is None else found.place


def _delivered(bill: _Bill) -> datetime | None:
    if bill.head.text(9) is None or bill.head.text(10) != _DELIVERED:
        return None
    return bill.reading.instant(bill.head, 9, place=_place(bill.parties, *_DESTINATION))


def _totals(bill: _Bill, prepaid: int) -> dict[str, Any]:
    """Return what L3 states of the whole: weight, pieces, charge, what is prepaid."""
    total = next((segment for segment in reversed(bill.reading.segments) if segment.tag == "L3"), None)
    if total is None:
        return {"prepaid_minor": prepaid or None}
    stated = bill.minor(total, 7)
    return {
        "weight_kg": bill.reading.kilograms(total, 1, total.text(12)),
        "pieces": pieces_of(total, 11),
        "total_minor": bill.minor(total, 5),
        "prepaid_minor": stated if stated is not None else prepaid or None,
    }


@dataclass(frozen=True, slots=True)
class _Lading:
    """What an LX loop says of the goods: measures (L0) by the number a charge names, class, what and whose they are."""

    measures: Mapping[str | None, Segment]
    freight_class: FreightClass | None
    description: str | None
    goods: Reference | None

    @classmethod
    def of(cls, piece: Sequence[Segment]) -> _Lading:
        measures = {segment.text(1): segment for segment in reversed(piece) if segment.tag == "L0"}
        classed = next((segment.text(7) for segment in piece if segment.tag == "L7" and segment.text(7)), None)
        described = next((segment.text(2) for segment in piece if segment.tag == "L5" and segment.text(2)), None)
        # What stands before the first LX is about the whole bill.
        goods = goods_of(piece) if piece and piece[0].tag == "LX" else None
        return cls(measures, _class(classed), described, goods)


def _line(bill: _Bill, lading: _Lading, l1: Segment, line_number: int) -> InvoiceLine | None:
    """Return the line of a charge; None where it bears none, as where an amount is prepaid."""
    amount = bill.minor(l1, 4)
    if amount is None:
        amount = bill.minor(l1, 5)
    if amount is None:
        return None
    code, measures = l1.text(8), lading.measures.get(l1.text(1))
    weight = None if measures is None else bill.reading.kilograms(measures, 4, measures.text(11))
    bill.reading.known(code, CHARGES, "charge", l1)
    return bill.reading.make(
        InvoiceLine,
        l1,
        invoice_id=bill.reading.identity,
        line_number=line_number,
        kind=ChargeKind.LINE_HAUL if code is None else CHARGES.get(code, ChargeKind.OTHER),
        charge_code=code,
        description=l1.text(12) or lading.description,
        amount_minor=amount,
        currency=bill.currency,
        weight_kg=weight,
        pieces=None if measures is None else pieces_of(measures, 8),
        freight_class=lading.freight_class,
        reference_kind=None if lading.goods is None else lading.goods.kind,
        reference=None if lading.goods is None else lading.goods.value,
        occurred_at=bill.billed_at,
        **_rate(l1, measures, weight, bill.currency),
    )


def _rate(l1: Segment, measures: Segment | None, weight: float | None, currency: str) -> dict[str, Any]:
    """Return the rate in whole minor units for so many units, and how many of these are billed."""
    rate, basis = l1.decimal(2), _BASES.get(l1.text(3) or "")
    if rate is None or basis is None or rate.startswith("-"):
        return {}
    if len(rate) > _LONGEST_RATE:
        raise l1.error(Reason.NUMBER, f"the rate {rate!r} is longer than {_LONGEST_RATE} characters", 2)
    unit, per = basis
    minor = Decimal(rate).scaleb(minor_digits(currency))
    finer = max(0, -int(minor.normalize().as_tuple().exponent))
    quantity: float | None = 1
    if unit is RateBasis.KILOGRAM:
        quantity = weight
    elif unit is RateBasis.KILOMETRE:
        miles = None if measures is None or measures.text(3) != "DM" else measures.amount(2)
        quantity = None if miles is None else miles * _MILE_KM
    return {
        "basis": unit,
        "rate_minor": int(minor.scaleb(finer)),
        "rate_per": per * 10**finer,
        "quantity": quantity,
    }


def _class(text: str | None) -> FreightClass | None:
    return _CLASSES.get((text or "").replace(".", ""))


def _compare(reading: Reading, invoice: FreightInvoice, lines: Sequence[InvoiceLine], head: Segment) -> None:
    """Find what does not add up: the lines are the total, and the total less what is prepaid is the net due."""
    found = sum(line.amount_minor for line in lines)
    net = found - (invoice.prepaid_minor or 0)
    if net != invoice.net_due_minor:
        asked = money(invoice.net_due_minor, invoice.currency)
        words = f"the lines come to {money(net, invoice.currency)} net, {asked} is asked for"
        reading.remark(Remark.LINES_DIFFER, words, head)
    if invoice.total_minor is not None and invoice.total_minor != found:
        stated = money(invoice.total_minor, invoice.currency)
        words = f"the lines come to {money(found, invoice.currency)}, {stated} is stated"
        reading.remark(Remark.TOTAL_DIFFERS, words, head)
