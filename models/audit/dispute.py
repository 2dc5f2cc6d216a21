"""The words in which a finding is put to the carrier: what is billed, what is owed by which clause, what is asked."""

from __future__ import annotations

from features.amounts import money
from features.invoice_records import FreightInvoice
from features.invoice_vocabulary import Discrepancy
from models.audit.findings import WHOLE_BILL, Finding

_ASKED = {
    Discrepancy.RATE_NOT_ON_FILE: "Please name the agreement that this rate follows.",
    Discrepancy.CURRENCY: "Please bill in the currency of the contract.",
    Discrepancy.NO_POD: "Please send the proof of delivery; the invoice waits for it.",
    Discrepancy.MISSING_REFERENCE: "Please name the shipment by its bill of lading or PRO number.",
    Discrepancy.NO_SHIPMENT_MATCH: "Please name the order under which this was carried.",
}


def dispute_text(invoice: FreightInvoice, finding: Finding) -> str:
    """Return what is written to the carrier about one finding; an undercharge is told, not claimed."""
    currency = invoice.currency or ""
    subject = f"Invoice {invoice.invoice_number or invoice.invoice_id} of {invoice.occurred_at:%Y-%m-%d}"
    if invoice.shipment_id is not None:
        subject += f", shipment {invoice.shipment_id}"
    if finding.line_numbers:
        subject += f", line {', '.join(map(str, finding.line_numbers))}"
    parts = [f"{subject}: {finding.words}."]
    if finding.clause is not None:
        clause = finding.clause
        parts.append(
            f"Agreed is clause {clause.record_id}, in force from {clause.valid_from:%Y-%m-%d}: {clause.words}."
        )
    if finding.event_ids:
        parts.append(f"Evidence: event {', '.join(finding.event_ids)}.")
    if finding.other_invoice_ids:
        parts.append(f"Compare invoice {', '.join(finding.other_invoice_ids)}.")
    if finding.billed_minor is not None and finding.recomputed_minor is not None:
        billed, owed = (money(amount, currency) for amount in (finding.billed_minor, finding.recomputed_minor))
        parts.append(f"Billed: {billed}. Owed: {owed}.")
    return " ".join([*parts, _asked(finding, currency)])


def _asked(finding: Finding, currency: str) -> str:
    if finding.difference_minor is None:
        return _ASKED[finding.label]
    if finding.difference_minor < 0:
        return f"This is {money(-finding.difference_minor, currency)} in our favour."
    if finding.label in WHOLE_BILL:
        return f"Please withdraw the invoice or credit {money(finding.difference_minor, currency)}."
    return f"Please credit {money(finding.difference_minor, currency)}."
