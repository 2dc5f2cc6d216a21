"""Directives in the database, and the lock that makes an order hold from the moment it is given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from features.vocabulary import SubjectType
from routing.canonical import canonical_json
from routing.directives import Directive, DirectiveKind
from routing.policy import Mode
from serving.db.tables import DirectiveRow

_ORDERS_LOCK = 7_304_115_004
_WAIT_SHARED = select(func.pg_advisory_xact_lock_shared(_ORDERS_LOCK))


def lock(session: Session) -> None:
    """Wait until nobody decides, and keep it so to the end of the transaction: whoever decides later sees the order.

    A SQLite transaction that writes is alone from the beginning; PostgreSQL takes an advisory lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_ORDERS_LOCK)))


def lock_shared(session: Session) -> None:
    """Let nobody give an order before the end of the transaction; others may decide meanwhile."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_WAIT_SHARED)


def keep(session: Session, directive: Directive, subject: SubjectType, *, by: str, at: datetime) -> None:
    """Keep a directive about a type of subject."""
    session.execute(
        insert(DirectiveRow).values(
            directive_id=directive.id,
            kind=directive.kind.value,
            branch=None if directive.branch is None else directive.branch.value,
            mode=None if directive.mode is None else directive.mode.value,
            everywhere=not directive.where,
            since=directive.since,
            until=directive.until,
            body=canonical_json(directive.as_json()),
            issued_by=by,
            issued_at=at,
            subject_type=subject.value,
        )
    )


def end(session: Session, directive_id: str, *, by: str, at: datetime, because: str) -> bool:
    """End a directive that has not been ended; False if it has."""
    ended = session.execute(
        update(DirectiveRow)
        .where(DirectiveRow.directive_id == directive_id, DirectiveRow.ended_at.is_(None))
        .values(ended_by=by, ended_at=at, ended_because=because)
        .returning(DirectiveRow.position),
        execution_options={"synchronize_session": False},
    )
    return ended.scalar_one_or_none() is not None


def find(session: Session, directive_id: str) -> DirectiveRow | None:
    """Return a directive."""
    return session.scalars(select(DirectiveRow).filter_by(directive_id=directive_id)).one_or_none()


def page(session: Session, *, now: datetime, only_open: bool, before: int | None, limit: int) -> list[DirectiveRow]:
    """Return directives, newest first; with `only_open` those that stand or will."""
    statement = select(DirectiveRow).order_by(DirectiveRow.position.desc()).limit(limit)
    if only_open:
        statement = statement.where(_is_open(now))
    if before is not None:
        statement = statement.where(DirectiveRow.position < before)
    return list(session.scalars(statement))


def standing(session: Session, now: datetime, subject: SubjectType = SubjectType.SHIPMENT) -> list[Directive]:
    """Return what is in force for a type of subject, in the order in which it was given.

    A limit on all branches in all cases is in force for every type: whoever stops everything need not name them.

    An order that was given to hold at once holds for whoever finds it, by however much the clock of another process was
    ahead.
    """
    found = []
    for body, issued_at in session.execute(_standing(subject), {"now": now}):
        directive = _read(body)
        if now < directive.since <= issued_at:
            directive = replace(directive, since=now)
        if directive.in_force(now):
            found.append(directive)
    return found


def concerning(standing: Iterable[Directive], known: Mapping[str, object]) -> tuple[Directive, ...]:
    """Return what of all that is in force may concern a case; what names other cases cannot."""
    return tuple(each for each in standing if each.covers(known) is not False)


def stops(branch: ColumnElement[str] | InstrumentedAttribute[str], now: datetime) -> ColumnElement[bool]:
    """Tell, in a query, whether a branch is stopped for all cases: then nothing of it goes out, whoever let it out."""
    row = DirectiveRow
    stopping = and_(row.kind == DirectiveKind.LIMIT.value, row.mode == Mode.OBSERVE.value, row.everywhere)
    named = or_(row.branch.is_(None), row.branch == branch)
    return exists().where(stopping, named, _is_open(now), _has_begun(now))


def bar_calls(session: Session, now: datetime) -> bool:
    """Tell whether anything is in force by which a call may be barred that was let out already."""
    kinds = [each.value for each in (DirectiveKind.EXCLUDE, DirectiveKind.FORBID, DirectiveKind.SUPPRESS)]
    return bool(session.scalar(select(exists().where(DirectiveRow.kind.in_(kinds), _is_open(now), _has_begun(now)))))


def directive_of(row: DirectiveRow) -> Directive:
    """Read a directive from its row."""
    return _read(row.body)


@lru_cache(maxsize=1024)
def _read(body: str) -> Directive:
    """Read a directive; its text never changes, and every decision asks for those that stand."""
    return Directive.from_json(json.loads(body))


@cache
def _standing(subject: SubjectType) -> Select[str, datetime]:
    columns = select(DirectiveRow.body, DirectiveRow.issued_at)
    return columns.where(_is_open(bindparam("now")), _is_for(subject)).order_by(DirectiveRow.position)


def _is_for(subject: SubjectType) -> ColumnElement[bool]:
    row = DirectiveRow
    stops_all = and_(row.kind == DirectiveKind.LIMIT.value, row.branch.is_(None), row.everywhere)
    return or_(row.subject_type == subject.value, stops_all)


def _is_open(now: datetime | BindParameter[Any]) -> ColumnElement[bool]:
    return and_(DirectiveRow.ended_at.is_(None), or_(DirectiveRow.until.is_(None), DirectiveRow.until > now))


def _has_begun(now: datetime) -> ColumnElement[bool]:
    """Tell whether it holds: whoever finds one that was to hold at once may have a clock that is behind."""
    return or_(DirectiveRow.since <= now, DirectiveRow.since <= DirectiveRow.issued_at)
