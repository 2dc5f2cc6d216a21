"""The online state of freight invoices: takes bills one by one, in any order, and answers with the batch's numbers.

A bill is judged by what was known when it came in. What is kept of a past bill is what later ones are compared with:
how to find it, its surcharge and charges, and whether it was too high. The last is re-rated only as far back as
somebody asks, and anew where something that it rests on was known by then and is told only now.

The bills of a history are read when somebody asks for the first time: where nobody does, they take neither the time nor
the memory. Until then what comes in is only kept.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain

import numpy as np
import pandas as pd

from features import billing, likeness
from features.as_known import counts_from
from features.billing import PARTS, Bill
from features.bills import bill_of, bills_of, invoices_of, plan_at
from features.contracts import Contracts, Terms
from features.duplicates import Ledger, Order, order_of
from features.errors import RecordError
from features.history import DAY, WINDOWS
from features.instants import micros, micros_of
from features.invoice import HABIT_WINDOWS, Habit, InvoiceMatrix, habit_facts
from features.invoice_archive import InvoiceArchive
from features.invoice_records import (
    Accessorial,
    BilledInvoice,
    CarrierRate,
    FreightInvoice,
    FuelIndex,
    InvoiceLine,
)
from features.invoice_vocabulary import ChargeKind
from features.likeness import FuelPeers, Peers, Twins, codes_of, surcharge_of
from features.live_habits import LiveCharges, LiveHabits
from features.records import DeliveryEvent, Shipment
from features.tables import RecordTables, records_of
from features.timeline import NEVER

Told = Callable[[str], tuple[Iterable[Shipment], Iterable[DeliveryEvent]]]
"""Returns the plans and the events that are held of a shipment."""

_LOOKS_BACK = max(WINDOWS[window] for window in HABIT_WINDOWS)
_READY_FOR = 30 * DAY
"""Whoever asks about a bill that came in so long before the newest one need not wait, once all is ready."""
_AT_ONCE = 5_000


class LiveInvoices:
    """All invoices and contracts that are known, ready to be asked."""

    def __init__(self, told: Told) -> None:
        self.contracts = Contracts(())
        self._told = told
        self._archive = InvoiceArchive()
        self._ledger = Ledger(self._archive.invoice)
        self._unread: list[str] | None = None
        """Bills that came in after a history that nobody has asked about yet; None if all is read."""
        self._twins, self._peers = Twins(), FuelPeers()
        self._habits, self._charges = LiveHabits(), LiveCharges()
        self._orders: list[Order] = []
        self._of_shipment: dict[str, list[Order]] = {}
        self._peers_of: dict[str, Peers] = {}
        self._habit_of: dict[str, Habit] = {}
        self._reached = NEVER
        """Of bills that came in from this instant on it is counted whether they were too high."""

    def __contains__(self, invoice_id: str) -> bool:
        return invoice_id in self._archive

    def __len__(self) -> int:
        return len(self._archive)

    @property
    def ledger(self) -> Ledger:
        """What finds the invoices that one may repeat."""
        self._read()
        return self._ledger

    def check(self, record: BilledInvoice) -> None:
        """Raise if an invoice came before with other contents, and change nothing."""
        if record.invoice_id in self._archive and not self._archive.is_told(record):
            raise RecordError(
                f"Invoice '{record.invoice_id}' came before with other contents. Give a corrected bill an invoice_id "
                f"of its own, and say in `kind` what it does to the one before."
            )

    def add(self, record: BilledInvoice) -> bool:
        """Take a bill in; False if it was there already."""
        if record.invoice_id in self._archive:
            return False
        self._archive.add(record)
        if self._unread is None:
            self._take(record.invoice_id)
        else:
            self._unread.append(record.invoice_id)
        return True

    def add_terms(self, terms: Terms) -> bool:
        """Take in what was agreed; False if it was there already."""
        if not self.contracts.add(terms):
            return False
        since = micros(counts_from(terms))
        for _, invoice_id in self._orders[bisect_left(self._orders, (since, "")) :]:
            self._count_anew(invoice_id)
        return True

    def note(self, record: Shipment | DeliveryEvent) -> None:
        """Look again at the bills of a shipment that came in when what a record, told only now, says was known."""
        for arrived, invoice_id in self._of_shipment.get(record.shipment_id, ()):
            if arrived >= micros(counts_from(record)):
                self._count_anew(invoice_id)

    def add_tables(self, tables: RecordTables, *, in_bulk: bool) -> None:
        """Take in the invoices and contracts of canonical tables.

        Parameters
        ----------
        in_bulk
            Whether nothing else was told before, of shipments neither.
        """
        if in_bulk and not len(self):
            self.contracts = Contracts.of_tables(tables)
            self._archive.load(tables)
            self._unread = []
            return
        agreed: tuple[Iterable[Terms], ...] = (
            records_of(tables, CarrierRate),
            records_of(tables, FuelIndex),
            records_of(tables, Accessorial),
        )
        for terms in chain.from_iterable(agreed):
            self.add_terms(terms)
        for bill in bills_of(tables, Contracts(())):
            self.add(billed(bill))

    def get_ready(self) -> None:
        """Count now what the first question would wait for: whether the bills of the last months were too high."""
        self._read()
        if self._orders:
            self._reach(self._orders[-1][0] - _LOOKS_BACK - _READY_FOR)

    def bill(self, invoice_id: str, cutoff: datetime | None = None) -> Bill:
        """Return a known invoice with what was known about it when it came in, or at a later instant."""
        invoice, lines = self._archive.invoice(invoice_id), self._archive.lines(invoice_id)
        return self._bill(invoice, lines, cutoff)

    def cancels(self, invoice_id: str) -> tuple[str, ...]:
        """Return which known invoices a known one takes back, being a cancellation."""
        return tuple(other.invoice_id for other in self.ledger.cancels(self._archive.invoice(invoice_id)))

    def cancelled_by(self, invoice_id: str) -> str | None:
        """Return which cancellation takes a known invoice back; None if none does."""
        return self.ledger.cancelled_by(self._archive.invoice(invoice_id))

    def bill_inline(self, record: BilledInvoice) -> Bill:
        """Return an invoice that was not told with what was known about it when it came in."""
        return self._bill(record.invoice(), record.invoice_lines(), None)

    def matrix(self, bill: Bill) -> InvoiceMatrix:
        """Return the features of one bill: a row as of `features.invoice.build_invoices`."""
        invoice = bill.invoice
        arrived = micros(counts_from(invoice))
        self._read()
        self._reach(arrived - _LOOKS_BACK)
        values = (
            *billing.values(bill, self.contracts),
            *self.ledger.values(invoice),
            *self._habits.values(invoice, arrived),
            *self._twins.values(invoice),
            *likeness.own_values(bill),
            self._peers.value(bill),
            *self._charges.values(invoice.carrier_id, codes_of(bill.lines), arrived),
        )
        return InvoiceMatrix(np.array([values], dtype=np.float64), (bill,))

    def _bill(self, invoice: FreightInvoice, lines: Iterable[InvoiceLine], cutoff: datetime | None) -> Bill:
        plans, events = ((), ()) if invoice.shipment_id is None else self._told(invoice.shipment_id)
        return bill_of(invoice, lines, plans, events, self.contracts, cutoff)

    def _take(self, invoice_id: str) -> None:
        """Make a bill that came in ready to be compared with."""
        bill = self.bill(invoice_id)
        self._note(bill.invoice)
        self._charges.add(bill.invoice.carrier_id, codes_of(bill.lines), micros(bill.cutoff))
        self._count(bill)

    def _note(self, invoice: FreightInvoice) -> None:
        order = order_of(invoice)
        self._ledger.take(invoice)
        self._twins.take(invoice)
        insort(self._orders, order)
        if invoice.shipment_id is not None:
            self._of_shipment.setdefault(invoice.shipment_id, []).append(order)

    def _count(self, bill: Bill) -> None:
        """Count a bill among those that later ones are compared with."""
        order, stated = order_of(bill.invoice), surcharge_of(bill)
        if stated is not None:
            self._peers_of[order[1]] = stated[0]
            self._peers.add(order, *stated)
        if order[0] >= self._reached:
            self._count_habit(bill)

    def _count_habit(self, bill: Bill) -> None:
        habit = self._habit_of[bill.invoice.invoice_id] = habit_facts(bill)
        self._habits.add(bill.invoice, micros(bill.cutoff), habit)

    def _count_anew(self, invoice_id: str) -> None:
        bill = self.bill(invoice_id)
        order, peers = order_of(bill.invoice), self._peers_of.pop(invoice_id, None)
        if peers is not None:
            self._peers.remove(order, peers)
        habit = self._habit_of.pop(invoice_id, None)
        if habit is not None:
            self._habits.remove(bill.invoice, order[0], habit)
        self._count(bill)

    def _reach(self, since: int) -> None:
        """Count whether bills were too high from an instant on."""
        if since >= self._reached:
            return
        first, end = (bisect_left(self._orders, (instant, "")) for instant in (since, self._reached))
        self._reached = since
        for _, invoice_id in self._orders[first:end]:
            self._count_habit(self.bill(invoice_id))

    def _read(self) -> None:
        """Make all that came in so far ready to be compared with."""
        if self._unread is None:
            return
        came_later, self._unread = self._unread, None
        for some in self._archive.history(_AT_ONCE):
            self._read_some(some)
        for invoice_id in came_later:
            self._take(invoice_id)

    def _read_some(self, tables: RecordTables) -> None:
        """Take in some invoices of a history; all at once would need the memory of all as records."""
        frame = tables.freight_invoices
        arrived, row_of = _starts(frame), {name: row for row, name in enumerate(frame["invoice_id"])}
        lines = _known_lines(tables, row_of, arrived)
        beside = lines[lines["kind"].isin([kind.value for kind in PARTS["accessorial"]])]
        codes = beside.assign(code=beside["charge_code"].fillna(""))[["row", "code"]].drop_duplicates()
        rows = codes["row"].to_numpy(dtype=np.int64)
        self._charges.add_many(frame["carrier_id"].tolist(), arrived, rows, codes["code"].tolist())
        fuel = lines[(lines["kind"] == ChargeKind.FUEL.value) & lines["percent"].notna()]
        fuel = fuel[~fuel["row"].duplicated(keep=False)]
        percents = dict(zip(fuel["invoice_id"], fuel["percent"].tolist(), strict=True))
        for invoice in invoices_of(tables):
            self._note(invoice)
            if invoice.shipment_id is None or invoice.invoice_id not in percents:
                continue
            plan = plan_at(self._told(invoice.shipment_id)[0], counts_from(invoice))
            peers = None if plan is None else likeness.peers_of(plan)
            if peers is not None:
                self._peers_of[invoice.invoice_id] = peers
                self._peers.add(order_of(invoice), peers, percents[invoice.invoice_id])


def billed(bill: Bill) -> BilledInvoice:
    """Return a bill as one message, with the lines that were known when it came in."""
    shared = {"invoice_id", "currency", "occurred_at", "known_at"}
    lines = [line.model_dump(exclude=shared) for line in bill.lines]
    return BilledInvoice.model_validate(bill.invoice.model_dump() | {"lines": lines})


def _starts(frame: pd.DataFrame) -> np.ndarray:
    return np.maximum(micros_of(frame["occurred_at"]), micros_of(frame["known_at"]))


def _known_lines(tables: RecordTables, row_of: dict[str, int], arrived: np.ndarray) -> pd.DataFrame:
    """Return the lines that were known when their invoice came in, with its `row`."""
    lines = tables.invoice_lines
    lines = lines[lines["invoice_id"].isin(row_of)]
    row = lines["invoice_id"].map(row_of).to_numpy(dtype=np.int64)
    return lines.assign(row=row)[_starts(lines) <= arrived[row]]
