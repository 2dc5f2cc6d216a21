"""What a sealed decision does to common causes, in its own transaction: it looks, declares, ends, holds, settles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.causes import Finding, Verdict
from routing.engine import Choice
from routing.parents import Parent
from serving.causes import repository
from serving.causes.repository import DECIDED, HELD, OVER
from serving.db.audit import SYSTEM, audit
from serving.db.subjects import about
from serving.db.tables import CauseRow, ChildRow
from serving.reviews.opening import Matter


class Called(NamedTuple):
    """The id of the call to an owner, or why there is none."""

    call_id: str | None
    not_because: str | None


Call = Callable[[str, str, Mapping[str, object]], Called]
"""Calls the owner of a cause: its id, the owner, the payload."""


def take_effect(session: Session, choice: Choice, matter: Matter, *, decision_id: str, call: Call) -> None:
    """Let a decision have its effect on the causes of its scopes.

    Parameters
    ----------
    matter
        What was decided about, and the money at stake with it.
    call
        Calls the owner of a cause.
    """
    now = choice.decided_at
    for parent in choice.parents:
        _declare(session, parent, matter, decision_id, call, now)
    looks = [repository.Look(finding.playbook.name, finding.key, finding.shows) for finding in choice.findings]
    repository.note_looks(session, matter.key, looks, at=now)
    for finding in choice.findings:
        if finding.verdict is Verdict.OVER and finding.cause_id is not None:
            cause = repository.find(session, finding.cause_id)
            if cause is not None:
                end_by_counts(session, cause, finding.because, now)
    for held in repository.held_of(session, matter.key):
        if choice.cause is None or held.cause_id != choice.cause.cause_id:
            because = f"decided anew: {choice.branch}"
            repository.settle(session, held, DECIDED, at=now, decision_id=decision_id, because=because)
    if choice.cause is not None:
        _hold(session, choice.cause, choice, matter, decision_id)


def end(
    session: Session,
    cause: CauseRow,
    status: str,
    *,
    by: str,
    at: datetime,
    because: str,
    rests_until: datetime | None = None,
) -> bool:
    """End a cause that stands. Return whether it stood.

    Of bills, what people were asked about before it was declared is decided anew with what it holds: nobody asks about
    a bill again, so what was wrong with it then would go on being said of it.
    """
    ended = repository.end(session, cause.cause_id, status, by=by, at=at, because=because, rests_until=rests_until)
    if ended and cause.subject_type == SubjectType.INVOICE:
        repository.hold_too(session, repository.asked_about(session, cause), cause.cause_id, at=at)
    return ended


def end_by_counts(session: Session, cause: CauseRow, because: str, now: datetime) -> None:
    """End a cause whose counts say that it is over."""
    if end(session, cause, OVER, by=SYSTEM, at=now, because=because):
        new = {"status": OVER, "because": because}
        audit(session, at=now, actor=SYSTEM, action="cause.over", subject=f"cause:{cause.cause_id}", new=new)


def _declare(session: Session, parent: Parent, matter: Matter, decision_id: str, call: Call, now: datetime) -> None:
    finding, cause_id = parent.finding, str(parent.finding.cause_id)
    called = Called(None, parent.not_called_because)
    if parent.payload is not None:
        called = call(cause_id, parent.to, parent.payload)
    session.execute(
        insert(CauseRow).values(
            cause_id=cause_id,
            subject_type=matter.key.type.value,
            playbook=finding.playbook.name,
            key=finding.key,
            decision_id=decision_id,
            title=parent.title,
            because=finding.because,
            runbook=json.dumps(list(finding.playbook.runbook)),
            owner=parent.to,
            answer_by=parent.answer_by,
            call_id=called.call_id,
            not_called_because=called.not_because,
            declared_at=now,
        )
    )
    new = {**finding.as_json(), "decision_id": decision_id, "call_id": called.call_id}
    audit(session, at=now, actor=SYSTEM, action="cause.declared", subject=f"cause:{cause_id}", new=new)


def _hold(session: Session, cause: Finding, choice: Choice, matter: Matter, decision_id: str) -> None:
    values = {
        "decision_id": decision_id,
        "title": matter.short_title,
        "looked_at": choice.decided_at,
        "value_at_stake_minor": matter.stake_minor,
        "currency": matter.currency,
        "latest_useful_at": choice.latest_useful_at,
        "status": HELD,
        "settled_at": None,
        "settled_decision_id": None,
        "settled_because": None,
    }
    again = session.execute(
        update(ChildRow)
        .where(ChildRow.cause_id == cause.cause_id, about(ChildRow, matter.key))
        .values(values)
        .returning(ChildRow.subject_id),
        execution_options={"synchronize_session": False},
    )
    if again.scalar_one_or_none() is None:
        row = {"cause_id": cause.cause_id, **matter.key.columns, "held_at": choice.decided_at}
        session.execute(insert(ChildRow).values({**row, **values}))
