"""Short-pay: propose to the paying system that an invoice is paid less what is proven. Nothing is paid by it."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType

NEEDS = {
    "billed_minor": FactType.MONEY_MINOR,
    "proven_minor": FactType.MONEY_MINOR,
    "findings": FactType.LIST,
}
COLUMNS = {
    "findings": {"label": FactType.TEXT, "words": FactType.TEXT, "difference_minor": FactType.NUMBER},
}


class ShortPayPlan(Plan):
    """To whom it is proposed."""

    to: str = Field(min_length=1, description="the system that pays, e.g. erp")


def build(case: Case, plan: ShortPayPlan) -> Payload | Infeasible:
    """Propose to keep what is proven and to pay the rest, each with its findings; something must be left to pay."""
    billed, proven = case.known["billed_minor"], case.known["proven_minor"]
    if proven <= 0:
        return Infeasible("nothing is proven")
    if proven >= billed:
        return Infeasible("all of it is not owed, so nothing would be left to pay")
    return {
        "to": plan.to,
        "billed_minor": billed,
        "short_minor": proven,
        "pay_minor": billed - proven,
        "currency": case.costs.currency,
        "findings": [{name: row[name] for name in COLUMNS["findings"]} for row in case.known["findings"]],
        "because": case.reason_staff,
    }
