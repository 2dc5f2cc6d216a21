"""Joining a message that waits, and leaving it again: what is decided anew takes the place of what was not yet told."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from features.vocabulary import Branch, SubjectType
from routing.canonical import canonical_json, jsonable
from routing.decision import SealedDecision
from routing.dispatch.envelope import call_id_for
from routing.effects import Effect
from routing.errors import PolicyError
from routing.policy import Policy, Together
from routing.recording import decode_facts
from routing.together import Joined
from serving.db.audit import SYSTEM, audit
from serving.db.messages import MessageRow
from serving.db.statements import put
from serving.db.subjects import SubjectKey, about
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.decisions import repository, usage
from serving.effects.moves import move, withdraw_unsent
from serving.messages.turns import GATHERED, JOINED
from serving.messages.waiting import by_digest
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError

_log = logging.getLogger(__name__)


def join(
    session: Session,
    sealed: SealedDecision,
    joined: Joined,
    together: Together,
    *,
    branch: Branch,
    key: SubjectKey,
    target: str,
    now: datetime,
) -> str:
    """Let a decision join a message, or open one, and return the id of the message's call.

    The id follows from the decision that opens it. A message that was waiting is locked (`waiting_for`).
    """
    if joined.joins is None:
        subject_id = f"msg_{sealed.decision_id.removeprefix('dec_')}"
        call_id = call_id_for(subject_id, branch)
        put(
            session,
            MessageRow,
            call_id=call_id,
            subject_type=key.type.value,
            subject_id=subject_id,
            branch=branch.value,
            target=target,
            by=canonical_json(jsonable(dict(joined.by))),
            by_digest=by_digest(joined.by),
            decision_id=sealed.decision_id,
            opened_at=now,
            sends_at=joined.sends_at,
        )
        cases = 1
    else:
        call_id = joined.joins
        statement = (
            update(MessageRow)
            .where(MessageRow.call_id == call_id, MessageRow.closed_at.is_(None))
            .values(cases=MessageRow.cases + 1, sends_at=joined.sends_at)
            .returning(MessageRow.cases)
        )
        cases = session.execute(statement, execution_options={"synchronize_session": False}).scalar_one()
    if cases >= together.at_most:
        full = update(MessageRow).where(MessageRow.call_id == call_id).values(sends_at=now)
        session.execute(full, execution_options={"synchronize_session": False})
    action, new = "message.opened" if joined.joins is None else "message.joined", {"decision_id": sealed.decision_id}
    audit(session, at=now, actor=SYSTEM, action=action, subject=f"call:{call_id}", new=new)
    return call_id


def take_back(session: Session, key: SubjectKey, because: str, *, now: datetime) -> None:
    """Take back what waits to be told of a subject, which is decided anew: it is locked, and what it came to counts.

    The chain is held before the call is, as by whoever decides under a bundle in which cases meet. What is taken back
    takes no place in the message: one is full by the cases that it would tell of.
    """
    repository.lock_chain(session)
    for row in _locked(session, key):
        withdraw_unsent(session, row, because, actor=SYSTEM, now=now)
        left = update(MessageRow).where(MessageRow.call_id == row.goes_with).values(cases=MessageRow.cases - 1)
        session.execute(left, execution_options={"synchronize_session": False})
    session.flush()


def let_go_alone(
    session: Session, bundles: Bundles, key: SubjectKey, because: str, *, actor: str, now: datetime
) -> None:
    """Let what waits to be told of a subject go out by itself and at once, before a call that is let out now."""
    for row in _locked(session, key):
        part(session, bundles, row, because, actor=actor, now=now)
    session.flush()


def part_gathered(
    session: Session, bundles: Bundles, message: OutgoingCallRow, because: str, *, actor: str, now: datetime
) -> None:
    """Let the cases of a message that is not sent any more, and is locked, go out alone, each while it is of use.

    One that may have been told of stays: a call that was tried has kept why that failed. What the message took of the
    budgets is given back, as each case takes its own.
    """
    if message.gathers is None:
        return
    call = OutgoingCallRow
    useful = or_(call.latest_useful_at.is_(None), call.latest_useful_at > now)
    unsent = or_(call.effect == Effect.INTENDED.value, call.last_error.is_(None))
    own = (call.goes_with == message.call_id, call.status == GATHERED, useful, unsent)
    found = select(call).where(*own).order_by(call.position).with_for_update()
    for row in session.scalars(found.execution_options(populate_existing=True)).all():
        part(session, bundles, row, because, actor=actor, now=now)
        row.attempts = 0
        move(session, row, Effect.INTENDED, because=None, actor=actor, now=now)
    usage.give_back(session, message.call_id)
    session.flush()


def part(session: Session, bundles: Bundles, row: OutgoingCallRow, because: str, *, actor: str, now: datetime) -> None:
    """Let a call that waits with others, and is locked, go out by itself. From now on it is counted by itself.

    No budget holds it back: that it is told of was decided, and that it is alone is nobody's choice.
    """
    old = {"status": row.status, "goes_with": row.goes_with}
    row.status, row.goes_with, row.next_attempt_at = "pending", None, now
    new = {"status": row.status, "reason": because}
    audit(session, at=now, actor=actor, action="call.parted", subject=f"call:{row.call_id}", old=old, new=new)
    body = json.loads(session.scalars(select(DecisionRow.body).where(DecisionRow.decision_id == row.decision_id)).one())
    try:
        counting = _counting(session, bundles, row.key.type, body)
    except (LifeError, PolicyError) as error:  # nothing decides here, so nothing is counted
        _log.warning("What call %s takes of budgets cannot be told: %s", row.call_id, error)
        return
    let_out = usage.LetOut(Branch(row.branch), row.call_id, now)
    usage.note_uses(session, counting, let_out, decode_facts(body["facts"]))


def _counting(session: Session, bundles: Bundles, subject: SubjectType, body: Mapping[str, Any]) -> list[Policy]:
    """Return the bundles by whose terms a call is counted: that of its decision if it can be read, those in force."""
    in_force = bundles.in_force(session, subject)
    try:
        return in_force.counting(bundles.of_decision(session, body))
    except (LifeError, PolicyError):
        return in_force.counting(in_force.live)


def _waits(key: SubjectKey) -> ColumnElement[bool]:
    return about(OutgoingCallRow, key) & (OutgoingCallRow.status == JOINED)


def _locked(session: Session, key: SubjectKey) -> Sequence[OutgoingCallRow]:
    """Return what still waits for a subject once nobody closes its message any more."""
    found = select(OutgoingCallRow).where(_waits(key)).order_by(OutgoingCallRow.position).with_for_update()
    return session.scalars(found.execution_options(populate_existing=True)).all()
