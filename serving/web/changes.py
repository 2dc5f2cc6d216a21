"""What would have to be otherwise for an item's decision to end otherwise; computed when somebody opens it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from features.amounts import money
from routing.counterfactuals import Counterfactual
from routing.facts import Declaration
from routing.policy import Policy
from serving.policies.errors import BundleNotFoundError
from serving.reviews.errors import ItemNotFoundError
from serving.shapes import PathId
from serving.web import words
from serving.web.visit import Here, item_path

router = APIRouter(include_in_schema=False)

_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Change:
    """One change in words: of what, from what, to what, how the case ends then, and who can have it so."""

    name: str
    found: str
    needed: str
    ends: str
    changed_by: str | None


@router.get("/queue/{item_id}/changes")
def changes(item_id: PathId, visit: Here) -> Response:
    """Show the nearest changes of single facts and thresholds; the page of the item takes the table out of it."""
    if not visit.may_look:
        return visit.sign_in(item_path(item_id))
    try:
        detail = visit.app.reviews.detail(item_id)
    except ItemNotFoundError as error:
        return visit.page("missing.html", HTTPStatus.NOT_FOUND, item_id=error.item_id)
    try:
        found = visit.app.decisions.counterfactuals(detail.item.decision_id)
    except BundleNotFoundError:
        return visit.page("changes.html", item=detail.item, changes=None)
    told = list(in_words(found, detail.policy, detail.item.currency))
    return visit.page("changes.html", item=detail.item, changes=told)


def in_words(found: Iterable[Counterfactual], policy: Policy, currency: str | None) -> Iterator[Change]:
    """Say each change as the page says facts and thresholds."""
    for each in found:
        name = each.name.removeprefix("$")
        threshold = policy.thresholds.get(name) if name != each.name else None
        declared = policy.facts.get(name) if threshold is None else None
        unit = policy.facts[name].unit if threshold is None else threshold.unit
        ends = words.plain(each.branch)
        if each.recommended_branch is not each.branch:
            ends += f", {words.plain(each.recommended_branch)} suggested"
        yield Change(
            name=words.named(name) + ("" if threshold is None else " (threshold)"),
            found="not known" if each.found is None else _said(each.found, unit, declared, currency),
            needed=_said(each.needed, unit, declared, currency),
            ends=ends,
            changed_by=None if each.changed_by is None else policy.owners[each.changed_by].name,
        )


def _said(value: Any, unit: str | None, declared: Declaration | None, currency: str | None) -> str:
    if unit == "probability":
        shown, beside = words.percent(value), round(value, 2) - value
        return shown if abs(beside) < _NOTHING else f"{'under' if beside > 0 else 'over'} {shown}"
    return money(value, currency) if unit == "money_minor" else words.fact(value, declared)
