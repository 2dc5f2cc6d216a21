"""What the rules say: every guardrail and rule evaluated, and the branch that they recommend together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from features.vocabulary import Branch
from routing.conditions import Condition, undetermined
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


_HIT, _NO_HIT, _UNKNOWN, _ERROR, _SNOOZED = RuleOutcome
_OPEN = frozenset({_UNKNOWN, _ERROR})
_HAD_HIT = frozenset({_HIT, _SNOOZED})


class RuleResult(NamedTuple):
    """One rule's outcome, the branch it leads to, and why it came out so."""

    rule_id: str
    branch: Branch
    outcome: RuleOutcome
    why: str


class Trace(NamedTuple):
    """What became of every guardrail and rule, in the order of the document.

    Why is written when it is read: of most decisions it is read once, when they are sealed, or never.

    Attributes
    ----------
    guardrails, rules
        Those of the bundle.
    outcomes
        What became of each, the guardrails first.
    read
        The facts they looked at.
    hit_before
        The rules that had hit the last time.
    snoozed
        Why those that are snoozed are, by rule.
    """

    guardrails: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    outcomes: tuple[RuleOutcome, ...]
    read: ReadFacts
    hit_before: frozenset[str]
    snoozed: Mapping[str, str]

    def each(self) -> Iterator[tuple[Rule, RuleOutcome]]:
        """Yield every guardrail and rule with its outcome."""
        return zip((*self.guardrails, *self.rules), self.outcomes, strict=True)

    def results(self) -> tuple[RuleResult, ...]:
        """Return each with why it came out so."""
        return tuple(
            RuleResult(rule.id, rule.branch, outcome, self._why(rule, outcome)) for rule, outcome in self.each()
        )

    @property
    def had_hit(self) -> tuple[str, ...]:
        """The rules that hit; one that was snoozed had hit."""
        return tuple(rule.id for rule, outcome in self.each() if outcome in _HAD_HIT)

    def _why(self, rule: Rule, outcome: RuleOutcome) -> str:
        if outcome in _OPEN:
            return why_open(rule, self.read)
        why = _asked(rule, rule.id in self.hit_before).why(self.read.known, outcome is not _NO_HIT)
        return f"{why}; {self.snoozed[rule.id]}" if outcome is _SNOOZED else why


class Pick(NamedTuple):
    """The recommended branch, who says so, and what could not be determined although it might have mattered.

    `hits` are all rules that hit; none if a guardrail or a fallback decides. `unsure` says for want of which facts it
    cannot be told that this branch comes before the others that hit.
    """

    branch: Branch
    decided_by: str
    words: Rule | Fallback
    open_guardrails: Sequence[Rule] = ()
    open_rules: Sequence[Rule] = ()
    hits: Sequence[Rule] = ()
    is_guardrail: bool = False
    unsure: str | None = None


class Snooze(NamedTuple):
    """Why a hit is not to count, and the id of the directive that says so; None if it has yet to be confirmed."""

    because: str
    directive: str | None


def evaluate(rules: Sequence[Rule], read: ReadFacts, hit_before: Collection[str] = ()) -> list[RuleOutcome]:
    """Evaluate rules, or guardrails. A fact of a wrong type makes one an `error`, which counts as unknown.

    Parameters
    ----------
    hit_before
        Those that hit the last time this subject was decided about; they hold on by their release values.
    """
    known = read.known
    outcomes: list[RuleOutcome] = []
    for rule in rules:
        value = (_asked(rule, rule.id in hit_before) if hit_before else rule.when).test(known)
        if value is None:
            outcomes.append(_ERROR if any(name in read.wrong for name in open_facts(rule, read)) else _UNKNOWN)
        else:
            outcomes.append(_HIT if value else _NO_HIT)
    return outcomes


def snooze(rule: Rule, read: ReadFacts, context: Context, standing: Standing, now: datetime) -> Snooze | None:
    """Say why a rule that hits is passed over: it is ordered so, or it has yet to be confirmed by another hit."""
    directive = standing.snoozing(rule.id, read.known)
    if directive is not None:
        return Snooze(f"snoozed: {directive.because}", directive.id)
    if rule.confirm is not None:
        since = now - rule.confirm.within
        times = 1 + sum(past.at >= since and rule.id in past.hits for past in context.history)
        if times < rule.confirm.times:
            hours = rule.confirm.within.total_seconds() / 3600
            return Snooze(f"hit {times} of {rule.confirm.times} times within {hours:g} hours that it must", None)
    return None


def _asked(rule: Rule, hit_before: bool) -> Condition:
    return rule.holding if hit_before and rule.holding is not None else rule.when


def open_facts(rule: Rule, read: ReadFacts) -> list[str]:
    """Name the facts, each once, for want of which a rule is undetermined.

    One that is determined as it stands was asked by its release values.
    """
    open_now = list(undetermined(rule.when, read.known))
    if not open_now and rule.holding is not None:
        open_now = list(undetermined(rule.holding, read.known))
    return list(dict.fromkeys(open_now))


def why_open(rule: Rule, read: ReadFacts) -> str:
    """Say for want of what a rule is undetermined."""
    return "; ".join(read.why_missing(name) for name in open_facts(rule, read))


def pick(policy: Policy, guardrails: Sequence[RuleOutcome], rules: Sequence[RuleOutcome]) -> Pick:
    """Combine the outcomes: the first guardrail that hits, else the strongest rule that hits, else a fallback."""
    open_guardrails: list[Rule] = []
    for rule, outcome in zip(policy.guardrails, guardrails, strict=True):
        if outcome is _NO_HIT:
            continue
        if outcome is _HIT:
            return Pick(branch=rule.branch, decided_by=rule.id, words=rule, is_guardrail=True)
        if outcome in _OPEN:
            open_guardrails.append(rule)
    strength = policy.strength
    best: Rule | None = None
    hits: list[Rule] = []
    open_rules: list[Rule] = []
    for rule, outcome in zip(policy.rules, rules, strict=True):
        if outcome is _NO_HIT:
            continue
        if outcome is _HIT:
            hits.append(rule)
            if best is None or strength[rule.branch] > strength[best.branch]:
                best = rule
        elif outcome in _OPEN:
            open_rules.append(rule)
    if best is not None:
        return Pick(
            branch=best.branch,
            decided_by=best.id,
            words=best,
            open_guardrails=open_guardrails,
            open_rules=weightier(policy, open_rules, best.branch),
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


def weightier(policy: Policy, open_rules: Sequence[Rule], branch: Branch) -> list[Rule]:
    """Keep the undetermined rules that would have come before a branch had they hit: the stronger ones, or by cost all.

    Parameters
    ----------
    open_rules
        Rules that are undetermined.
    """
    if policy.choosing is Choosing.LEAST_EXPECTED_COST:
        return list(open_rules)
    return [rule for rule in open_rules if policy.strength[rule.branch] > policy.strength[branch]]


def undecided(rules: Sequence[Rule], outcomes: Sequence[RuleOutcome]) -> list[Rule]:
    """Return the rules that are undetermined."""
    return [rule for rule, outcome in zip(rules, outcomes, strict=True) if outcome in _OPEN]
