"""Expedite inbound: ask that what is in transit to the place comes sooner."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan, optional_time
from routing.facts import FactType

NEEDS = {
    "sku": FactType.TEXT,
    "place": FactType.TEXT,
    "quantity_at_risk": FactType.NUMBER,
    "inbound": FactType.NUMBER,
}


class ExpeditePlan(Plan):
    """Which part of what lacks must be in transit for it to be worth asking."""

    share_covered_at_least: float = Field(gt=0, le=1)


def build(case: Case, plan: ExpeditePlan) -> Payload | Infeasible:
    """Ask for what lacks, as far as it is in transit, by the latest useful moment."""
    at_risk, inbound = case.known["quantity_at_risk"], case.known["inbound"]
    if at_risk <= 0:
        return Infeasible("nothing is at risk")
    covered = min(at_risk, inbound)
    if covered <= 0 or covered < at_risk * plan.share_covered_at_least:
        return Infeasible(f"{max(inbound, 0):g} of the {at_risk:g} that are short are in transit")
    return {
        "sku": case.known["sku"],
        "to": case.known["place"],
        "quantity": covered,
        "needed_by": optional_time(case.latest_useful_at),
        "because": case.reason_staff,
    }
