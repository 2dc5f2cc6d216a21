"""The audit of freight invoices by rules: every finding is recomputed from contract and records, nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence

from features.amounts import money
from features.billing import Bill
from features.contracts import Contracts
from features.duplicates import Ledger, Repeats
from features.invoice_vocabulary import ChargeKind, Discrepancy, InvoiceKind
from models.audit.arithmetic import sum_findings
from models.audit.beside import beside_findings, tax_findings
from models.audit.findings import WHOLE_BILL, Audit, AuditSettings, Finding, tolerated
from models.audit.line_haul import fuel_findings, haul_findings, with_what_follows
from models.audit.papers import is_supplement, paper_findings
from models.audit.stated import Stated, as_stated, charge_of, side

_NOT_COMPARED = WHOLE_BILL | {Discrepancy.CURRENCY}
"""With one of these the charges are not compared: all are disputed, or they are in other money than the contract."""


def audit_bills(bills: Sequence[Bill], contracts: Contracts, settings: AuditSettings) -> list[Audit]:
    """Audit invoices, each with what was known when it came in, the earlier ones included.

    Returns
    -------
    In the order of the bills.
    """
    ledger = Ledger()
    for bill in bills:
        ledger.take(bill.invoice)
    return [audit_bill(bill, contracts, ledger.repeats(bill.invoice), settings) for bill in bills]


def audit_bill(bill: Bill, contracts: Contracts, repeats: Repeats, settings: AuditSettings) -> Audit:
    """Audit one invoice.

    Parameters
    ----------
    repeats
        The earlier invoices that it may repeat, as `features.duplicates.Ledger` returns them.
    """
    papers = paper_findings(bill, repeats, settings)
    labels = {finding.label for finding in papers}
    findings = [*papers, *sum_findings(bill)]
    is_apart = bill.invoice.kind is InvoiceKind.CANCELLATION or is_supplement(bill, repeats.same_shipment)
    if not is_apart and not labels & _NOT_COMPARED:
        findings += charge_findings(bill, contracts, settings)
    whole = bill.expected.total_minor
    kept, dropped = tolerated(findings, settings, bill.total_minor if whole is None else whole)
    return Audit(bill.invoice.invoice_id, bill.invoice.currency, kept, bill.expected.doubts, dropped)


def charge_findings(bill: Bill, contracts: Contracts, settings: AuditSettings) -> list[Finding]:
    """Compare a bill with its contract, charge by charge; what cannot be determined is left out.

    Where all can be determined, the differences of the findings add up to what the lines bill more than is owed.
    """
    stated = as_stated(bill, contracts, settings)
    if not bill.lines:
        return [*stated.findings, *_without_lines(bill, stated)]
    haul = [*stated.findings, *haul_findings(bill, contracts, stated)]
    fuel, fuel_follows = fuel_findings(bill, contracts, stated)
    beside, beside_follows = beside_findings(bill, contracts, stated)
    tax, tax_follows = tax_findings(bill, contracts, stated)
    charges = with_what_follows([*with_what_follows(haul, fuel_follows + beside_follows), *fuel, *beside], tax_follows)
    return [*charges, *tax]


def _without_lines(bill: Bill, stated: Stated) -> list[Finding]:
    """Compare a bill without lines as a whole."""
    owed = stated.expected.total_minor
    if owed is None or bill.total_minor == owed:
        return []
    difference = bill.total_minor - owed
    label = stated.unpriced[0].label if stated.unpriced else Discrepancy.RATE_MISMATCH
    haul = charge_of(stated.expected, ChargeKind.LINE_HAUL)
    billed, right = (money(amount, bill.invoice.currency) for amount in (bill.total_minor, owed))
    words = f"the invoice has no lines and comes to {billed}, {right} is owed"
    clause = haul.clause if haul is not None else None
    return [Finding(side(label, difference), words, difference, None, (), bill.total_minor, owed, clause)]
