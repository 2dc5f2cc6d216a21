"""Importing EDI: interchanges in, canonical tables, rejects and findings out.

Transactions are read one by one, in the order of the files. Each is imported, is a repeat of one that was, is of a set
that is not read, or is rejected with a reason: none is lost, and none takes another with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Any, TextIO

from features.errors import OverwritingError, SourceError
from features.ingest.edi.acknowledgement import Acknowledgement
from features.ingest.edi.faults import Fault, Finding, Reason, TransactionError
from features.ingest.edi.iftsta import read_iftsta
from features.ingest.edi.interchanges import holds_interchange, parts_of
from features.ingest.edi.invoices import read_invoice
from features.ingest.edi.parts import (
    GroupBegun,
    GroupEnded,
    InterchangeBegun,
    InterchangeEnded,
    Leftover,
    Part,
    Transaction,
)
from features.ingest.edi.reading import Reading, Terms
from features.ingest.edi.segments import text_of
from features.ingest.edi.ship_notices import read_ship_notice
from features.ingest.edi.statuses import read_statuses
from features.ingest.edi.stock_ledger import StockLedger
from features.ingest.edi.summary import EdiSummary
from features.ingest.edi.tenders import read_response, read_tender
from features.ingest.edi.warehouse import read_adjustments, read_receipt, read_shipping_advice
from features.ingest.edi.writing import Keys, Writer

OnStep = Callable[[str, int, int], None]
"""Called with what is being read, bytes done, and bytes in all."""

SETS: Mapping[str, Callable[[Reading], None]] = {
    "204": read_tender,
    "210": read_invoice,
    "214": read_statuses,
    "856": read_ship_notice,
    "944": read_receipt,
    "945": read_shipping_advice,
    "947": read_adjustments,
    "990": read_response,
    "IFTSTA": read_iftsta,
}
"""How each transaction set is read."""


def _silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def import_edi(
    source: Path,
    out: Path,
    terms: Terms,
    *,
    now: datetime,
    acknowledge: Path | None = None,
    stock: StockLedger | None = None,
    on_step: OnStep = _silent,
) -> EdiSummary:
    """Turn a file, or all files of a folder, into canonical tables, `rejects.parquet` and `findings.parquet` in `out`.

    Parameters
    ----------
    now
        When this is done, aware: the date of the acknowledgements.
    acknowledge
        File for the functional acknowledgements (997) of what was read.
    stock
        Levels of stock that are given; positions follow from them and from what warehouses tell, and are written too.

    Raises
    ------
    SourceError
        If a file cannot be read, or none holds an interchange.
    OverwritingError
        If `acknowledge` lies in the source.
    """
    if acknowledge is not None and acknowledge.resolve().is_relative_to(source.resolve()):
        raise OverwritingError(acknowledge, source)
    paths = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    terms = terms if stock is None else replace(terms, stock_units=stock.units)
    total, done = sum(path.stat().st_size for path in paths), 0
    with _replaced(acknowledge) as stream, Writer(out) as writer:
        importing = _Import(terms, writer, stock)
        for path in paths:
            name = _readable(path.relative_to(source).as_posix() if source.is_dir() else path.name)
            importing.read(path, name, partial(_step, on_step, name, done, total))
            done += path.stat().st_size
        if not importing.summary.files:
            raise SourceError(source, "no file holds an interchange; it should begin with ISA (X12) or UNB (EDIFACT)")
        on_step("writing", total, total)
        if stock is not None:
            importing.settle(stock)
        importing.acknowledgement.write(stream, now)
    return importing.summary


@contextmanager
def _replaced(path: Path | None) -> Iterator[TextIO]:
    """Open a file that takes the place of what stood there only once all is written; None keeps nothing.

    A pipe or a device is written to as it is, and a link stays one.
    """
    path = Path(os.devnull) if path is None else path.resolve()
    if path.exists() and not path.is_file():
        with path.open("w", encoding="ascii") as stream:
            yield stream
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{token_hex(4)}.part")
    with part.open("x", encoding="ascii") as stream:
        try:
            yield stream
            stream.close()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _readable(name: str) -> str:
    """Return the name of a file as text that can be kept, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _step(on_step: OnStep, name: str, done: int, total: int, offset: int) -> None:
    on_step(name, done + offset, total)


class _Import:
    """What was read so far."""

    def __init__(self, terms: Terms, writer: Writer, stock: StockLedger | None) -> None:
        self.summary = EdiSummary()
        self.acknowledgement = Acknowledgement()
        self._terms = terms
        self._writer = writer
        self._stock = stock
        self._keys = Keys()
        self._digests: dict[str, bytes] = {}
        self._place: dict[str, Any] = {}

    def read(self, path: Path, name: str, on_offset: Callable[[int], None]) -> None:
        """Read one file."""
        try:
            with path.open("rb") as stream:
                if not holds_interchange(stream):
                    self.summary.not_edi.append(name)
                    return
                stream.seek(0)
                self._read(parts_of(stream), name, on_offset)
        except OSError as error:
            raise SourceError(path, str(error)) from error

    def settle(self, stock: StockLedger) -> None:
        """Keep the positions of stock that follow from all that was read, and find what could not be placed."""
        for positions, left in stock.settle():
            self.summary.count(positions)
            self._writer.keep(positions)
            for finding, where in left:
                self._find([finding], where)
        self.summary.stock = stock.counts

    def _read(self, parts: Iterable[Part], name: str, on_offset: Callable[[int], None]) -> None:
        self.summary.files += 1
        row = 0
        for part in parts:
            match part:
                case Transaction():
                    row += 1
                    on_offset(part.segments[0].offset)
                    self._place = _place(name, row, part)
                    self._take(part)
                case Leftover():
                    self._leave(part, name)
                case InterchangeBegun():
                    self.summary.interchanges += 1
                case GroupBegun():
                    self.summary.groups += 1
                    self.acknowledgement.begin(part.group)
                case GroupEnded():
                    outer = {"source": name, "interchange": part.group.interchange.control, "group": part.group.control}
                    self._find(part.findings, outer)
                    self.acknowledgement.end_group(part)
                case InterchangeEnded():
                    self._find(part.findings, {"source": name, "interchange": part.interchange.control})

    def _take(self, transaction: Transaction) -> None:
        name = transaction.name
        self.summary.transactions[name] += 1
        self._find(transaction.findings, self._place)
        if transaction.fault is not None:
            self._reject(transaction, [transaction.fault])
        elif name not in SETS:
            self.summary.unsupported[name] += 1
            self.acknowledgement.add(transaction, supported=False)
        else:
            self._take_once(transaction)

    def _take_once(self, transaction: Transaction) -> None:
        digest = _digest(transaction)
        before = self._digests.setdefault(transaction.identity, digest)
        if before is digest:
            self._import(transaction)
        elif before == digest:
            self.summary.repeated[transaction.name] += 1
            self.acknowledgement.add(transaction)
        else:
            words = f"another transaction is known as {transaction.identity}, and says something else"
            self._reject(transaction, [Fault(Reason.NUMBER_USED_TWICE, words, *transaction.control_at)])

    def _import(self, transaction: Transaction) -> None:
        reading = Reading(transaction, self._terms)
        try:
            SETS[transaction.name](reading)
        except TransactionError as error:
            reading.faults.append(error.fault)
        if not reading.faults:
            records, there = self._keys.admit(reading.records)
            if there is None:
                self.summary.imported[transaction.name] += 1
                self.summary.count(records)
                self._find(reading.findings, self._place)
                self._writer.keep(records)
                if self._stock is not None:
                    for movement in reading.movements:
                        self._stock.add(movement, self._place)
                self.acknowledgement.add(transaction)
                return
            reading.faults.append(Fault(Reason.SAME_KEY, there))
        self._reject(transaction, reading.faults)

    def _reject(self, transaction: Transaction, faults: Sequence[Fault]) -> None:
        self.summary.rejected[transaction.name] += 1
        self.summary.rejects[f"{transaction.name}: {faults[0].reason.value}"] += 1
        self._writer.reject(faults, self._place, text_of(transaction.raw))
        self.acknowledgement.add(transaction, faults)

    def _leave(self, leftover: Leftover, name: str) -> None:
        self.summary.leftovers += 1
        fault = Fault(Reason.NO_TRANSACTION, leftover.words)
        self._writer.reject([fault], {"source": name, "offset": leftover.offset}, text_of(leftover.raw))

    def _find(self, findings: Iterable[Finding], place: Mapping[str, Any]) -> None:
        for finding in findings:
            self.summary.find(
                finding, " ".join(str(place[part]) for part in ("source", "table", "control") if part in place)
            )
            self._writer.find(finding, place)


def _place(source: str, row: int, transaction: Transaction) -> dict[str, Any]:
    return {
        "source": source,
        "row": row,
        "interchange": transaction.interchange.control,
        "group": None if transaction.group is None else transaction.group.control,
        "control": transaction.control,
        "table": transaction.name,
        "offset": transaction.segments[0].offset,
    }


def _digest(transaction: Transaction) -> bytes:
    """Return what tells two transactions apart that bear the same numbers, however their lines were broken."""
    told = "\x1e".join("\x1f".join(segment.elements) for segment in transaction.segments)
    return blake2b(told.encode(), digest_size=16).digest()
