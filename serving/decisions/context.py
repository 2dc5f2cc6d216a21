"""The context of a decision, read in its own transaction: what is left, what is ordered, what went before.

Only what can make a difference is read, and with the decision it is sealed: under a bundle without budgets, rests,
release values, confirmations, playbooks and exploration, and while nothing is ordered, the context is empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.context import Context, Past
from routing.directives import Directive
from routing.evaluation import RuleOutcome
from routing.policy import Policy
from serving.causes.watching import watches_of
from serving.db.subjects import SubjectKey, about
from serving.db.tables import DecisionRow
from serving.decisions import usage
from serving.directives import repository as directives
from serving.messages.waiting import waiting_for

_HAD_HIT = (RuleOutcome.HIT, RuleOutcome.SNOOZED)


def context_of(
    session: Session,
    policy: Policy,
    subject_id: str,
    facts: Mapping[str, object],
    now: datetime,
    standing: Sequence[Directive] | None = None,
) -> Context:
    """Read the context of a decision about a subject.

    Parameters
    ----------
    standing
        What is in force for its type, where that was read for many in one transaction.

    Whoever decides holds the subject (`repository.lock_subject`), the directives (`lock_shared`) and, where decisions
    touch each other (`Policy.is_shared`), the chain: what is read stays true until the decision is sealed.
    """
    known, overdue = policy.reader.read(facts).known, policy.overdue_at(now)
    return Context(
        capacity=usage.left(session, policy, known, now),
        directives=directives.concerning(
            directives.standing(session, now, policy.subject) if standing is None else standing, known
        ),
        history=history_of(session, policy, subject_id, now),
        last_taken=usage.last_taken(session, policy, known, now),
        watches=watches_of(session, policy.as_overdue(overdue), known, subject_id, now),
        subject_id="" if policy.exploration is None else subject_id,
        overdue=overdue,
        waiting=waiting_for(session, policy, known),
    )


def history_of(session: Session, policy: Policy, subject_id: str, now: datetime) -> tuple[Past, ...]:
    """Return the earlier decisions about a subject that its rules look back at, oldest first.

    For hysteresis the last one; for confirmations those within the longest time that a rule gives.
    """
    within = policy.looks_back
    if within is None:
        return ()
    decided = DecisionRow
    own = about(decided, SubjectKey(policy.subject, subject_id))
    last = select(func.max(decided.sequence)).where(own).scalar_subquery()
    seen = decided.sequence == last
    if within:
        seen = or_(seen, decided.decided_at >= now - within)
    statement = select(decided.decided_at, decided.branch, decided.body).where(own, seen).order_by(decided.sequence)
    return tuple(past_of(at, branch, json.loads(body)) for at, branch, body in session.execute(statement))


def past_of(decided_at: datetime, branch: str, body: Mapping[str, list[Mapping[str, str]]]) -> Past:
    """Return a sealed decision as what a later one sees of it."""
    hits = tuple(result["rule_id"] for result in body["rules"] if result["outcome"] in _HAD_HIT)
    return Past(at=decided_at, branch=Branch(branch), hits=hits)
