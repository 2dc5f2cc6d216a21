"""Overdue reviews are put before their owners, once each: in the queue, and by a call to whoever has a channel.

The first decision made under a bundle after the day does it, in its own transaction, as one that declares a common
cause does. So nobody is called about what decides nothing, and never twice. What is open is closed by the step that
puts a bundle in force of which the part is reviewed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.canonical import digest
from routing.decision import SealedDecision
from routing.overdue import in_words, meanwhile
from routing.policy import Policy, Review
from serving.db.audit import SYSTEM, audit
from serving.db.subjects import SubjectKey
from serving.db.tables import OverdueReviewRow
from serving.decisions.owners import call_owner, why_not_called
from serving.policies.bundles import Bundles

_log = logging.getLogger(__name__)


def put_before_owners(session: Session, policy: Policy, sealed: SealedDecision, now: datetime, *, target: str) -> None:
    """Put what is overdue in the bundle of a sealed decision before its owners, unless it is before them already.

    Whoever seals holds the chain, so that two decisions do not both find it new.
    """
    overdue = policy.overdue(now.date())
    if not overdue:
        return
    before = {(row.part, row.due) for row in _open(session, policy.subject)}
    for review in overdue:
        if (review.part, review.due) not in before:
            _open_one(session, policy, review, sealed, now, target)


def close_reviewed(session: Session, bundles: Bundles, subject: SubjectType, now: datetime) -> None:
    """Close what is overdue no more, as it is reviewed in the bundles that are in force now, or in none of them."""
    rows = _open(session, subject)
    if not rows:
        return
    standing = bundles.in_force(session, subject)
    policies = [each for each in (standing.live, standing.candidate) if each is not None]
    still = {(review.part, review.due) for policy in policies for review in policy.reviews}
    for row in rows:
        if (row.part, row.due) not in still:
            _close(session, row, _why_closed(row, standing.live), now)


def page(
    session: Session, *, only_open: bool, subject: SubjectType | None, before: int | None, limit: int
) -> list[OverdueReviewRow]:
    """Return overdue reviews of bundles on a type of subject, or on all, newest first.

    With `only_open` those that nobody has looked at yet.
    """
    statement = select(OverdueReviewRow).order_by(OverdueReviewRow.position.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(OverdueReviewRow.subject_type == subject.value)
    if only_open:
        statement = statement.where(OverdueReviewRow.closed_at.is_(None))
    if before is not None:
        statement = statement.where(OverdueReviewRow.position < before)
    return list(session.scalars(statement))


def _open(session: Session, subject: SubjectType) -> list[OverdueReviewRow]:
    row = OverdueReviewRow
    found = select(row).where(row.closed_at.is_(None), row.subject_type == subject.value).order_by(row.position)
    return list(session.scalars(found))


def _open_one(
    session: Session, policy: Policy, review: Review, sealed: SealedDecision, now: datetime, target: str
) -> None:
    known_by = [policy.subject.value, review.part, review.due.isoformat(), sealed.decision_id]
    overdue_id, whose = f"overdue_{digest(known_by)[:32]}", in_words(review.part)
    title = f"The review of {whose} was due by {review.due} ({policy.name} version {policy.version})."
    until_then = meanwhile(policy, review, now)
    not_called = why_not_called(session, policy, review.owner, now)
    call_id = None
    if not_called is None:
        payload = {
            "to": {"owner": review.owner, "channel": policy.channels[review.owner]},
            "because": f"{title} {until_then}",
            "overdue": {
                "overdue_id": overdue_id,
                "part": review.part,
                "due": review.due.isoformat(),
                "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
            },
            "runbook": [
                f"Look at {whose}: does it still hold?",
                "Submit the bundle with what is right now and another review date: triage policy submit.",
            ],
        }
        call_id = call_owner(session, sealed, SubjectKey(policy.subject, overdue_id), payload, target=target, now=now)
    values: dict[str, object] = {
        "overdue_id": overdue_id,
        "subject_type": policy.subject.value,
        "policy_digest": policy.digest,
        "part": review.part,
        "due": review.due,
        "owner": review.owner,
        "title": title,
        "meanwhile": until_then,
        "decision_id": sealed.decision_id,
        "call_id": call_id,
        "not_called_because": not_called,
        "opened_at": now,
    }
    session.execute(insert(OverdueReviewRow).values(values))
    new = {"part": review.part, "due": review.due.isoformat(), "owner": review.owner, "call_id": call_id}
    audit(session, at=now, actor=SYSTEM, action="overdue.opened", subject=f"overdue:{overdue_id}", new=new)
    _log.error("%s %s %s is to look at it.", title, until_then, review.owner)


def _why_closed(row: OverdueReviewRow, live: Policy) -> str:
    dates: Iterable[Review] = (review for review in live.reviews if review.part == row.part)
    due = next((f"is to be reviewed by {review.due}" for review in dates), "has no review date of its own, or is gone")
    return f"{live.name} version {live.version} is in force, in which {in_words(row.part)} {due}"


def _close(session: Session, row: OverdueReviewRow, because: str, now: datetime) -> None:
    session.execute(
        update(OverdueReviewRow)
        .where(OverdueReviewRow.position == row.position)
        .values(closed_at=now, closed_because=because),
        execution_options={"synchronize_session": False},
    )
    new = {"because": because}
    audit(session, at=now, actor=SYSTEM, action="overdue.closed", subject=f"overdue:{row.overdue_id}", new=new)
