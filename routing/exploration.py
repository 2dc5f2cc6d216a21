"""Exploration: in a small, declared share of cases chance decides among branches that are declared equally safe.

What is taken by the rules alone says nothing about what another branch would have come to. Where chance decided with a
known probability, the propensity, it can be worked out (`training.policies`). Chance is a hash of the subject and
of the bundle's salt: deciding stays a pure function, a replay draws the same, and a shipment that is decided about
again is treated as before.

A case is open to chance if a rule decides it, everything that might have mattered is determined, and the branch is
carried out. The others it may get are those of `among` that a rule offers for it and that would be carried out as well,
and none. So chance takes nothing that the rules would not let be taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from features.vocabulary import Branch
from routing.carrying import Circumstances, Outcome, carry_out
from routing.choosing import choose
from routing.evaluation import Pick
from routing.facts import ReadFacts
from routing.policy import Fallback, Policy, Rule
from routing.segments import covers

DECIDED_BY = "exploration"
"""What `Choice.decided_by` says where chance took none, to which no rule leads."""


class Explored(NamedTuple):
    """A case that was open to chance.

    Attributes
    ----------
    share
        Of such cases in which chance decides, each branch alike.
    without
        What the rules would have taken.
    drawn
        What was taken.
    propensities
        The probability with which each branch was to be taken; they add up to 1.
    """

    share: float
    without: Branch
    drawn: Branch
    propensities: Mapping[Branch, float]

    @property
    def is_otherwise(self) -> bool:
        """Whether chance took something else than the rules would have."""
        return self.drawn is not self.without

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {
            "share": self.share,
            "without": self.without.value,
            "drawn": self.drawn.value,
            "propensities": {branch.value: chance for branch, chance in self.propensities.items()},
        }


class Ending(NamedTuple):
    """A branch as it would be carried out."""

    picked: Pick
    outcome: Outcome


def explore(
    policy: Policy, by_rules: Ending, read: ReadFacts, missing: Mapping[str, str], at: Circumstances
) -> tuple[Ending, Explored | None]:
    """Let chance decide about a case, if it is open to chance.

    Parameters
    ----------
    by_rules
        How the case ends by the rules alone.
    missing
        As for `carry_out`.
    at
        Chance is drawn for `at.context.subject_id`; if it is empty, nothing is drawn.

    Returns
    -------
    tuple
        How the case ends, and what was open; None if nothing was.
    """
    terms, subject_id = policy.exploration, at.context.subject_id
    if terms is None or not subject_id or at.now.date() > terms.review_by or not _is_open(by_rules, terms.among):
        return by_rules, None
    if covers(terms.where, read.known) is not True:
        return by_rules, None
    picks = _picks(policy, terms.among, by_rules.picked, read, at)
    endings = {
        branch: by_rules if pick is by_rules.picked else Ending(pick, carry_out(policy, pick, read, missing, at, None))
        for branch, pick in picks.items()
    }
    endings = {branch: ending for branch, ending in endings.items() if _is_carried_out(ending)}
    if len(endings) < 2:
        return by_rules, None
    branches = list(endings)
    without = by_rules.picked.branch
    each = terms.share / len(branches)
    drawn = draw(branches, without, terms.share, salt=terms.salt, subject_id=subject_id)
    explored = Explored(
        share=terms.share,
        without=without,
        drawn=drawn,
        propensities={branch: each + (1.0 - terms.share if branch is without else 0.0) for branch in branches},
    )
    ending = endings[drawn]
    if explored.is_otherwise:
        chance = explored.propensities[drawn]
        ending.outcome.reason_staff += (
            f" Chance took {drawn} instead of {without}, with probability {chance:.4g}, to learn what it comes to."
        )
    return ending, explored


def draw(branches: Sequence[Branch], without: Branch, share: float, *, salt: str, subject_id: str) -> Branch:
    """Draw a branch: `without`, or, in the given share of subjects, any of them alike.

    Each subject has two fixed places between 0 and 1, the first two 64 bits of a SHA-256: whether chance decides about
    it, and for which of the branches.
    """
    hashed = hashlib.sha256(f"exploration\n{salt}\n{subject_id}".encode()).digest()
    if int.from_bytes(hashed[:8], "big") >= share * 2.0**64:
        return without
    return branches[int.from_bytes(hashed[8:16], "big") * len(branches) >> 64]


def _is_open(by_rules: Ending, among: Sequence[Branch]) -> bool:
    picked = by_rules.picked
    undetermined = picked.open_guardrails or picked.open_rules
    if picked.is_guardrail or not picked.hits or undetermined or picked.branch not in among:
        return False
    return _is_carried_out(by_rules)


def _is_carried_out(ending: Ending) -> bool:
    """Tell whether what was picked happens as it was picked."""
    picked, outcome = ending
    return outcome.branch is picked.branch and outcome.held_because is None and outcome.suppressed_because is None


def _picks(
    policy: Policy, among: Sequence[Branch], by_rules: Pick, read: ReadFacts, at: Circumstances
) -> dict[Branch, Pick]:
    """Return the branches that a rule offers for the case and that may be taken now, and none; the weakest first."""
    picks: dict[Branch, Pick] = {}
    for branch in sorted(among, key=policy.strength.__getitem__):
        if branch is by_rules.branch:
            picks[branch] = by_rules
        elif branch is Branch.NONE:
            words = Fallback(
                branch=branch,
                sentence_staff=by_rules.words.sentence_staff,
                sentence_customer=policy.default.sentence_customer,
            )
            picks[branch] = by_rules._replace(branch=branch, decided_by=DECIDED_BY, words=words)
        else:
            rule = next((rule for rule in by_rules.hits if rule.branch is branch), None)
            if rule is not None and not _is_barred(policy, rule, read, at):
                picks[branch] = by_rules._replace(branch=branch, decided_by=rule.id, words=rule)
    return picks


def _is_barred(policy: Policy, rule: Rule, read: ReadFacts, at: Circumstances) -> bool:
    """Tell whether the branch of a rule is forbidden, or too little is left for it."""
    return choose(policy, [rule], read.known, at.context, at.standing).barred_because is not None
