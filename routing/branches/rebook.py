"""Rebook: give the shipment to another carrier. Which ones in which order, until when, and for how much at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import floor
from typing import Any, Literal

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.canonical import rfc3339
from routing.facts import FactType, Unknown

OPTIONS, RULED_OUT = "rebook_options", "rebook_ruled_out"
"""Facts that a decision is given: the carriers that can take it, ranked; and those that cannot, with the reasons."""
NEEDS = {"carrier_id": FactType.TEXT, "alternate_carriers": FactType.LIST}
COLUMNS = {
    "alternate_carriers": {"carrier_id": FactType.TEXT, "late_share": FactType.PROBABILITY},
    OPTIONS: {
        "carrier_id": FactType.TEXT,
        "is_current": FactType.FLAG,
        "expected_cost_minor": FactType.NUMBER,
        "rate_minor": FactType.NUMBER,
        "late_probability": FactType.PROBABILITY,
        "accepted_share": FactType.PROBABILITY,
    },
}
MAY_USE = {OPTIONS: FactType.LIST}
"""What it makes use of where a bundle declares it and it is known: carriers with what each is expected to cost."""


class RebookPlan(Plan):
    """How a new carrier is found."""

    tender_window_hours: float = Field(gt=0, le=720, json_schema_extra={"unit": "hours"})
    carriers_at_most: int = Field(ge=1, le=20, description="how many carriers are asked, one after the other")
    late_share_below: float = Field(
        gt=0, le=1, description="only carriers that were late on less", json_schema_extra={"unit": "probability"}
    )
    price_limit: Literal["lateness_prevented", "worth_it"] = Field(
        default="lateness_prevented",
        description="the lateness that is prevented, or up to where rebooking is expected to cost less than leaving it",
    )


def build(case: Case, plan: RebookPlan) -> Payload | Infeasible:
    """Rank the other carriers that were late less often than the limit, and cap price and tender window.

    Where it is known what each is expected to cost, only those that are expected to cost less than leaving it with the
    carrier that has it are asked, the cheapest first; else the least late first. `price_limit_minor` is what rebooking
    may cost at most on top of what stands: the lateness that it is expected to prevent or, where the plan says
    `worth_it`, that less what people's minutes cost, and no more than a person need not approve. Where it is known what
    each carrier is expected to cost, `rate_limit_minor` is the rate up to which that very carrier is worth asking.
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
    by_worth, at_most = plan.price_limit == "worth_it", case.approval_above_minor
    carriers = _worth_asking(punctual, case.known.get(OPTIONS))
    if not carriers:
        return Infeasible(f"no other carrier is expected to cost less than leaving it with {current}")
    if by_worth:
        carriers = _with_rate_limits(carriers, case.known.get(OPTIONS), at_most)
        if not carriers:
            return Infeasible("each carrier worth asking asks for more than may be paid without a person")
    carriers = carriers[: plan.carriers_at_most]
    stake = case.costs.stake_of(case.known)
    if isinstance(stake, Unknown):
        return Infeasible(f"there is no price limit, as {stake.reason}")
    prevented = stake * (1 - case.offer.lateness_left)
    minutes_minor = case.offer.analyst_minutes * case.costs.analyst_minute_minor
    limit_minor = floor(prevented - minutes_minor) if by_worth else int(prevented)
    if by_worth and at_most is not None:
        limit_minor = min(limit_minor, at_most)
    if by_worth and limit_minor <= 0 < prevented:
        return Infeasible("it would cost people more time than it prevents")
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


def _with_rate_limits(
    carriers: list[dict[str, Any]], options: Sequence[Mapping[str, Any]] | None, at_most: int | None
) -> list[dict[str, Any]]:
    """Say of each carrier up to which rate it is expected to cost less than what stands; drop those that ask more.

    An option costs accepted × (rate + …) + (1 − accepted) × (what stands + …): raised by a minor unit, the rate raises
    that by `accepted_share`. So the limit is the rate plus the difference of the expected costs over that share.

    Parameters
    ----------
    at_most
        What a carrier may ask for on top of what the one that has it asks; None if there is no such bound.
    """
    standing = min(
        (row for row in options or () if row["is_current"]), key=lambda row: row["expected_cost_minor"], default=None
    )
    if standing is None:
        return carriers
    limited = []
    for row in carriers:
        if row["accepted_share"] <= 0:
            continue
        gain = standing["expected_cost_minor"] - row["expected_cost_minor"]
        limit = floor(row["rate_minor"] + gain / row["accepted_share"])
        if at_most is not None:
            limit = min(limit, floor(standing["rate_minor"] + at_most))
        if limit >= row["rate_minor"]:
            limited.append({**row, "rate_limit_minor": limit})
    return limited


_TOLD = ("expected_cost_minor", "rate_minor", "late_probability", "accepted_share")
