"""Reads the budgets of a bundle: how much there is of each, within which time, and for whom it is kept apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from routing.buckets import BUNDLE
from routing.document import BudgetPart
from routing.facts import FactType
from routing.marks import Path
from routing.policy import Budget
from routing.scope import Scope
from routing.shape import read_part, section_of


def read_budgets(data: Mapping[str, Any], scope: Scope) -> dict[str, Budget]:
    """Read every budget that is declared in the right shape, noting what it cannot be kept apart by."""
    read = {}
    for name, item in section_of(data, "capacity").items():
        part = read_part(BudgetPart, item)
        if part is None:
            continue
        _check_apart(part, ("capacity", name, "per"), scope)
        read[name] = Budget(
            name=name,
            amount=part.amount,
            unit=part.unit,
            per=timedelta(hours=part.per_hours),
            apart=tuple(part.per),
            price_minor=part.price_minor,
            owner=part.owner,
        )
    return read


def _check_apart(part: BudgetPart, path: Path, scope: Scope) -> None:
    for index, name in enumerate(part.per):
        place = (*path, index)
        if name in part.per[:index]:
            scope.findings.error(place, f"`{name}` is listed twice. Keep one.")
        elif name == BUNDLE:
            if BUNDLE in scope.declarations:
                scope.findings.error(
                    place, f"`{BUNDLE}` means the bundle itself here, and a fact is called so. Rename the fact."
                )
        else:
            declaration = scope.fact(name, place)
            if declaration is not None and declaration.type not in (FactType.TEXT, FactType.ENUMERATION):
                of_type = f"`{name}` is of type {declaration.type}"
                scope.findings.error(place, f"{of_type}; a budget is kept apart by text, e.g. carrier_id.")
