"""Reallocate: bring what is lacking from other places that have it free. From where, and how much from each."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType

NEEDS = {
    "sku": FactType.TEXT,
    "place": FactType.TEXT,
    "quantity_at_risk": FactType.NUMBER,
    "other_places": FactType.LIST,
}
COLUMNS = {"other_places": {"place": FactType.TEXT, "free": FactType.NUMBER}}


class ReallocatePlan(Plan):
    """From how many places at most."""

    places_at_most: int = Field(ge=1, le=10)


def build(case: Case, plan: ReallocatePlan) -> Payload | Infeasible:
    """Take from as few places as will do, those with most first; all that is at risk must be covered."""
    at_risk, here = case.known["quantity_at_risk"], case.known["place"]
    if at_risk <= 0:
        return Infeasible("nothing is at risk")
    giving = sorted(
        (row for row in case.known["other_places"] if row["place"] != here and row["free"] > 0),
        key=lambda row: (-row["free"], row["place"]),
    )
    left, taken = at_risk, []
    for row in giving[: plan.places_at_most]:
        if left > 0:
            taken.append({"place": row["place"], "quantity": min(left, row["free"])})
            left -= taken[-1]["quantity"]
    if left > 0:
        return Infeasible(f"{plan.places_at_most} other place(s) together lack {left:g} of {at_risk:g}")
    return {"sku": case.known["sku"], "to": here, "quantity": at_risk, "from": taken, "because": case.reason_staff}
