"""Choosing one branch among those of the rules that hit: the strongest, or the cheapest; what may and can be taken.

A branch is passed over, with the reason, if it is forbidden for the case or if too little is left of a budget it uses.
The next one is looked at then. If none is left, the first stays the recommendation and a person decides.

Neither cost nor want of capacity leads from a branch that is as strong as review, or stronger, to one that is weaker: a
bill that somebody is to look at, or that is to be disputed, is not approved because that is cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from features.vocabulary import Branch
from routing.buckets import in_words, unknown_of
from routing.context import Context
from routing.directives import Directive, Standing
from routing.errors import listed
from routing.facts import Unknown
from routing.policy import BranchTerms, Choosing, Mode, Policy, Rule


class PassedOver(NamedTuple):
    """A branch that came before the chosen one and was not taken, and why."""

    branch: Branch
    rule_id: str
    because: str


class Chosen(NamedTuple):
    """The rule whose branch is recommended.

    `barred_because` is set if not even that may be taken by itself, `unsure` if a branch that came before was passed
    over because it cannot be told whether it may be taken.
    """

    rule: Rule
    passed_over: tuple[PassedOver, ...] = ()
    barred_because: str | None = None
    applied: tuple[str, ...] = ()
    unsure: str | None = None


def choose(
    policy: Policy, hits: Sequence[Rule], known: Mapping[str, Any], context: Context, standing: Standing
) -> Chosen:
    """Choose among the rules that hit, of which there is at least one."""
    ranked = rank(policy, hits, known)
    passed: list[PassedOver] = []
    applied: list[str] = []
    unsure: str | None = None
    for rule in ranked:
        if passed and _lets_go(policy, rule.branch):
            break
        forbidding = standing.forbidding(rule.branch, known)
        if forbidding is not None:
            applied.append(forbidding.id)
            because: str | None = f"{rule.branch} is forbidden; {forbidding.because}"
        else:
            because = want_of_capacity(policy, rule.branch, known, context, standing)
        if because is None:
            return Chosen(rule, tuple(passed), None, tuple(applied), unsure)
        if unsure is None and _is_untold(policy, rule.branch, known, forbidding):
            unsure = because
        passed.append(PassedOver(rule.branch, rule.id, because))
    return Chosen(ranked[0], tuple(passed[1:]), passed[0].because, tuple(applied))


def _is_untold(policy: Policy, branch: Branch, known: Mapping[str, Any], forbidding: Directive | None) -> bool:
    """Tell whether a branch is passed over for want of facts: the order may not concern the case, or the budget."""
    if forbidding is not None:
        return forbidding.covers(known) is None
    return any(unknown_of(policy.budgets[name], known) for name in policy.branches[branch].uses)


def rank(policy: Policy, hits: Sequence[Rule], known: Mapping[str, Any]) -> list[Rule]:
    """Order the branches of the rules that hit, each by its first rule, the one to take first.

    By strength, or by expected cost where the bundle says so and all costs can be computed; of equal costs the stronger
    branch goes first. What is weaker than review comes last, whatever it costs.
    """
    first: dict[Branch, Rule] = {}
    for rule in hits:
        first.setdefault(rule.branch, rule)
    strongest = sorted(first.values(), key=lambda rule: -policy.strength[rule.branch])
    if policy.choosing is Choosing.STRONGEST or len(strongest) == 1:
        return strongest
    costs = {rule.branch: priced(policy, rule.branch, known) for rule in strongest}
    certain = {branch: cost for branch, cost in costs.items() if not isinstance(cost, Unknown)}
    if len(certain) < len(costs):
        return strongest
    return sorted(strongest, key=lambda rule: (_lets_go(policy, rule.branch), certain[rule.branch]))


def _lets_go(policy: Policy, branch: Branch) -> bool:
    """Tell whether a branch is weaker than review, such as approving a bill."""
    return policy.strength[branch] < policy.strength[Branch.REVIEW]


def priced(policy: Policy, branch: Branch, known: Mapping[str, Any]) -> int | Unknown:
    """Return the expected cost of a branch with what it uses of the budgets, in millionths of a minor unit."""
    terms = policy.branches[branch]
    cost = policy.costs.exact_cost(terms.offer, known)
    if isinstance(cost, Unknown):
        return cost
    return cost + sum(round(amount * 1e6) * policy.budgets[name].price_minor for name, amount in terms.uses.items())


def effective_mode(terms: BranchTerms, known: Mapping[str, Any], standing: Standing) -> tuple[Mode, str | None]:
    """Return how far a branch may go by itself for a case, and the id of the directive that lowered it."""
    mode = terms.mode_for(known)
    limit = standing.limiting(terms.branch, known)
    if limit is None or limit.mode is None or limit.mode.rank >= mode.rank:
        return mode, None
    return limit.mode, limit.id


def want_of_capacity(
    policy: Policy, branch: Branch, known: Mapping[str, Any], context: Context, standing: Standing
) -> str | None:
    """Say what is used up, or whose it would be cannot be told; None if neither, or if a person decides anyway.

    What joins a message that waits takes nothing: the message was counted when it was opened.
    """
    terms = policy.branches[branch]
    if not terms.uses or branch in context.waiting:
        return None
    lacking = _lacking(policy, terms, known, context.capacity)
    if lacking is None or not terms.acts(effective_mode(terms, known, standing)[0]):
        return None
    return lacking


def _lacking(policy: Policy, terms: BranchTerms, known: Mapping[str, Any], capacity: Mapping[str, float]) -> str | None:
    """Say of which budget a branch would lack what it uses; most lack nothing."""
    branch = terms.branch
    for name, amount in terms.uses.items():
        budget = policy.budgets[name]
        unknown = unknown_of(budget, known) if budget.apart else None
        if unknown:
            verb = "is" if len(unknown) == 1 else "are"
            return f"it cannot be told whose {name} {branch} would use: {listed(unknown)} {verb} not known"
        left = capacity.get(name, budget.amount)
        if left < amount:
            of_what = in_words(budget, known)
            return f"{branch} uses {amount:g} {budget.unit} of {of_what}, of which {max(left, 0):g} are left"
    return None
