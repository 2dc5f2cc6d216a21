"""What can be done about one case, with its expected cost and what it uses: the input of `routing.allocation`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from features.vocabulary import Branch
from routing.allocation import Option
from routing.buckets import bucket_of
from routing.choosing import effective_mode, priced
from routing.context import NO_CONTEXT, Context
from routing.directives import in_force
from routing.engine import Choice, decide
from routing.evaluation import RuleOutcome
from routing.facts import Unknown
from routing.policy import BranchTerms, Policy


def options_of(
    policy: Policy, facts: Mapping[str, object], now: datetime, context: Context = NO_CONTEXT
) -> tuple[Option, ...]:
    """Return the branches that could be taken for a case, costs in minor units, and review, which uses no budget.

    A case in which the rules leave nothing to choose has one option: what is decided, at no cost. What is used is named
    by the bucket it is taken from (`routing.buckets.whole_buckets` says what there is of each); a branch of which that
    cannot be told is no option.
    """
    return options_after(policy, decide(policy, facts, now, context), context)


def options_after(policy: Policy, choice: Choice, context: Context) -> tuple[Option, ...]:
    """Return the options of a case that is decided; see `options_of`."""
    policy = policy.as_overdue(context.overdue)
    offered, known = offered_branches(policy, choice), choice.trace.read.known
    standing = in_force(context.directives, choice.decided_at)
    options: list[Option] = []
    for branch in dict.fromkeys((*offered, Branch.REVIEW)) if offered else ():
        cost = priced(policy, branch, known)
        if isinstance(cost, Unknown):
            return (Option(choice.branch.value, 0.0),)
        terms = policy.branches[branch]
        if standing.forbidding(branch, known) is None:
            takes = terms.acts(effective_mode(terms, known, standing)[0]) and branch not in context.waiting
            uses = _uses(policy, terms, known) if takes else {}
            if uses is not None:
                options.append(Option(branch.value, cost / 1e6, uses))
    return tuple(options) or (Option(choice.branch.value, 0.0),)


def _uses(policy: Policy, terms: BranchTerms, known: Mapping[str, object]) -> dict[str, float] | None:
    """Return what a branch takes from which buckets; None if that cannot be told."""
    buckets = {name: bucket_of(policy.budgets[name], known, policy.digest) for name in terms.uses}
    if None in buckets.values():
        return None
    return {str(buckets[name]): amount for name, amount in terms.uses.items()}


def offered_branches(policy: Policy, choice: Choice) -> tuple[Branch, ...]:
    """Return the branches of the rules that hit, unless a guardrail decided or the case was suppressed."""
    guards, outcomes = len(policy.guardrails), choice.trace.outcomes
    if choice.suppressed_because is not None or RuleOutcome.HIT in outcomes[:guards]:
        return ()
    rules = zip(policy.rules, outcomes[guards:], strict=True)
    return tuple(dict.fromkeys(rule.branch for rule, outcome in rules if outcome is RuleOutcome.HIT))
