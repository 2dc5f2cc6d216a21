"""Findings about a bundle as a whole: rules that can never decide, risk that lowers the branch, names nobody uses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from features.vocabulary import Branch
from routing.conditions import Condition, leaves
from routing.marks import Findings, Path, dotted
from routing.policy import BranchTerms, Rule
from routing.ranges import implies, turn


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule and where it stands."""

    rule: Rule
    path: Path


def check_reachable(
    guardrails: Sequence[PlacedRule],
    rules: Sequence[PlacedRule],
    strength: Mapping[Branch, int],
    findings: Findings,
) -> None:
    """Find rules that can never decide, because another that goes before them hits whenever they do."""
    for index, placed in enumerate(guardrails):
        _check_shadowed(placed, guardrails[:index], findings)
    for index, placed in enumerate(rules):
        branch = placed.rule.branch
        stronger = [other for other in rules if strength.get(other.rule.branch, -1) > strength.get(branch, -1)]
        earlier = [other for other in rules[:index] if other.rule.branch is branch]
        _check_shadowed(placed, [*guardrails, *stronger, *earlier], findings)


def check_risk(guardrails: Iterable[PlacedRule], rules: Iterable[PlacedRule], risk: str, findings: Findings) -> None:
    """Find what could answer a greater risk with a weaker branch.

    Every rule must go on hitting as the risk rises: then the strongest of those that hit never gets weaker. A
    guardrail, which weakens, must stop hitting instead, and lead to none, the weakest.
    """
    for placed in guardrails:
        turns = set(_turns(placed.rule.when, risk))
        if turns and (placed.rule.branch is not Branch.NONE or turns != {"falls"}):
            findings.error(
                (*placed.path, "when"),
                f"guardrail '{placed.rule.id}' may weaken the branch as `{risk}` rises. "
                "Ask for at_most or below and lead to none, or leave this fact to the rules.",
            )
    for placed in rules:
        if set(_turns(placed.rule.when, risk)) - {"rises"}:
            findings.error(
                (*placed.path, "when"),
                f"'{placed.rule.id}' may stop hitting as `{risk}` rises, so a greater risk may get a weaker branch. "
                "Ask for at_least or above only: among the rules that hit, the strongest branch is taken.",
            )


def check_spending(rules: Iterable[PlacedRule], branches: Mapping[Branch, BranchTerms], findings: Findings) -> None:
    """Find rules that could spend money *because* a fact is unknown."""
    for placed in rules:
        terms = branches.get(placed.rule.branch)
        if terms is None or not terms.spends_money:
            continue
        for leaf, positive in leaves(placed.rule.when):
            if leaf.operator == "known" and leaf.bounds[0] is not positive:
                findings.error(
                    (*placed.path, "when"),
                    f"'{placed.rule.id}' spends money and may hit because `{leaf.fact}` is unknown. "
                    f"Ask for it to be known, or lead to review.",
                )


def check_use(findings: Findings, *, section: str, names: Iterable[str], used: Collection[str]) -> None:
    """Warn of names that are declared and used nowhere."""
    for name in names:
        if name not in used:
            findings.warning((section, name), f"`{name}` is used nowhere. Use it or drop it.")


def check_branches(rules: Iterable[PlacedRule], branches: Iterable[Branch], findings: Findings) -> None:
    """Warn of branches that no rule leads to."""
    reached = {placed.rule.branch for placed in rules} | {Branch.REVIEW}
    for branch in branches:
        if branch not in reached:
            findings.warning(("branches", branch.value), f"no rule leads to `{branch}`. Add one or drop the branch.")


def _check_shadowed(placed: PlacedRule, before: Iterable[PlacedRule], findings: Findings) -> None:
    rule = placed.rule
    other = next((other for other in before if implies(rule.when, other.rule.when)), None)
    if other is not None:
        findings.error(
            (*placed.path, "when"),
            f"'{rule.id}' is unreachable: whenever it hits, so does '{other.rule.id}' at {dotted(other.path)}, which "
            f"goes before it and leads to {other.rule.branch}. Change a condition or drop the rule.",
        )


def _turns(condition: Condition, fact: str) -> Iterator[str | None]:
    for leaf, positive in leaves(condition):
        if leaf.fact == fact and leaf.operator != "known":
            yield turn(leaf, positive=positive)
