"""Rebook: give the shipment to another carrier. Which ones in which order, until when, and for how much at most."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.canonical import rfc3339
from routing.facts import FactType, Unknown

NEEDS = {"carrier_id": FactType.TEXT, "alternate_carriers": FactType.LIST}
COLUMNS = {"alternate_carriers": {"carrier_id": FactType.TEXT, "late_share": FactType.PROBABILITY}}


class RebookPlan(Plan):
    """How a new carrier is found."""

    tender_window_hours: float = Field(gt=0, le=720, json_schema_extra={"unit": "hours"})
    carriers_at_most: int = Field(ge=1, le=20, description="how many carriers are asked, one after the other")
    late_share_below: float = Field(
        gt=0, le=1, description="only carriers that were late on less", json_schema_extra={"unit": "probability"}
    )


def build(case: Case, plan: RebookPlan) -> Payload | Infeasible:
    """Rank the other carriers that were late less often than the limit, and cap price and tender window.

    The price limit is the lateness cost that rebooking is expected to prevent: paying more would lose money.
    """
    current = case.known["carrier_id"]
    carriers = sorted(
        (
            row
            for row in case.known["alternate_carriers"]
            if row["carrier_id"] != current and row["late_share"] < plan.late_share_below
        ),
        key=lambda row: (row["late_share"], row["carrier_id"]),
    )[: plan.carriers_at_most]
    if not carriers:
        limit = f"{plan.late_share_below * 100:.0f} %"
        return Infeasible(f"no other carrier was late on less than {limit} of its legs")
    stake = case.costs.stake_of(case.known)
    if isinstance(stake, Unknown):
        return Infeasible(f"there is no price limit, as {stake.reason}")
    limit_minor = int(stake * (1 - case.offer.lateness_left))
    if limit_minor <= 0:
        return Infeasible("it would prevent less cost than the smallest price")
    closes_at = case.now + timedelta(hours=plan.tender_window_hours)
    if case.latest_useful_at is not None:
        closes_at = min(closes_at, case.latest_useful_at)
    return {
        "instead_of": current,
        "carriers": [
            {"rank": rank, "carrier_id": row["carrier_id"], "late_share": row["late_share"]}
            for rank, row in enumerate(carriers, start=1)
        ],
        "tender_window": {"opens_at": rfc3339(case.now), "closes_at": rfc3339(closes_at)},
        "price_limit_minor": limit_minor,
        "currency": case.costs.currency,
    }
