"""Invoices with all that was known about each when it came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from features.as_known import counts_from, standing
from features.billing import Bill
from features.contracts import Contracts
from features.invoice_records import FreightInvoice, InvoiceLine
from features.progress import Progress
from features.rating import rate_shipment
from features.records import DeliveryEvent, Shipment
from features.tables import RecordTables, events_of, records_of, shipments_of


def bill_of(
    invoice: FreightInvoice,
    lines: Iterable[InvoiceLine],
    plans: Iterable[Shipment],
    events: Iterable[DeliveryEvent],
    contracts: Contracts,
    cutoff: datetime | None = None,
) -> Bill:
    """Return an invoice with what was known about it when it came in, and with what is owed for its shipment.

    Parameters
    ----------
    lines, plans, events
        Of this invoice and of its shipment; what was not known by then changes nothing.
    cutoff
        Another instant to know by, later than its coming in.
    """
    cutoff = counts_from(invoice) if cutoff is None else cutoff
    shipment, told = plan_at(plans, cutoff), list(events)
    return Bill(
        invoice=invoice,
        lines=tuple(line for line in lines if counts_from(line) <= cutoff),
        shipment=shipment,
        events=standing(told, cutoff),
        expected=rate_shipment(shipment, told, contracts, cutoff),
        cutoff=cutoff,
    )


def bills_of(
    tables: RecordTables,
    contracts: Contracts,
    progress: Progress | None = None,
) -> list[Bill]:
    """Return the invoices of tables with what was known about each, in the order of their table."""
    invoices = list(invoices_of(tables))
    plans, events = plans_of(tables), _events_of(tables)
    lines: dict[str, list[InvoiceLine]] = defaultdict(list)
    own = tables.invoice_lines["invoice_id"].isin(tables.freight_invoices["invoice_id"])
    for line in records_of(replace(tables, invoice_lines=tables.invoice_lines[own]), InvoiceLine):
        lines[line.invoice_id].append(line)
    bills = []
    for invoice in invoices:
        of_shipment = invoice.shipment_id or ""
        bills.append(
            bill_of(
                invoice, lines[invoice.invoice_id], plans.get(of_shipment, ()), events.get(of_shipment, ()), contracts
            )
        )
        if progress is not None:
            progress(len(bills), len(invoices))
    return bills


def invoices_of(tables: RecordTables) -> Iterator[FreightInvoice]:
    """Yield the invoices of tables, in the order of their table."""
    named = tables.references
    own = replace(tables, references=named[named["subject_id"].isin(tables.freight_invoices["invoice_id"])])
    return records_of(own, FreightInvoice)


def plans_of(tables: RecordTables) -> dict[str, list[Shipment]]:
    """Return the plans of the shipments that the invoices of tables name, by shipment."""
    wanted = tables.freight_invoices["shipment_id"].dropna()
    kept = replace(
        tables,
        shipments=tables.shipments[tables.shipments["shipment_id"].isin(wanted)],
        stops=tables.stops[tables.stops["shipment_id"].isin(wanted)],
        references=tables.references[tables.references["subject_id"].isin(wanted)],
    )
    plans: dict[str, list[Shipment]] = defaultdict(list)
    for plan in shipments_of(kept):
        plans[plan.shipment_id].append(plan)
    return plans


def _events_of(tables: RecordTables) -> dict[str, list[DeliveryEvent]]:
    wanted = tables.events["shipment_id"].isin(tables.freight_invoices["shipment_id"].dropna())
    events: dict[str, list[DeliveryEvent]] = defaultdict(list)
    for event in events_of(replace(tables, events=tables.events[wanted])):
        events[event.shipment_id].append(event)
    return events


def plan_at(plans: Iterable[Shipment], cutoff: datetime) -> Shipment | None:
    """Return the plan of one shipment that is in force at the cutoff: the one known last."""
    return max((plan for plan in plans if counts_from(plan) <= cutoff), key=lambda plan: plan.known_at, default=None)
