"""Findings on an invoice as a paper: whether it is ours, of a shipment, in time, and not a second time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from features.amounts import money
from features.billing import Bill
from features.charges import Reason
from features.duplicates import Repeats
from features.invoice_records import FreightInvoice
from features.invoice_vocabulary import ChargeKind, Discrepancy, InvoiceKind
from features.vocabulary import EventStatus
from models.audit.arithmetic import lines_of
from models.audit.findings import AuditSettings, Finding

_MOVED = (EventStatus.DEPARTED, EventStatus.DELIVERED)


def paper_findings(bill: Bill, repeats: Repeats, settings: AuditSettings) -> list[Finding]:
    """Return what is wrong with the invoice whatever its charges."""
    if bill.invoice.kind is InvoiceKind.CANCELLATION:
        return []
    found = [
        _repeat(bill, repeats),
        _payer(bill, settings),
        _late(bill, settings),
        _shipment(bill),
        _delivery(bill, settings),
        _currency(bill),
        _no_rate(bill, settings),
    ]
    return [finding for finding in found if finding is not None]


def is_supplement(bill: Bill, same_shipment: Sequence[FreightInvoice]) -> bool:
    """Tell whether a bill adds to earlier ones for its shipment: it says so, or has no line haul."""
    if not same_shipment or bill.invoice.kind not in (InvoiceKind.BALANCE_DUE, InvoiceKind.ORIGINAL):
        return False
    has_haul = not bill.lines or bool(lines_of(bill, ChargeKind.LINE_HAUL))
    return bill.invoice.kind is InvoiceKind.BALANCE_DUE or not has_haul


def _whole(bill: Bill, label: Discrepancy, words: str, others: Sequence[FreightInvoice] = ()) -> Finding:
    names = tuple(other.invoice_id for other in others)
    return Finding(label, words, bill.total_minor, None, (), bill.total_minor, 0, other_invoice_ids=names)


def _repeat(bill: Bill, repeats: Repeats) -> Finding | None:
    """Return what of this bill was billed before.

    A shipment is billed once; a further bill for it may ask for what is still owed and no more. Without a shipment in
    common, the same amount must meet the same number, a similar one, or a common reference.
    """
    invoice = bill.invoice
    if invoice.kind is InvoiceKind.CORRECTION:
        return None
    same = [other for other in repeats.same_shipment if other.currency == invoice.currency]
    if same:
        return _of_shipment(bill, same)
    if invoice.kind is not InvoiceKind.ORIGINAL:
        return None
    for others, what in (
        (repeats.same_number, "number"),
        (repeats.similar_number, "similar number"),
        (repeats.same_reference, "reference"),
    ):
        alike = [
            other
            for other in others
            if other.net_due_minor == invoice.net_due_minor
            and other.currency == invoice.currency
            and None in (other.shipment_id, invoice.shipment_id)
            and _agree(invoice, other)
        ]
        if alike:
            words = f"the same amount was billed by {_named(alike[0])} under the same {what}".replace(
                "same similar", "similar"
            )
            return _whole(bill, Discrepancy.DUPLICATE_INVOICE, words, alike)
    return None


def _agree(one: FreightInvoice, other: FreightInvoice) -> bool:
    """Tell whether two bills may be for one shipment: nothing that both state differs."""
    return all(
        getattr(one, name) == getattr(other, name) or None in (getattr(one, name), getattr(other, name))
        for name in ("weight_kg", "pieces", "origin", "destination", "delivered_at")
    )


def _of_shipment(bill: Bill, same: Sequence[FreightInvoice]) -> Finding | None:
    before = sum(other.comes_to_minor for other in same)
    names = tuple(other.invoice_id for other in same)
    owed = bill.expected.total_minor if bill.invoice.currency == bill.expected.currency else None
    listed = ", ".join(_named(other) for other in same)
    if not is_supplement(bill, same):
        words = f"the shipment was billed before by {listed}"
        return _whole(bill, Discrepancy.DUPLICATE_INVOICE, words, same)
    if owed is None:
        return None
    over = min(before + bill.total_minor - owed, bill.total_minor)
    if over <= 0:
        return None
    known, whole = (money(amount, bill.invoice.currency) for amount in (before, owed))
    words = f"{known} of the {whole} that are owed for the shipment were billed before by {listed}"
    right = bill.total_minor - over
    return Finding(Discrepancy.BALANCE_DUE_REBILL, words, over, None, (), bill.total_minor, right, None, (), names)


def _payer(bill: Bill, settings: AuditSettings) -> Finding | None:
    payer = bill.invoice.bill_to
    if payer is None or not settings.payers or payer in settings.payers:
        return None
    return _whole(bill, Discrepancy.WRONG_BILL_TO, f"it is addressed to {payer}, which is not one of ours")


def _late(bill: Bill, settings: AuditSettings) -> Finding | None:
    delivered = next((event for event in bill.events if event.status is EventStatus.DELIVERED), None)
    if delivered is None:
        return None
    days = (bill.invoice.occurred_at - delivered.occurred_at) / timedelta(days=1)
    if days <= settings.bill_within_days:
        return None
    words = f"it is of {days:.0f} days after the delivery, {settings.bill_within_days} are allowed"
    whole = _whole(bill, Discrepancy.LATE_BILLED, words)
    return Finding(whole.label, words, whole.difference_minor, None, (), whole.billed_minor, 0, None,
                   (delivered.event_id,))  # fmt: skip


def _shipment(bill: Bill) -> Finding | None:
    invoice, shipment = bill.invoice, bill.shipment
    if shipment is None:
        if invoice.shipment_id is None and not invoice.references:
            return Finding(Discrepancy.MISSING_REFERENCE, "it names no shipment and no other number")
        named = f"shipment {invoice.shipment_id}" if invoice.shipment_id else _numbers_of(invoice)
        return Finding(Discrepancy.NO_SHIPMENT_MATCH, f"no shipment is known under {named}")
    if shipment.carrier_id != invoice.carrier_id:
        words = f"carrier {invoice.carrier_id} bills a shipment that was given to carrier {shipment.carrier_id}"
        return Finding(Discrepancy.NO_SHIPMENT_MATCH, words)
    return None


def _delivery(bill: Bill, settings: AuditSettings) -> Finding | None:
    if bill.shipment is None:
        return None
    status = {event.status for event in bill.events}
    if EventStatus.CANCELLED in status and not status & set(_MOVED):
        cancelled = [event.event_id for event in bill.events if event.status is EventStatus.CANCELLED]
        whole = _whole(bill, Discrepancy.SERVICE_NOT_RENDERED, "the shipment was cancelled and never left")
        return Finding(whole.label, whole.words, whole.difference_minor, None, (), whole.billed_minor, 0, None,
                       tuple(cancelled))  # fmt: skip
    if settings.delivery_is_shown and EventStatus.DELIVERED not in status and EventStatus.RETURNED not in status:
        return Finding(Discrepancy.NO_POD, "no delivery of the shipment is known")
    return None


def _currency(bill: Bill) -> Finding | None:
    agreed, billed = bill.expected.currency, bill.invoice.currency
    if None in (agreed, billed) or agreed == billed:
        return None
    return Finding(Discrepancy.CURRENCY, f"it is in {billed}, the contract is in {agreed}")


def _no_rate(bill: Bill, settings: AuditSettings) -> Finding | None:
    doubt = next((doubt for doubt in bill.expected.doubts if doubt.reason is Reason.NO_CONTRACT), None)
    if doubt is None or not settings.rates_are_on_file:
        return None
    return Finding(Discrepancy.RATE_NOT_ON_FILE, doubt.words, None, ChargeKind.LINE_HAUL)


def _named(invoice: FreightInvoice) -> str:
    return f"invoice {invoice.invoice_number or invoice.invoice_id} of {invoice.occurred_at:%Y-%m-%d}"


def _numbers_of(invoice: FreightInvoice) -> str:
    return ", ".join(f"{one.kind.name.lower().replace('_', ' ')} {one.value}" for one in invoice.references)
