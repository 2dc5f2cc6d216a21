"""What is at stake with a shipment that waits for a person, and what went into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from routing.cost import CostTable
from routing.facts import Unknown
from routing.loss import Loss, Terms, loss_if_late

UNKNOWN_RISK = 0.5
"""The risk an item is ordered by where the model abstained: as likely as not. It is no fact and decides nothing."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What is expected to be lost if nothing is done: `probability` × `loss`, 0 where the loss is not known."""

    probability: float
    is_guess: bool
    loss: Loss | Unknown

    @property
    def minor(self) -> int:
        """In minor units of the policy's currency."""
        return 0 if isinstance(self.loss, Unknown) else round(self.probability * self.loss.minor)


def stake_of(terms: Terms, probability: float | None, costs: CostTable) -> Stake:
    """Return what is at stake; where the risk is not known, as if it were as likely late as not."""
    risk = UNKNOWN_RISK if probability is None else probability
    return Stake(risk, probability is None, loss_if_late(costs, terms))


def stake_in(body: Mapping[str, Any], costs: CostTable) -> Stake:
    """Return what is at stake by a sealed decision."""
    shipment = body["model"]["shipment"]
    terms = Terms(
        value_minor=shipment.get("value_minor"),
        currency=shipment.get("currency"),
        customer_tier=shipment["customer_tier"],
        penalty_minor=shipment.get("late_penalty_minor"),
        penalty_per_day_minor=shipment.get("late_penalty_per_day_minor"),
    )
    return stake_of(terms, body["model"]["probability"], costs)
