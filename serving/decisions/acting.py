"""What a person chooses instead of the suggestion, built by the same branch code and under the same terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from features.vocabulary import Branch
from routing.branches.case import Case, Infeasible
from routing.carrying import build_payload, latest_useful_at
from routing.policy import Policy
from routing.subjects import called_branches
from routing.wording import Sentence


@dataclass(frozen=True, slots=True)
class Action:
    """A branch with what it needs, and until when it is of use."""

    branch: Branch
    payload: Mapping[str, object]
    latest_useful_at: datetime | None


def action_for(
    policy: Policy, branch: Branch, facts: Mapping[str, object], *, now: datetime, reason_staff: str
) -> Action | Infeasible:
    """Build the action of a branch from the facts of a decision.

    Parameters
    ----------
    branch
        One that calls the orchestrator.
    facts
        As they were sealed.
    reason_staff
        Why it is done, in words for our own people.
    """
    read = policy.reader.read(facts)
    terms = policy.branches.get(branch)
    if terms is None:
        return Infeasible(f"bundle {policy.name} version {policy.version} has no such branch")
    lacking = [read.why_missing(name) for name in terms.requires if name not in read.known]
    if lacking:
        return Infeasible("; ".join(lacking))
    latest = latest_useful_at(terms, read)
    if latest is not None and now >= latest:
        return Infeasible(f"its latest useful moment was {latest.isoformat()}")
    words = _customer_sentence(policy, branch)
    built = build_payload(
        terms,
        Case(
            branch=branch,
            known=read.known,
            now=now,
            latest_useful_at=latest,
            costs=policy.costs,
            offer=terms.offer,
            channels=policy.channels,
            reason_staff=reason_staff,
            reason_customer=words.fill(read.known),
        ),
    )
    return built if isinstance(built, Infeasible) else Action(branch, built, latest)


def useful_until(policy: Policy, facts: Mapping[str, object]) -> datetime | None:
    """Return the moment from which on none of a bundle's branches is of use; None if one of them always is.

    A branch that lacks a fact it requires is no answer, and counts for nothing.

    Parameters
    ----------
    facts
        As they were sealed.
    """
    read = policy.reader.read(facts)
    possible = (policy.branches[each] for each in called_branches(policy.subject) if each in policy.branches)
    latest = [latest_useful_at(terms, read) for terms in possible if read.known.keys() >= set(terms.requires)]
    ends = [each for each in latest if each is not None]
    return max(ends) if ends and len(ends) == len(latest) else None


def _customer_sentence(policy: Policy, branch: Branch) -> Sentence:
    """Return what a customer is told when that branch is taken: the words of the first rule that leads to it."""
    for rule in policy.rules:
        if rule.branch is branch:
            return rule.sentence_customer
    return policy.on_unknown.sentence_customer
