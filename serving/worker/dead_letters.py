"""Dead letters: calls that were refused or given up. A person looks at each and sends it again, or dismisses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from routing.canonical import rfc3339
from routing.effects import Effect
from serving.db.engine import read_only, session_factory
from serving.db.subjects import same_subject
from serving.db.tables import OutgoingCallRow
from serving.effects import settling
from serving.errors import ServingError
from serving.messages.turns import GATHERED
from serving.worker.outbox import audit_call

_TAKES_EFFECT = ("leased", GATHERED, "delivered")
"""What goes with a message that is under way waits for no earlier call any more."""


class DeadLetterError(ServingError):
    """A dead letter cannot be treated like that."""


class NotADeadLetterError(DeadLetterError):
    """The call does not exist or is not dead."""

    def __init__(self, call_id: str, status: str | None) -> None:
        self.call_id = call_id
        self.status = status
        found = "is unknown" if status is None else f"is {status}"
        super().__init__(f"Call '{call_id}' {found}, so it is no dead letter. See `triage dead-letters list`.")


class OvertakenError(DeadLetterError):
    """A later call of the same shipment has gone out, so the older one must not follow it."""

    def __init__(self, call_id: str, later_call_id: str, later_status: str) -> None:
        self.call_id = call_id
        self.later_call_id = later_call_id
        super().__init__(
            f"Call '{call_id}' is not sent again: call '{later_call_id}' of the same shipment, decided later, is "
            f"{later_status}, and the older one would undo the order. Dismiss it with a reason."
        )


class BeingUndoneError(DeadLetterError):
    """The call that undoes this one is under way, so this one must not take effect any more."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        super().__init__(
            f"Call '{call_id}' is not sent again: a call that undoes it is under way. Dismiss it with a reason, or "
            "wait until it is known what became of the other."
        )


class UselessError(DeadLetterError):
    """The call's latest useful moment is past."""

    def __init__(self, call_id: str, latest_useful_at: datetime, now: datetime) -> None:
        self.call_id = call_id
        self.latest_useful_at = latest_useful_at
        super().__init__(
            f"Call '{call_id}' is not sent again: it was of no use from {rfc3339(latest_useful_at)} on and it is "
            f"{rfc3339(now)}. Dismiss it with a reason."
        )


class ReasonMissingError(DeadLetterError):
    """Nobody says why."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        super().__init__(
            f"Call '{call_id}' is not dismissed without a reason. Say in a few words why it is not needed."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead letter as a person sees it."""

    call_id: str
    subject_id: str
    decision_id: str
    branch: str
    target: str
    attempts: int
    created_at: datetime
    latest_useful_at: datetime | None
    last_error: str
    effect: str
    compensates: str | None


def dead_letters(engine: Engine, *, limit: int = 1000) -> list[DeadLetter]:
    """Return the dead letters, oldest first."""
    with session_factory(read_only(engine)).begin() as session:
        rows = session.scalars(
            select(OutgoingCallRow)
            .where(OutgoingCallRow.status == "dead", OutgoingCallRow.goes_with.is_(None))
            .order_by(OutgoingCallRow.position)
            .limit(limit)
        ).all()
    return [
        DeadLetter(
            call_id=row.call_id,
            subject_id=row.subject_id,
            decision_id=row.decision_id,
            branch=row.branch,
            target=row.target,
            attempts=row.attempts,
            created_at=row.created_at,
            latest_useful_at=row.latest_useful_at,
            last_error=row.last_error or "",
            effect=row.effect,
            compensates=row.compensates,
        )
        for row in rows
    ]


def replay(engine: Engine, call_id: str, *, actor: str, now: datetime) -> None:
    """Send a dead letter again, with the same id and a fresh budget of attempts; it is due at once.

    Raises
    ------
    NotADeadLetterError, OvertakenError, BeingUndoneError, UselessError
        It is left as it is.
    """
    with session_factory(engine).begin() as session:
        calls = _locked_subject_of(session, call_id)
        row = _dead(calls, call_id)
        later = _taking_effect_after(session, row)
        if later is not None:
            raise OvertakenError(call_id, later.call_id, later.status)
        if row.effect == Effect.COMPENSATING:
            raise BeingUndoneError(call_id)
        if row.latest_useful_at is not None and row.latest_useful_at <= now:
            raise UselessError(call_id, row.latest_useful_at, now)
        old = {"status": row.status, "attempts": row.attempts, "reason": row.last_error}
        row.status = "pending"
        row.attempts = 0
        row.next_attempt_at = min(row.next_attempt_at, now)
        audit_call(session, call_id, "replayed", at=now, actor=actor, old=old, new={"status": "pending", "attempts": 0})
        session.flush()
        settling.sent_again(session, call_id, actor=actor, now=now)


def dismiss(engine: Engine, call_id: str, *, reason: str, actor: str, now: datetime) -> None:
    """Settle a dead letter without sending it, and keep why.

    Raises
    ------
    NotADeadLetterError, ReasonMissingError
        It is left as it is.
    """
    if not reason.strip():
        raise ReasonMissingError(call_id)
    with session_factory(engine).begin() as session:
        row = _dead(_locked_subject_of(session, call_id), call_id)
        old = {"status": row.status, "attempts": row.attempts, "reason": row.last_error}
        row.status = "dismissed"
        new = {"status": "dismissed", "attempts": row.attempts, "reason": reason.strip()}
        audit_call(session, call_id, "dismissed", at=now, actor=actor, old=old, new=new)
        session.flush()
        settling.dismissed(session, call_id, reason.strip(), actor=actor, now=now)


def _locked_subject_of(session: Session, call_id: str) -> Sequence[OutgoingCallRow]:
    """Return every call of the call's subject, and of those that go with it, locked: no worker leases one meanwhile.

    A message comes before its cases, as wherever both are locked, and else the older one first.
    """
    own, call = aliased(OutgoingCallRow), OutgoingCallRow
    theirs = exists().where(same_subject(own, call), or_(own.call_id == call_id, own.goes_with == call_id))
    found = select(call).where(theirs).order_by(call.gathers.is_(None), call.position)
    return session.scalars(found.with_for_update(of=call)).all()


def _taking_effect_after(session: Session, row: OutgoingCallRow) -> OutgoingCallRow | None:
    """Return a call that takes effect and came after one of the same subject; of a message, of any case in it."""
    call, older = OutgoingCallRow, aliased(OutgoingCallRow)
    theirs = or_(older.call_id == row.call_id, (older.goes_with == row.call_id) & (older.status == row.status))
    later = select(call).join(older, and_(same_subject(older, call), call.position > older.position))
    was_sent = and_(call.status == "pending", call.effect != Effect.INTENDED.value)  # unanswered: it may have arrived
    takes_effect = or_(call.status.in_(_TAKES_EFFECT), was_sent)
    return session.scalars(later.where(theirs, takes_effect).order_by(call.position).limit(1)).one_or_none()


def _dead(calls: Sequence[OutgoingCallRow], call_id: str) -> OutgoingCallRow:
    row = next((row for row in calls if row.call_id == call_id), None)
    if row is None or row.status != "dead" or row.goes_with is not None:
        found = None if row is None else row.status
        raise NotADeadLetterError(call_id, f"with {row.goes_with}" if row is not None and row.goes_with else found)
    return row
