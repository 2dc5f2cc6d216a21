"""What the rules say: every guardrail and rule evaluated, and the branch that they recommend together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from features.vocabulary import Branch
from routing.conditions import undetermined
from routing.facts import ReadFacts
from routing.policy import Fallback, Policy, Rule


class RuleOutcome(StrEnum):
    """What became of one rule."""

    HIT = "hit"
    NO_HIT = "no_hit"
    UNKNOWN = "unknown"
    ERROR = "error"


class RuleResult(NamedTuple):
    """One rule's outcome, the branch it leads to, and why it came out so."""

    rule_id: str
    branch: Branch
    outcome: RuleOutcome
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The recommended branch, who says so, and what could not be determined although it might have mattered."""

    branch: Branch
    decided_by: str
    words: Rule | Fallback
    open_guardrails: Sequence[RuleResult] = ()
    open_rules: Sequence[RuleResult] = ()


def evaluate(rule: Rule, read: ReadFacts) -> RuleResult:
    """Evaluate one rule. A fact of a wrong type makes it an `error`, which counts as unknown."""
    value = rule.when.test(read.known)
    if value is not None:
        outcome = RuleOutcome.HIT if value else RuleOutcome.NO_HIT
        return RuleResult(rule.id, rule.branch, outcome, rule.when.why(read.known, value))
    names = open_facts(rule, read)
    outcome = RuleOutcome.ERROR if any(name in read.wrong for name in names) else RuleOutcome.UNKNOWN
    return RuleResult(rule.id, rule.branch, outcome, "; ".join(read.why_missing(name) for name in names))


def open_facts(rule: Rule, read: ReadFacts) -> list[str]:
    """Name the facts, each once, for want of which a rule is undetermined."""
    return list(dict.fromkeys(undetermined(rule.when, read.known)))


def pick(policy: Policy, guardrails: Sequence[RuleResult], rules: Sequence[RuleResult]) -> Pick:
    """Combine the results: the first guardrail that hits, else the strongest rule that hits, else a fallback."""
    open_guardrails: list[RuleResult] = []
    for rule, result in zip(policy.guardrails, guardrails, strict=True):
        if result.outcome is RuleOutcome.HIT:
            return Pick(branch=rule.branch, decided_by=rule.id, words=rule)
        if result.outcome is not RuleOutcome.NO_HIT:
            open_guardrails.append(result)
    strength = policy.strength
    best: Rule | None = None
    open_rules: list[RuleResult] = []
    for rule, result in zip(policy.rules, rules, strict=True):
        if result.outcome is RuleOutcome.HIT:
            if best is None or strength[rule.branch] > strength[best.branch]:
                best = rule
        elif result.outcome is not RuleOutcome.NO_HIT:
            open_rules.append(result)
    if best is not None:
        stronger = [result for result in open_rules if strength[result.branch] > strength[best.branch]]
        return Pick(
            branch=best.branch,
            decided_by=best.id,
            words=best,
            open_guardrails=open_guardrails,
            open_rules=stronger,
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
