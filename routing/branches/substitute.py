"""Substitute: send another article that the customer takes instead. Which one, and how much."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType

NEEDS = {"sku": FactType.TEXT, "quantity_at_risk": FactType.NUMBER, "substitutes": FactType.LIST}
COLUMNS = {"substitutes": {"sku": FactType.TEXT, "free": FactType.NUMBER, "is_accepted": FactType.FLAG}}


class SubstitutePlan(Plan):
    """Whether it must be certain beforehand that the customer takes it."""

    accepted_only: bool = Field(default=True, description="only articles of which the customer has said so")


def build(case: Case, plan: SubstitutePlan) -> Payload | Infeasible:
    """Choose the article with most to spare of those that cover all that is at risk."""
    at_risk = case.known["quantity_at_risk"]
    if at_risk <= 0:
        return Infeasible("nothing is at risk")
    fitting = [
        row
        for row in case.known["substitutes"]
        if row["free"] >= at_risk and (row["is_accepted"] or not plan.accepted_only)
    ]
    if not fitting:
        return Infeasible("no other article that the customer takes covers it")
    chosen = min(fitting, key=lambda row: (not row["is_accepted"], -row["free"], row["sku"]))
    return {
        "sku": case.known["sku"],
        "instead": chosen["sku"],
        "is_accepted": chosen["is_accepted"],
        "quantity": at_risk,
        "because": case.reason_staff,
    }
