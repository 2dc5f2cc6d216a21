"""Escalate: put the case before a named owner now, with the playbook to follow and the time to answer."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.canonical import rfc3339
from routing.facts import FactType

NEEDS: dict[str, FactType] = {}


class EscalatePlan(Plan):
    """To whom, after which playbook, to be answered within."""

    to: str = Field(min_length=1, description="an owner of this bundle that has a channel")
    playbook: str = Field(min_length=1)
    sla_minutes: int = Field(ge=1, le=10_080)


def build(case: Case, plan: EscalatePlan) -> Payload | Infeasible:
    """Name the owner, the way to reach them, the playbook and the moment by which they must answer."""
    return {
        "to": {"owner": plan.to, "channel": case.channels[plan.to]},
        "playbook": plan.playbook,
        "sla_minutes": plan.sla_minutes,
        "answer_by": rfc3339(case.now + timedelta(minutes=plan.sla_minutes)),
        "because": case.reason_staff,
    }
