"""A right bill under a small contract, to be spoilt in one respect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from features.contracts import Contracts
from features.fields import Record
from features.invoice import build_invoices
from features.invoice_records import FreightInvoice, InvoiceLine
from features.tables import RecordTables
from models.audit.findings import Audit, AuditSettings, Finding, Tolerance
from models.audit.rules import audit_bills
from tests.features.agreed import AGREED, CUTOFF, MONDAY, PICKUP, clocks, event, fuel, plan, rate, terms

STRICT = AuditSettings(over=Tolerance(0, 0), under=Tolerance(0, 0))
BILLED = clocks(CUTOFF, PICKUP + timedelta(hours=60))

CONTRACT: tuple[Record, ...] = (
    rate(fuel_index_id="F", minimum_minor=15_00),
    rate(rate_id="PAR", destination="FRPAR", rate_minor=14_00, fuel_index_id="F"),
    rate(rate_id="EXP", service_id="EXPRESS", rate_minor=16_00, fuel_index_id="F"),
    rate(rate_id="AIR", mode="air", rate_minor=30_00, fuel_index_id="F"),
    rate(rate_id="C70", freight_class="70", rate_minor=12_00, fuel_index_id="F"),
    rate(rate_id="C50", freight_class="50", fuel_index_id="F"),
    rate(rate_id="TAR", carrier_id="T", rate_minor=8_00, fuel_index_id="F"),
    fuel(10),
    fuel(13, MONDAY - timedelta(days=7)),
    terms("DET", proof="waiting", basis="hour", rate_minor=45_00, free_minutes=120),
    terms("RDL", proof="attempt", rate_minor=38_00),
    terms("MSG", proof="request", rate_minor=12_00, needs_authorisation=True),
    terms("RES", proof="residence", rate_minor=7_00),
    terms("ADC", proof="address", rate_minor=9_00),
    terms("TOLL", proof="nothing", rate_minor=3_00),
    terms("GTD", charge="discount", proof="late_delivery", basis="percent", percent=50),
)
ARRIVED, DELIVERED = event("delivery_arrived", 30, "A"), event("delivered", 31, "D")


def bill(name: str = "I", **given: Any) -> FreightInvoice:
    """The right bill: 250 kg at 10.00 for 100 kg, 10 % fuel, the toll."""
    usual: dict[str, Any] = {
        "invoice_id": name, "invoice_number": f"N{name}", "carrier_id": "C", "shipment_id": "S", "net_due_minor": 30_50,
        "currency": "EUR",
    }  # fmt: skip
    return FreightInvoice.model_validate(BILLED | usual | given)


def line(number: int, kind: str, amount: int, code: str | None = None, **given: Any) -> InvoiceLine:
    usual = {"invoice_id": "I", "line_number": number, "kind": kind, "amount_minor": amount, "charge_code": code}
    return InvoiceLine.model_validate(BILLED | usual | {"currency": "EUR"} | given)


def haul(amount: int = 25_00, quantity: float = 250, rate_minor: int = 10_00, **given: Any) -> InvoiceLine:
    usual = {"quantity": quantity, "rate_minor": rate_minor, "rate_per": 100, "basis": "kg"}
    return line(1, "line_haul", amount, **(usual | given))


def surcharge(amount: int = 2_50, percent: float | None = 10) -> InvoiceLine:
    return line(2, "fuel", amount, "FSC", percent=percent)


TOLL = line(3, "accessorial", 3_00, "TOLL", quantity=1, rate_minor=3_00, basis="shipment")


def audited(
    *spoilt: Record,
    lines: Sequence[InvoiceLine] | None = None,
    beside: Sequence[InvoiceLine] = (),
    plan_of: dict[str, Any] | None = None,
    events: Sequence[Record] = (ARRIVED, DELIVERED),
    contract: Sequence[Record] = CONTRACT,
    settings: AuditSettings = STRICT,
    **invoice: Any,
) -> Audit:
    """Audit the invoice `I` with these lines; its total is their sum where it is not given."""
    own = [*(lines if lines is not None else (haul(), surcharge(), TOLL)), *beside]
    total = sum(one.amount_minor for one in own) if own else 30_50
    given = {"net_due_minor": total, "total_minor": total} | invoice
    records = [*contract, plan(**(plan_of or {})), *events, bill(**given), *own, *spoilt]
    tables = RecordTables.from_records(records)
    audits = audit_bills(build_invoices(tables).bills, Contracts.of_tables(tables), settings)
    return next(audit for audit in audits if audit.invoice_id == "I")


def found(*args: Any, **given: Any) -> Finding:
    """The only finding of an audit."""
    (finding,) = audited(*args, **given).findings
    return finding


__all__ = ["AGREED", "ARRIVED", "CONTRACT", "DELIVERED", "STRICT", "TOLL", "audited", "bill", "found", "haul", "line",
           "surcharge"]  # fmt: skip
