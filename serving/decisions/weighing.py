"""A case weighed under a bundle: its facts, its context and the choice that follows, read and not yet acted upon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.context import Context
from routing.engine import Choice, decide
from routing.evaluation import RuleOutcome
from routing.policy import Policy
from serving.decisions.context import context_of
from serving.decisions.facts import facts_of
from serving.scores.ports import FeatureState
from serving.scores.service import Scored


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a bundle makes of a case."""

    policy: Policy
    facts: Mapping[str, object]
    context: Context
    choice: Choice


class MoreFacts(Protocol):
    """Gathers facts beside those of the shipment itself; none where they could play no part."""

    def __call__(self, policy: Policy, scored: Scored) -> Mapping[str, object]: ...


NO_MORE: Mapping[Branch, MoreFacts] = MappingProxyType({})
"""Nothing is gathered for any branch."""


def weigh(
    session: Session,
    policy: Policy,
    scored: Scored,
    state: FeatureState,
    taken: Sequence[Branch],
    more: Mapping[Branch, MoreFacts] = NO_MORE,
) -> Weighed:
    """Weigh a scored shipment, as of the time of the score.

    Parameters
    ----------
    more
        Gather what the shipment itself does not say, e.g. about other carriers; it is sealed like any other fact. Each
        is asked where a rule that leads to its branch hits, or cannot tell; then everything is decided with it.
    taken
        What was done, or put before a person, for this shipment so far.
    """
    shipment, now = scored.subject.shipment, scored.subject.as_of
    strongest = max(taken, key=policy.strength.__getitem__, default=Branch.NONE)
    facts: Mapping[str, object] = facts_of(scored, state, costs=policy.costs, strongest_branch_taken=strongest)
    context = context_of(session, policy, shipment.shipment_id, facts, now)
    choice = decide(policy, facts, now, context)
    found = {
        name: value
        for branch, gather in more.items()
        if _may_take(choice, branch)
        for name, value in gather(policy, scored).items()
    }
    if found:
        facts = {**facts, **found}
        choice = decide(policy, facts, now, context)
    return Weighed(policy, facts, context, choice)


def _may_take(choice: Choice, branch: Branch) -> bool:
    """Tell whether a rule that leads to a branch hit, or would if more were known."""
    open_ends = (RuleOutcome.HIT, RuleOutcome.UNKNOWN)
    return any(each.branch is branch and each.outcome in open_ends for each in choice.rule_results)
