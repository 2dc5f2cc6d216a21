"""What an import of EDI came to, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from features.fields import Record
from features.ingest.edi.faults import Finding
from features.invoice_records import FreightInvoice, InvoiceLine
from features.records import DeliveryEvent
from features.tables import RECORDS


@dataclass(slots=True)
class Charge:
    """How often a charge was billed, and what it came to by currency."""

    count: int = 0
    amount_minor: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Total:
    """Invoices of one currency: how many, what they ask for, what their lines come to, what was prepaid."""

    invoices: int = 0
    net_due_minor: int = 0
    lines_minor: int = 0
    prepaid_minor: int = 0


@dataclass(slots=True)
class Noted:
    """How often something was found, and what it was the first time."""

    count: int
    first: str


@dataclass(slots=True)
class EdiSummary:
    """What became of what was read. Each transaction is imported, repeated, rejected, or of a set that is not read.

    Attributes
    ----------
    not_edi
        Files that hold no interchange.
    transactions, imported, repeated, rejected, unsupported
        Transactions by set; `transactions` is the sum of the others. A repeated one is the same to the letter as one
        that was read before, and counts once.
    rejects
        Rejected transactions by set and reason.
    leftovers
        Pieces that belong to no transaction; they are kept among the rejects.
    records
        What was written, by table.
    statuses, raw_statuses
        Delivery events by canonical status, and by the carriers' codes.
    stock
        What became of levels that were given, and of the lines that move stock, as `StockLedger.counts` has it; empty
        where no levels were given.
    """

    files: int = 0
    not_edi: list[str] = field(default_factory=list)
    interchanges: int = 0
    groups: int = 0
    transactions: Counter[str] = field(default_factory=Counter)
    imported: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    unsupported: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    leftovers: int = 0
    records: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    raw_statuses: Counter[str] = field(default_factory=Counter)
    stock: Counter[str] = field(default_factory=Counter)
    charges: dict[str, Charge] = field(default_factory=dict)
    totals: dict[str, Total] = field(default_factory=dict)
    findings: dict[str, Noted] = field(default_factory=dict)

    def count(self, records: Iterable[Record]) -> None:
        """Count the records of a transaction that was imported."""
        for record in records:
            self.records[_TABLE_OF[type(record)]] += 1
            if isinstance(record, DeliveryEvent):
                self.statuses[record.status.value] += 1
                self.raw_statuses[record.raw_status or record.appointment or ""] += 1
            elif isinstance(record, InvoiceLine):
                charge = self.charges.setdefault(record.charge_code or "", Charge())
                charge.count += 1
                charge.amount_minor[record.currency or ""] += record.amount_minor
                self._total(record).lines_minor += record.amount_minor
            elif isinstance(record, FreightInvoice):
                total = self._total(record)
                total.invoices += 1
                total.net_due_minor += record.net_due_minor
                total.prepaid_minor += record.prepaid_minor or 0

    def find(self, finding: Finding, where: str) -> None:
        """Count a finding."""
        noted = self.findings.setdefault(finding.remark.value, Noted(0, f"{where}: {finding.words}"))
        noted.count += 1

    def _total(self, record: FreightInvoice | InvoiceLine) -> Total:
        return self.totals.setdefault(record.currency or "", Total())


_TABLE_OF = {record: table for table, record in RECORDS.items()}
