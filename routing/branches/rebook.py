"""Rebook: give the shipment to another carrier. Which ones in which order, until when, and for how much at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.canonical import rfc3339
from routing.facts import FactType, Unknown

NEEDS = {"carrier_id": FactType.TEXT, "alternate_carriers": FactType.LIST}
COLUMNS = {
    "alternate_carriers": {"carrier_id": FactType.TEXT, "late_share": FactType.PROBABILITY},
    "rebook_options": {
        "carrier_id": FactType.TEXT,
        "is_current": FactType.FLAG,
        "expected_cost_minor": FactType.NUMBER,
        "rate_minor": FactType.NUMBER,
        "late_probability": FactType.PROBABILITY,
        "accepted_share": FactType.PROBABILITY,
    },
}
MAY_USE = {"rebook_options": FactType.LIST}
"""What it makes use of where a bundle declares it and it is known: carriers with what each is expected to cost."""


class RebookPlan(Plan):
    """How a new carrier is found."""

    tender_window_hours: float = Field(gt=0, le=720, json_schema_extra={"unit": "hours"})
    carriers_at_most: int = Field(ge=1, le=20, description="how many carriers are asked, one after the other")
    late_share_below: float = Field(
        gt=0, le=1, description="only carriers that were late on less", json_schema_extra={"unit": "probability"}
    )


def build(case: Case, plan: RebookPlan) -> Payload | Infeasible:
    """Rank the other carriers that were late less often than the limit, and cap price and tender window.

    Where it is known what each is expected to cost, only those that are expected to cost less than leaving it with the
    carrier that has it are asked, the cheapest first; else the least late first. The price limit is the lateness cost
    that rebooking is expected to prevent: paying more would lose money.
    """
    current = case.known["carrier_id"]
    punctual = sorted(
        (
            {"carrier_id": row["carrier_id"], "late_share": row["late_share"]}
            for row in case.known["alternate_carriers"]
            if row["carrier_id"] != current and row["late_share"] < plan.late_share_below
        ),
        key=lambda row: (row["late_share"], row["carrier_id"]),
    )
    if not punctual:
        limit = f"{plan.late_share_below * 100:.0f} %"
        return Infeasible(f"no other carrier was late on less than {limit} of its legs")
    carriers = _worth_asking(punctual, case.known.get("rebook_options"))[: plan.carriers_at_most]
    if not carriers:
        return Infeasible(f"no other carrier is expected to cost less than leaving it with {current}")
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
        "carriers": [{"rank": rank, **row} for rank, row in enumerate(carriers, start=1)],
        "tender_window": {"opens_at": rfc3339(case.now), "closes_at": rfc3339(closes_at)},
        "price_limit_minor": limit_minor,
        "currency": case.costs.currency,
    }


def _worth_asking(punctual: list[dict[str, Any]], options: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the carriers that are expected to cost less than what stands, the cheapest first; all if nobody knows."""
    if options is None:
        return punctual
    standing = [row["expected_cost_minor"] for row in options if row["is_current"]]
    cheaper: dict[str, Mapping[str, Any]] = {}
    for row in sorted(options, key=lambda row: (row["expected_cost_minor"], row["carrier_id"])):
        if not row["is_current"] and all(row["expected_cost_minor"] < cost for cost in standing):
            cheaper.setdefault(row["carrier_id"], row)
    late_shares = {row["carrier_id"]: row for row in punctual}
    return [
        {**late_shares[carrier_id], **{name: row[name] for name in _TOLD}}
        for carrier_id, row in cheaper.items()
        if carrier_id in late_shares
    ]


_TOLD = ("expected_cost_minor", "rate_minor", "late_probability", "accepted_share")
