"""Dispute: put to the carrier what is proven, each finding with the evidence for it, and until when to answer."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.canonical import rfc3339
from routing.facts import FactType

NEEDS = {
    "carrier_id": FactType.TEXT,
    "proven_minor": FactType.MONEY_MINOR,
    "findings": FactType.LIST,
}
COLUMNS = {
    "findings": {
        "label": FactType.TEXT,
        "words": FactType.TEXT,
        "charge": FactType.TEXT,
        "billed_minor": FactType.NUMBER,
        "recomputed_minor": FactType.NUMBER,
        "difference_minor": FactType.NUMBER,
        "clause": FactType.TEXT,
        "evidence": FactType.TEXT,
        "dispute": FactType.TEXT,
    }
}


class DisputePlan(Plan):
    """How the carrier is told, and how long it has to answer."""

    channel: str = Field(min_length=1, description="by which means, e.g. email")
    answer_within_days: int = Field(ge=1, le=365)


def build(case: Case, plan: DisputePlan) -> Payload | Infeasible:
    """Claim what is proven: the findings of too much with clause, evidence and amounts, and the letter they make."""
    proven = case.known["proven_minor"]
    claimed = [row for row in case.known["findings"] if row["difference_minor"] > 0]
    if proven <= 0 or not claimed:
        return Infeasible("nothing is proven")
    return {
        "to": {"audience": "carrier", "carrier_id": case.known["carrier_id"]},
        "channel": plan.channel,
        "claim_minor": proven,
        "currency": case.costs.currency,
        "answer_by": rfc3339(case.now + timedelta(days=plan.answer_within_days)),
        "findings": [{name: row[name] for name in COLUMNS["findings"]} for row in claimed],
        "words": "\n".join(row["dispute"] for row in claimed),
        "because": case.reason_staff,
    }
