"""Features of an invoice beside those that came before it: the same bill again, or nearly the same.

An invoice that corrects or cancels another one is no repeat of it, and nothing repeats one that was cancelled by then:
both are left aside. *Before* is the order of arrival, then of `invoice_id`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from features.as_known import counts_from
from features.declaration import Feature
from features.invoice_records import FreightInvoice
from features.invoice_vocabulary import InvoiceKind

_OWNER, _SOURCE = "freight audit", "freight_invoices, references"
SIMILAR_WITHIN = timedelta(days=90)

FEATURES = (
    Feature(
        "same_shipment_amount_before",
        "invoices",
        "invoices of the carrier for the same shipment and amount before",
        _SOURCE,
        _OWNER,
    ),
    Feature(
        "same_shipment_before", "invoices", "invoices of the carrier for the same shipment before", _SOURCE, _OWNER
    ),
    Feature(
        "same_shipment_other_number_before",
        "invoices",
        "invoices of the carrier for the same shipment under another number before",
        _SOURCE,
        _OWNER,
    ),
    Feature("same_number_before", "invoices", "invoices of the carrier under the same number before", _SOURCE, _OWNER),
    Feature(
        "similar_number_before",
        "invoices",
        "invoices of the carrier with the same amount under a similar number before",
        _SOURCE,
        _OWNER,
        "90d",
    ),
    Feature(
        "same_reference_before",
        "invoices",
        "invoices of the carrier that share a reference, e.g. its PRO number, before",
        _SOURCE,
        _OWNER,
    ),
    Feature(
        "hours_since_same_shipment",
        "hours",
        "time since the newest invoice of the carrier for the same shipment",
        _SOURCE,
        _OWNER,
    ),
)

_SUFFIX = re.compile(r"(?<=\d)(-\d{1,2}|[A-Z])$")
Before = dict[tuple[object, ...], dict[str, FreightInvoice]]


@dataclass(frozen=True, slots=True)
class Repeats:
    """The invoices before one that have something in common with it; see `FEATURES` for each."""

    same_shipment: tuple[FreightInvoice, ...]
    same_number: tuple[FreightInvoice, ...]
    similar_number: tuple[FreightInvoice, ...]
    same_reference: tuple[FreightInvoice, ...]


@dataclass(slots=True)
class Ledger:
    """The invoices seen so far, found by what a repeat has in common with them."""

    by_shipment: Before = field(default_factory=lambda: defaultdict(dict))
    by_number: Before = field(default_factory=lambda: defaultdict(dict))
    by_amount: Before = field(default_factory=lambda: defaultdict(dict))
    by_reference: Before = field(default_factory=lambda: defaultdict(dict))

    def take(self, invoice: FreightInvoice) -> None:
        """Take an invoice in, after the question about it was answered."""
        if invoice.kind is InvoiceKind.ORIGINAL:
            for group in self._groups(invoice):
                group[invoice.invoice_id] = invoice
        elif invoice.kind is InvoiceKind.CANCELLATION and invoice.invoice_number is not None:
            for cancelled in list(self.by_number[invoice.carrier_id, plain_number(invoice.invoice_number)].values()):
                for group in self._groups(cancelled):
                    group.pop(cancelled.invoice_id, None)

    def repeats(self, invoice: FreightInvoice) -> Repeats:
        """Return what an invoice may repeat, of those taken in."""
        number = None if invoice.invoice_number is None else plain_number(invoice.invoice_number)
        sharing = {
            other.invoice_id: other
            for reference in dict.fromkeys((one.kind, one.value) for one in invoice.references)
            for other in self._found(self.by_reference, invoice.carrier_id, *reference)
        }
        alike = [
            other
            for other in self._found(self.by_amount, invoice.carrier_id, invoice.currency, invoice.net_due_minor)
            if number is not None
            and other.invoice_number is not None
            and counts_from(invoice) - counts_from(other) < SIMILAR_WITHIN
            and is_similar(number, plain_number(other.invoice_number))
        ]
        return Repeats(
            same_shipment=tuple(self._found(self.by_shipment, invoice.carrier_id, invoice.shipment_id)),
            same_number=tuple(self._found(self.by_number, invoice.carrier_id, number)),
            similar_number=tuple(alike),
            same_reference=tuple(sharing.values()),
        )

    def values(self, invoice: FreightInvoice) -> tuple[float, ...]:
        """Return the features of one invoice, from those taken in."""
        found = self.repeats(invoice)
        same, amount = found.same_shipment, invoice.net_due_minor
        newest = max((counts_from(other) for other in same), default=None)
        return (
            sum(other.net_due_minor == amount and other.currency == invoice.currency for other in same),
            len(same),
            sum(other.invoice_number != invoice.invoice_number for other in same),
            len(found.same_number),
            len(found.similar_number),
            len(found.same_reference),
            float("nan") if newest is None else _hours(counts_from(invoice), newest),
        )

    def _groups(self, invoice: FreightInvoice) -> Iterator[dict[str, FreightInvoice]]:
        if invoice.shipment_id is not None:
            yield self.by_shipment[invoice.carrier_id, invoice.shipment_id]
        if invoice.invoice_number is not None:
            yield self.by_number[invoice.carrier_id, plain_number(invoice.invoice_number)]
        yield self.by_amount[invoice.carrier_id, invoice.currency, invoice.net_due_minor]
        for reference in invoice.references:
            yield self.by_reference[invoice.carrier_id, reference.kind, reference.value]

    def _found(self, groups: Before, *key: object) -> list[FreightInvoice]:
        return list(groups[key].values()) if None not in key and key in groups else []


def in_order_of_arrival(invoices: Iterable[FreightInvoice]) -> list[FreightInvoice]:
    """Return the invoices as they came in."""
    return sorted(invoices, key=lambda invoice: (counts_from(invoice), invoice.invoice_id))


def plain_number(number: str) -> str:
    """Return a number without what changes nothing: case, blanks, signs at its ends, leading zeros."""
    return re.sub(r"[^0-9A-Z-]", "", number.upper()).strip("-").lstrip("0")


def is_similar(one: str, other: str) -> bool:
    """Tell whether two plain numbers are not equal but nearly: but for a suffix, or for one character."""
    if one == other:
        return False
    if _SUFFIX.sub("", one) == _SUFFIX.sub("", other):
        return True
    if len(one) == len(other):
        apart = [place for place in range(len(one)) if one[place] != other[place]]
        swapped = len(apart) == 2 and apart[1] == apart[0] + 1
        return len(apart) == 1 or (swapped and one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]])
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return len(longer) == len(shorter) + 1 and any(
        longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer))
    )


def _hours(later: datetime, earlier: datetime) -> float:
    return (later - earlier) / timedelta(hours=1)
