"""Facts that follow from the cost table of a bundle, computed anew when another bundle looks at a recorded case."""

from __future__ import annotations

from typing import Any

from routing.cost import CostTable


def restate(facts: dict[str, Any], costs: CostTable) -> None:
    """Compute anew, in place, what follows of recorded facts from a cost table: the value at stake."""
    probability, value_minor = facts.get("late_probability"), facts.get("value_minor")
    if not isinstance(probability, float | int) or not isinstance(value_minor, int):
        return
    if "value_at_stake_minor" in facts and facts.get("currency") == costs.currency:
        facts["value_at_stake_minor"] = costs.value_at_stake_minor(
            probability=probability, value_minor=value_minor, customer_tier=str(facts.get("customer_tier"))
        )
