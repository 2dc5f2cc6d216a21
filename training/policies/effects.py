"""What each branch does to a generated shipment, and what it costs: the truth of the closed loop, in one place.

| branch | what it changes |
|---|---|
| none | nothing, and costs nothing |
| notify | lateness as it was; a customer who was told in time claims a share less |
| review | costs minutes; a person finds a way in a share of the cases, and the shipment is in time |
| split | that share of the pieces is in time, the rest as late as it was |
| escalate | costs minutes; the shipment arrives earlier by hours that vary |
| rebook | costs its price; the shipment arrives earlier by hours that vary, more than with escalate |

The price of a branch, fixed, by value and by minutes, is that of the bundle's cost table: prices are known. How much
lateness a branch leaves is what the table only believes; here it follows from these effects and the generated delays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.vocabulary import Branch
from routing.cost import Offer
from training.policies.log import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """How strong the effects are.

    Attributes
    ----------
    told_saves
        Share of the lateness cost that a customer who was told does not claim.
    found_share
        Share of the reviewed cases in which a person finds a way to be in time.
    split_share
        Share of the pieces that a split brings in time.
    escalated_hours, rebooked_hours
        Mean of the hours by which the shipment arrives earlier; they are exponentially distributed.
    """

    told_saves: float = 0.3
    found_share: float = 0.2
    split_share: float = 0.5
    escalated_hours: float = 5.0
    rebooked_hours: float = 8.0

    def lateness_left(self, branch: Branch, delay_hours: Floats, rng: np.random.Generator) -> Floats:
        """Return which share of its lateness cost each shipment still causes: float64 [n], 0 where it is in time.

        Parameters
        ----------
        delay_hours : float64 [n]
            Delivery after the promise if nothing is done, in hours; not above 0: in time.
        """
        late = (delay_hours > 0.0).astype(np.float64)
        count = len(delay_hours)
        match branch:
            case Branch.NOTIFY:
                return late * (1.0 - self.told_saves)
            case Branch.REVIEW:
                return late * (rng.random(count) >= self.found_share)
            case Branch.SPLIT:
                return late * (1.0 - self.split_share)
            case Branch.ESCALATE:
                return (delay_hours - rng.exponential(self.escalated_hours, count) > 0.0).astype(np.float64)
            case Branch.REBOOK:
                return (delay_hours - rng.exponential(self.rebooked_hours, count) > 0.0).astype(np.float64)
        return late


def price_minor(offer: Offer, value_minor: Floats, analyst_minute_minor: float) -> Floats:
    """Return what taking a branch costs for each shipment, late or not, in minor units: float64 [n]."""
    minutes: Floats = np.full(len(value_minor), offer.analyst_minutes * analyst_minute_minor)
    return offer.fixed_minor + offer.share_of_value * value_minor + minutes
