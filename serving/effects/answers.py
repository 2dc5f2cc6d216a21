"""What people answer to an item that asks about a call: it was done, it was not, undo it, or leave it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from routing.effects import Effect, Outcome, Reception, Report
from serving.db.tables import OutgoingCallRow
from serving.effects.booking import live_booking
from serving.effects.compensating import after_compensation, compensate, compensation_of
from serving.effects.errors import UndoError
from serving.effects.keeping import keep
from serving.effects.moves import locked, move, standing_of, withdraw_unsent
from serving.policies.bundles import Bundles


def settle(
    session: Session, row: OutgoingCallRow, outcome: Outcome, note: str | None, *, actor: str, now: datetime
) -> None:
    """Let a person's word stand, whatever was reported before; that stays on record."""
    said_now = Report(outcome=outcome, occurred_at=now, reason=note)
    keep(session, row.call_id, said_now, Reception.COUNTED, actor=actor, now=now)
    row.outcome = outcome.value
    effect = Effect.VERIFIED if outcome is Outcome.DONE else Effect.FAILED
    said = "was done" if outcome is Outcome.DONE else "was not done"
    because = f"{actor} says that it {said}" + (f": {note}" if note else "")
    move(session, row, effect, because=because, actor=actor, now=now, told={"outcome": outcome.value})
    session.flush()
    after_compensation(session, row, actor=actor, now=now)


def undo(session: Session, bundles: Bundles, row: OutgoingCallRow, why: str, *, actor: str, now: datetime) -> str:
    """Let out the call that undoes another (it is locked), and return its id.

    Raises
    ------
    UndoError
        If there is nothing to undo, or nobody says how.
    """
    terms = compensation_of(session, bundles, row)
    if not standing_of(row).can_be_undone:
        state = row.effect.replace("_", " ")
        told = "" if row.outcome is None else f", and {row.outcome} was reported"
        raise UndoError(row.call_id, f"its effect is {state}{told}", "Only what was taken and stands can be undone.")
    if terms is None:
        why = f"the bundle does not say how {row.branch} is undone, or it was tried before"
        raise UndoError(row.call_id, why, "Undo it in the orchestrator, then report that: POST /v1/outcomes.")
    return compensate(session, row, terms, why, actor=actor, now=now)


def leave(session: Session, call_id: str, note: str | None, *, actor: str, now: datetime) -> None:
    """Leave a call as it is: what is known of it stands. One that waits for another booking is not sent any more."""
    row = locked(session, call_id)
    if row is None:
        return
    because = note or f"{actor} leaves it so"
    if row.effect == Effect.WITH_PERSON and row.status != "dead":
        effect = Effect.FAILED if row.outcome == Outcome.FAILED else Effect.UNVERIFIED
        move(session, row, effect, because=because, actor=actor, now=now)
    elif row.status == "pending" and live_booking(session, row.key, before=row.position) is not None:
        withdraw_unsent(session, row, because, actor=actor, now=now)
