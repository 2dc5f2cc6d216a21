"""Closing messages that are due: of those that joined, whoever is still to be told of goes out in one call.

It waits for nobody: what another transaction holds is left for the next look. So whoever decides may hold a message, a
call of it, or the chain, in any order.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from features.records import DeliveryEvent
from features.vocabulary import Branch, EventStatus, EventType, SubjectType
from routing.dispatch.envelope import BranchCall, envelope
from routing.effects import Effect
from routing.errors import PolicyError
from routing.policy import Policy
from routing.recording import decode_facts
from routing.together import Told, payload_of
from serving.db.audit import audit
from serving.db.engine import is_taken
from serving.db.messages import MessageRow
from serving.db.statements import put
from serving.db.tables import DecisionRow, EventRow, OutgoingCallRow
from serving.decisions import usage
from serving.decisions.calls import note_enqueued
from serving.directives import repository as directives
from serving.effects.moves import move, withdraw_unsent
from serving.messages.joining import part
from serving.messages.turns import GATHERED, JOINED, is_open_before
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError
from serving.worker.barred import withdraw_barred

_AT_A_TIME = 100
_Call = OutgoingCallRow
_log = logging.getLogger(__name__)


def close_due(
    sessions: sessionmaker[Session],
    reads: sessionmaker[Session],
    bundles: Bundles,
    theirs: ColumnElement[bool],
    *,
    actor: str,
    now: datetime,
) -> int:
    """Close each message that is due, in a transaction of its own, and return how many were.

    One whose branch is stopped goes on waiting, and is left by whom it would not help any more. One that cannot be
    closed is logged and stays open, and the others are closed all the same, however many they are.

    Parameters
    ----------
    theirs
        Tells of a call whether it is for the target that is to be called now. What one that rests would get stays open.

    Raises
    ------
    OperationalError, InterfaceError, PoolTimeoutError
        The database does not answer.
    """
    row = MessageRow
    own = _Call.goes_with == row.call_id
    concerns = or_(exists().where(own, theirs), ~exists().where(own))  # one that all have left is closed by anybody
    is_due = and_(row.closed_at.is_(None), row.sends_at <= now, concerns)
    due = select(row.call_id).where(is_due).order_by(row.sends_at, row.call_id).limit(_AT_A_TIME)
    closed = failed = looked_at = 0
    while failed == looked_at:  # none of those before could be closed, and those behind them are not to wait
        with reads() as session:
            found = list(session.scalars(due.offset(failed)))
        if not found:
            break
        looked_at += len(found)
        done, wrong = _close_each(sessions, bundles, found, actor=actor, now=now)
        closed, failed = closed + done, failed + wrong
    if failed:
        _log.error("Of %s messages that are due %s cannot be closed.", looked_at, failed)
    return closed


def _close_each(
    sessions: sessionmaker[Session], bundles: Bundles, found: Sequence[str], *, actor: str, now: datetime
) -> tuple[int, int]:
    """Close messages, each in a transaction of its own; return how many were, and how many cannot be."""
    closed = failed = 0
    for call_id in found:
        try:
            with sessions.begin() as session:
                closed += _close(session, bundles, call_id, actor=actor, now=now)
        except OperationalError as error:
            if not is_taken(error):
                raise
        except (InterfaceError, PoolTimeoutError):
            raise
        except Exception:  # whatever is wrong with one message, the others are sent
            failed += 1
            _log.exception("Message %s cannot be closed, and stays open.", call_id)
    return closed, failed


def _close(session: Session, bundles: Bundles, call_id: str, *, actor: str, now: datetime) -> bool:
    directives.lock_shared(session)
    chosen = select(MessageRow).where(MessageRow.call_id == call_id, MessageRow.closed_at.is_(None))
    message = session.scalars(chosen.with_for_update(skip_locked=True)).one_or_none()
    if message is None:
        return False
    waiting = select(_Call).where(_Call.goes_with == call_id, _Call.status == JOINED).order_by(_Call.position)
    rows = session.scalars(waiting.with_for_update(nowait=True)).all()
    barred = withdraw_barred(session, bundles, [row.call_id for row in rows], actor=actor, now=now)
    allowed = [row for row in rows if row.call_id not in barred]
    over = _over(session, message, allowed, now)
    left = [row for row in allowed if not _drops_out(session, row, over, actor=actor, now=now)]
    session.flush()
    if left and session.scalar(select(_is_stopped(message, now))):
        return False
    before = is_open_before(_Call, now)
    late = set(session.scalars(select(_Call.call_id).where(_Call.call_id.in_([row.call_id for row in left]), before)))
    for row in left:
        if row.call_id in late:
            why = "an earlier call of the same shipment has not gone out yet"
            part(session, bundles, row, why, actor=actor, now=now)
    told = _send(session, bundles, message, [row for row in left if row.call_id not in late], actor=actor, now=now)
    if not told:
        session.flush()
        usage.give_back(session, call_id)
        usage.forget_takings(session, call_id)
    message.closed_at = now
    message.closed_because = f"it tells of {told} of {message.cases}" if told else "nobody was left to be told of"
    new = {"cases": told, "joined": message.cases}
    audit(session, at=now, actor=actor, action="message.closed", subject=f"call:{call_id}", new=new)
    return True


def _is_stopped(message: MessageRow, now: datetime) -> ColumnElement[bool]:
    return directives.stops(literal(message.branch), now)


def _drops_out(session: Session, row: OutgoingCallRow, over: set[str], *, actor: str, now: datetime) -> bool:
    """Withdraw a case that nobody needs to be told of any more; tell whether that is so."""
    if row.latest_useful_at is not None and row.latest_useful_at <= now:
        because = f"It was of no use from {row.latest_useful_at.isoformat()} on. It was never sent."
        old = {"status": row.status, "attempts": row.attempts}
        row.status, row.last_error = "expired", because
        new = {"status": row.status, "reason": because}
        audit(session, at=now, actor=actor, action="call.expired", subject=f"call:{row.call_id}", old=old, new=new)
        move(session, row, Effect.WITHDRAWN, because=because, actor=actor, now=now)
        return True
    if row.subject_id in over:
        withdraw_unsent(session, row, "The shipment is delivered or closed.", actor=actor, now=now)
        return True
    return False


def _over(session: Session, message: MessageRow, rows: Iterable[OutgoingCallRow], now: datetime) -> set[str]:
    """Return the shipments of which a delivery, or what closes them, is on record and stands."""
    # Commands that look into the outbox start without a numbers library.
    from features.as_known import standing
    from features.legs import CLOSED

    over = CLOSED | {EventStatus.DELIVERED}  # after these there is nothing left to be late
    if message.subject_type != SubjectType.SHIPMENT:
        return set()
    row, names = EventRow, [row.subject_id for row in rows]
    asked = select(row.data).where(row.subject.in_(names), row.type == EventType.DELIVERY.value, row.known_at <= now)
    told: dict[str, list[DeliveryEvent]] = defaultdict(list)
    for data in session.scalars(asked):
        event = DeliveryEvent.model_validate(json.loads(data))
        told[event.shipment_id].append(event)
    return {name for name, events in told.items() if any(each.status in over for each in standing(events, now))}


def _send(
    session: Session,
    bundles: Bundles,
    message: MessageRow,
    rows: Sequence[OutgoingCallRow],
    *,
    actor: str,
    now: datetime,
) -> int:
    """Put the call of a message into the outbox, and return of how many cases it tells.

    Where the words for several cannot be read any more, each goes out by itself.
    """
    if not rows:
        return 0
    decisions = select(DecisionRow).where(DecisionRow.decision_id.in_([row.decision_id for row in rows]))
    bodies = {row.decision_id: json.loads(row.body) for row in session.scalars(decisions)}
    branch = Branch(message.branch)
    try:
        policy = bundles.policy(session, bodies[rows[0].decision_id]["policy"]["digest"])
    except (LifeError, PolicyError) as error:
        _log.warning("What message %s says cannot be told: %s", message.call_id, error)
        for row in rows:
            part(session, bundles, row, "the words for several cannot be read", actor=actor, now=now)
        return 0
    together = policy.branches[branch].together
    assert together is not None  # noqa: S101  by which it joined
    told = [_told(row, bodies[row.decision_id], policy) for row in rows]
    ends = [row.latest_useful_at for row in rows if row.latest_useful_at is not None]
    latest = min(ends, default=None)
    call = BranchCall(
        call_id=message.call_id,
        decision_id=message.decision_id,
        subject_id=message.subject_id,
        subject_type=SubjectType(message.subject_type),
        branch=branch,
        decided_at=now,
        payload=payload_of(told, together, json.loads(message.by)),
        latest_useful_at=latest,
    )
    columns: dict[str, object] = {
        "call_id": message.call_id,
        "decision_id": message.decision_id,
        "subject_type": message.subject_type,
        "subject_id": message.subject_id,
        "branch": message.branch,
        "target": message.target,
        "body": envelope(call),
        "status": "pending",
        "created_at": now,
        "next_attempt_at": now,
        "latest_useful_at": latest,
        "confirm_seconds": rows[0].confirm_seconds,
        "gathers": len(rows),
    }
    put(session, OutgoingCallRow, **columns)
    note_enqueued(session, columns, actor=actor, now=now)
    for row in rows:
        row.status = GATHERED
    return len(rows)


def _told(row: OutgoingCallRow, body: dict[str, Any], policy: Policy) -> Told:
    data = json.loads(row.body)["data"]
    risk = policy.reader.read(decode_facts(body["facts"])).known.get(policy.costs.probability_fact)
    return Told(row.subject_id, row.decision_id, row.call_id, risk, data)
