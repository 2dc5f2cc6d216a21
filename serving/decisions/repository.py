"""Decisions in the database: one gapless, hash-chained sequence, whoever writes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, func, literal, select, text, union_all
from sqlalchemy.orm import Session, aliased

from features.vocabulary import Branch
from routing.decision import GENESIS, SealedDecision
from routing.effects import Effect
from serving.db.statements import put
from serving.db.subjects import SubjectKey, about
from serving.db.tables import DecisionRow, IdempotencyRow, OutgoingCallRow
from serving.messages.turns import JOINED

SEALED = "decision.sealed"
"""The audit action that notes the head of the chain."""
_CHAIN_LOCK = 7_304_115_002
_AT_ONCE = 200
_HEAD = "head of the chain"
_WAIT = text("SELECT pg_advisory_xact_lock(:key)")
_TRY = text("SELECT pg_try_advisory_xact_lock(:key)")
_NEWEST = select(DecisionRow.sequence, DecisionRow.hash).order_by(DecisionRow.sequence.desc()).limit(1)
_VERSION = select(DecisionRow).where(DecisionRow.subject_version == bindparam("version"))
_KEY = select(IdempotencyRow.request_hash, IdempotencyRow.started_at, IdempotencyRow.status_code,
              IdempotencyRow.response).where(IdempotencyRow.key == bindparam("key"))  # fmt: skip


def _of_subject(row: Any) -> ColumnElement[bool]:
    return and_(row.subject_type == bindparam("subject_type"), row.subject_id == bindparam("subject_id"))


_UNTOLD = aliased(OutgoingCallRow)
"""Calls that were to go with a message, and were taken back before it was sent."""
_WAS_UNTOLD = and_(
    _of_subject(_UNTOLD),
    _UNTOLD.goes_with.is_not(None),
    _UNTOLD.effect == Effect.WITHDRAWN.value,
    _UNTOLD.attempts == 0,
)
_TAKEN = union_all(
    select(literal(True).label("is_decision"), DecisionRow.body.label("said"), literal(False).label("waits")).where(
        _of_subject(DecisionRow),
        DecisionRow.branch != Branch.NONE.value,
        ~exists().where(_WAS_UNTOLD, _UNTOLD.decision_id == DecisionRow.decision_id),
    ),
    select(literal(False), OutgoingCallRow.branch, OutgoingCallRow.status == JOINED).where(
        _of_subject(OutgoingCallRow), ~exists().where(_WAS_UNTOLD, _UNTOLD.call_id == OutgoingCallRow.call_id)
    ),
)


def lock_chain(session: Session) -> tuple[int, str]:
    """Wait for the turn to write, keep it to the end of the transaction, and return sequence and hash of the head.

    A SQLite transaction that writes has its turn from the beginning; PostgreSQL takes an advisory lock.
    """
    seen = session.info.get(_HEAD)
    if seen is not None and seen[0] is session.get_transaction():
        sequence, newest = seen[1]
        return sequence, newest
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_WAIT, {"key": _CHAIN_LOCK})
    found = session.execute(_NEWEST).one_or_none()
    head = (0, GENESIS) if found is None else (found.sequence, found.hash)
    _remember(session, head)
    return head


def _remember(session: Session, head: tuple[int, str]) -> None:
    """Keep the head for the rest of the transaction, in which nobody else moves it; not what a savepoint may undo."""
    session.info[_HEAD] = None if session.in_nested_transaction() else (session.get_transaction(), head)


def lock_key(session: Session, key: str) -> bool:
    """Take an idempotency key for this transaction; return False if another one has it at this moment.

    On SQLite there is no other: whoever comes second waits at the beginning, and finds the answer of the first.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    lock = {"key": _lock_number(f"key:{key}")}
    return bool(session.execute(_TRY, lock).scalar())


def lock_subject(session: Session, key: SubjectKey) -> None:
    """Wait for the turn to decide about a subject, and keep it: what was done for it so far stays true meanwhile."""
    if session.get_bind().dialect.name == "postgresql":
        lock = {"key": _lock_number(f"{key.type}:{key.id}")}
        session.execute(_WAIT, lock)


def bodies(session: Session, *, since: datetime | None, until: datetime | None) -> Iterator[str]:
    """Yield what was sealed from `since` until just before `until`, in the order of the chain."""
    rows = select(DecisionRow.body).order_by(DecisionRow.sequence).execution_options(yield_per=_AT_ONCE)
    if since is not None:
        rows = rows.where(DecisionRow.decided_at >= since)
    if until is not None:
        rows = rows.where(DecisionRow.decided_at < until)
    return iter(session.scalars(rows))


def find_key(session: Session, key: str) -> Row[str, datetime, int | None, str | None] | None:
    """Return what an idempotency key was used for: request_hash, started_at, status_code and response."""
    return session.execute(_KEY, {"key": key}).one_or_none()


def keep_key(session: Session, *, key: str, request_hash: str, started_at: datetime, status: int, body: str) -> None:
    """Keep the answer that every later request with the key gets."""
    put(
        session,
        IdempotencyRow,
        key=key,
        request_hash=request_hash,
        started_at=started_at,
        status_code=status,
        response=body,
    )


def keep(
    session: Session,
    sealed: SealedDecision,
    *,
    version: str,
    key: SubjectKey,
    moment: str,
    branch: str,
    mode: str,
    decided_at: datetime,
    policy_digest: str,
) -> None:
    """Keep a sealed decision."""
    put(
        session,
        DecisionRow,
        sequence=sealed.sequence,
        decision_id=sealed.decision_id,
        subject_version=version,
        **key.columns,
        moment=moment,
        branch=branch,
        mode=mode,
        decided_at=decided_at,
        policy_digest=policy_digest,
        body=sealed.body,
        previous_hash=sealed.previous_hash,
        hash=sealed.hash,
    )
    _remember(session, (sealed.sequence, sealed.hash))


def find_version(session: Session, version: str) -> DecisionRow | None:
    """Return the decision on a version of a subject."""
    return session.scalars(_VERSION, {"version": version}).one_or_none()


def newest_of(session: Session, version: str) -> tuple[DecisionRow | None, int]:
    """Return the newest decision on a version, and its turn: 1, and one more each time that what was held is let go."""
    found, turn = find_version(session, version), 1
    while found is not None:
        again = find_version(session, in_turn(version, turn + 1))
        if again is None:
            break
        found, turn = again, turn + 1
    return found, turn


def in_turn(version: str, turn: int) -> str:
    """Name a version that is decided again because what held it is over: the same facts of the shipment, a new turn."""
    return version if turn == 1 else f"{version}~{turn}"


def find(session: Session, decision_id: str) -> DecisionRow | None:
    """Return a decision."""
    return session.scalars(select(DecisionRow).filter_by(decision_id=decision_id)).one_or_none()


def find_several(session: Session, decision_ids: Sequence[str]) -> list[DecisionRow]:
    """Return those of some decisions that there are, in no order."""
    return list(session.scalars(select(DecisionRow).where(DecisionRow.decision_id.in_(decision_ids))))


def of_subject(session: Session, key: SubjectKey, *, before: int | None, limit: int) -> list[DecisionRow]:
    """Return the decisions about a subject, newest first, from those before a sequence number on."""
    statement = select(DecisionRow).where(about(DecisionRow, key)).order_by(DecisionRow.sequence.desc())
    if before is not None:
        statement = statement.where(DecisionRow.sequence < before)
    return list(session.scalars(statement.limit(limit)))


def calls_of(session: Session, decision_id: str) -> list[OutgoingCallRow]:
    """Return the calls of a decision; what it is told by together with others is not its own."""
    calls = select(OutgoingCallRow).filter_by(decision_id=decision_id, gathers=None).order_by(OutgoingCallRow.position)
    return list(session.scalars(calls))


def count_calls(session: Session, decision_id: str, branch: Branch) -> int:
    """Return how many calls a decision has of a branch; those that undo others do not count."""
    call = OutgoingCallRow
    asked = select(func.count()).where(
        call.decision_id == decision_id,
        call.branch == branch.value,
        call.compensates.is_(None),
        call.gathers.is_(None),
    )
    return session.scalar(asked) or 0


class Taken(NamedTuple):
    """What was done for a subject so far; `waits` if a call of it still waits to be told with others."""

    branches: list[Branch]
    waits: bool


def branches_taken(session: Session, key: SubjectKey) -> Taken:
    """Return what was recommended for a subject and not suppressed, and what was called, whoever decided it.

    What was to be told together with others, and was taken back before that, counts for nothing.
    """
    found = session.execute(_TAKEN, key.columns).all()
    branches = [Branch(json.loads(row.said)["recommended_branch"] if row.is_decision else row.said) for row in found]
    return Taken(branches, any(row.waits for row in found))


def hash_at(session: Session, sequence: int) -> str | None:
    """Return the hash of the decision with a number, None if there is none."""
    return session.scalar(select(DecisionRow.hash).filter_by(sequence=sequence))


def chain(session: Session, *, after: int = 0) -> Iterator[SealedDecision]:
    """Yield the decisions after a number in order; all of them, if none is given."""
    columns = (
        DecisionRow.sequence,
        DecisionRow.decision_id,
        DecisionRow.body,
        DecisionRow.previous_hash,
        DecisionRow.hash,
    )
    statement = select(*columns).where(DecisionRow.sequence > after).order_by(DecisionRow.sequence)
    for row in session.execute(statement.execution_options(yield_per=500)):
        yield SealedDecision(*row)


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
