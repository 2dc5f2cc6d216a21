"""Calls to owners about what is no case, each in nobody's turn but its own.

They are of `escalate`, also by a bundle that has no such branch: that is what receivers can tell people by.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.choosing import effective_mode
from routing.decision import SealedDecision
from routing.directives import Standing, in_force
from routing.policy import Mode, Policy
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey
from serving.decisions.acting import Action
from serving.decisions.calls import enqueue
from serving.directives import repository as directives


def call_owner(
    session: Session,
    sealed: SealedDecision,
    about: SubjectKey,
    payload: Mapping[str, object],
    *,
    target: str,
    now: datetime,
) -> str:
    """Enqueue the call to an owner with the decision that brings it about, and return its id.

    Parameters
    ----------
    about
        What the owner is told of, a cause or an overdue review, by the type of subject that its bundle is on.
    """
    return enqueue(
        session,
        Action(Branch.ESCALATE, payload, None),
        decision_id=sealed.decision_id,
        key=about,
        target=target,
        sequence=sealed.sequence,
        now=now,
        actor=SYSTEM,
        cause_id=about.id,
    )


def why_not_called(session: Session, policy: Policy, owner: str, now: datetime) -> str | None:
    """Say why an owner is not called about what is no case: a call asks for what any escalation does."""
    if policy.channels.get(owner) is None:
        return "they have no channel"
    standing = _standing(session, now)
    terms = policy.branches.get(Branch.ESCALATE)
    limit = standing.limiting(Branch.ESCALATE, {})
    mode = policy.mode if terms is None else effective_mode(terms, {}, standing)[0]
    if terms is None and limit is not None and limit.mode is not None:
        mode = min(mode, limit.mode, key=lambda each: each.rank)
    acts = mode.rank >= Mode.ACT_NON_FINANCIAL.rank if terms is None else terms.acts(mode)
    if not acts:
        return f"mode {mode} leaves escalating to a person"
    forbidding = standing.forbidding(Branch.ESCALATE, {})
    return None if forbidding is None else f"escalating is forbidden; {forbidding.because}"


def _standing(session: Session, now: datetime) -> Standing:
    """Return what is ordered for whatever case."""
    return in_force([each for each in directives.standing(session, now) if not each.where], now)
