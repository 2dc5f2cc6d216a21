"""Approve: propose to the paying system that an invoice is paid as it stands. Nothing is paid by it."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType

NEEDS = {"billed_minor": FactType.MONEY_MINOR}


class ApprovePlan(Plan):
    """To whom it is proposed."""

    to: str = Field(min_length=1, description="the system that pays, e.g. erp")


def build(case: Case, plan: ApprovePlan) -> Payload | Infeasible:
    """Propose the whole amount, with the reason."""
    return {
        "to": plan.to,
        "pay_minor": case.known["billed_minor"],
        "currency": case.costs.currency,
        "because": case.reason_staff,
    }
