"""Down at once and by itself: a branch on which the evidence has turned gets a limit, which two people raise again.

Two things are a breach. People turn suggestions down until what a step up was approved on would not be approved any
more. Or more calls of a branch come to nothing than chance explains: then nobody knows what became of its cases.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.agreement import is_more_than
from routing.directives import Directive, DirectiveKind
from routing.policy import Mode, Policy
from routing.segments import Where
from serving.db.audit import SYSTEM
from serving.db.tables import DecisionRow, OutgoingCallRow, StepUpRow
from serving.directives import repository as directives
from serving.directives.service import issue
from serving.policies import repository as policies
from serving.policies.steps import halt
from serving.step_ups.evidence import evidence_for
from serving.step_ups.repository import APPROVED

FAILED_AT_MOST = 0.05
"""Share of a branch's calls that may come to nothing."""
WITHIN = timedelta(hours=24)
_log = logging.getLogger(__name__)


def after_answer(session: Session, policy: Policy, branch: Branch, now: datetime) -> None:
    """Step down if an answer against a branch takes away the evidence on which it was let act.

    Parameters
    ----------
    policy
        The live bundle: a step up that was approved under another one has no evidence under this.
    """
    step_up = _approved_for(session, policy, branch)
    if step_up is None:
        return
    pack = json.loads(step_up.evidence)
    limit, mode = Directive.from_json(pack["limit"]), None if pack["mode"] is None else Mode(pack["mode"])
    others = [each for each in directives.standing(session, now) if each.kind is DirectiveKind.LIMIT]
    for found in evidence_for(session, policy, limit, mode, others):
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
    settled = (
        select(call.status, func.count())
        .where(call.branch == branch.value, call.created_at > now - WITHIN, call.status.in_(("delivered", "dead")))
        .group_by(call.status)
    )
    candidate = policies.standing(session).candidate_digest
    if candidate is not None:
        its_own = DecisionRow.body.contains(f'"digest":"{candidate}"')
        because = _breach(
            session, settled.join(DecisionRow, DecisionRow.decision_id == call.decision_id).where(its_own)
        )
        if because is not None:
            halt(session, candidate, because=f"{branch}, {because}", now=now)
    because = _breach(session, settled)
    if because is not None:
        _step_down(session, policy, branch, {}, because, now)


def _breach(session: Session, settled: Select[str, int]) -> str | None:
    """Say how many of some calls, counted by status, came to nothing, if that is more than chance explains."""
    counts = dict(session.execute(settled).all())
    failed, tried = counts.get("dead", 0), sum(counts.values())
    if not is_more_than(FAILED_AT_MOST, failed, tried):
        return None
    return f"{failed} of {tried} calls of the last {WITHIN.total_seconds() / 3600:g} hours came to nothing"


def _approved_for(session: Session, policy: Policy, branch: Branch) -> StepUpRow | None:
    """Return the newest approved step up by which a branch was let act under this bundle."""
    approved = select(StepUpRow).filter_by(status=APPROVED).order_by(StepUpRow.position.desc())
    for row in session.scalars(approved):
        pack = json.loads(row.evidence)
        if pack["policy"] == policy.digest and branch in [each["branch"] for each in pack["evidence"]]:
            return row
    return None


def _step_down(session: Session, policy: Policy, branch: Branch, where: Where, because: str, now: datetime) -> None:
    """Limit a branch to what people are asked about, unless it is or a limit holds it already."""
    terms = policy.branches.get(branch)
    if terms is None or not any(terms.acts(mode) for mode in (terms.mode, *(each.mode for each in terms.segments))):
        return
    for each in directives.standing(session, now):
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
    issue(session, limit, by=SYSTEM, at=now)
    _log.error("%s steps down to people (%s): %s", branch, limit.id, because)
