"""Notify: tell the customer before they ask. Whom, through what, until when it helps, in which words."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan, optional_time
from routing.facts import FactType

NEEDS = {"customer_id": FactType.TEXT}


class NotifyPlan(Plan):
    """How the customer is told."""

    audience: str = Field(min_length=1, description="who is told, e.g. customer")
    channel: str = Field(min_length=1, description="by which means, e.g. email")


def build(case: Case, plan: NotifyPlan) -> Payload | Infeasible:
    """Say whom to tell, through what, in which words, and until when it is of use."""
    return {
        "to": {"audience": plan.audience, "customer_id": case.known["customer_id"]},
        "channel": plan.channel,
        "words": case.reason_customer,
        "send_by": optional_time(case.latest_useful_at),
    }
