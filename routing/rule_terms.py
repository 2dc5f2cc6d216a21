"""Reads the rules, guardrails and fallbacks of a bundle: each with its condition, branch and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from features.vocabulary import Branch
from routing.conditions import Condition, all_of, negation
from routing.document import FallbackPart, RulePart
from routing.errors import listed
from routing.every_case import satisfiable
from routing.exploration import DECIDED_BY
from routing.grammar import read_condition
from routing.lint import PlacedRule, in_words, unless_too_many
from routing.marks import Findings, Path
from routing.policy import Confirmation, Fallback, Rule
from routing.scope import Scope
from routing.shape import list_of, read_part, section_of

RESERVED_IDS = ("default", "unknown", "branch_requirements", DECIDED_BY)
"""What `Choice.decided_by` says when no rule decided; no rule may be called so."""


def read_rules(data: Mapping[str, Any], section: str, scope: Scope) -> Iterator[PlacedRule]:
    """Read the rules, or the guardrails, that are right, in their order; note what is wrong with the others."""
    for index, item in enumerate(list_of(data, section)):
        path: Path = (section, index)
        written = item if isinstance(item, dict) else {}
        when = read_condition(written["when"], (*path, "when"), scope) if "when" in written else None
        part = read_part(RulePart, item)
        if part is None:
            continue
        fits = _check_branch(part, section, data, path, scope.findings)
        staff = scope.sentence(part.sentence_staff, (*path, "sentence_staff"), customer=False)
        customer = scope.sentence(part.sentence_customer, (*path, "sentence_customer"), customer=True)
        if not fits or when is None or staff is None or customer is None:
            continue
        rule = Rule(
            id=part.id,
            owner=part.owner,
            when=when,
            holding=_holding(when, written["when"], (*path, "when"), scope),
            confirm=_confirmation(part, section, path, scope.findings),
            branch=part.branch,
            sentence_staff=staff,
            sentence_customer=customer,
        )
        yield PlacedRule(rule, path)


def _holding(when: Condition, written: object, path: Path, scope: Scope) -> Condition | None:
    """Read a condition by the release values of its thresholds; None if that changes nothing."""
    holding = read_condition(written, path, scope.while_holding())
    if holding is None or holding.form == when.form:
        return None
    with unless_too_many(scope.findings, path, "that a rule that hit holds on by the release values"):
        escaping = satisfiable(all_of((when, negation(holding))), scope.declarations)
        if escaping is not None:
            scope.findings.error(
                path,
                f"the rule would let go of a case the moment it hits, e.g. where {in_words(escaping)}. "
                "Set `release` so that a rule that hit holds on: below the value for at_least, above it for at_most.",
            )
    return holding


def _confirmation(part: RulePart, section: str, path: Path, findings: Findings) -> Confirmation | None:
    if part.confirm is None:
        return None
    if section == "guardrails":
        findings.error((*path, "confirm"), "a guardrail holds back at once; it waits for nothing. Drop it.")
    return Confirmation(times=part.confirm.times, within=timedelta(hours=part.confirm.within_hours))


def _check_branch(part: RulePart, section: str, data: Mapping[str, Any], path: Path, findings: Findings) -> bool:
    """Note a branch to which this rule or guardrail must not lead; return whether it may."""
    if section == "guardrails":
        if part.branch in (Branch.NONE, Branch.REVIEW):
            return True
        mistake = f"a guardrail holds back, it cannot {part.branch}. Lead to none or review."
    elif part.branch is Branch.NONE:
        mistake = "a rule that leads to none changes nothing. Make it a guardrail, or drop it."
    elif part.branch.value in section_of(data, "branches"):
        return True
    else:
        declared = listed(section_of(data, "branches"))
        mistake = f"`{part.branch}` is not among `branches`. Declared: {declared}. Add its terms there."
    findings.error((*path, "branch"), mistake)
    return False


def read_fallback(data: Mapping[str, Any], section: str, scope: Scope) -> Fallback | None:
    """Read `default` or `on_unknown`; None if it is wrong, which is noted."""
    part = read_part(FallbackPart, data.get(section))
    if part is None:
        return None
    staff = scope.sentence(part.sentence_staff, (section, "sentence_staff"), customer=False)
    customer = scope.sentence(part.sentence_customer, (section, "sentence_customer"), customer=True)
    if staff is None or customer is None:
        return None
    return Fallback(branch=Branch(part.branch), sentence_staff=staff, sentence_customer=customer)


def check_ids(data: Mapping[str, Any], findings: Findings) -> None:
    """Rule ids stand in every decision: each must mean one rule."""
    reserved = listed(RESERVED_IDS)
    seen: dict[str, str] = {}
    for section in ("guardrails", "rules"):
        for index, item in enumerate(list_of(data, section)):
            name = item.get("id") if isinstance(item, dict) else None
            if not isinstance(name, str):
                continue
            path = (section, index, "id")
            if name in RESERVED_IDS or not name.isidentifier():
                findings.error(
                    path, f"'{name}' is no name for a rule. Use letters, digits and _; reserved: {reserved}."
                )
            if name in seen:
                findings.error(path, f"the id '{name}' is taken by {seen[name]}. Give each rule its own.")
            seen.setdefault(name, f"{section}[{index}]")
