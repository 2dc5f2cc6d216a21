"""Hold the wave: ask the warehouse not to release it yet, as it would be picked short."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.canonical import rfc3339
from routing.facts import FactType

NEEDS = {"wave_id": FactType.TEXT, "wave_released": FactType.FLAG}


class HoldWavePlan(Plan):
    """How long it is held."""

    hold_minutes: int = Field(ge=1, le=1440)


def build(case: Case, plan: HoldWavePlan) -> Payload | Infeasible:
    """Hold the wave for so long, and no longer than it is of use; one that is released is not held."""
    if case.known["wave_released"]:
        return Infeasible("the wave is released")
    until = case.now + timedelta(minutes=plan.hold_minutes)
    if case.latest_useful_at is not None:
        until = min(until, case.latest_useful_at)
    return {"wave_id": case.known["wave_id"], "hold_until": rfc3339(until), "because": case.reason_staff}
