"""Reads the cost table of a bundle: the facts by which is priced what a case may cost."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from features.vocabulary import SubjectType
from routing.cost import CostTable
from routing.document import CostsPart, StakePart
from routing.facts import ORDERED, Declaration, FactType
from routing.grammar import value_mistake
from routing.marks import Path
from routing.scope import Scope
from routing.shape import read_part


def read_costs(data: Mapping[str, Any], subject: SubjectType, scope: Scope) -> CostTable | None:
    """Read the cost table; None if it is wrong, which is noted. Of shipments the stake is worked out, else a fact."""
    return _of_shipments(data, scope) if subject is SubjectType.SHIPMENT else _of_a_stake(data, scope)


def _of_shipments(data: Mapping[str, Any], scope: Scope) -> CostTable | None:
    part = read_part(CostsPart, data.get("costs"))
    if part is None:
        return None
    _check_fact(part.probability, "probability", FactType.PROBABILITY, scope)
    _check_fact(part.value, "value", FactType.MONEY_MINOR, scope)
    tier = _check_fact(part.customer_tier, "customer_tier", FactType.ENUMERATION, scope)
    path: Path = ("costs", "lateness_share")
    for value in tier.values if tier is not None else ():
        if value not in part.lateness_share:
            scope.findings.error(path, f"there is no share for {part.customer_tier} '{value}'. Add one.")
    for value in part.lateness_share:
        if tier is not None and (mistake := value_mistake(tier, value)):
            scope.findings.error((*path, value), mistake)
    return CostTable(
        currency=part.currency,
        probability_fact=part.probability,
        value_fact=part.value,
        tier_fact=part.customer_tier,
        lateness_share=MappingProxyType(part.lateness_share),
        analyst_minute_minor=part.analyst_minute_minor,
    )


def _of_a_stake(data: Mapping[str, Any], scope: Scope) -> CostTable | None:
    part = read_part(StakePart, data.get("costs"))
    if part is None:
        return None
    _check_fact(part.at_stake, "at_stake", FactType.MONEY_MINOR, scope)
    evidence = scope.fact(part.evidence, ("costs", "evidence"))
    if evidence is not None and evidence.type not in ORDERED:
        of_type = f"`{evidence.name}` is of type {evidence.type}"
        scope.findings.error(("costs", "evidence"), f"{of_type}; name an amount, a number or a probability.")
    return CostTable(
        currency=part.currency,
        probability_fact=part.evidence,
        value_fact=part.at_stake,
        tier_fact="",
        lateness_share=MappingProxyType({}),
        analyst_minute_minor=part.analyst_minute_minor,
        stake_fact=part.at_stake,
    )


def _check_fact(name: str, key: str, expected: FactType, scope: Scope) -> Declaration | None:
    declaration = scope.fact(name, ("costs", key))
    if declaration is not None and declaration.type is not expected:
        scope.findings.error(("costs", key), f"`{name}` is of type {declaration.type}, expected {expected}.")
        return None
    return declaration
