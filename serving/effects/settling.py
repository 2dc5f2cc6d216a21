"""What a move of a call in the outbox means for its effect, in the same transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from routing.effects import Effect
from serving.db.tables import OutgoingCallRow
from serving.effects.compensating import after_compensation
from serving.effects.moves import keep_up, locked, move, wait_for_confirmation
from serving.effects.people import close_unheld
from serving.effects.reporting import settle_call
from serving.effects.tending import give_up
from serving.messages.joining import part_gathered
from serving.policies.bundles import Bundles

_UNDECIDED = (Effect.INTENDED, Effect.SENT)


def was_sent(attempts: int, last_error: str | None) -> bool:
    """Tell of a call that is still to be settled whether it may have been sent.

    A dead letter that a person puts back has no attempts any more, and keeps why the last one failed.
    """
    return attempts > 0 or last_error is not None


def after_move(
    session: Session,
    bundles: Bundles,
    call_id: str,
    action: str,
    *,
    actor: str,
    now: datetime,
    unsent: bool = False,
) -> None:
    """Move the effect of a call as a worker has moved the call; one that was reported already stays as it is.

    A call whose outcome was reported while the worker had it in hand is not sent again, and is no dead letter.

    Parameters
    ----------
    unsent
        Of one that is given back or has expired: whether it was never sent.
    """
    row = locked(session, call_id)
    if row is None:
        return
    if row.outcome is not None:
        settle_call(session, row, actor=actor, now=now)
    if row.effect in _UNDECIDED:
        _move_effect(session, bundles, row, action, actor=actor, now=now, unsent=unsent)
    keep_up(session, row, actor=actor, now=now)


def _move_effect(
    session: Session, bundles: Bundles, row: OutgoingCallRow, action: str, *, actor: str, now: datetime, unsent: bool
) -> None:
    match action:
        case "delivered":
            wait_for_confirmation(row, now)
            move(session, row, Effect.ACCEPTED, because=None, actor=actor, now=now)
            close_unheld(session, row.call_id, because="it was sent after all", actor=actor, now=now)
        case "released" if unsent:
            move(session, row, Effect.INTENDED, because=None, actor=actor, now=now)
        case "dead":
            _dead(session, row, actor=actor, now=now)
        case "expired" if unsent:
            why = "the message was of no use any more to another case, and was never sent"
            part_gathered(session, bundles, row, why, actor=actor, now=now)
            move(session, row, Effect.WITHDRAWN, because=row.last_error, actor=actor, now=now)
            after_compensation(session, row, actor=actor, now=now)
        case "expired" if row.confirm_seconds is None:
            move(session, row, Effect.UNVERIFIED, because=row.last_error, actor=actor, now=now)
        case "expired":
            give_up(session, bundles, row, f"{row.branch}: {row.last_error}", actor=actor, now=now)


def _dead(session: Session, row: OutgoingCallRow, *, actor: str, now: datetime) -> None:
    """Leave a dead letter to whoever looks through them; one that was to undo a call puts that before a person."""
    move(session, row, Effect.WITH_PERSON, because=f"dead letter: {row.last_error}", actor=actor, now=now)
    after_compensation(session, row, actor=actor, now=now)


def sent_again(session: Session, call_id: str, *, actor: str, now: datetime) -> None:
    """Note that a dead letter is sent again."""
    row = locked(session, call_id)
    if row is not None and row.effect == Effect.WITH_PERSON and row.outcome is None:
        move(session, row, Effect.SENT, because="it is sent again", actor=actor, now=now)
    if row is not None:
        keep_up(session, row, actor=actor, now=now)


def dismissed(session: Session, call_id: str, reason: str, *, actor: str, now: datetime) -> None:
    """Note that a person has settled a dead letter without sending it."""
    row = locked(session, call_id)
    if row is not None and row.effect == Effect.WITH_PERSON and row.outcome is None:
        move(session, row, Effect.WITHDRAWN, because=reason, actor=actor, now=now)
    if row is not None:
        keep_up(session, row, actor=actor, now=now)
