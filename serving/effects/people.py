"""Before a person: the items of the review queue that ask what became of a call. A call has one open at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.effects import Effect
from serving.causes.repository import HELD
from serving.db.audit import SYSTEM, audit
from serving.db.tables import (
    CauseRow,
    ChildRow,
    DecisionRow,
    MessageRow,
    OutgoingCallRow,
    OverdueReviewRow,
    ReviewItemRow,
)
from serving.effects.moves import move
from serving.reviews.noting import note_opened
from serving.reviews.reasons import Answer, ReasonCode
from serving.reviews.repository import CLAIMED, DONE, OPEN

_LONGEST_TITLE = 300
_STAKES = ("value_at_stake_minor", "recoverable_minor", "expected_loss_minor")
"""The fact that holds what is at stake, by type of subject."""


def put_before_person(session: Session, row: OutgoingCallRow, why: str, *, actor: str, now: datetime) -> str:
    """Put the effect of a call before a person and return the id of the item; if one asks already, it says this too."""
    move(session, row, Effect.WITH_PERSON, because=why, actor=actor, now=now)
    return ask_about(session, row, why, actor=actor, now=now)


def ask_about(session: Session, row: OutgoingCallRow, why: str, *, actor: str, now: datetime) -> str:
    """Open an item about a call, whose effect stays as it is."""
    waiting = session.execute(
        select(ReviewItemRow.item_id, ReviewItemRow.why).where(
            ReviewItemRow.call_id == row.call_id, ReviewItemRow.status != DONE
        )
    ).one_or_none()
    if waiting is not None:
        if why not in waiting.why:
            _say_too(session, waiting.item_id, f"{waiting.why} {why}", actor=actor, now=now)
        return str(waiting.item_id)
    before = session.scalar(select(func.count()).where(ReviewItemRow.call_id == row.call_id)) or 0
    item_id = f"eff_{row.call_id.replace('dec_', '', 1)}" + (f"_{before + 1}" if before else "")
    decision = session.scalars(select(DecisionRow).filter_by(decision_id=row.decision_id)).one()
    told = _told_of(session, row, decision)
    columns: dict[str, object] = {
        "item_id": item_id,
        "decision_id": row.decision_id,
        **row.key.columns,
        "title": _titled(told.way, row),
        "why": why,
        "suggested_branch": Branch.NONE.value,
        "value_at_stake_minor": told.stake_minor,
        "currency": told.currency,
        "created_at": now,
        "latest_useful_at": None,
        "call_id": row.call_id,
    }
    session.execute(insert(ReviewItemRow).values(columns))
    note_opened(session, columns, actor=actor, now=now)
    return item_id


def close_unheld(session: Session, call_id: str, *, because: str, actor: str, now: datetime) -> None:
    """Close the item about a call that nobody holds: what it asked is answered. Whoever holds one answers it."""
    item = ReviewItemRow
    free = or_(item.status == OPEN, (item.status == CLAIMED) & (item.claim_expires_at <= now))
    closed = session.scalars(
        update(item)
        .where(item.call_id == call_id, free)
        .values(
            status=DONE,
            verdict=Answer.SUPERSEDED.value,
            reason_code=ReasonCode.OUTCOME_CAME.value,
            note=because,
            closed_by=actor,
            closed_at=now,
        )
        .returning(item.item_id),
        execution_options={"synchronize_session": False},
    ).all()
    for item_id in closed:
        new = {"status": DONE, "verdict": Answer.SUPERSEDED.value, "note": because}
        audit(session, at=now, actor=actor, action="review.superseded", subject=f"review:{item_id}", new=new)


def _say_too(session: Session, item_id: str, why: str, *, actor: str, now: datetime) -> None:
    session.execute(
        update(ReviewItemRow).where(ReviewItemRow.item_id == item_id).values(why=why),
        execution_options={"synchronize_session": False},
    )
    new = {"because": why, "why": why}
    audit(session, at=now, actor=actor, action="review.added_to", subject=f"review:{item_id}", new=new)


def keep_stake(session: Session, cause: CauseRow, now: datetime) -> None:
    """Let the item about the call to the owner of a cause, if one waits, say what is at stake with what is held now.

    An item that somebody writes to is left for the next time: they may wait for what is locked here.
    """
    if cause.call_id is None:
        return
    item = ReviewItemRow
    waiting = select(item.item_id, item.value_at_stake_minor).where(item.call_id == cause.call_id, item.status != DONE)
    found = session.execute(waiting.with_for_update(skip_locked=True)).first()
    held = 0 if found is None else _held_by(session, cause)
    if found is None or found.value_at_stake_minor == held:
        return
    session.execute(
        update(item).where(item.item_id == found.item_id).values(value_at_stake_minor=held),
        execution_options={"synchronize_session": False},
    )
    old, new = {"value_at_stake_minor": found.value_at_stake_minor}, {"value_at_stake_minor": held}
    subject = f"review:{found.item_id}"
    audit(session, at=now, actor=SYSTEM, action="review.restated", subject=subject, old=old, new=new)


class _About(NamedTuple):
    """What a call is about, with the money at stake in minor units of a currency, None where none is at stake."""

    way: str
    stake_minor: int
    currency: str | None


def _told_of(session: Session, row: OutgoingCallRow, decision: DecisionRow) -> _About:
    """Say what a call is about: a case, by its decision, several, or a cause or an overdue review for an owner."""
    body = json.loads(decision.body)
    if decision.key == row.key:
        return _case(body, row)
    if row.gathers is not None:
        return _several(session, row)
    cause = session.scalars(select(CauseRow).where(CauseRow.call_id == row.call_id)).one_or_none()
    if cause is not None:
        return _About(cause.title.rstrip("."), _held_by(session, cause), body["alternatives"][0]["currency"])
    review = session.scalars(select(OverdueReviewRow).where(OverdueReviewRow.call_id == row.call_id)).one_or_none()
    return _About(row.subject_id if review is None else review.title.rstrip("."), 0, None)


def _case(body: Mapping[str, Any], row: OutgoingCallRow) -> _About:
    facts = body.get("facts", {})
    origin, destination, carrier = (facts.get(name) for name in ("origin", "destination", "carrier_id"))
    way = f"{origin} → {destination} with {carrier}" if isinstance(origin, str) else row.subject_id
    stake, currency = next((facts[name] for name in _STAKES if name in facts), None), facts.get("currency")
    return _About(way, stake if isinstance(stake, int) else 0, currency if isinstance(currency, str) else None)


def _several(session: Session, row: OutgoingCallRow) -> _About:
    """Say what a message for several is about, with all that is at stake with those it tells of."""
    shared = session.scalars(select(MessageRow.by).where(MessageRow.call_id == row.call_id)).one()
    call, decision = OutgoingCallRow, DecisionRow
    of_each = select(decision.body).join(call, call.decision_id == decision.decision_id)
    told = of_each.where(call.goes_with == row.call_id, call.effect != Effect.WITHDRAWN.value)
    cases = [_case(json.loads(body), row) for body in session.scalars(told)]
    by = ", ".join(f"{name} {value}" for name, value in json.loads(shared).items())
    currency = next((each.currency for each in cases), None)
    return _About(f"One message for {row.gathers} cases ({by})", sum(each.stake_minor for each in cases), currency)


def _held_by(session: Session, cause: CauseRow) -> int:
    child = ChildRow
    held = select(func.sum(child.value_at_stake_minor)).where(child.cause_id == cause.cause_id, child.status == HELD)
    return int(session.scalar(held) or 0)


def _titled(way: str, row: OutgoingCallRow) -> str:
    title = f"{way}: what became of {row.branch}?"
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
