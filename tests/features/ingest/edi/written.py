"""Interchanges made by hand, and what an import makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from features.fields import Record
from features.ingest.edi.importer import import_edi
from features.ingest.edi.places import Zones
from features.ingest.edi.reading import Terms
from features.ingest.edi.stock_ledger import StockLedger
from features.ingest.edi.summary import EdiSummary
from features.tables import RECORDS, RecordTables, records_of

LEARNT = datetime(2026, 3, 5, 12, tzinfo=UTC)
HEADER = "ISA*00*          *00*          *02*RHEI           *ZZ*SHIPPER        *260302*1830*U*00401*{control}*0*T*>~"
CODES = {"204": "SM", "210": "IM", "214": "QM", "990": "GF", "856": "SH", "944": "RE", "945": "SW", "947": "AW"}


def transaction(name: str, body: str, control: str = "0001") -> str:
    """Return a transaction with its envelope; the body is written a segment a line."""
    segments = [f"ST*{name}*{control}", *(line.strip() for line in body.strip().splitlines())]
    return "".join(f"{segment}~" for segment in [*segments, f"SE*{len(segments) + 1}*{control}"])


def group(name: str, *transactions: str, control: str = "7", release: str = "004010") -> str:
    head = f"GS*{CODES.get(name, 'XX')}*RHEI*SHIPPER*20260302*1830*{control}*X*{release}~"
    return f"{head}{''.join(transactions)}GE*{len(transactions)}*{control}~"


def interchange(*groups: str, control: str = "000000042") -> str:
    return f"{HEADER.format(control=control)}{''.join(groups)}IEA*{len(groups)}*{control}~"


def one(name: str, body: str, release: str = "004010") -> str:
    """Return an interchange with one transaction in it."""
    return interchange(group(name, transaction(name, body), release=release))


def several(name: str, *bodies: str) -> str:
    """Return an interchange with a transaction for each body, numbered from 0001."""
    written = [transaction(name, body, f"{number:04d}") for number, body in enumerate(bodies, start=1)]
    return interchange(group(name, *written))


@dataclass(frozen=True)
class Imported:
    """What an import came to: its summary, and what it wrote."""

    summary: EdiSummary
    out: Path

    @property
    def records(self) -> list[Record]:
        tables = RecordTables.read(self.out)
        return [record for kind in RECORDS.values() for record in records_of(tables, kind)]

    def only(self, kind: type[Any]) -> Any:
        (record,) = self.all(kind)
        return record

    def all(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        return pq.read_table(self.out / "rejects.parquet").to_pylist()

    @property
    def reject(self) -> dict[str, Any]:
        (reject,) = self.rejects
        return reject

    @property
    def remarks(self) -> list[str]:
        return [row["remark"] for row in self.findings]

    @property
    def findings(self) -> list[dict[str, Any]]:
        return pq.read_table(self.out / "findings.parquet").to_pylist()


def imported(
    folder: Path,
    written: str | bytes | Sequence[bytes],
    *,
    known_at: datetime | None = LEARNT,
    zones: Zones | None = None,
    acknowledge: Path | None = None,
    stock: StockLedger | None = None,
) -> Imported:
    """Import what is written, each piece as a file of its own."""
    source = folder / "source"
    source.mkdir(exist_ok=True)
    pieces: Iterable[bytes] = [written.encode()] if isinstance(written, str) else [written]
    if not isinstance(written, str | bytes):
        pieces = written
    for number, piece in enumerate(pieces):
        (source / f"{number:03d}.edi").write_bytes(piece)
    terms = Terms(known_at, zones or Zones())
    summary = import_edi(source, folder / "out", terms, now=LEARNT, acknowledge=acknowledge, stock=stock)
    return Imported(summary, folder / "out")


def accounted(summary: EdiSummary) -> bool:
    """Tell whether every transaction that was read became something."""
    became = summary.imported + summary.repeated + summary.rejected + summary.unsupported
    return became == summary.transactions and sum(summary.rejects.values()) == summary.rejected.total()
