"""Invoices that were told, read again when one is asked for or compared: most never are.

As records a hundred thousand invoices with their lines take most of a gigabyte; as columns and texts, a tenth of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from features.archive import Shelf
from features.as_known import counts_from
from features.invoice_records import BilledInvoice, FreightInvoice, InvoiceLine
from features.tables import RecordTables, assembled, no_records, parts_of, table_of


class InvoiceArchive:
    """Invoices and their lines, by `invoice_id`."""

    def __init__(self) -> None:
        self._added: dict[str, str] = {}
        self._number: dict[str, int] = {}
        self._shelves: dict[str, Shelf] = {}

    def __contains__(self, invoice_id: str) -> bool:
        return invoice_id in self._added or invoice_id in self._number

    def __len__(self) -> int:
        return len(self._added) + len(self._number)

    def load(self, tables: RecordTables) -> None:
        """Take in the invoices of canonical tables; of one that is told twice, what was known first."""
        first = tables.freight_invoices.sort_values("known_at", kind="stable").drop_duplicates("invoice_id")
        self._number = {name: number for number, name in enumerate(first["invoice_id"])}
        part = parts_of(FreightInvoice)[0]
        references = part.own_rows(tables.references)
        for table, frame, key in (
            (table_of(FreightInvoice), first, "invoice_id"),
            (table_of(InvoiceLine), tables.invoice_lines, "invoice_id"),
            (part.table, references, part.key),
        ):
            numbers = frame[key].map(self._number).fillna(len(first)).to_numpy()
            self._shelves[table] = Shelf(table, frame, np.asarray(numbers, dtype=np.int64), len(first))

    def history(self, at_once: int) -> Iterator[RecordTables]:
        """Yield the invoices that were loaded, with their lines and references: tables of so many invoices at once."""
        for first in range(0, len(self._number), at_once):
            end = min(first + at_once, len(self._number))
            frames = {table: shelf.frame(first, end) for table, shelf in self._shelves.items()}
            yield replace(no_records(), **frames)

    def add(self, record: BilledInvoice) -> None:
        """Take an invoice in."""
        self._added[record.invoice_id] = record.model_dump_json(exclude_none=True)

    def invoice(self, invoice_id: str) -> FreightInvoice:
        """Return an invoice without its lines."""
        if invoice_id in self._added:
            return self._read(invoice_id).invoice()
        number, part = self._number[invoice_id], parts_of(FreightInvoice)[0]
        rows = self._shelves[table_of(FreightInvoice)].rows(number)
        return next(assembled(FreightInvoice, rows, {part.table: self._shelves[part.table].rows(number)}))

    def lines(self, invoice_id: str) -> tuple[InvoiceLine, ...]:
        """Return the lines of an invoice, those learnt later among them."""
        if invoice_id in self._added:
            return self._read(invoice_id).invoice_lines()
        rows = self._shelves[table_of(InvoiceLine)].rows(self._number[invoice_id])
        return tuple(assembled(InvoiceLine, rows, {}))

    def is_told(self, record: BilledInvoice) -> bool:
        """Tell whether an invoice is held with these very contents; when it was learnt does not count."""
        invoice, clocks = self.invoice(record.invoice_id), {"known_at": record.known_at}
        if invoice.model_copy(update=clocks) != record.invoice():
            return False
        held = [line for line in self.lines(record.invoice_id) if counts_from(line) <= counts_from(invoice)]
        apart = {"known_at", "occurred_at"}
        return [line.model_dump(exclude=apart) for line in held] == [
            line.model_dump(exclude=apart) for line in record.invoice_lines()
        ]

    def _read(self, invoice_id: str) -> BilledInvoice:
        return BilledInvoice.model_validate_json(self._added[invoice_id])
