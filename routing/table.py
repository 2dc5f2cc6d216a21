"""Guardrails and rules looked at together: which of them decide, where they overlap, what a greater risk does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.vocabulary import Branch
from routing.cost import VALUE_AT_STAKE, CostTable
from routing.cost_risk import Line, check_cost_choice
from routing.every_case import Row, Rules
from routing.facts import Declaration
from routing.lint import PlacedRule, check_overlaps, check_reachable
from routing.marks import Findings
from routing.policy import BranchTerms, Budget, Policy
from routing.risk import check_gaps, check_risk, deciders, rows_along


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is looked at. `written` are the rules as they stand in the document, those that cannot be read included."""

    guardrails: Sequence[PlacedRule]
    rules: Sequence[PlacedRule]
    written: Sequence[Any]
    strength: Mapping[Branch, int]
    declarations: Mapping[str, Declaration]
    default: Branch
    on_unknown: Branch
    by_cost: bool
    costs: CostTable | None
    branches: Mapping[Branch, BranchTerms]
    budgets: Mapping[str, Budget]


def check_table(table: Table, findings: Findings) -> None:
    """Note every finding about the guardrails and rules together."""
    explored = Rules(
        guardrails=[placed.rule for placed in table.guardrails],
        rules=[placed.rule for placed in table.rules],
        declarations=table.declarations,
        strength=table.strength,
        default=table.default,
        on_unknown=table.on_unknown,
    )
    risk = "" if table.costs is None else table.costs.probability_fact
    rows = rows_along(explored, risk, keep_all=table.by_cost)
    deciding = deciders(rows) if rows is not None and table.strength else None
    check_reachable(
        table.guardrails, table.rules, {} if table.by_cost else table.strength, table.declarations, deciding, findings
    )
    check_overlaps(table.rules, table.declarations, findings)
    if table.costs is not None and table.strength:
        unread = _unread(table)
        check_risk(table.guardrails, table.rules, risk, rows, table.strength, unread=unread, findings=findings)
        if table.by_cost and unread < 0:
            _check_costs(table, table.costs, rows, findings)
    if rows is not None and not table.by_cost and len(table.rules) == len(table.written):
        check_gaps(explored, risk, {placed.rule.id: placed.path for placed in table.rules}, findings)


def check_stake(policy: Policy, findings: Findings) -> None:
    """Find rules that answer a greater stake with a weaker branch: with the risk, what is at stake rises as well.

    It is asked of a bundle that links, when it is handed in: one that has decided stays readable.
    """
    stake = policy.costs.stake_fact or VALUE_AT_STAKE
    if stake not in policy.facts:
        return
    for each in (policy, *(stage.policy for stage in policy.stages)):
        guardrails, rules = (
            [PlacedRule(rule, (section, index)) for index, rule in enumerate(placed)]
            for section, placed in (("guardrails", each.guardrails), ("rules", each.rules))
        )
        explored = Rules(
            guardrails=each.guardrails,
            rules=each.rules,
            declarations=each.facts,
            strength=each.strength,
            default=each.default.branch,
            on_unknown=each.on_unknown.branch,
        )
        rows = rows_along(explored, stake)
        check_risk(guardrails, rules, stake, rows, each.strength, unread=-1, findings=findings)
        if findings.has_errors:
            return


def _check_costs(table: Table, costs: CostTable, rows: Sequence[Row] | None, findings: Findings) -> None:
    if rows is None:
        findings.error(
            ("choice",), "there are too many cases to show that no greater risk gets a weaker branch. Choose strongest."
        )
    elif {placed.rule.branch for placed in table.rules} <= table.branches.keys():
        lines = {branch: Line.of(terms, costs, table.budgets) for branch, terms in table.branches.items()}
        paths = {placed.rule.id: placed.path for placed in table.rules}
        check_cost_choice(rows, lines, table.strength, costs, paths, findings)


def _unread(table: Table) -> int:
    """Return the rank of the strongest branch of the rules that could not be read; -1 if all could."""
    read = {placed.path[-1] for placed in table.rules}
    left = [item for index, item in enumerate(table.written) if index not in read]
    ranks = {branch.value: rank for branch, rank in table.strength.items()}
    branches = [str(item.get("branch")) if isinstance(item, dict) else "" for item in left]
    return max((ranks.get(branch, len(ranks)) for branch in branches), default=-1)
