"""The outbox in the database: the port of `routing.dispatch` on SQLite and on PostgreSQL.

Every method is one transaction, and every move of a call leaves a row in the audit log in that transaction. On SQLite
a transaction holds the write lock from its beginning; on PostgreSQL workers pass over each other's rows.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, case, false, func, or_, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch, SubjectType
from routing.dispatch.errors import OutboxUnavailableError
from routing.dispatch.ports import LeasedCall, expired_because
from routing.dispatch.routes import CallKind, Routes
from routing.effects import Effect, Report
from routing.errors import PolicyError
from serving.db.audit import audit
from serving.db.engine import read_only, session_factory
from serving.db.tables import OutgoingCallRow
from serving.directives import repository as directives
from serving.effects import booking, tending
from serving.effects.moves import ask_again, keep_up, locked
from serving.effects.reporting import settle_received, take_report
from serving.effects.settling import after_move, was_sent
from serving.messages.sending import close_due
from serving.messages.turns import JOINED, UNSENT, is_open_before
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError
from serving.step_ups.stepping_down import after_dead_letter
from serving.worker.barred import withdraw_barred

WORKER = "system:worker"
"""Actor of every move the worker makes by itself."""
_SWEEP_LIMIT = 500

_Call = OutgoingCallRow
_log = logging.getLogger(__name__)


class SqlOutbox:
    """The outbox as table `outgoing_calls`. See `routing.dispatch.ports.Outbox` for what each method promises.

    Parameters
    ----------
    engine
        From `create_engine_for`; the tables are there.
    routes
        Which calls each target takes, by their kind; None if each target takes those that bear its name.
    """

    def __init__(self, engine: Engine, routes: Routes | None = None) -> None:
        self._routes = routes
        self._sessions = session_factory(engine)
        self._readers = session_factory(read_only(engine))
        self._bundles = Bundles()

    def claim(
        self, *, target: str, owner: str, limit: int, now: datetime, real_now: datetime, lease: timedelta
    ) -> Sequence[LeasedCall]:
        """Lease up to `limit` due calls.

        None of a branch that is stopped, nor does such a call hold others of its shipment, and none that books
        transport for a shipment which has a live booking: those wait until it goes on, or until the other booking is
        gone. One that an order bars by now is withdrawn, with an item for a person. One whose outcome was reported
        while a worker had it that has not come back is settled, not leased. Messages for several that are
        due are put into the outbox first.
        """
        expires_at = real_now + lease
        with _or_unavailable():
            close_due(self._sessions, self._readers, self._bundles, self._is_for(target), actor=WORKER, now=now)
        with _transaction(self._sessions) as session:
            directives.lock_shared(session)
            due = and_(_claimable(real_now), _call_is_due(now), ~directives.stops(_Call.branch, now))
            found = session.execute(
                select(
                    *(_Call.position, _Call.status, _Call.attempts, _Call.effect),
                    *(_Call.outcome, _Call.call_id, _Call.gathers, _Call.last_error),
                )
                .where(self._is_for(target), due, _is_next_in_turn(now))
                .order_by(_Call.next_attempt_at, _Call.position)
                .limit(limit)
                .with_for_update(of=_Call, skip_locked=True)
            ).all()
            held = _held_by_others(session, [row.call_id for row in found if row.gathers is not None])
            found = [row for row in found if row.call_id not in held]
            if not found:
                return []
            unsettled = [row for row in found if row.outcome is None]
            barred = withdraw_barred(session, self._bundles, [row.call_id for row in unsettled], actor=WORKER, now=now)
            before = {row.position: row for row in unsettled if row.call_id not in barred}
            self._settle_reported(session, [row.call_id for row in found if row.outcome is not None], now=now)
            # Whose turn it is is asked again now that the rows are ours: on PostgreSQL a dead letter of the same
            # shipment may have been put back between the reading and the locking.
            rows = session.execute(
                update(_Call)
                .where(_Call.position.in_(before), _is_next_in_turn(now))
                .values(
                    status="leased",
                    attempts=_Call.attempts + 1,
                    lease_owner=owner,
                    lease_expires_at=expires_at,
                    effect=case((_is_intended(), Effect.SENT.value), else_=_Call.effect),
                    effect_at=case((_is_intended(), now), else_=_Call.effect_at),
                )
                .returning(
                    _Call.position,
                    _Call.call_id,
                    _Call.subject_id,
                    _Call.target,
                    _Call.body,
                    _Call.attempts,
                    _Call.latest_useful_at,
                    _Call.gathers,
                ),
                execution_options={"synchronize_session": False},
            ).all()
            for row in rows:
                old = {"status": before[row.position].status, "attempts": before[row.position].attempts}
                new = {"status": "leased", "attempts": row.attempts, "lease_owner": owner}
                if self._routes is not None:
                    new["target"] = target
                if before[row.position].effect == Effect.INTENDED:
                    old["effect"], new["effect"] = Effect.INTENDED.value, Effect.SENT.value
                audit_call(session, row.call_id, "claimed", at=now, old=old, new=new)
                if row.gathers is not None:
                    message = locked(session, row.call_id)
                    assert message is not None  # noqa: S101  it is ours
                    keep_up(session, message, actor=WORKER, now=now)
        turn = {position: place for place, position in enumerate(before)}
        return [
            LeasedCall(
                call_id=row.call_id,
                subject_id=row.subject_id,
                target=row.target,
                body=row.body,
                attempt=row.attempts,
                owner=owner,
                lease_expires_at=expires_at,
                latest_useful_at=row.latest_useful_at,
                sent_before=was_sent(before[row.position].attempts, before[row.position].last_error),
            )
            for row in sorted(rows, key=lambda row: turn[row.position])
        ]

    def _settle_reported(self, session: Session, call_ids: Sequence[str], *, now: datetime) -> None:
        for call_id in call_ids:
            row = locked(session, call_id)
            if row is not None:
                settle_received(session, row, actor=WORKER, now=now)
                keep_up(session, row, actor=WORKER, now=now)

    def delivered(self, call: LeasedCall, *, now: datetime) -> bool:
        """Settle a call that was accepted."""
        values = {"status": "delivered", "delivered_at": now, "last_error": None}
        return self._move(call, "delivered", now=now, values=values, told={})

    def retry_at(self, call: LeasedCall, *, at: datetime, reason: str, now: datetime) -> bool:
        """Give a call back, due again at `at`."""
        values = {"status": "pending", "next_attempt_at": at, "last_error": reason}
        return self._move(call, "put_off", now=now, values=values, told={"next_attempt_at": at, "reason": reason})

    def dead(self, call: LeasedCall, *, reason: str, now: datetime) -> bool:
        """Settle a call as a dead letter."""
        values = {"status": "dead", "last_error": reason}
        return self._move(call, "dead", now=now, values=values, told={"reason": reason})

    def expired(self, call: LeasedCall, *, reason: str, now: datetime) -> bool:
        """Settle a call that is no longer worth making; the attempt that was not made does not count."""
        values = {"status": "expired", "attempts": call.attempt - 1, "last_error": reason}
        told = {"reason": reason}
        return self._move(call, "expired", now=now, values=values, told=told, unsent=not call.sent_before)

    def release(self, call: LeasedCall, *, now: datetime) -> bool:
        """Give a call back as if it had not been claimed."""
        values = {"status": "pending", "attempts": call.attempt - 1}
        return self._move(call, "released", now=now, values=values, told={}, unsent=not call.sent_before)

    def expire_overdue(self, *, now: datetime, real_now: datetime) -> int:
        """Settle as expired every call nobody holds whose use is over."""
        overdue = and_(_claimable(real_now), _Call.latest_useful_at <= now)
        with _transaction(self._readers) as session:
            if session.scalar(select(_Call.position).where(overdue).limit(1)) is None:
                return 0
        with _transaction(self._sessions) as session:
            rows = session.execute(
                select(
                    *(_Call.position, _Call.call_id, _Call.status, _Call.attempts),
                    *(_Call.latest_useful_at, _Call.last_error, _Call.gathers),
                )
                .where(overdue)
                .limit(_SWEEP_LIMIT)
                .with_for_update(of=_Call, skip_locked=True)
            ).all()
            held = _held_by_others(session, [row.call_id for row in rows if row.gathers is not None])
            rows = [row for row in rows if row.call_id not in held]
            for row in rows:
                sent_before = was_sent(row.attempts, row.last_error)
                reason = expired_because(row.latest_useful_at, row.attempts, sent_before=sent_before)
                session.execute(
                    update(_Call)
                    .where(_Call.position == row.position)
                    .values(status="expired", lease_owner=None, lease_expires_at=None, last_error=reason),
                    execution_options={"synchronize_session": False},
                )
                old = {"status": row.status, "attempts": row.attempts}
                new = {"status": "expired", "attempts": row.attempts, "reason": reason}
                audit_call(session, row.call_id, "expired", at=now, old=old, new=new)
                unsent = not sent_before
                after_move(session, self._bundles, row.call_id, "expired", actor=WORKER, now=now, unsent=unsent)
        return len(rows)

    def tend_effects(self, *, now: datetime) -> int:
        """Put before a person what was not confirmed in time, and what waits for another booking for good."""
        with _or_unavailable():
            return tending.tend(self._sessions, self._readers, self._bundles, actor=WORKER, now=now)

    def to_ask(self, *, target: str, limit: int, now: datetime) -> Sequence[str]:
        """Return the calls about which the target is to be asked now, and note when each is asked again."""
        due = and_(self._is_for(target), _Call.effect == Effect.ACCEPTED.value, _Call.ask_at <= now)
        with _transaction(self._readers) as session:
            if session.scalar(select(_Call.position).where(due).limit(1)) is None:
                return []
        with _transaction(self._sessions) as session:
            asked = select(_Call).where(due).order_by(_Call.position).limit(limit)
            rows = list(session.scalars(asked.with_for_update(skip_locked=True)))
            for row in rows:
                ask_again(row, now)
            return [row.call_id for row in rows]

    def told(self, call_id: str, report: Report, *, now: datetime) -> None:
        """Take in what a target answered when it was asked. It has happened, though the target's clock be ahead."""
        past = replace(report, occurred_at=min(report.occurred_at, now))
        with _transaction(self._sessions) as session:
            row = locked(session, call_id)
            if row is not None:
                take_report(session, self._bundles, row, past, actor=WORKER, now=now)

    def open_calls(self, targets: Collection[str]) -> int:
        """Return how many calls for these targets are open."""
        with _transaction(self._readers) as session:
            theirs = or_(false(), *(self._is_for(target) for target in targets))
            return session.scalar(select(func.count()).select_from(_Call).where(_Call.status.in_(UNSENT), theirs)) or 0

    def without_target(self) -> dict[CallKind, int]:
        """Return which open calls no target takes, and how many of each kind; none where nothing is routed."""
        if self._routes is None:
            return {}
        undoes = _Call.compensates.is_not(None)
        counted = (
            select(_Call.subject_type, _Call.branch, undoes, func.count())
            .where(_Call.status.in_(UNSENT))
            .group_by(_Call.subject_type, _Call.branch, undoes)
        )
        with _transaction(self._readers) as session:
            found = {
                CallKind(SubjectType(subject), Branch(branch), bool(undoing)): count
                for subject, branch, undoing, count in session.execute(counted)
            }
        return {kind: found[kind] for kind in self._routes.without_target(found)}

    def _is_for(self, target: str) -> ColumnElement[bool]:
        """Tell, in a query, whether a target takes a call."""
        if self._routes is None:
            return _Call.target == target
        kinds = self._routes.by_target.get(target, frozenset())
        takes = [
            and_(
                _Call.subject_type == subject.value,
                _Call.branch.in_(sorted(kind.branch.value for kind in kinds if kind[0::2] == (subject, undoes))),
                _Call.compensates.is_not(None) if undoes else _Call.compensates.is_(None),
            )
            for subject in SubjectType
            for undoes in (False, True)
        ]
        return or_(*takes)

    def _move(
        self,
        call: LeasedCall,
        action: str,
        *,
        now: datetime,
        values: Mapping[str, object],
        told: Mapping[str, object],
        unsent: bool = False,
    ) -> bool:
        """Move a call we hold on, unless the lease is no longer ours. `told` is what only the audit log keeps of it."""
        with _transaction(self._sessions) as session:
            held = session.execute(
                update(_Call)
                .where(
                    _Call.call_id == call.call_id,
                    _Call.status == "leased",
                    _Call.lease_owner == call.owner,
                    _Call.attempts == call.attempt,
                )
                .values(lease_owner=None, lease_expires_at=None, **values)
                .returning(_Call.attempts),
                execution_options={"synchronize_session": False},
            ).scalar_one_or_none()
            if held is None:
                return False
            old = {"status": "leased", "attempts": call.attempt, "lease_owner": call.owner}
            new = {"status": values["status"], "attempts": held, **told}
            audit_call(session, call.call_id, action, at=now, old=old, new=new)
            after_move(session, self._bundles, call.call_id, action, actor=WORKER, now=now, unsent=unsent)
            if action == "dead":
                self._watch(session, call, now)
        return True

    def _watch(self, session: Session, call: LeasedCall, now: datetime) -> None:
        """Let a branch step down whose calls come to nothing."""
        row = session.scalars(select(_Call).where(_Call.call_id == call.call_id)).one()
        try:
            policy = self._bundles.live(session, row.key.type)
        except (LifeError, PolicyError) as error:  # nothing decides here; the call is settled all the same
            _log.warning("Whether a branch is to step down cannot be told: %s", error)
            return
        directives.lock(session)  # of several at once, each counts the ones before
        after_dead_letter(session, policy, Branch(row.branch), now)


def _held_by_others(session: Session, messages: Sequence[str]) -> set[str]:
    """Lock the cases of messages, and return those messages of which another transaction holds one.

    Waiting could be for good: who reports of a case may wait for the directives, or for another message, which are held
    here.
    """
    if not messages:
        return set()
    theirs = (_Call.goes_with.in_(messages), _Call.status != JOINED)
    cases = session.execute(select(_Call.call_id, _Call.goes_with).where(*theirs)).all()
    free = select(_Call.call_id).where(*theirs).order_by(_Call.position).with_for_update(skip_locked=True)
    ours = set(session.scalars(free))
    return {message for call_id, message in cases if call_id not in ours and message is not None}


def audit_call(
    session: Session,
    call_id: str,
    action: str,
    *,
    at: datetime,
    old: Mapping[str, object],
    new: Mapping[str, object],
    actor: str = WORKER,
) -> None:
    """Write one move of a call into the audit trail: action `call.<action>`, subject `call:<call_id>`."""
    audit(session, at=at, actor=actor, action=f"call.{action}", subject=f"call:{call_id}", old=old, new=new)


@contextmanager
def _transaction(sessions: sessionmaker[Session]) -> Iterator[Session]:
    with _or_unavailable(), sessions.begin() as session:
        yield session


@contextmanager
def _or_unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise OutboxUnavailableError(str(error.orig).strip()) from error
    except PoolTimeoutError as error:
        raise OutboxUnavailableError(str(error)) from error


def _claimable(real_now: datetime) -> ColumnElement[bool]:
    lease_is_over = and_(_Call.status == "leased", _Call.lease_expires_at <= real_now)
    return or_(_Call.status == "pending", lease_is_over)


def _call_is_due(now: datetime) -> ColumnElement[bool]:
    still_useful = or_(_Call.latest_useful_at.is_(None), _Call.latest_useful_at > now)
    return and_(_Call.next_attempt_at <= now, still_useful)


def _is_intended() -> ColumnElement[bool]:
    return _Call.effect == Effect.INTENDED.value


def _is_next_in_turn(now: datetime) -> ColumnElement[bool]:
    """Tell whether a call waits for no other: neither for an earlier one that is under way, nor for a booking."""
    return and_(~is_open_before(_Call, now), ~booking.waits(_Call))
