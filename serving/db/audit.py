"""The audit trail: who changed what, from what to what, in the transaction that changes it.

Its entries are one chain, as decisions are: numbers have no gaps, and the hash of each covers its number and the hash
of the one before. An entry is written when its transaction commits: only then is its place known, and whoever has the
turn to write waits for nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import event, select, text
from sqlalchemy.orm import Session, SessionTransaction

from routing.canonical import canonical_json
from routing.decision import GENESIS
from serving.db.statements import put_all
from serving.db.tables import AuditRow

SYSTEM = "system"
"""The actor of what the service does by itself."""
_TRAIL_LOCK = 7_304_115_005
_WAITING = "entries of the audit trail"
_AT_ONCE = 500
_WAIT = text("SELECT pg_advisory_xact_lock(:key)")
_NEWEST = select(AuditRow.position, AuditRow.hash).order_by(AuditRow.position.desc()).limit(1)


class Entry(NamedTuple):
    """One entry; `old` and `new` are canonical JSON."""

    at: datetime
    actor: str
    action: str
    subject: str
    old: str | None
    new: str | None


class KeptEntry(NamedTuple):
    """One entry as it is kept, with its number in the chain and its hash."""

    sequence: int
    entry: Entry
    hash: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry that is written at the commit, unless what it was made in is rolled back before."""

    entry: Entry
    made_in: SessionTransaction


def audit(
    session: Session,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    old: Mapping[str, object] | None = None,
    new: Mapping[str, object] | None = None,
) -> None:
    """Write one entry of the audit trail."""
    told = (None if each is None else canonical_json(each) for each in (old, new))
    made_in = session.get_nested_transaction() or session.get_transaction() or session.begin()
    session.info.setdefault(_WAITING, []).append(_Waiting(Entry(at, actor, action, subject, *told), made_in))


def entry_hash(sequence: int, previous: str, entry: Entry) -> str:
    """Return the hash (SHA-256, hex) of an entry at its place in the chain."""
    return hashlib.sha256(f"{previous}\n{sequence}\n{canonical_json(entry)}".encode("ascii")).hexdigest()


def entry_hash_at(session: Session, sequence: int) -> str | None:
    """Return the hash of the entry with a number, None if there is none."""
    return session.scalar(select(AuditRow.hash).filter_by(position=sequence))


def kept_entries(session: Session, *, after: int = 0) -> Iterator[KeptEntry]:
    """Yield the entries after a number in order; all of them, if none is given."""
    row = AuditRow
    columns = (row.position, row.hash, row.at, row.actor, row.action, row.subject, row.old, row.new)
    found = select(*columns).where(row.position > after).order_by(row.position)
    for each in session.execute(found.execution_options(yield_per=_AT_ONCE)):
        entry = Entry(each.at, each.actor, each.action, each.subject, each.old, each.new)
        yield KeptEntry(each.position, entry, each.hash)


def verify_entries(
    kept: Iterable[KeptEntry], *, after: tuple[int, str] = (0, GENESIS), heads: Mapping[int, str]
) -> Iterator[str]:
    """Yield what is wrong with a chain of entries; nothing if it is whole.

    Parameters
    ----------
    after
        Number and hash of the entry just before the first one given.
    heads
        Hashes by number that are known, from elsewhere, to belong to the chain.
    """
    sequence, previous = after
    for found in kept:
        label = f"entry {found.sequence} of the audit trail ({found.entry.action}, {found.entry.subject})"
        if found.sequence != sequence + 1:
            yield f"{label} follows {sequence}: deleted between them, or reordered."
        elif found.hash != entry_hash(found.sequence, previous, found.entry):
            yield f"{label} does not match its hash: edited, inserted, reordered, or the one before was."
        if heads.get(found.sequence, found.hash) != found.hash:
            yield f"{label} is not the one known as number {found.sequence}: forked."
        sequence, previous = found.sequence, found.hash
    beyond = max(heads, default=sequence)
    if beyond > sequence:
        yield f"the audit trail ends at {sequence}, number {beyond} is known: truncated."


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Give the entries of a transaction their places in the chain, and write them."""
    waiting = session.info.get(_WAITING)
    if not waiting or session.in_nested_transaction():
        return
    del session.info[_WAITING]
    own = [each.entry for each in waiting if _is_within(each.made_in, session.get_transaction())]
    if not own:
        return
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_WAIT, {"key": _TRAIL_LOCK})
    last, previous = session.execute(_NEWEST).one_or_none() or (0, GENESIS)
    rows = []
    for sequence, entry in enumerate(own, start=last + 1):
        previous = entry_hash(sequence, previous, entry)
        rows.append({"position": sequence, **entry._asdict(), "hash": previous})
    put_all(session, AuditRow, rows)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, undone: SessionTransaction) -> None:
    """Forget the entries that were made in what is rolled back."""
    waiting = session.info.get(_WAITING)
    if waiting:
        session.info[_WAITING] = [each for each in waiting if not _is_within(each.made_in, undone)]


def _is_within(inner: SessionTransaction | None, outer: SessionTransaction | None) -> bool:
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is not None
