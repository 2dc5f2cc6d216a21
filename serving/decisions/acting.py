"""What a person lets out, built by the same branch code and under the same terms: the suggestion, or another branch.

What is ordered by then holds: a carrier that is left out since is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.vocabulary import Branch
from routing.branches.case import Case, Infeasible, Payload
from routing.carrying import build_payload, latest_useful_at
from routing.directives import Standing
from routing.facts import FactReader
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
    policy: Policy,
    branch: Branch,
    facts: Mapping[str, object],
    *,
    standing: Standing,
    now: datetime,
    reason_staff: str,
) -> Action | Infeasible:
    """Build the action of a branch from the facts of a decision.

    Parameters
    ----------
    branch
        One that calls the orchestrator.
    facts
        As they were sealed.
    standing
        What is ordered now: what it excludes is left out.
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
    latest = latest_useful_at(terms, read.known)
    if latest is not None and now >= latest:
        return Infeasible(f"its latest useful moment was {latest.isoformat()}")
    standing.exclude_rows(read.known)
    built = _built(policy, branch, read.known, now, reason_staff=reason_staff)
    return built if isinstance(built, Infeasible) else Action(branch, built, latest)


def made_anew(
    policy: Policy, action: Action, facts: Mapping[str, object], *, made_at: datetime, now: datetime
) -> Action:
    """Make a suggestion anew: what follows from the clock, such as a window for tenders, is of now; all else stays.

    Parameters
    ----------
    facts
        As they were sealed, when it was made.
    """
    known = policy.reader.read(facts).known
    then, today = (_built(policy, action.branch, known, at) for at in (made_at, now))
    if isinstance(then, Infeasible) or isinstance(today, Infeasible):
        return action
    payload = {
        name: today[name] if name in today and today[name] != then.get(name) else value
        for name, value in action.payload.items()
    }
    return Action(action.branch, payload, action.latest_useful_at)


def excluded_by(
    policy: Policy, action: Action, facts: Mapping[str, object], *, made_at: datetime, standing: Standing
) -> str | None:
    """Say which order takes out something that an action asks for; None if it asks for nothing that is excluded.

    The branch is built with the excluded rows and without: wherever these differ, the action must be as without them.

    Parameters
    ----------
    facts
        As they were sealed, when it was decided about.
    made_at
        When the action was made of them.
    """
    whole = policy.reader.read(facts).known
    kept = dict(whole)
    applied = standing.exclude_rows(kept)
    if not applied:
        return None
    found = None
    for approved in (False, True):  # whoever overrides approves of any amount
        with_all, without = (_built(policy, action.branch, each, made_at, approved=approved) for each in (whole, kept))
        if isinstance(with_all, Infeasible):
            continue
        if not isinstance(without, Infeasible) and all(
            action.payload.get(name) == value for name, value in without.items() if value != with_all.get(name)
        ):
            return None
        orders = [each for each in standing.directives if each.id in applied]
        found = "; ".join(f"{each.column} {each.value} is excluded, {each.because}" for each in orders)
    return found


class LastUse:
    """Tells of many cases until when any branch of a bundle is of use."""

    __slots__ = ("_reader", "_terms")

    def __init__(self, policy: Policy) -> None:
        called = (policy.branches.get(each) for each in called_branches(policy.subject))
        self._terms = [(terms, frozenset(terms.requires)) for terms in called if terms is not None]
        asked = {name for _, requires in self._terms for name in requires}
        asked |= {terms.latest_useful.fact for terms, _ in self._terms if terms.latest_useful is not None}
        asked |= {unit for name in asked if (unit := policy.facts[name].currency) is not None}
        declared = {name: each for name, each in policy.facts.items() if name in asked}
        self._reader = FactReader(declared, policy.costs.currency)

    def of(self, facts: Mapping[str, object]) -> datetime | None:
        """Return the moment from which on none of the branches is of use; None if one of them always is.

        A branch that lacks a fact it requires is no answer, and counts for nothing.

        Parameters
        ----------
        facts
            As they were sealed.
        """
        return self.of_known(self._reader.read(facts).known)

    def of_known(self, known: Mapping[str, Any]) -> datetime | None:
        """Return the same of facts that were held against the bundle's declarations already, and are known."""
        ends = []
        for terms, requires in self._terms:
            if known.keys() >= requires:
                latest = latest_useful_at(terms, known)
                if latest is None:
                    return None
                ends.append(latest)
        return max(ends, default=None)


def _built(
    policy: Policy,
    branch: Branch,
    known: Mapping[str, Any],
    now: datetime,
    *,
    reason_staff: str = "",
    approved: bool = True,
) -> Payload | Infeasible:
    """Build what a branch needs; `approved` if a person answers for the amount."""
    terms = policy.branches.get(branch)
    if terms is None or not known.keys() >= set(terms.requires):
        return Infeasible(f"{branch} lacks what it requires")
    return build_payload(
        terms,
        Case(
            branch=branch,
            known=known,
            now=now,
            latest_useful_at=latest_useful_at(terms, known),
            costs=policy.costs,
            offer=terms.offer,
            approval_above_minor=None if approved else terms.approval_above_minor,
            channels=policy.channels,
            reason_staff=reason_staff,
            reason_customer=_customer_sentence(policy, branch).fill(known),
        ),
    )


def _customer_sentence(policy: Policy, branch: Branch) -> Sentence:
    """Return what a customer is told when that branch is taken: the words of the first rule that leads to it."""
    for rule in policy.rules:
        if rule.branch is branch:
            return rule.sentence_customer
    return policy.on_unknown.sentence_customer
