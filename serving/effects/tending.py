"""Looks after effects as time goes by: what is not confirmed in time, and what waits for good, goes before a person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, sessionmaker

from routing.effects import Effect
from serving.db.tables import OutgoingCallRow, ReviewItemRow
from serving.effects.booking import blocked_for_good, in_words
from serving.effects.compensating import after_compensation
from serving.effects.moves import locked, move
from serving.effects.people import ask_about, put_before_person
from serving.effects.watching import watch
from serving.policies.bundles import Bundles

_AT_A_TIME = 200

_Call = OutgoingCallRow


def tend(
    sessions: sessionmaker[Session], reads: sessionmaker[Session], bundles: Bundles, *, actor: str, now: datetime
) -> int:
    """Put before a person each effect that is not confirmed in time, and each call that waits for a booking for good.

    Each is one transaction, and several processes may do this at once. Return how many were.
    """
    overdue = (_Call.effect == Effect.ACCEPTED.value, _Call.confirm_by <= now)
    with reads() as session:
        late = list(session.scalars(select(_Call.call_id).where(*overdue).order_by(_Call.position).limit(_AT_A_TIME)))
        waiting = _unasked(session)
    done = 0
    for call_id in late:
        with sessions.begin() as session:
            done += _give_up(session, bundles, call_id, actor=actor, now=now)
    for call_id in waiting:
        with sessions.begin() as session:
            done += _ask_about_waiting(session, call_id, actor=actor, now=now)
    return done


def give_up(session: Session, bundles: Bundles, row: OutgoingCallRow, why: str, *, actor: str, now: datetime) -> None:
    """Note that nobody says what became of a call (it is locked), and put it before a person."""
    move(session, row, Effect.UNVERIFIED, because=why, actor=actor, now=now)
    if row.compensates is None:
        put_before_person(session, row, why, actor=actor, now=now)
    else:
        after_compensation(session, row, actor=actor, now=now)
    watch(session, bundles, row, now)


def _give_up(session: Session, bundles: Bundles, call_id: str, *, actor: str, now: datetime) -> int:
    row = locked(session, call_id)
    if row is None or row.effect != Effect.ACCEPTED or row.confirm_by is None or row.confirm_by > now:
        return 0
    hours = (row.confirm_seconds or 0) / 3600
    what = row.branch if row.compensates is None else f"Undoing {row.branch}"
    why = f"{what} was accepted, but within {hours:g} hours nobody has said whether it was done."
    give_up(session, bundles, row, why, actor=actor, now=now)
    return 1


def _unasked(session: Session) -> list[str]:
    """Return the calls that wait for good and about which nobody is asked yet."""
    blocked = {waiting for waiting, _ in blocked_for_good(session)}
    if not blocked:
        return []
    asked = select(ReviewItemRow.call_id).where(ReviewItemRow.call_id.in_(blocked))
    return sorted(blocked.difference(session.scalars(asked)))


def _ask_about_waiting(session: Session, call_id: str, *, actor: str, now: datetime) -> int:
    row = locked(session, call_id)
    booking = next((first for waiting, first in blocked_for_good(session) if waiting == call_id), None)
    if row is None or booking is None or session.scalar(select(exists().where(ReviewItemRow.call_id == call_id))):
        return 0
    first = session.scalars(select(_Call).filter_by(call_id=booking)).one()
    why = f"{row.branch} is not sent, because {in_words(first)}. Undo that one, or dismiss this one."
    ask_about(session, row, why, actor=actor, now=now)
    return 1
