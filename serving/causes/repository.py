"""Common causes in the database. Whoever writes here holds the chain's lock, so what is counted stays true."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Insert, Row, Select, and_, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.causes import Counts
from routing.playbooks import DrainOrder
from serving.db.statements import table_of
from serving.db.subjects import SubjectKey, about
from serving.db.tables import AuditRow, CauseRow, ChildRow, LookRow, ReviewItemRow
from serving.reviews.repository import DONE

STANDING, OVER, CLOSED, DECLINED = "standing", "over", "closed", "declined"
HELD, DRAINED, DECIDED, GONE, FAILED = "held", "drained", "decided", "gone", "failed"
_HELD_OF = select(ChildRow).where(
    ChildRow.subject_type == bindparam("subject_type"),
    ChildRow.subject_id == bindparam("subject_id"),
    ChildRow.status == HELD,
)


class Scope(NamedTuple):
    """One scope: the type of subject that a playbook is on, the playbook, and the key of it, e.g. a carrier."""

    subject: SubjectType
    playbook: str
    key: str


def count_looks(session: Session, scope: Scope, *, since: datetime, besides: str | None) -> Counts:
    """Count the subjects of a scope whose newest look is not older than `since`, without the one `besides`."""
    look = LookRow
    shown = func.coalesce(func.sum(case((look.shows, 1), else_=0)), 0)
    statement = select(shown, func.count()).where(
        look.subject_type == scope.subject.value,
        look.playbook == scope.playbook,
        look.key == scope.key,
        look.looked_at >= since,
    )
    if besides is not None:
        statement = statement.where(look.subject_id != besides)
    found, seen = session.execute(statement).one()
    return Counts(shown=int(found), seen=seen)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a subject shows of a cause in its scope; None if it tells nothing."""

    playbook: str
    key: str
    shows: bool | None


def note_looks(session: Session, key: SubjectKey, looks: Iterable[Look], *, at: datetime) -> None:
    """Keep the newest looks at a subject; one that tells nothing takes the last one's place too."""
    told, untold = [], []
    for look in looks:
        if look.shows is None:
            untold.append(look.playbook)
        else:
            told.append({"playbook": look.playbook, **key.columns, "key": look.key, "looked_at": at,
                         "shows": look.shows})  # fmt: skip
    if untold:
        session.execute(delete(LookRow).where(about(LookRow, key), LookRow.playbook.in_(untold)))
    if told:
        session.execute(_noting(session.get_bind().dialect.name), told)


@cache
def _noting(dialect: str) -> Insert:
    look: sqlite.Insert = (sqlite if dialect == "sqlite" else postgresql).insert(table_of(LookRow))
    newest = {name: look.excluded[name] for name in ("key", "looked_at", "shows")}
    return look.on_conflict_do_update(index_elements=["playbook", "subject_type", "subject_id"], set_=newest)


def latest(session: Session, scopes: Sequence[Scope]) -> dict[Scope, CauseRow]:
    """Return the newest cause of each of some scopes, standing or not."""
    if not scopes:
        return {}
    given = {
        f"{part}_{place}": text for place, scope in enumerate(scopes) for part, text in zip("spk", scope, strict=True)
    }
    found = session.scalars(_newest(len(scopes)), given)
    return {Scope(SubjectType(row.subject_type), row.playbook, row.key): row for row in found}


@cache
def _newest(scopes: int) -> Select[CauseRow]:
    position, found = CauseRow.position, []
    for place in range(scopes):
        of_scope = and_(
            CauseRow.subject_type == bindparam(f"s_{place}"),
            CauseRow.playbook == bindparam(f"p_{place}"),
            CauseRow.key == bindparam(f"k_{place}"),
        )
        found.append(select(func.max(position)).where(of_scope).scalar_subquery())
    return select(CauseRow).where(position.in_(found))


def find(session: Session, cause_id: str) -> CauseRow | None:
    """Return a cause as it is in the database now."""
    statement = select(CauseRow).filter_by(cause_id=cause_id).execution_options(populate_existing=True)
    return session.scalars(statement).one_or_none()


def page(
    session: Session,
    *,
    only_open: bool,
    subject: SubjectType | None = None,
    before: int | None = None,
    limit: int = 200,
) -> list[CauseRow]:
    """Return causes, newest first: of one type of subject, or all; with `only_open` those that hold something."""
    statement = select(CauseRow).order_by(CauseRow.position.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(CauseRow.subject_type == subject.value)
    if only_open:
        statement = statement.where(CauseRow.drained_at.is_(None))
    if before is not None:
        statement = statement.where(CauseRow.position < before)
    return list(session.scalars(statement))


def open_ones(session: Session) -> list[CauseRow]:
    """Return all causes that stand or still hold something, oldest first."""
    return list(session.scalars(select(CauseRow).where(CauseRow.drained_at.is_(None)).order_by(CauseRow.position)))


def counts_of(session: Session, cause_ids: Sequence[str]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many children each cause has by status, and the money at stake with them, in minor units."""
    child = ChildRow
    statement = (
        select(child.cause_id, child.status, func.count(), func.sum(child.value_at_stake_minor))
        .where(child.cause_id.in_(cause_ids))
        .group_by(child.cause_id, child.status)
    )
    return {(cause_id, status): (count, int(stake)) for cause_id, status, count, stake in session.execute(statement)}


def children(session: Session, cause_id: str, *, status: str | None, after: str | None, limit: int) -> list[ChildRow]:
    """Return the children of a cause by their ids, from the one after `after` on."""
    statement = select(ChildRow).where(ChildRow.cause_id == cause_id).order_by(ChildRow.subject_id).limit(limit)
    if status is not None:
        statement = statement.where(ChildRow.status == status)
    if after is not None:
        statement = statement.where(ChildRow.subject_id > after)
    return list(session.scalars(statement))


def held_of(session: Session, key: SubjectKey) -> list[ChildRow]:
    """Return where a subject is held."""
    return list(session.scalars(_HELD_OF, key.columns))


def is_held(session: Session, cause_id: str, key: SubjectKey) -> ChildRow | None:
    """Return a child if it is held still, as it is in the database now."""
    found = session.get(ChildRow, {"cause_id": cause_id, **key.columns}, populate_existing=True)
    return found if found is not None and found.status == HELD else None


def has_moved(session: Session, child: ChildRow) -> bool:
    """Tell whether a child that was read before the chain was held is held no more, or was looked at since.

    The child is then as it is in the database now.
    """
    looked_at = child.looked_at
    return is_held(session, child.cause_id, child.key) is None or child.looked_at != looked_at


def count_held(session: Session, cause_id: str) -> int:
    """Return how many subjects a cause holds."""
    held = select(func.count()).where(ChildRow.cause_id == cause_id, ChildRow.status == HELD)
    return session.execute(held).scalar_one()


def count_drained(session: Session, cause_id: str, *, since: datetime) -> int:
    """Return how many children of a cause were drained after `since`."""
    child = ChildRow
    drained = child.status.in_((DRAINED, FAILED))
    return session.execute(
        select(func.count()).where(child.cause_id == cause_id, drained, child.settled_at > since)
    ).scalar_one()


def longest_unseen(session: Session, cause_id: str, *, limit: int) -> list[ChildRow]:
    """Return the held children of a cause that were not looked at for the longest time."""
    held = select(ChildRow).where(ChildRow.cause_id == cause_id, ChildRow.status == HELD)
    return list(session.scalars(held.order_by(ChildRow.looked_at, ChildRow.subject_id).limit(limit)))


def next_in_turn(
    session: Session,
    cause_id: str,
    order: DrainOrder,
    *,
    now: datetime,
    besides: Collection[str] = (),
    waiting: Collection[str] = (),
) -> ChildRow | None:
    """Return the child that is drained next: what is still of use comes before what is too late.

    Parameters
    ----------
    besides
        Ids of those that are passed by.
    waiting
        What those wait for that are passed by, as they have it in `waits_for`.
    """
    child = ChildRow
    too_late = case((child.latest_useful_at <= now, 1), else_=0)
    by_value, by_time = child.value_at_stake_minor.desc(), (child.latest_useful_at.is_(None), child.latest_useful_at)
    wanted = (by_value, *by_time) if order is DrainOrder.VALUE else (*by_time, by_value)
    held = select(child).where(
        child.cause_id == cause_id,
        child.status == HELD,
        child.subject_id.not_in(besides),
        func.coalesce(child.waits_for, "").not_in(waiting),
    )
    return session.scalars(held.order_by(too_late, *wanted, child.subject_id).limit(1)).one_or_none()


def wait(session: Session, cause_id: str, key: SubjectKey, waits_for: str) -> None:
    """Note what a held child waits for."""
    session.execute(
        update(ChildRow)
        .where(ChildRow.cause_id == cause_id, about(ChildRow, key), ChildRow.status == HELD)
        .values(waits_for=waits_for),
        execution_options={"synchronize_session": False},
    )


def settle(
    session: Session, child: ChildRow, status: str, *, at: datetime, decision_id: str | None, because: str
) -> bool:
    """Settle a held child, once. Return whether it was held."""
    settled = session.execute(
        update(ChildRow)
        .where(ChildRow.cause_id == child.cause_id, about(ChildRow, child.key), ChildRow.status == HELD)
        .values(status=status, settled_at=at, settled_decision_id=decision_id, settled_because=because)
        .returning(ChildRow.subject_id),
        execution_options={"synchronize_session": False},
    )
    return settled.scalar_one_or_none() is not None


def mark_drained(session: Session, child: ChildRow, *, at: datetime, decision_id: str, because: str) -> None:
    """Note that a child was decided anew in its turn, whether or not the decision itself has settled it."""
    session.execute(
        update(ChildRow)
        .where(ChildRow.cause_id == child.cause_id, about(ChildRow, child.key))
        .values(status=DRAINED, settled_at=at, settled_decision_id=decision_id, settled_because=because),
        execution_options={"synchronize_session": False},
    )


def forget_looks(session: Session, key: SubjectKey) -> None:
    """Forget the looks at a subject about which nothing is left to decide: it is no longer one of the open ones."""
    session.execute(delete(LookRow).where(about(LookRow, key)))


def end(
    session: Session,
    cause_id: str,
    status: str,
    *,
    by: str,
    at: datetime,
    because: str,
    rests_until: datetime | None = None,
) -> bool:
    """End a cause that stands. Return whether it stood."""
    values = {"status": status, "ended_by": by, "ended_at": at, "ended_because": because, "rests_until": rests_until}
    return _moved(session, cause_id, CauseRow.status == STANDING, values)


def asked_about(session: Session, cause: CauseRow) -> list[ReviewItemRow]:
    """Return the items that wait about what shows a cause and is not held by it, the oldest of each subject."""
    look, item = LookRow, ReviewItemRow
    of_scope = and_(
        look.subject_type == cause.subject_type, look.playbook == cause.playbook, look.key == cause.key, look.shows
    )
    same = and_(item.subject_type == look.subject_type, item.subject_id == look.subject_id)
    held = select(ChildRow.subject_id).where(ChildRow.cause_id == cause.cause_id)
    found = (
        select(item)
        .join(look, same)
        .where(of_scope, item.call_id.is_(None), item.status != DONE, item.subject_id.not_in(held))
        .order_by(item.created_at.desc(), item.item_id)
    )
    return list({each.subject_id: each for each in session.scalars(found)}.values())


def hold_too(session: Session, items: Iterable[ReviewItemRow], cause_id: str, *, at: datetime) -> None:
    """Let a cause that is over hold what items are about as well, until it is decided anew in its turn."""
    rows = [
        {
            "cause_id": cause_id,
            **item.key.columns,
            "title": item.title,
            "decision_id": item.decision_id,
            "held_at": at,
            "looked_at": at,
            "value_at_stake_minor": item.value_at_stake_minor,
            "currency": item.currency,
            "latest_useful_at": item.latest_useful_at,
            "status": HELD,
        }
        for item in items
    ]
    if rows:
        session.execute(insert(ChildRow), rows)


def confirm(session: Session, cause_id: str, *, by: str, at: datetime) -> bool:
    """Note who has looked at a cause that stands. Return whether nobody had."""
    unseen = (CauseRow.status == STANDING) & CauseRow.confirmed_by.is_(None)
    return _moved(session, cause_id, unseen, {"confirmed_by": by, "confirmed_at": at})


def drained(session: Session, cause_id: str, *, at: datetime) -> bool:
    """Note that nothing is held any more. Return whether that is new."""
    return _moved(session, cause_id, CauseRow.drained_at.is_(None), {"drained_at": at})


def history(session: Session, cause_id: str) -> list[Row[datetime, str, str, str | None]]:
    """Return what the audit trail says of a cause itself, oldest first."""
    columns = (AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.new)
    statement = select(*columns).where(AuditRow.subject == f"cause:{cause_id}").order_by(AuditRow.position)
    return list(session.execute(statement))


def _moved(session: Session, cause_id: str, where: ColumnElement[bool], values: dict[str, object]) -> bool:
    moved = session.execute(
        update(CauseRow).where(CauseRow.cause_id == cause_id, where).values(values).returning(CauseRow.cause_id),
        execution_options={"synchronize_session": False},
    )
    return moved.scalar_one_or_none() is not None
