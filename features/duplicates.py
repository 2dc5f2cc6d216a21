"""Features of an invoice beside those that came before it: the same bill again, or nearly the same.

An invoice that corrects or cancels another one is no repeat of it, and nothing repeats one that was cancelled by then:
both are left aside. *Before* is the order of arrival, then of `invoice_id`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from features.as_known import counts_from
from features.declaration import Feature
from features.instants import micros
from features.invoice_records import FreightInvoice
from features.invoice_vocabulary import InvoiceKind

_OWNER, _SOURCE = "freight audit", "freight_invoices, references"
SIMILAR_WITHIN = timedelta(days=90)
_SIMILAR_WITHIN = SIMILAR_WITHIN // timedelta(microseconds=1)

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
Order = tuple[int, str]
"""Place of an invoice in the order of arrival: microseconds, and its id."""


class _Seen(NamedTuple):
    """An invoice that was taken in: its place in the order of arrival, and its number without what changes nothing."""

    order: Order
    number: str | None


Before = dict[tuple[object, ...], list[_Seen]]


@dataclass(frozen=True, slots=True)
class Repeats:
    """The invoices before one that have something in common with it; see `FEATURES` for each."""

    same_shipment: tuple[FreightInvoice, ...]
    same_number: tuple[FreightInvoice, ...]
    similar_number: tuple[FreightInvoice, ...]
    same_reference: tuple[FreightInvoice, ...]


class Ledger:
    """Invoices, found by what a repeat has in common with them; they may be taken in in any order.

    Whoever asks about an invoice is answered from those that came in before it.

    Parameters
    ----------
    find
        Returns an invoice that was taken in by its id; without it the ledger keeps them itself.
    """

    def __init__(self, find: Callable[[str], FreightInvoice] | None = None) -> None:
        self._kept: dict[str, FreightInvoice] | None = {} if find is None else None
        self._find = self._kept.__getitem__ if self._kept is not None else find
        self._by_shipment: Before = {}
        self._by_number: Before = {}
        self._by_amount: Before = {}
        self._by_reference: Before = {}
        self._cancelled: dict[tuple[str, str], list[Order]] = {}

    def take(self, invoice: FreightInvoice) -> None:
        """Take an invoice in, once."""
        number = None if invoice.invoice_number is None else plain_number(invoice.invoice_number)
        if invoice.kind is InvoiceKind.ORIGINAL:
            seen = _Seen(order_of(invoice), number)
            for groups, key in self._groups(invoice, number):
                insort(groups.setdefault(key, []), seen, key=_order)
            if self._kept is not None:
                self._kept[invoice.invoice_id] = invoice
        elif invoice.kind is InvoiceKind.CANCELLATION and number is not None:
            self._cancelled.setdefault((invoice.carrier_id, number), []).append(order_of(invoice))

    def repeats(self, invoice: FreightInvoice) -> Repeats:
        """Return what an invoice may repeat, of those taken in that came in before it."""
        number = None if invoice.invoice_number is None else plain_number(invoice.invoice_number)
        carrier, order = invoice.carrier_id, order_of(invoice)
        sharing = {
            other.order: other
            for reference in dict.fromkeys((one.kind, one.value) for one in invoice.references)
            for other in self._before(self._by_reference, order, carrier, *reference)
        }
        alike = [
            other
            for other in self._before(self._by_amount, order, carrier, invoice.currency, invoice.net_due_minor)
            if number is not None
            and other.number is not None
            and order[0] - other.order[0] < _SIMILAR_WITHIN
            and is_similar(number, other.number)
        ]
        return Repeats(
            same_shipment=self._found(self._before(self._by_shipment, order, carrier, invoice.shipment_id)),
            same_number=self._found(self._before(self._by_number, order, carrier, number)),
            similar_number=self._found(alike),
            same_reference=self._found(sharing.values()),
        )

    def cancels(self, invoice: FreightInvoice) -> tuple[FreightInvoice, ...]:
        """Return what an invoice takes back: those under its number that came in before and were not cancelled by then.

        Nothing unless it is a cancellation.
        """
        return self.repeats(invoice).same_number if invoice.kind is InvoiceKind.CANCELLATION else ()

    def cancelled_by(self, invoice: FreightInvoice) -> str | None:
        """Return the id of the first cancellation that takes an invoice back, of those that came in after it."""
        if invoice.kind is not InvoiceKind.ORIGINAL or invoice.invoice_number is None:
            return None
        cancelled = self._cancelled.get((invoice.carrier_id, plain_number(invoice.invoice_number)), ())
        return min((order for order in cancelled if order > order_of(invoice)), default=(0, None))[1]

    def values(self, invoice: FreightInvoice) -> tuple[float, ...]:
        """Return the features of one invoice, from those taken in that came in before it."""
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

    def _groups(self, invoice: FreightInvoice, number: str | None) -> Iterator[tuple[Before, tuple[object, ...]]]:
        if invoice.shipment_id is not None:
            yield self._by_shipment, (invoice.carrier_id, invoice.shipment_id)
        if number is not None:
            yield self._by_number, (invoice.carrier_id, number)
        yield self._by_amount, (invoice.carrier_id, invoice.currency, invoice.net_due_minor)
        for reference in dict.fromkeys((one.kind, one.value) for one in invoice.references):
            yield self._by_reference, (invoice.carrier_id, *reference)

    def _before(self, groups: Before, order: Order, carrier: str, *key: object) -> list[_Seen]:
        """Return those of a group that came in before and were not cancelled by then."""
        if None in key:
            return []
        group = groups.get((carrier, *key), [])
        return [seen for seen in group[: bisect_left(group, order, key=_order)] if not self._gone(carrier, seen, order)]

    def _gone(self, carrier: str, seen: _Seen, order: Order) -> bool:
        cancelled = () if seen.number is None else self._cancelled.get((carrier, seen.number), ())
        return any(seen.order < one < order for one in cancelled)

    def _found(self, seen: Iterable[_Seen]) -> tuple[FreightInvoice, ...]:
        assert self._find is not None  # noqa: S101  one of the two is given
        return tuple(self._find(one.order[1]) for one in seen)


def order_of(invoice: FreightInvoice) -> Order:
    """Return the place of an invoice in the order of arrival."""
    return micros(counts_from(invoice)), invoice.invoice_id


def _order(seen: _Seen) -> Order:
    return seen.order


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
