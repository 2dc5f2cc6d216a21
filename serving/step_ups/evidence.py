"""The evidence for raising a limit: how people answered what each branch would then do by itself.

An answer counts if somebody who is listed gave it, if the decision was made under the bundle of today, falls under the
limit, and would have let the branch act by itself if the limit had been raised. So what is held back for another reason
shows nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from features.vocabulary import Branch, SubjectType
from routing.agreement import Agreement, against_at_most
from routing.context import Context
from routing.directives import Directive, DirectiveKind
from routing.engine import decide
from routing.policy import BranchTerms, Mode, Policy
from routing.recording import decode_facts
from serving.auth.people import NOBODY, People
from serving.auth.signing import Refusal
from serving.db.tables import DecisionRow, ReviewItemRow
from serving.reviews.reasons import Answer, ReasonCode
from serving.reviews.repository import DONE

PEOPLE_NEEDED = 2
"""So many people at least agree before a branch acts by itself."""
_ANSWERS = (Answer.ACCEPT, Answer.OVERRIDE, Answer.DISMISS)
_SAYS_NOTHING = (ReasonCode.ALREADY_HANDLED, ReasonCode.TOO_LATE_TO_ACT)
"""Reasons that speak of the hour, not of the suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchEvidence:
    """How people answered one branch: `people` answered, `needed` answers are enough if no more are against."""

    subject: SubjectType
    branch: Branch
    against_at_most: float
    answers: int
    against: int
    people: int
    needed: int

    @property
    def is_enough(self) -> bool:
        """Whether so many answers, so few of them against, show that people agree with the branch."""
        return self.answers >= self.needed

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {
            "subject": self.subject.value,
            "branch": self.branch.value,
            "against_at_most": self.against_at_most,
            "answers": self.answers,
            "against": self.against,
            "people": self.people,
            "needed": self.needed,
        }


def newly_acting(
    policy: Policy, limit: Directive, mode: Mode | None, others: Sequence[Directive]
) -> tuple[BranchTerms, ...]:
    """Return the terms of the branches that would act by themselves if a limit were raised, and now do not.

    Parameters
    ----------
    mode
        What the limit is raised to; None if it is lifted.
    others
        The other limits in force. One that holds for fewer cases than this limit does not count.
    """
    found = []
    for terms in policy.branches.values():
        if terms.branch is Branch.REVIEW or limit.branch not in (None, terms.branch):
            continue
        binding = [each.mode for each in others if _binds(each, terms.branch, limit) and each.mode is not None]
        highest = max((terms.mode, *(segment.mode for segment in terms.segments)), key=_rank)
        now = min((highest, limit.mode or Mode.OBSERVE, *binding), key=_rank)
        then = min((highest, mode or Mode.ACT_FINANCIAL, *binding), key=_rank)
        if terms.acts(then) and not terms.acts(now):
            found.append(terms)
    return tuple(found)


def evidence_for(
    session: Session,
    policy: Policy,
    limit: Directive,
    mode: Mode | None,
    others: Sequence[Directive],
    by: People = NOBODY,
) -> tuple[BranchEvidence, ...]:
    """Gather the evidence for raising a limit, for each branch that would newly act by itself.

    Parameters
    ----------
    by
        Whose answers count; everybody's if nobody is listed.
    """
    raised = others if mode is None else (*others, replace(limit, mode=mode))
    found = []
    for terms in newly_acting(policy, limit, mode, others):
        branch = terms.branch

        def counts(body: dict[str, Any], at: datetime, branch: Branch = branch) -> bool:
            return _would_act(policy, body, at, limit, raised, branch)

        found.append(agreement_with(session, policy, terms, by, counts))
    return tuple(found)


def agreement_with(
    session: Session, policy: Policy, terms: BranchTerms, by: People, counts: Callable[[dict[str, Any], datetime], bool]
) -> BranchEvidence:
    """Gather how people answered what a branch suggested.

    Parameters
    ----------
    policy
        Of whose type of subject the branch is.
    by
        Whose answers count; everybody's if nobody is listed.
    counts
        Whether an answer to a decision, given as its sealed body and when it was made, says anything.
    """
    item = ReviewItemRow
    asked = (
        select(item.verdict, item.closed_by, DecisionRow.decided_at, DecisionRow.body)
        .join(DecisionRow, DecisionRow.decision_id == item.decision_id)
        .where(
            item.status == DONE,
            item.subject_type == policy.subject.value,
            item.suggested_branch == terms.branch.value,
            item.verdict.in_(_ANSWERS),
            item.reason_code.is_(None) | item.reason_code.not_in(_SAYS_NOTHING),
            item.closed_by.in_(sorted(by.names)) if by else true(),
        )
        .execution_options(yield_per=200)
    )
    answers = against = 0
    people = set()
    for verdict, closed_by, decided_at, body in session.execute(asked):
        if counts(json.loads(body), decided_at):
            answers += 1
            against += verdict != Answer.ACCEPT
            people.add(closed_by)
    at_most = against_at_most(terms)
    needed = Agreement(answers=answers, against=against).answers_needed(at_most)
    return BranchEvidence(
        subject=policy.subject,
        branch=terms.branch,
        against_at_most=at_most,
        answers=answers,
        against=against,
        people=len(people),
        needed=needed,
    )


def shortfall(evidence: Sequence[BranchEvidence], todo: str) -> Refusal | None:
    """Say why evidence is not enough for every branch to act by itself, and `todo` or what else to do about it."""
    short = [
        f"{each.branch} has {each.answers} answers, {each.against} of them against, and needs {each.needed} "
        f"to show that at most {each.against_at_most:.0%} are"
        for each in evidence
        if not each.is_enough
    ]
    if short:
        return Refusal("; ".join(short), todo)
    alone = [str(each.branch) for each in evidence if each.people < PEOPLE_NEEDED]
    if alone:
        why = f"fewer than {PEOPLE_NEEDED} people have answered the suggestions of {', '.join(alone)}"
        return Refusal(why, "Let somebody else answer some of them, too.")
    return None


def _would_act(
    policy: Policy,
    body: dict[str, Any],
    decided_at: datetime,
    limit: Directive,
    raised: Sequence[Directive],
    branch: Branch,
) -> bool:
    """Tell whether a decision, made again under the limits as they would be, lets the branch act."""
    if body["policy"]["digest"] != policy.digest:
        return False
    facts = decode_facts(body["facts"])
    if limit.covers(policy.reader.read(facts).known) is not True:
        return False
    context = Context.from_json(body.get("context", {}))
    kept = [each for each in context.directives if each.kind is not DirectiveKind.LIMIT]
    then = [replace(each, since=decided_at, until=None) for each in raised]
    return decide(policy, facts, decided_at, context._replace(directives=(*kept, *then))).branch is branch


def _binds(other: Directive, branch: Branch, limit: Directive) -> bool:
    return other.branch in (None, branch) and (not other.where or other.where == limit.where)


def _rank(mode: Mode) -> int:
    return mode.rank
