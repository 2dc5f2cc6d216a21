"""Budgets in the browser: what is left of each, and what one more of it would have been worth within its hours."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from serving.web.visit import Here

SHOWN = 20
"""Parts of a budget that is kept apart that are seen at once, dearest first; the others fold out."""

router = APIRouter(include_in_schema=False)


@router.get("/budgets")
def budgets(visit: Here) -> Response:  # not async: thousands of decisions may be looked at, and others go on meanwhile
    """Show the budgets of the live bundles."""
    if not visit.may_look:
        return visit.sign_in("/budgets")
    policies = visit.app.policies
    left = {(found.subject, found.budget.name): found.left for found in policies.budgets(limit=SHOWN)}
    prices = [(found, left.get((found.subject, found.budget.name))) for found in policies.budget_prices()]
    return visit.page("budgets.html", prices=prices, shown=SHOWN)
