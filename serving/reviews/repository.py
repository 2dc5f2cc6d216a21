"""The review queue in the database. Every move is one conditional update: of two at once, one finds nothing to move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BindParameter, ColumnElement, CursorResult, and_, bindparam, case, func, or_, select, update
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.priority import MOST_AT_STAKE, Place, Rank
from serving.db.statements import table_of
from serving.db.subjects import SubjectKey, about
from serving.db.tables import AuditRow, ReviewItemRow
from serving.reviews.reasons import Answer, ReasonCode

OPEN, CLAIMED, DONE = "open", "claimed", "done"
Rates = Mapping[tuple[str, str], int]
"""Millionths of what is at stake that a minute saves, by type of subject and suggested branch."""


class Which(StrEnum):
    """Which items a list shows."""

    WAITING = "waiting"
    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Closing:
    """How an item is closed."""

    verdict: Answer
    closed_by: str
    branch: str | None
    reason: ReasonCode | None
    note: str | None


def rank_of(now: datetime) -> ColumnElement[int]:
    """Rank items: those to be taken, claimed ones, those past their latest useful moment, done ones."""
    item = ReviewItemRow
    return case(
        (item.status == DONE, int(Rank.DONE)),
        (and_(item.status == CLAIMED, item.claim_expires_at > now), int(Rank.CLAIMED)),
        (item.latest_useful_at <= now, int(Rank.TOO_LATE)),
        else_=int(Rank.FREE),
    )


def worth_by(rates: Rates) -> ColumnElement[int]:
    """Return what a minute on an item is worth: what is at stake times what its suggestion saves of it a minute.

    Parameters
    ----------
    rates
        Millionths of what is at stake that a minute saves, by type of subject and suggested branch.
    """
    item = ReviewItemRow
    stake = case((item.value_at_stake_minor > MOST_AT_STAKE, MOST_AT_STAKE), else_=item.value_at_stake_minor)
    by_kind = (
        (and_(item.subject_type == subject, item.suggested_branch == branch), rate)
        for (subject, branch), rate in rates.items()
    )
    return stake * case(*by_kind, else_=0)


def page(
    session: Session,
    *,
    which: Which,
    now: datetime,
    rates: Rates,
    after: Place | None,
    limit: int,
    kind: SubjectType | None = None,
) -> list[ReviewItemRow]:
    """Return items in the order of the queue: by rank, then worth most a minute, then oldest.

    Parameters
    ----------
    kind
        What they are about; None: anything.
    """
    item = ReviewItemRow
    rank, worth = rank_of(now), worth_by(rates)
    statement = select(item).order_by(rank, worth.desc(), item.created_at, item.item_id)
    if kind is not None:
        statement = statement.where(item.subject_type == kind.value)
    match which:
        case Which.WAITING:
            statement = statement.where(item.status != DONE)
        case Which.OPEN:
            statement = statement.where(_is_free(now))
        case Which.CLAIMED:
            statement = statement.where(item.status == CLAIMED, item.claim_expires_at > now)
        case Which.DONE:
            statement = statement.where(item.status == DONE)
        case Which.ALL:
            pass
    if after is not None:
        older = or_(
            item.created_at > after.created_at,
            and_(item.created_at == after.created_at, item.item_id > after.item_id),
        )
        less = or_(worth < after.worth, and_(worth == after.worth, older))
        statement = statement.where(or_(rank > int(after.rank), and_(rank == int(after.rank), less)))
    return list(session.scalars(statement.limit(limit)))


def count_by_status(session: Session, now: datetime) -> dict[SubjectType, dict[str, int]]:
    """Return how many items about each type of subject are open, claimed and done.

    A claim that ran out counts as open.
    """
    item = ReviewItemRow
    status = case((item.status == DONE, DONE), (_is_free(now), OPEN), else_=CLAIMED)
    asked = select(item.subject_type, status.label("status"), func.count().label("items"))
    counts = {kind: {OPEN: 0, CLAIMED: 0, DONE: 0} for kind in SubjectType}
    for row in session.execute(asked.group_by(item.subject_type, status)):
        counts[SubjectType(row.subject_type)][row.status] = row.items
    return counts


def find(session: Session, item_id: str) -> ReviewItemRow | None:
    """Return an item as it is in the database now."""
    return session.get(ReviewItemRow, item_id, populate_existing=True)


def history(session: Session, item_id: str) -> list[AuditRow]:
    """Return the audit entries of an item, oldest first."""
    return list(session.scalars(select(AuditRow).filter_by(subject=f"review:{item_id}").order_by(AuditRow.position)))


def claim(session: Session, item_id: str, *, actor: str, token: str, now: datetime, expires_at: datetime) -> bool:
    """Give a free item to somebody. Return whether it was free."""
    free = and_(ReviewItemRow.item_id == item_id, _is_free(now))
    return _moved(
        session, free, {"status": CLAIMED, "claimed_by": actor, "claim_token": token, "claim_expires_at": expires_at}
    )


def extend(session: Session, item_id: str, *, token: str, now: datetime, expires_at: datetime) -> bool:
    """Let a claim that holds run longer. Return whether it held."""
    return _moved(session, _is_held(item_id, token, now), {"claim_expires_at": expires_at})


def release(session: Session, item_id: str, *, token: str, now: datetime) -> bool:
    """Give a held item back to the queue. Return whether it was held."""
    nobody = {"status": OPEN, "claimed_by": None, "claim_token": None, "claim_expires_at": None}
    return _moved(session, _is_held(item_id, token, now), nobody)


def close(session: Session, item_id: str, *, token: str, now: datetime, closing: Closing) -> bool:
    """Close a held item; its claim's token stays, to know a repeated submit by. Return whether it was held."""
    return _moved(session, _is_held(item_id, token, now), _closed(closing, now))


def supersede(session: Session, key: SubjectKey, *, now: datetime, closing: Closing) -> list[str]:
    """Close the items of a subject that nobody holds, but for those about a call. Return their ids."""
    of_key = {"of_type": key.type.value, "of_id": key.id, "since": now}
    return list(session.scalars(_SUPERSEDING, of_key | _closed(closing, now)))


def too_late(session: Session, now: datetime) -> list[tuple[str, str]]:
    """Return the items that nobody holds and whose suggestion is too late, each with its decision, oldest first."""
    item = ReviewItemRow
    asked = (
        select(item.item_id, item.decision_id)
        .where(item.call_id.is_(None), item.latest_useful_at <= now, _is_free(now))
        .order_by(item.created_at, item.item_id)
    )
    return [(item_id, decision_id) for item_id, decision_id in session.execute(asked)]


def expire(session: Session, item_id: str, *, now: datetime, closing: Closing) -> bool:
    """Close an item that nobody holds. Return whether nobody did."""
    return _moved(session, and_(ReviewItemRow.item_id == item_id, _is_free(now)), _closed(closing, now))


def say_too(session: Session, key: SubjectKey, news: str) -> list[tuple[str, str]]:
    """Add a sentence to what the items of a subject say that wait, but for those about a call.

    Return the id of each, and all that it says now.
    """
    item = ReviewItemRow
    waiting = and_(about(item, key), item.call_id.is_(None), item.status != DONE, ~item.why.contains(news))
    statement = update(item).where(waiting).values(why=item.why + f" {news}").returning(item.item_id, item.why)
    told = session.execute(statement.execution_options(synchronize_session=False))
    return [(item_id, why) for item_id, why in told]


def open_about(session: Session, key: SubjectKey) -> list[tuple[str, str, int]]:
    """Return the items of a subject that wait or are held, but for those about a call: id, why, what is at stake."""
    item = ReviewItemRow
    asked = select(item.item_id, item.why, item.value_at_stake_minor).where(
        about(item, key), item.call_id.is_(None), item.status != DONE
    )
    return [(item_id, why, stake) for item_id, why, stake in session.execute(asked)]


def _is_free(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    item = ReviewItemRow
    return or_(item.status == OPEN, and_(item.status == CLAIMED, item.claim_expires_at <= now))


_SUPERSEDING = (
    update(table_of(ReviewItemRow))
    .where(ReviewItemRow.subject_type == bindparam("of_type"), ReviewItemRow.subject_id == bindparam("of_id"))
    .where(ReviewItemRow.call_id.is_(None), _is_free(bindparam("since")))
    .returning(ReviewItemRow.item_id)
)


def _is_held(item_id: str, token: str, now: datetime) -> ColumnElement[bool]:
    item = ReviewItemRow
    return and_(item.item_id == item_id, item.status == CLAIMED, item.claim_token == token, item.claim_expires_at > now)


def _closed(closing: Closing, now: datetime) -> dict[str, object]:
    return {
        "status": DONE,
        "verdict": closing.verdict.value,
        "verdict_branch": closing.branch,
        "reason_code": None if closing.reason is None else closing.reason.value,
        "note": closing.note,
        "closed_by": closing.closed_by,
        "closed_at": now,
    }


def _moved(session: Session, where: ColumnElement[bool], values: Mapping[str, object]) -> bool:
    statement = update(ReviewItemRow).where(where).values(values)
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)  # noqa: S101  an update has a cursor
    return result.rowcount == 1
