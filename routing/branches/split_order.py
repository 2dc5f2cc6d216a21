"""Split the order: send what is there now, and what is lacking when it comes."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType

NEEDS = {"needed": FactType.NUMBER, "quantity_at_risk": FactType.NUMBER, "ship_complete": FactType.FLAG}


class SplitOrderPlan(Plan):
    """How much must go at once for a second shipment to be worth it."""

    share_now_at_least: float = Field(gt=0, lt=1, description="share of what is needed")


def build(case: Case, plan: SplitOrderPlan) -> Payload | Infeasible:
    """Say how much goes now and how much later."""
    if case.known["ship_complete"]:
        return Infeasible("the customer takes all of it or none")
    needed, at_risk = case.known["needed"], case.known["quantity_at_risk"]
    now = needed - at_risk
    if at_risk <= 0 or needed <= 0:
        return Infeasible("nothing is at risk")
    if now < needed * plan.share_now_at_least:
        return Infeasible(f"only {max(now, 0):g} of {needed:g} could go now")
    return {"ship_now": now, "ship_later": at_risk, "because": case.reason_staff}
