"""Other worlds: the same tables, but for records that no answer at a cutoff may rest on.

Every table is treated alike, by the types of its columns, so that a feature that will read another table tomorrow is
checked as well. Identities stay, so that what belongs together still does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from features.ingest.checks import UNIQUE
from features.tables import PARTS, RECORDS, SCHEMAS, RecordTables, belonging, part_rows
from features.vocabulary import Classifier, Correction

COPIES = 2_000
"""How many of the newest records of a table are told once more, beside all about what counts."""

_LATER_MICROS = 2 * 86_400_000_000
_EARLIER_MICROS = 7 * 86_400_000_000
_ASKED = {"order_lines": "order_id", "freight_invoices": "invoice_id", "invoice_lines": "invoice_id"}
"""What tells whose rows are asked about."""
_PART_TABLES = tuple(dict.fromkeys(part.table for part in PARTS))
_TABLE_OF = {record: table for table, record in RECORDS.items()}


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the data are disturbed: at which cutoff, what was known then, and about what most is told.

    Attributes
    ----------
    about
        Values by column: records with one of them are told late, beside the newest ones.
    """

    tables: RecordTables
    cutoff: pd.Timestamp
    known: RecordTables
    shipment_ids: Sequence[str]
    about: Mapping[str, Collection[str]]

    @classmethod
    def of(
        cls,
        tables: RecordTables,
        cutoff: pd.Timestamp,
        shipment_ids: Iterable[str],
        about: Mapping[str, Collection[str]] | None = None,
    ) -> Cut:
        """Cut the tables at the cutoff."""
        shipments = tuple(dict.fromkeys(shipment_ids))
        return cls(tables, cutoff, tables.known(until=cutoff), shipments, {"shipment_id": shipments, **(about or {})})

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tables that were known at the cutoff, by name."""
        return {table: getattr(self.known, table) for table in (*RECORDS, *_PART_TABLES)}


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A change of the data that no answer may show.

    Attributes
    ----------
    to_do
        What to do about a feature that shows it all the same.
    """

    name: str
    meaning: str
    to_do: str
    of: Callable[[Cut, np.random.Generator], RecordTables]


def removed(cut: Cut, _: np.random.Generator) -> RecordTables:
    """Return the tables without all that became known after the cutoff."""
    return cut.known


def changed(cut: Cut, rng: np.random.Generator) -> RecordTables:
    """Return the tables with other content, and earlier times, in all that became known after the cutoff."""
    frames, known = {}, {}
    for table in RECORDS:
        frame: pd.DataFrame = getattr(cut.tables, table)
        later = (frame["known_at"] > cut.cutoff).to_numpy()
        frames[table] = pd.concat([frame[~later], _altered(table, frame[later], rng)], ignore_index=True)
        known[table] = frame[~later]
    for table in _PART_TABLES:
        frame = getattr(cut.tables, table)
        earlier = np.zeros(len(frame), dtype=bool)
        for part in PARTS:
            if part.table == table:
                earlier |= belonging(part, frame, known[_TABLE_OF[part.holder]])
        frames[table] = pd.concat([frame[earlier], _altered(table, frame[~earlier], rng)], ignore_index=True)
    return RecordTables(**frames)


def told_late(cut: Cut, rng: np.random.Generator) -> RecordTables:
    """Return what was known at the cutoff, and more about the time before it that becomes known only after it.

    New events and observations, new plans for known shipments, corrections of known events.
    """
    frames = cut.frames()
    frames |= {table: _by_state(table, frames) for table in _PART_TABLES}
    for table, record in RECORDS.items():
        originals = _newest(frames[table], cut.about)
        if originals.empty:
            continue
        copies = _altered(table, originals, rng)
        copies["known_at"] = cut.cutoff + _micros(rng.integers(1, _LATER_MICROS, len(copies)))
        copies["occurred_at"] = copies["occurred_at"].where(copies["occurred_at"] <= cut.cutoff, cut.cutoff)
        _rename(table, copies)
        _tell_of(table, copies, cut, rng)
        if table == "events":
            correcting = rng.random(len(copies)) < 0.5
            copies["corrects"] = originals["event_id"].where(correcting, None).to_numpy()
            wrong = pd.Series(Correction.INCORRECT_DATA.value, index=copies.index)
            copies["correction"] = wrong.where(correcting, None).to_numpy()
        for part in PARTS:
            if part.holder is record:
                frame = frames[part.table]
                rows, holders = part_rows(part, frame, originals)
                more = _altered(part.table, frame.iloc[rows], rng)
                more[part.key] = copies[part.identity].to_numpy()[holders]
                more["known_at"] = copies["known_at"].array[holders]
                frames[part.table] = pd.concat([frame, more], ignore_index=True)
        frames[table] = pd.concat([frames[table], copies], ignore_index=True)
    return RecordTables(**frames)


CLAIMED = (
    "events",
    "weather",
    "weather_forecasts",
    "disruptions",
    "places",
    "warehouse_tasks",
    "labour_shifts",
    "tender_responses",
    "claims",
    "inventory_positions",
    "inventory_adjustments",
)
"""Tables of which a record says that something happened, and of itself: it has no parts, and is no part of another."""


def announced_early(cut: Cut, rng: np.random.Generator) -> RecordTables:
    """Return what was known at the cutoff, and claims known since then of events that happen only after it.

    They come last of all, so that none takes the place of what was known before. An event is claimed as actual: what is
    planned or estimated for later is no claim that it happened.
    """
    frames = cut.frames()
    for table in CLAIMED:
        copies = _altered(table, _newest(frames[table], cut.about), rng)
        copies["known_at"] = cut.cutoff
        copies["occurred_at"] = cut.cutoff + _micros(rng.integers(1, _LATER_MICROS, len(copies)))
        _rename(table, copies)
        _tell_of(table, copies, cut, rng)
        if table == "events":
            copies = copies.assign(corrects=None, correction=None, classifier=Classifier.ACTUAL.value)
        frames[table] = pd.concat([frames[table], copies.astype(frames[table].dtypes)], ignore_index=True)
    return RecordTables(**frames)


def without_newest(cut: Cut, age: timedelta, clock: str) -> RecordTables:
    """Return what was known at the cutoff, less the facts of the last `age` by one of the clocks.

    Plans stay, and what is asked about.
    """
    frames = cut.frames()
    for table in RECORDS:
        if table != "shipments":
            newest = frames[table][clock] > cut.cutoff - age
            asked = _ASKED.get(table, "")
            if asked in cut.about:
                newest &= ~frames[table][asked].isin(cut.about[asked])
            frames[table] = frames[table][~newest]
    return RecordTables(**frames)


DISTURBANCES = (
    Disturbance(
        "removed",
        "what became known after the cutoff is taken away",
        "It reads records from after the cutoff. Make it a stream, a queue or a latest value of features.timeline, "
        "which takes both clocks of a record, and ask that at the cutoff.",
        removed,
    ),
    Disturbance(
        "changed",
        "what became known after the cutoff says something else",
        "It reads records from after the cutoff. Make it a stream, a queue or a latest value of features.timeline, "
        "which takes both clocks of a record, and ask that at the cutoff.",
        changed,
    ),
    Disturbance(
        "told late",
        "more becomes known after the cutoff about the time before it",
        "It goes by when things happened and not by when they were known. A record counts from the later of its "
        "occurred_at and known_at on; give both to features.timeline.",
        told_late,
    ),
    Disturbance(
        "announced early",
        "it is claimed before the cutoff that something happened after it",
        "It believes a claim about the future, as a sender with a fast clock makes. Let the fact count only from the "
        "later of occurred_at and known_at on; `triage quality` names the sender.",
        announced_early,
    ),
)
"""Every disturbance that is tried."""


def _altered(table: str, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows with other content; when they were known, and what identifies them, stay."""
    altered = rows.copy()
    kept = {"known_at", "sequence", *(name for name in UNIQUE[table] if name not in {"occurred_at", "valid_at"})}
    for shape in SCHEMAS[table]:
        if shape.name in kept or rows.empty:
            continue
        column = altered[shape.name]
        if pa.types.is_timestamp(shape.type):
            altered[shape.name] = column - _micros(rng.integers(0, _EARLIER_MICROS, len(rows)))
        elif pa.types.is_boolean(shape.type):
            altered[shape.name] = column.ne(other=True).where(column.notna(), column)
        elif pa.types.is_integer(shape.type) or pa.types.is_floating(shape.type):
            altered[shape.name] = column * 2 + 1
        else:
            altered[shape.name] = column.array[rng.permutation(len(rows))]
    return altered


def _by_state(table: str, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the parts with each state of a record holding its own: what was of all states stays out of a new one."""
    pieces = []
    for part in PARTS:
        if part.table == table:
            holders_frame = frames[_TABLE_OF[part.holder]]
            rows, holders = part_rows(part, frames[table], holders_frame)
            pieces.append(frames[table].iloc[rows].assign(known_at=holders_frame["known_at"].array[holders]))
    return pd.concat(pieces, ignore_index=True)


def _newest(frame: pd.DataFrame, about: Mapping[str, Collection[str]]) -> pd.DataFrame:
    newest = np.zeros(len(frame), dtype=bool)
    newest[np.argsort(frame["known_at"].to_numpy(), kind="stable")[-COPIES:]] = True
    for column, values in about.items():
        if column in frame:
            newest |= frame[column].isin(values).to_numpy()
    return frame[newest].reset_index(drop=True)


def _rename(table: str, copies: pd.DataFrame) -> None:
    """Give copies an identity of their own, unless another `known_at` is enough to tell them apart."""
    if "known_at" not in UNIQUE[table]:
        identity = UNIQUE[table][0]
        copies[identity] = [f"{name}~{number}" for number, name in enumerate(copies[identity])]


def _tell_of(table: str, copies: pd.DataFrame, cut: Cut, rng: np.random.Generator) -> None:
    """Let every second copy be about one of the shipments that count: many of those have no events yet."""
    if cut.shipment_ids and "shipment_id" in copies and "shipment_id" not in UNIQUE[table]:
        ours = rng.random(len(copies)) < 0.5
        copies.loc[ours, "shipment_id"] = rng.choice(np.array(cut.shipment_ids, dtype=object), int(ours.sum()))


def _micros(count: np.ndarray) -> pd.TimedeltaIndex:
    return pd.to_timedelta(count, unit="us")
