"""What it costs if a shipment is late: what it does to the customer, or what was agreed, whichever is more.

The cost table says what lateness costs on the whole, as a share of the goods' value by the customer's tier; penalties
that are usual are in it. A penalty written into the shipment's own terms takes its place where it is higher, and is
not added to it: what is owed is part of what it costs. All amounts are minor units of the cost table's currency.
"""

from __future__ import annotations

from dataclasses import dataclass

from features.records import Shipment
from routing.cost import CostTable
from routing.facts import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is known of a shipment that lateness costs by: its value, its customer, and penalties that were agreed."""

    value_minor: int | None
    currency: str | None
    customer_tier: str
    penalty_minor: int | None = None
    penalty_per_day_minor: int | None = None

    @classmethod
    def of(cls, shipment: Shipment) -> Terms:
        """Read them from a plan."""
        return cls(
            value_minor=shipment.value_minor,
            currency=shipment.currency,
            customer_tier=shipment.customer_tier.value,
            penalty_minor=shipment.late_penalty_minor,
            penalty_per_day_minor=shipment.late_penalty_per_day_minor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What it costs if it is late, and of that: by the customer's tier, by the terms agreed (None: there are none)."""

    minor: int
    by_tier_minor: int
    by_terms_minor: int | None


def loss_if_late(costs: CostTable, terms: Terms, *, days_late: float = 1.0) -> Loss | Unknown:
    """Return what it costs if the shipment is late.

    Parameters
    ----------
    days_late
        How long it would then be late, in days; a penalty for each day counts so many times.
    """
    if terms.value_minor is None:
        return Unknown("no value is given")
    if terms.currency != costs.currency:
        return Unknown(f"the value is in {terms.currency}, the policy counts in {costs.currency}")
    by_tier = costs.value_at_stake_minor(
        probability=1.0, value_minor=terms.value_minor, customer_tier=terms.customer_tier
    )
    if isinstance(by_tier, Unknown):
        return by_tier
    by_terms = None
    if terms.penalty_minor is not None or terms.penalty_per_day_minor is not None:
        by_terms = (terms.penalty_minor or 0) + round(days_late * (terms.penalty_per_day_minor or 0))
    return Loss(minor=max(by_tier, by_terms or 0), by_tier_minor=by_tier, by_terms_minor=by_terms)
