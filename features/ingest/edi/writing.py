"""Canonical tables, rejects and findings, written as they come: what is held in memory does not grow with the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from features.fields import Record
from features.ingest.checks import UNIQUE
from features.ingest.edi.faults import Fault, Finding
from features.tables import NEEDED, RECORDS, SCHEMAS, rows_of

_AT_ONCE = 5_000
_BYTES_AT_ONCE = 16 << 20
_PLACE = [
    ("source", pa.string()),
    ("row", pa.int64()),
    ("interchange", pa.string()),
    ("group", pa.string()),
    ("control", pa.string()),
]
REJECTS = pa.schema(
    [
        ("table", pa.string()),  # as in the rejects of `triage import files`: what it was
        *_PLACE,
        ("reason", pa.string()),
        ("content", pa.string()),
        ("words", pa.string()),
        ("segment", pa.string()),
        ("position", pa.int64()),
        ("element", pa.int64()),
        ("offset", pa.int64()),
    ]
)
"""What is kept of a transaction that was rejected, or of bytes that belong to none: all of it, why, and where it stood.

`table` is the transaction set, `row` counts the transactions of the source from 1, `offset` is in bytes of the source.
"""
FINDINGS = pa.schema(
    [
        ("remark", pa.string()),
        ("words", pa.string()),
        ("table", pa.string()),
        *_PLACE,
        ("segment", pa.string()),
        ("position", pa.int64()),
    ]
)
"""What is remarkable, and where."""

_SMALLEST_STEP = timedelta(microseconds=1)
_BY_CONSTRUCTION = frozenset(
    {"events", "freight_invoices", "invoice_lines", "tenders", "tender_responses", "inventory_adjustments"}
)
"""Tables whose keys hold the identity of the transaction: they are unique because it is."""


class Keys:
    """Sees to it that no two records share what only one may have (`checks.UNIQUE`)."""

    def __init__(self) -> None:
        self._states: dict[tuple[object, ...], datetime] = {}  # key of a state: the instant to try next

    def admit(self, records: Sequence[Record]) -> tuple[Sequence[Record], str | None]:
        """Return the records of a transaction, or none and what it tells twice.

        A thing that is told by several transactions at one instant is known in the later state a microsecond later: the
        order of the files is the order in which it was told.
        """
        taken: set[tuple[object, ...]] = set()
        for table, record in _keyed(records):
            key = _identity(table, record)
            if key in taken:
                return (), f"another record of {table} has the same {', '.join(_names(table))}: {key[1:]}"
            taken.add(key)
        return [self._in_order(record) for record in records], None

    def _in_order(self, record: Record) -> Record:
        table = _TABLE_OF[type(record)]
        if table in _BY_CONSTRUCTION:
            return record
        key = _identity(table, record)
        known_at = self._states.get((*key, record.known_at), record.known_at)
        while (*key, known_at) in self._states:
            known_at += _SMALLEST_STEP
        self._states[*key, record.known_at] = self._states[*key, known_at] = known_at + _SMALLEST_STEP
        return record if known_at == record.known_at else record.model_copy(update={"known_at": known_at})


class Writer:
    """Writes into a folder; what stood there is replaced when all is written, and stays if anything goes wrong."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._records: list[Record] = []
        self._others: dict[str, list[dict[str, Any]]] = {"rejects": [], "findings": []}
        self._files: dict[str, pq.ParquetWriter] = {}
        self._content = 0  # characters of rejects that wait to be written

    def __enter__(self) -> Self:
        self._out.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
            for name in (*NEEDED, "rejects", "findings"):
                self._file(name)
        for file in self._files.values():
            file.close()
        for name in (*SCHEMAS, "rejects", "findings"):
            if error is not None:
                self._part(name).unlink(missing_ok=True)
            elif name in self._files:
                self._part(name).replace(self._out / f"{name}.parquet")
            else:
                (self._out / f"{name}.parquet").unlink(missing_ok=True)

    def keep(self, records: Iterable[Record]) -> None:
        """Keep the records of a transaction."""
        self._records += records
        if len(self._records) >= _AT_ONCE:
            self._flush()

    def reject(self, faults: Sequence[Fault], place: Mapping[str, Any], content: str) -> None:
        """Keep what was rejected, all of it, with the place of its first fault and the words of all."""
        first = faults[0]
        said = {"reason": first.reason.value, "words": "\n".join(map(str, faults)), "segment": first.segment}
        at = {"position": first.position, "element": first.element}
        self._content += len(content)
        self._other("rejects", {**said, **at, **place, "content": content})
        if self._content > _BYTES_AT_ONCE:
            self._write("rejects", self._others["rejects"])

    def find(self, finding: Finding, place: Mapping[str, Any]) -> None:
        """Keep a finding."""
        said = {"remark": finding.remark.value, "words": finding.words, "segment": finding.segment}
        self._other("findings", {**said, **place, "position": finding.position})

    def _other(self, name: str, row: dict[str, Any]) -> None:
        self._others[name].append(row)
        if len(self._others[name]) >= _AT_ONCE:
            self._write(name, self._others[name])

    def _flush(self) -> None:
        for start in range(0, len(self._records), _AT_ONCE):
            for table, rows in rows_of(self._records[start : start + _AT_ONCE]).items():
                self._write(table, rows)
        self._records.clear()
        for name, rows in self._others.items():
            self._write(name, rows)

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        if name == "rejects":
            self._content = 0
        if rows:
            schema = _SCHEMAS[name]
            self._file(name).write_table(pa.Table.from_pylist(rows, schema=schema))
            rows.clear()

    def _file(self, name: str) -> pq.ParquetWriter:
        if name not in self._files:
            self._files[name] = pq.ParquetWriter(self._part(name), _SCHEMAS[name], compression="zstd")
        return self._files[name]

    def _part(self, name: str) -> Path:
        return self._out / f"{name}.parquet.part"


def _keyed(records: Sequence[Record]) -> Iterator[tuple[str, Record]]:
    """Yield the records whose key must be looked at, with their table."""
    for record in records:
        table = _TABLE_OF[type(record)]
        if table not in _BY_CONSTRUCTION:
            yield table, record


def _names(table: str) -> list[str]:
    return [name for name in UNIQUE[table] if name != "known_at"]


def _identity(table: str, record: Record) -> tuple[object, ...]:
    return (table, *(getattr(record, name) for name in _names(table)))


_TABLE_OF = {record: table for table, record in RECORDS.items()}
_SCHEMAS: Mapping[str, pa.Schema] = {**SCHEMAS, "rejects": REJECTS, "findings": FINDINGS}
