"""Moving the effect of a call: every move is one entry of the audit trail, `effect.<state>`, with its actor and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from routing.effects import Effect, Outcome, Standing
from serving.db.audit import audit
from serving.db.tables import OutgoingCallRow
from serving.effects.gathered import following

ASKED_TIMES = 4
"""How often the orchestrator is asked what became of a call until its effect must be confirmed."""


def locked(session: Session, call_id: str) -> OutgoingCallRow | None:
    """Return a call as it is now, and keep others from moving it before the end of the transaction.

    Whoever needs other locks too takes them after this one.
    """
    found = select(OutgoingCallRow).where(OutgoingCallRow.call_id == call_id).with_for_update()
    return session.scalars(found.execution_options(populate_existing=True)).one_or_none()


def locked_calls(session: Session, own: ColumnElement[bool], *, wait: bool = True) -> Sequence[OutgoingCallRow]:
    """Return some calls, the oldest first, but for those that undo another, and keep others from moving them likewise.

    Parameters
    ----------
    wait
        False for whoever holds other locks already: whoever moves a call may wait for these.

    Raises
    ------
    OperationalError
        Not to `wait`, and somebody moves one (`serving.db.engine.is_taken`). The transaction is to be begun anew.
    """
    call = OutgoingCallRow
    found = select(call).where(own, call.compensates.is_(None)).order_by(call.position)
    found = found.with_for_update(nowait=not wait)
    return session.scalars(found.execution_options(populate_existing=True)).all()


def standing_of(row: OutgoingCallRow) -> Standing:
    """Return how the effect of a call stands."""
    return Standing(Effect(row.effect), None if row.outcome is None else Outcome(row.outcome))


def move(
    session: Session,
    row: OutgoingCallRow,
    effect: Effect,
    *,
    because: str | None,
    actor: str,
    now: datetime,
    told: Mapping[str, object] | None = None,
) -> None:
    """Move an effect to a state; the same one again changes nothing but the reason.

    What goes with a message follows.
    """
    old = row.effect
    row.effect_because = because
    if old != effect:
        row.effect, row.effect_at = effect.value, now
        new = {"effect": effect.value, "because": because, **(told or {})}
        subject = f"call:{row.call_id}"
        audit(session, at=now, actor=actor, action=f"effect.{effect}", subject=subject, old={"effect": old}, new=new)
        session.flush()
    keep_up(session, row, actor=actor, now=now)


def keep_up(session: Session, row: OutgoingCallRow, *, actor: str, now: datetime) -> None:
    """Bring what goes with a message, which is locked, to where it has come; any other call has nothing with it."""
    for case in following(session, row):
        because = f"it goes with {row.call_id}" + (f": {row.effect_because}" if row.effect_because else "")
        move(session, case, Effect(row.effect), because=because, actor=actor, now=now)


def dismiss(session: Session, row: OutgoingCallRow, because: str, *, actor: str, now: datetime) -> None:
    """Take a call that nobody has in hand, and that is locked, out of the outbox; its effect stays as it is."""
    old = {"status": row.status, "attempts": row.attempts}
    row.status, row.lease_owner, row.lease_expires_at = "dismissed", None, None
    new = {"status": row.status, "attempts": row.attempts, "reason": because}
    audit(session, at=now, actor=actor, action="call.dismissed", subject=f"call:{row.call_id}", old=old, new=new)


def withdraw_unsent(session: Session, row: OutgoingCallRow, because: str, *, actor: str, now: datetime) -> None:
    """Settle a call that waits in the outbox, and is locked, without sending it."""
    dismiss(session, row, because, actor=actor, now=now)
    move(session, row, Effect.WITHDRAWN, because=because, actor=actor, now=now)


def wait_for_confirmation(row: OutgoingCallRow, now: datetime) -> None:
    """Say until when the effect of a call that is accepted now must be confirmed, and when to ask about it."""
    if row.confirm_seconds is None:
        return
    within = timedelta(seconds=row.confirm_seconds)
    row.confirm_by, row.ask_at = now + within, now + within / ASKED_TIMES


def ask_again(row: OutgoingCallRow, now: datetime) -> None:
    """Say when the orchestrator is asked the next time."""
    row.ask_at = now + timedelta(seconds=row.confirm_seconds or 0) / ASKED_TIMES
