"""Undoing the effect of a call: a call of its own, at most one for each, whose own effect decides what became of it."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.canonical import jsonable
from routing.dispatch.envelope import BranchCall, compensation_envelope, compensation_id_for
from routing.effects import Effect
from routing.errors import PolicyError
from routing.policy import Compensation, Policy
from routing.recording import decode_facts
from serving.db.statements import put
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.decisions.calls import note_enqueued
from serving.effects.moves import locked, move
from serving.effects.people import close_unheld, put_before_person
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError

_log = logging.getLogger(__name__)
_CAME_TO_NOTHING = (Effect.FAILED, Effect.UNVERIFIED, Effect.WITH_PERSON, Effect.WITHDRAWN)


def compensation_of(session: Session, bundles: Bundles, row: OutgoingCallRow) -> Compensation | None:
    """Return how a call is undone under the bundle of its decision; None if it cannot be, or was to be already."""
    if row.compensates is not None:
        return None
    if session.scalar(select(exists().where(OutgoingCallRow.compensates == row.call_id))):
        return None
    policy = policy_of(session, bundles, row)
    terms = None if policy is None else policy.branches.get(Branch(row.branch))
    return None if terms is None else terms.compensation


def policy_of(session: Session, bundles: Bundles, row: OutgoingCallRow) -> Policy | None:
    """Return the bundle of a call's decision, by which it is undone; None if it cannot be read."""
    try:
        return bundles.of_decision(session, _body(session, row))
    except (LifeError, PolicyError) as error:
        _log.warning("How call %s is undone cannot be told: %s", row.call_id, error)
        return None


def compensate(
    session: Session, row: OutgoingCallRow, terms: Compensation, because: str, *, actor: str, now: datetime
) -> str:
    """Let out the call that undoes another, and return its id. The effect of the other is compensating from now on."""
    facts, asked = _body(session, row)["facts"], json.loads(row.body)["data"]
    known = decode_facts(facts)
    call_id = compensation_id_for(row.call_id)
    call = BranchCall(
        call_id=call_id,
        decision_id=row.decision_id,
        subject_id=row.subject_id,
        branch=Branch(row.branch),
        decided_at=now,
        payload={
            "action": terms.action,
            "undoes": row.call_id,
            "reference": row.reference,
            "because": because,
            "asked": {name: value for name, value in asked.items() if name not in ("decision_id", "idempotency_key")},
            "facts": {name: jsonable(known.get(name)) for name in terms.payload},
        },
        causation_id=row.call_id,
    )
    columns: dict[str, object] = {
        "call_id": call_id,
        "decision_id": row.decision_id,
        **row.key.columns,
        "branch": row.branch,
        "target": row.target,
        "body": compensation_envelope(call),
        "status": "pending",
        "created_at": now,
        "next_attempt_at": now,
        "confirm_seconds": round(terms.within.total_seconds()),
        "compensates": row.call_id,
    }
    session.flush()
    put(session, OutgoingCallRow, **columns)
    note_enqueued(session, columns, actor=actor, now=now)
    move(session, row, Effect.COMPENSATING, because=because, actor=actor, now=now, told={"by": call_id})
    close_unheld(session, row.call_id, because="it is being undone", actor=actor, now=now)
    return call_id


def after_compensation(session: Session, compensation: OutgoingCallRow, *, actor: str, now: datetime) -> None:
    """Let the effect of a call that undoes another decide what became of that other; any other call changes nothing.

    The other is locked after the one that undoes it, as everywhere.
    """
    if compensation.compensates is None:
        return
    effect = Effect(compensation.effect)
    if effect is not Effect.VERIFIED and effect not in _CAME_TO_NOTHING:
        return
    row = locked(session, compensation.compensates)
    if row is None:
        return
    if effect is Effect.VERIFIED:
        if row.effect in (Effect.COMPENSATING, Effect.WITH_PERSON, Effect.UNVERIFIED):
            move(session, row, Effect.COMPENSATED, because=f"undone by {compensation.call_id}", actor=actor, now=now)
            close_unheld(session, row.call_id, because="it is undone", actor=actor, now=now)
    elif row.effect == Effect.COMPENSATING:
        why = f"Undoing {row.branch} came to nothing: {compensation.effect_because}"
        put_before_person(session, row, why, actor=actor, now=now)
    elif effect is Effect.WITH_PERSON and row.effect not in (Effect.FAILED, Effect.WITHDRAWN):
        why = f"Whether {row.branch} is undone is not certain: {compensation.effect_because}"
        put_before_person(session, row, why, actor=actor, now=now)


def _body(session: Session, row: OutgoingCallRow) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        session.scalars(select(DecisionRow.body).filter_by(decision_id=row.decision_id)).one()
    )
    return body
