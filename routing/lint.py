"""Findings about a bundle as a whole: rules that never decide or overlap, overdue reviews, unused names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any

from features.vocabulary import Branch
from routing.branches.catalog import KINDS
from routing.conditions import Condition, all_of, any_of, known_leaf, leaf, leaves, negation
from routing.errors import Severity, listed
from routing.every_case import TooManyCasesError, satisfiable
from routing.facts import Declaration, describe
from routing.marks import Findings, Path, dotted
from routing.policy import BranchTerms, Rule
from routing.ranges import implies


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule and where it stands."""

    rule: Rule
    path: Path


@contextmanager
def unless_too_many(
    findings: Findings, path: Path, what: str, *, severity: Severity = Severity.ERROR
) -> Iterator[None]:
    """Note what cannot be shown if there are too many cases to try; what is inside is broken off then."""
    try:
        yield
    except TooManyCasesError:
        note = findings.error if severity is Severity.ERROR else findings.warning
        note(path, f"it cannot be shown {what}: there are too many cases. Ask about fewer facts or values in one rule.")


def check_reachable(
    guardrails: Sequence[PlacedRule],
    rules: Sequence[PlacedRule],
    strength: Mapping[Branch, int],
    declarations: Mapping[str, Declaration],
    deciding: Collection[str] | None,
    findings: Findings,
) -> None:
    """Find rules that can never decide: they never hit, or whenever they do, others that go before them hit too.

    Parameters
    ----------
    deciding
        The rules by which some case is decided; None if that is not known.
    """
    for index, placed in enumerate(guardrails):
        _check_decides(placed, guardrails[:index], declarations, deciding, findings)
    for index, placed in enumerate(rules):
        branch = placed.rule.branch
        stronger = [other for other in rules if strength.get(other.rule.branch, -1) > strength.get(branch, -1)]
        earlier = [other for other in rules[:index] if other.rule.branch is branch]
        _check_decides(placed, [*guardrails, *stronger, *earlier], declarations, deciding, findings)


def check_overlaps(rules: Sequence[PlacedRule], declarations: Mapping[str, Declaration], findings: Findings) -> None:
    """Warn of two rules for one branch that meet by half: neither is a special case of the other."""
    for one, other in combinations(rules, 2):
        first, second = one.rule, other.rule
        if first.branch is not second.branch:
            continue
        if implies(first.when, second.when) or implies(second.when, first.when):
            continue
        place, apart = (*other.path, "when"), f"whether '{second.id}' overlaps '{first.id}' at {dotted(one.path)}"
        with unless_too_many(findings, place, apart, severity=Severity.WARNING):
            case = satisfiable(all_of((first.when, second.when)), declarations)
            if case is not None:
                findings.warning(
                    place,
                    f"'{second.id}' overlaps '{first.id}' at {dotted(one.path)}: both lead to {first.branch} and hit "
                    f"where {in_words(case)}; there '{first.id}' decides, as it stands first. Part their conditions, "
                    "or make one a special case of the other.",
                )


def check_reviews(data: Mapping[str, Any], today: date, findings: Findings) -> None:
    """Find every part whose review is overdue."""
    for path, part in _reviewed(data, ()):
        due = part.get("review_by")
        if type(due) is date and due < today:  # a time of a day is told by the shape
            owner = part.get("owner", "its owner")
            findings.error(
                (*path, "review_by"),
                f"the review was due by {due}, {(today - due).days} day(s) ago. "
                f"{owner} must look at it and set a new date.",
            )


def in_words(case: Mapping[str, Any]) -> str:
    """Write the facts of a case: `departed is true, pieces is unknown`."""
    return listed(f"{name} is {'unknown' if value is None else describe(value)}" for name, value in case.items())


def _reviewed(part: Any, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Walk all parts that have a review date."""
    if isinstance(part, Mapping):
        if "review_by" in part:
            yield path, part
        for key, inner in part.items():
            yield from _reviewed(inner, (*path, key))
    elif isinstance(part, list):
        for index, inner in enumerate(part):
            yield from _reviewed(inner, (*path, index))


def check_spending(rules: Iterable[PlacedRule], branches: Mapping[Branch, BranchTerms], findings: Findings) -> None:
    """Find rules that could spend money *because* a fact is unknown."""
    for placed in rules:
        terms = branches.get(placed.rule.branch)
        if terms is None or not terms.spends_money:
            continue
        for asked, positive in leaves(placed.rule.when):
            if asked.operator == "known" and asked.bounds[0] is not positive:
                findings.error(
                    (*placed.path, "when"),
                    f"'{placed.rule.id}' spends money and may hit because `{asked.fact}` is unknown. "
                    f"Ask for it to be known, or lead to review.",
                )


def check_proof(rules: Iterable[PlacedRule], declarations: Mapping[str, Declaration], findings: Findings) -> None:
    """Find rules that could lead to a branch which rests on proof where nothing is proven."""
    for placed in rules:
        rule = placed.rule
        fact = KINDS[rule.branch].proof
        if fact is None or fact not in declarations:
            continue
        proven = leaf(fact, "above", (0,), lambda value: bool(value > 0), "above 0")
        unproven = any_of((negation(proven), known_leaf(fact, False)))
        place = (*placed.path, "when")
        with unless_too_many(findings, place, f"that '{rule.id}' leads to {rule.branch} only where it is proven"):
            found = (satisfiable(all_of((when, unproven)), declarations) for when in _readings(rule))
            case = next((case for case in found if case is not None), None)
            if case is not None:
                findings.error(
                    place,
                    f"'{rule.id}' leads to {rule.branch} where nothing is proven: {in_words({fact: None} | case)}. Ask "
                    f"for `{fact}` above 0 as well.",
                )


def _readings(rule: Rule) -> Iterator[Condition]:
    yield rule.when
    if rule.holding is not None:
        yield rule.holding


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


def _check_decides(
    placed: PlacedRule,
    before: Sequence[PlacedRule],
    declarations: Mapping[str, Declaration],
    deciding: Collection[str] | None,
    findings: Findings,
) -> None:
    rule, place = placed.rule, (*placed.path, "when")
    if any(problem.where.startswith(dotted(place)) for problem in findings.problems):
        return
    other = next((other for other in before if implies(rule.when, other.rule.when)), None)
    if other is not None:
        findings.error(
            place,
            f"'{rule.id}' is unreachable: whenever it hits, so does '{other.rule.id}' at {dotted(other.path)}, which "
            f"goes before it and leads to {other.rule.branch}. Change a condition or drop the rule.",
        )
    elif deciding is None or rule.id in deciding:
        return
    else:
        with unless_too_many(findings, place, f"why '{rule.id}' never decides"):
            _say_why_unreachable(rule, place, before, declarations, findings)


def _say_why_unreachable(
    rule: Rule,
    place: Path,
    before: Sequence[PlacedRule],
    declarations: Mapping[str, Declaration],
    findings: Findings,
) -> None:
    if satisfiable(rule.when, declarations) is None:
        findings.error(place, f"'{rule.id}' is unreachable: its parts exclude each other. Change one or drop the rule.")
        return
    met = [other for other in before if satisfiable(all_of((rule.when, other.rule.when)), declarations) is not None]
    names = listed(f"'{other.rule.id}'" for other in met)
    findings.error(
        place,
        f"'{rule.id}' is unreachable: whenever it hits, so does one of {names}, which go before it. "
        "Change a condition or drop the rule.",
    )
