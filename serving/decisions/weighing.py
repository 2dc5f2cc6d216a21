"""A case weighed under a bundle: its facts, its context and the choice that follows, read and not yet acted upon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.context import Context
from routing.engine import Choice, decide
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


def weigh(session: Session, policy: Policy, scored: Scored, state: FeatureState, taken: Sequence[Branch]) -> Weighed:
    """Weigh a scored shipment, as of the time of the score.

    Parameters
    ----------
    taken
        What was done, or put before a person, for this shipment so far.
    """
    shipment, now = scored.subject.shipment, scored.subject.as_of
    strongest = max(taken, key=policy.strength.__getitem__, default=Branch.NONE)
    facts = facts_of(scored, state, costs=policy.costs, strongest_branch_taken=strongest)
    context = context_of(session, policy, shipment.shipment_id, facts, now)
    return Weighed(policy, facts, context, decide(policy, facts, now, context))
