"""What the rules say: every guardrail and rule evaluated, and the branch that they recommend together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from features.vocabulary import Branch
from routing.conditions import undetermined
from routing.context import Context
from routing.directives import Standing
from routing.facts import ReadFacts
from routing.policy import Choosing, Fallback, Policy, Rule


class RuleOutcome(StrEnum):
    """What became of one rule."""

    HIT = "hit"
    NO_HIT = "no_hit"
    UNKNOWN = "unknown"
    ERROR = "error"
    SNOOZED = "snoozed"


_OPEN = frozenset({RuleOutcome.UNKNOWN, RuleOutcome.ERROR})


class RuleResult(NamedTuple):
    """One rule's outcome, the branch it leads to, and why it came out so."""

    rule_id: str
    branch: Branch
    outcome: RuleOutcome
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The recommended branch, who says so, and what could not be determined although it might have mattered.

    `hits` are all rules that hit; none if a guardrail or a fallback decides.
    """

    branch: Branch
    decided_by: str
    words: Rule | Fallback
    open_guardrails: Sequence[RuleResult] = ()
    open_rules: Sequence[RuleResult] = ()
    hits: Sequence[Rule] = ()
    is_guardrail: bool = False


def evaluate(rule: Rule, read: ReadFacts, *, hit_before: bool = False) -> RuleResult:
    """Evaluate one rule. A fact of a wrong type makes it an `error`, which counts as unknown.

    Parameters
    ----------
    hit_before
        Whether it hit the last time this subject was decided about; then it holds on by its release values.
    """
    when = rule.holding if hit_before and rule.holding is not None else rule.when
    value = when.test(read.known)
    if value is not None:
        outcome = RuleOutcome.HIT if value else RuleOutcome.NO_HIT
        return RuleResult(rule.id, rule.branch, outcome, when.why(read.known, value))
    names = open_facts(rule, read)
    outcome = RuleOutcome.ERROR if any(name in read.wrong for name in names) else RuleOutcome.UNKNOWN
    return RuleResult(rule.id, rule.branch, outcome, "; ".join(read.why_missing(name) for name in names))


def settle(
    rule: Rule, result: RuleResult, read: ReadFacts, context: Context, standing: Standing, now: datetime
) -> tuple[RuleResult, str | None]:
    """Snooze a hit that is ordered to be passed over, or that has yet to be confirmed by another.

    Returns
    -------
    tuple
        The result, and the id of the directive that changed it.
    """
    if result.outcome is not RuleOutcome.HIT:
        return result, None
    directive = standing.snoozing(rule.id, read.known)
    if directive is not None:
        why = f"{result.why}; snoozed: {directive.because}"
        return result._replace(outcome=RuleOutcome.SNOOZED, why=why), directive.id
    if rule.confirm is not None:
        since = now - rule.confirm.within
        times = 1 + sum(past.at >= since and rule.id in past.hits for past in context.history)
        if times < rule.confirm.times:
            hours = rule.confirm.within.total_seconds() / 3600
            why = f"{result.why}; hit {times} of {rule.confirm.times} times within {hours:g} hours that it must"
            return result._replace(outcome=RuleOutcome.SNOOZED, why=why), None
    return result, None


def open_facts(rule: Rule, read: ReadFacts) -> list[str]:
    """Name the facts, each once, for want of which a rule is undetermined."""
    return list(dict.fromkeys(undetermined(rule.when, read.known)))


def pick(policy: Policy, guardrails: Sequence[RuleResult], rules: Sequence[RuleResult]) -> Pick:
    """Combine the results: the first guardrail that hits, else the strongest rule that hits, else a fallback."""
    open_guardrails: list[RuleResult] = []
    for rule, result in zip(policy.guardrails, guardrails, strict=True):
        if result.outcome is RuleOutcome.HIT:
            return Pick(branch=rule.branch, decided_by=rule.id, words=rule, is_guardrail=True)
        if result.outcome in _OPEN:
            open_guardrails.append(result)
    strength = policy.strength
    best: Rule | None = None
    hits: list[Rule] = []
    open_rules: list[RuleResult] = []
    for rule, result in zip(policy.rules, rules, strict=True):
        if result.outcome is RuleOutcome.HIT:
            hits.append(rule)
            if best is None or strength[rule.branch] > strength[best.branch]:
                best = rule
        elif result.outcome in _OPEN:
            open_rules.append(result)
    if best is not None:
        by_cost = policy.choosing is Choosing.LEAST_EXPECTED_COST
        weightier = [item for item in open_rules if by_cost or strength[item.branch] > strength[best.branch]]
        return Pick(
            branch=best.branch,
            decided_by=best.id,
            words=best,
            open_guardrails=open_guardrails,
            open_rules=weightier,
            hits=hits,
        )
    if open_guardrails or open_rules:
        return Pick(
            branch=policy.on_unknown.branch,
            decided_by="unknown",
            words=policy.on_unknown,
            open_guardrails=open_guardrails,
            open_rules=open_rules,
        )
    return Pick(branch=policy.default.branch, decided_by="default", words=policy.default)
