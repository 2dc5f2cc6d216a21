"""Never two live bookings for one shipment: a later one waits in the outbox until the earlier one is gone."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from features.vocabulary import Branch
from routing.effects import BOOKING, Effect, Outcome, Standing
from serving.db.subjects import SubjectKey, about, same_subject
from serving.db.tables import OutgoingCallRow

_BRANCHES = tuple(branch.value for branch in BOOKING)
_LIVE = tuple(effect.value for effect in Effect if Standing(effect).is_live)
_STANDS = (Effect.VERIFIED, Effect.UNVERIFIED, Effect.WITH_PERSON)
"""The states in which only a person can end a booking; in others, waiting may be enough."""
_EARLIER = aliased(OutgoingCallRow, name="earlier_booking")
"""Made once: to make one costs several times what the query does."""


def is_booking(call: Any) -> ColumnElement[bool]:
    """Tell, in a query, whether a call books transport; one that undoes a booking does not."""
    return and_(call.branch.in_(_BRANCHES), call.compensates.is_(None))


def is_live(call: Any) -> ColumnElement[bool]:
    """Tell, in a query, whether the effect of a call stands or may come to stand (`Standing.is_live`)."""
    known = or_(call.outcome.is_(None), call.outcome != Outcome.FAILED.value)
    return and_(call.effect.in_(_LIVE), known)


def waits(call: Any) -> ColumnElement[bool]:
    """Tell, in a query, whether a call must not be sent because an earlier booking of its shipment is live."""
    same = and_(same_subject(_EARLIER, call), _EARLIER.position < call.position)
    return and_(is_booking(call), exists().where(same, is_booking(_EARLIER), is_live(_EARLIER)))


def live_booking(session: Session, key: SubjectKey, *, before: int | None = None) -> OutgoingCallRow | None:
    """Return the booking of a subject that is live, the first one let out; `before` a position, if given."""
    call = OutgoingCallRow
    found = select(call).where(about(call, key), is_booking(call), is_live(call))
    if before is not None:
        found = found.where(call.position < before)
    return session.scalars(found.order_by(call.position).limit(1)).one_or_none()


def books(branch: Branch) -> bool:
    """Tell whether a branch books transport."""
    return branch in BOOKING


def in_words(row: OutgoingCallRow) -> str:
    """Say of a booking why another one must not follow it."""
    state = {
        Effect.VERIFIED: "is done",
        Effect.COMPENSATING: "is being undone",
        Effect.WITH_PERSON: "is not certain, and is before a person",
        Effect.UNVERIFIED: "was never confirmed",
    }.get(Effect(row.effect), "is under way")
    known = f" (reference {row.reference})" if row.reference else ""
    return f"{row.branch} {row.call_id}{known} of the same shipment {state}"


def blocked_for_good(session: Session) -> list[tuple[str, str]]:
    """Return the calls that wait for a booking which only a person can end, each with that booking's id."""
    return [(waiting, booking) for waiting, booking in session.execute(_blocked_for_good())]


@cache
def _blocked_for_good() -> Select[str, str]:
    call, first = OutgoingCallRow, _EARLIER
    same = and_(same_subject(first, call), first.position < call.position)
    ends_by_person = or_(first.effect.in_([each.value for each in _STANDS]), _accepted_unasked(first))
    return (
        select(call.call_id, first.call_id)
        .join(first, same)
        .where(call.status == "pending", is_booking(call), is_booking(first), is_live(first), ends_by_person)
        .order_by(call.position, first.position)
    )


def _accepted_unasked(call: Any) -> ColumnElement[bool]:
    confirm_by: InstrumentedAttribute[Any] = call.confirm_by
    return and_(call.effect == Effect.ACCEPTED.value, confirm_by.is_(None))
