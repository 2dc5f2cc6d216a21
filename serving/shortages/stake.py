"""What a shortage costs, in the unit in which all that waits is compared."""

from __future__ import annotations

from dataclasses import dataclass

from features.vocabulary import Branch
from routing.facts import Unknown
from routing.policy import Policy
from routing.priority import Matter, savings, shortage


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known of the value of an order line: of a unit, in which currency, and the tier of its customer."""

    unit_value_minor: int | None
    currency: str | None
    tier: str | None


@dataclass(frozen=True, slots=True)
class Stake:
    """What is at stake on an order line."""

    matter: Matter
    currency: str
    unit_value_minor: int
    lateness_share: float


def stake_of(
    quantity_at_risk: float, coverable: float, probability: float | None, worth: Worth, policy: Policy
) -> Stake | Unknown:
    """Return what is at stake on an order line, or why that cannot be told.

    It takes an analyst as long as the policy says of a split: what lacks is sent from another place.

    Parameters
    ----------
    quantity_at_risk, coverable
        What it would lack, and what other places could give, in units.
    """
    costs = policy.costs
    if worth.unit_value_minor is None:
        return Unknown("the order line says no value of a unit")
    if worth.currency != costs.currency:
        return Unknown(f"the line is in {worth.currency}, and the bundle in force reckons in {costs.currency}")
    share = costs.lateness_share.get(worth.tier or "")
    if share is None:
        known = "no order says the tier of the customer" if worth.tier is None else f"no cost of tier '{worth.tier}'"
        return Unknown(f"what lateness costs is not known: {known}")
    if probability is None:
        return Unknown("the probability is not known")
    found = savings(policy)
    matter = shortage(
        quantity=quantity_at_risk,
        unit_value_minor=worth.unit_value_minor,
        lateness_share=share,
        probability=probability,
        coverable=coverable,
        minutes=(found.get(Branch.SPLIT) or found[Branch.REVIEW]).minutes,
    )
    return Stake(matter, costs.currency, worth.unit_value_minor, share)
