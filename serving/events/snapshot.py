"""Snapshots: what was known up to a position of the record log, as a history to start from.

The online state is made of records alone. So a snapshot is a folder of canonical tables, with a note of how far into
which record log it reaches; whoever starts from it learns only what came after. It holds no features, and so outlives
a change of them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy.orm import Session, sessionmaker

from features.fields import Record
from features.invoice_records import BilledInvoice
from features.order_records import PlacedOrder
from features.settings import FeatureSettings
from features.state import AnyRecord, State
from features.stock_records import InboundReceipt
from features.tables import SCHEMAS, RecordTables, no_records
from serving.errors import SnapshotError
from serving.events import repository
from serving.events.following import Following

NOTE = "snapshot.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a snapshot reaches.

    Attributes
    ----------
    position
        Of the newest event of the record log that is in it, 0 if none is.
    event
        SHA-256 of that event, by which its log is known again; empty if there is none.
    tables
        SHA-256 of each file of the folder.
    """

    position: int
    event: str
    tables: dict[str, str]
    format: int = FORMAT


def take(reads: sessionmaker[Session], history: Path | None, out: Path) -> Snapshot:
    """Write what is known into a new folder: the history, and all of the record log.

    Raises
    ------
    SnapshotError
        If the folder is there, or the history is a snapshot that cannot be used.
    SourceError, TableError
        If the history cannot be read.
    """
    if out.exists():
        raise SnapshotError(out, "it is there already", "Name a new folder.")
    learns = _Learns()
    following = Following(reads, learns)
    before = no_records()
    if history is not None:
        following.position = start_of(reads, history)
        before = RecordTables.read(history)
    learns.state.add_tables(before)
    following.catch_up()
    after = RecordTables.from_records(learns.news)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    RecordTables(**{table: _together(before, after, table) for table in SCHEMAS}).write(partial)
    snapshot = Snapshot(following.position, _event_at(reads, following.position), _digests(partial))
    (partial / NOTE).write_text(json.dumps(asdict(snapshot), indent=2) + "\n", encoding="utf-8")
    partial.rename(out)
    return snapshot


def start_of(reads: sessionmaker[Session], history: Path) -> int:
    """Return the position of the record log up to which a history reaches: 0 unless it is a snapshot.

    Raises
    ------
    SnapshotError
        If a file was changed since, or the snapshot is of another record log or another format.
    """
    note = history / NOTE
    if not note.exists():
        return 0
    try:
        snapshot = Snapshot(**json.loads(note.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise SnapshotError(history, f"its note cannot be read ({error})", "Take a new snapshot.") from error
    if snapshot.format != FORMAT:
        raise SnapshotError(history, f"it has format {snapshot.format}, expected {FORMAT}", "Take a new snapshot.")
    found = _digests(history)
    changed = sorted(
        name for name in found.keys() | snapshot.tables.keys() if found.get(name) != snapshot.tables.get(name)
    )
    if changed:
        raise SnapshotError(
            history, f"{', '.join(changed)} changed since it was taken", "Take it from its backup, or take a new one."
        )
    if _event_at(reads, snapshot.position) != snapshot.event:
        raise SnapshotError(
            history,
            f"it reaches to event {snapshot.position} of another record log",
            "Start from a snapshot of this database, or from the history it began with.",
        )
    return snapshot.position


class _Learns:
    """A state, and the records that told it something."""

    def __init__(self) -> None:
        self.state = State(FeatureSettings())
        self.news: list[Record] = []

    def check(self, record: AnyRecord) -> None:
        self.state.check(record)

    def add(self, record: AnyRecord) -> bool:
        is_news = self.state.add(record)
        if is_news and isinstance(record, BilledInvoice):
            self.news += [record.invoice(), *record.invoice_lines()]
        elif isinstance(record, PlacedOrder):
            self.news += [record.order(), *record.order_lines()]
        elif isinstance(record, InboundReceipt):
            self.news += record.positions()
        elif is_news:
            self.news.append(record)
        return is_news


def _together(before: RecordTables, after: RecordTables, table: str) -> pd.DataFrame:
    frames: list[pd.DataFrame] = [getattr(before, table), getattr(after, table)]
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def _event_at(reads: sessionmaker[Session], position: int) -> str:
    with reads() as session:
        event = repository.event_at(session, position)
    return "" if event is None else hashlib.sha256("\x1f".join(event).encode()).hexdigest()


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.parquet"))}
