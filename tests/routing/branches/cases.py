"""A case to build a payload from, changed as a test asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from features.vocabulary import Branch
from routing.branches.case import Case
from routing.cost import CostTable, Offer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COSTS = CostTable(
    currency="EUR",
    probability_fact="late_probability",
    value_fact="value_minor",
    tier_fact="customer_tier",
    lateness_share={"priority": 0.1},
    analyst_minute_minor=90,
)


def a_case(**changes: Any) -> Case:
    """Build a case; keywords that `Case` does not have are facts, and None takes a fact away."""
    case: dict[str, Any] = {
        "branch": Branch.NOTIFY,
        "now": NOW,
        "latest_useful_at": None,
        "costs": COSTS,
        "offer": Offer(lateness_left=0.25),
        "channels": {"duty-manager": "pager:duty"},
        "reason_staff": "It will be late.",
        "reason_customer": "It may arrive later.",
    }
    known: dict[str, Any] = {
        "customer_id": "C-7",
        "customer_tier": "priority",
        "late_probability": 0.5,
        "value_minor": 2_000_000,
        "carrier_id": "NWX",
        "pieces": 5,
        "ship_complete": False,
        "origin": "SEA",
        "alternate_carriers": (
            {"carrier_id": "ACE", "late_share": 0.15},
            {"carrier_id": "BEE", "late_share": 0.05},
        ),
        "alternate_origins": (
            {"place": "GEG", "open_shipments": 30, "late_share": 0.2},
            {"place": "PDX", "open_shipments": 12, "late_share": 0.1},
        ),
    }
    for name, value in changes.items():
        (case if name in Case._fields else known)[name] = value
    return Case(known={name: value for name, value in known.items() if value is not None}, **case)
