"""Down at once and by itself: a branch on which the evidence has turned gets a limit, which two people raise again.

Three things are a breach. People turn suggestions down until what a step up was approved on would not be approved any
more. Or more calls of a branch come to nothing than chance explains: then nobody knows what became of its cases. Or
more of its effects fail, are contradicted or never confirmed, than chance explains. Calls and effects are looked at
twice: over a day, and the newest few by themselves. So a target that suddenly refuses everything, or takes back what it
has said, is noticed at once, however many calls went well before.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.agreement import is_more_than
from routing.directives import Directive, DirectiveKind
from routing.effects import Effect, Outcome
from routing.policy import Mode, Policy
from routing.segments import Where
from serving.auth.people import NOBODY, People
from serving.db.audit import SYSTEM
from serving.db.tables import DecisionRow, OutgoingCallRow, StepUpRow
from serving.decisions.usage import goes_out_for
from serving.directives import repository as directives
from serving.directives.service import issue
from serving.policies import repository as policies
from serving.policies.steps import halt
from serving.step_ups.evidence import evidence_for
from serving.step_ups.repository import APPROVED

FAILED_AT_MOST = 0.05
"""Share of a branch's calls, or of their effects, that may come to nothing."""
WITHIN = timedelta(hours=24)
BURST, OF_NEWEST = 5, 10
"""So many of the newest are a breach by themselves; by chance that is 6 in 100,000 at the share above."""
_GIVEN_UP = (Effect.UNVERIFIED, Effect.WITH_PERSON, Effect.COMPENSATING, Effect.COMPENSATED)
_Words = tuple[str, str]
"""What is counted, and what came of those that failed."""
_log = logging.getLogger(__name__)


def after_answer(session: Session, policy: Policy, branch: Branch, now: datetime, *, by: People = NOBODY) -> None:
    """Step down if an answer against a branch takes away the evidence on which it was let act.

    Parameters
    ----------
    policy
        The live bundle: a step up that was approved under another one has no evidence under this.
    by
        Whose answers count (`evidence_for`).
    """
    step_up = _approved_for(session, policy, branch)
    if step_up is None:
        return
    pack = json.loads(step_up.evidence)
    limit, mode = Directive.from_json(pack["limit"]), None if pack["mode"] is None else Mode(pack["mode"])
    others = [each for each in directives.standing(session, now, policy.subject) if each.kind is DirectiveKind.LIMIT]
    for found in evidence_for(session, policy, limit, mode, others, by):
        if found.branch is branch and not found.is_enough:
            because = (
                f"of {found.answers} answers {found.against} are against it: {step_up.step_up_id} would not be "
                f"approved any more, since {found.needed} answers would be needed to show that at most "
                f"{found.against_at_most:.0%} are"
            )
            _step_down(session, policy, branch, limit.where, because, now)


def after_dead_letter(session: Session, policy: Policy, branch: Branch, now: datetime) -> None:
    """Step down if more calls of a branch come to nothing than chance explains, of those of the last 24 hours.

    If that holds of the calls of a bundle that is being rolled out, by themselves, its rollout is halted first.
    """
    call = OutgoingCallRow
    settled = select(call.position, case((call.status == "dead", 1), else_=0).label("failed")).where(
        *_lately(policy, branch, now), call.status.in_(("delivered", "dead"))
    )
    _judge(session, policy, branch, settled, ("calls", "came to nothing"), now)


def after_effect(session: Session, policy: Policy, branch: Branch, now: datetime) -> None:
    """Step down if more effects of a branch failed or were never confirmed than chance explains, as with dead letters.

    Only effects that are known to be done, failed or overdue count; one that a person has cleared up counts as that.
    """
    call = OutgoingCallRow
    failed = or_(call.outcome.is_(None), call.outcome != Outcome.DONE.value)
    given_up = call.effect.in_([each.value for each in _GIVEN_UP]) & call.confirm_by.is_not(None)
    judged = select(call.position, case((failed, 1), else_=0).label("failed")).where(
        *_lately(policy, branch, now), or_(call.outcome.is_not(None), given_up)
    )
    _judge(session, policy, branch, judged, ("effects", "failed or were not confirmed"), now)


def _lately(policy: Policy, branch: Branch, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Tell, in a query, which calls of a branch count."""
    call = OutgoingCallRow
    return goes_out_for(policy.subject), call.branch == branch.value, call.created_at > now - WITHIN


def _judge(
    session: Session, policy: Policy, branch: Branch, counted: Select[int, int], words: _Words, now: datetime
) -> None:
    if branch not in policy.branches:  # an owner was called, and nothing decided by it
        return
    candidate = policies.standing(session, policy.subject).candidate_digest
    if candidate is not None:
        its_own = DecisionRow.policy_digest == candidate
        of_candidate = counted.join(DecisionRow, DecisionRow.decision_id == OutgoingCallRow.decision_id).where(its_own)
        because = _breach(session, of_candidate, words)
        if because is not None:
            halt(session, candidate, because=f"{branch}, {because}", now=now)
    because = _breach(session, counted, words)
    if because is not None:
        _step_down(session, policy, branch, {}, because, now)


def _breach(session: Session, counted: Select[int, int], words: _Words) -> str | None:
    """Say how many of some calls failed, all or the newest of them, if that is more than chance explains."""
    what, came_of_it = words
    failed, tried = _count(session, counted)
    if is_more_than(FAILED_AT_MOST, failed, tried):
        return f"{failed} of {tried} {what} of the last {WITHIN.total_seconds() / 3600:g} hours {came_of_it}"
    lately, newest = _count(session, counted.order_by(OutgoingCallRow.position.desc()).limit(OF_NEWEST))
    return f"{lately} of the newest {newest} {what} {came_of_it}" if lately >= BURST else None


def _count(session: Session, chosen: Select[int, int]) -> tuple[int, int]:
    """Return how many of some calls failed, and how many there are."""
    each = chosen.subquery()
    failed, tried = session.execute(
        select(func.coalesce(func.sum(each.c.failed), 0), func.count()).select_from(each)
    ).one()
    return int(failed), int(tried)


def _approved_for(session: Session, policy: Policy, branch: Branch) -> StepUpRow | None:
    """Return the newest approved step up by which a branch was let act under this bundle."""
    approved = select(StepUpRow).filter_by(status=APPROVED).order_by(StepUpRow.position.desc())
    for row in session.scalars(approved):
        pack = json.loads(row.evidence)
        digest = pack.get("policies", {}).get(policy.subject.value, pack["policy"])
        own = [each["branch"] for each in pack["evidence"] if each.get("subject", policy.subject) == policy.subject]
        if digest == policy.digest and branch in own:
            return row
    return None


def _step_down(session: Session, policy: Policy, branch: Branch, where: Where, because: str, now: datetime) -> None:
    """Limit a branch to what people are asked about, unless it is or a limit holds it already."""
    terms = policy.branches.get(branch)
    if terms is None or not any(terms.acts(mode) for mode in (terms.mode, *(each.mode for each in terms.segments))):
        return
    for each in directives.standing(session, now, policy.subject):
        holds = each.kind is DirectiveKind.LIMIT and each.branch in (None, branch) and each.where in ({}, where)
        if holds and each.mode is not None and not terms.acts(each.mode):
            return
    limit = Directive(
        id=f"dir_{token_hex(12)}",
        kind=DirectiveKind.LIMIT,
        owner=terms.owner,
        reason=because,
        since=now,
        where=where,
        branch=branch,
        mode=Mode.RECOMMEND,
    )
    issue(session, limit, policy.subject, by=SYSTEM, at=now)
    _log.error("%s steps down to people (%s): %s", branch, limit.id, because)
