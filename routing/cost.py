"""The cost table: what lateness costs, what a branch costs, and what is left to lose when it is taken.

Expected cost of a branch = lateness it leaves × P(late) × value × lateness share of the customer's tier
                          + its fixed price + its share of the value + its analyst minutes.
All amounts are integer minor units of the table's one currency; an amount in another currency is never compared.

Of another subject than a shipment what is at stake is a fact of its own, and takes the place of the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from features.vocabulary import Branch
from routing.facts import Unknown

VALUE_AT_STAKE = "value_at_stake_minor"
"""Name of the fact that says what is at stake of a shipment; it rises with the risk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a branch costs, and which share of the expected lateness cost it leaves (1: it prevents nothing).

    Of another subject than a shipment, `lateness_left` is the share that it leaves of what is at stake.
    """

    lateness_left: float = 1.0
    fixed_minor: int = 0
    share_of_value: float = 0.0
    analyst_minutes: float = 0.0


class Alternative(NamedTuple):
    """One branch that could be taken, with its expected cost, or why that cannot be computed.

    `lateness_minor` is what is left to lose: of lateness, or, where `of_stake`, of what is at stake.
    """

    branch: Branch
    expected_cost_minor: int | None
    lateness_minor: int | None
    price_minor: int | None
    currency: str
    because: str | None
    of_stake: bool = False

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {
            "branch": self.branch.value,
            "expected_cost_minor": self.expected_cost_minor,
            "left_minor" if self.of_stake else "lateness_minor": self.lateness_minor,
            "price_minor": self.price_minor,
            "currency": self.currency,
            "because": self.because,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTable:
    """Cost of lateness as a share of the goods' value, by customer tier, and the price of an analyst's minute.

    `probability_fact`, `value_fact` and `tier_fact` name the facts it reads. Where `stake_fact` is given, that fact is
    what is at stake, and the probability is only what stronger evidence shows by.
    """

    currency: str
    probability_fact: str
    value_fact: str
    tier_fact: str
    lateness_share: Mapping[str, float]
    analyst_minute_minor: int
    stake_fact: str | None = None

    def value_at_stake_minor(self, *, probability: float, value_minor: int, customer_tier: str) -> int | Unknown:
        """Return probability × value × lateness share of the tier, in minor units of the table's currency.

        The caller sees to it that the value is in `currency`.
        """
        share = self.lateness_share.get(customer_tier)
        if share is None:
            return Unknown(f"the cost table has no lateness share for tier '{customer_tier}'")
        return round(probability * value_minor * share)

    def stake_of(self, known: Mapping[str, Any]) -> int | Unknown:
        """Return the value at stake as far as the facts it needs are known."""
        if self.stake_fact is not None:
            stake: int | None = known.get(self.stake_fact)
            return Unknown(f"{self.stake_fact} is unknown") if stake is None else stake
        for name in (self.probability_fact, self.value_fact, self.tier_fact):
            if name not in known:
                return Unknown(f"{name} is unknown")
        return self.value_at_stake_minor(
            probability=known[self.probability_fact],
            value_minor=known[self.value_fact],
            customer_tier=known[self.tier_fact],
        )

    def compare(self, offers: Mapping[Branch, Offer], known: Mapping[str, Any]) -> tuple[Alternative, ...]:
        """Price every branch, in the order given."""
        stake = self.stake_of(known)
        return tuple(self._price(branch, offer, stake, known.get(self.value_fact)) for branch, offer in offers.items())

    def exact_cost(self, offer: Offer, known: Mapping[str, Any]) -> int | Unknown:
        """Return the expected cost of a branch in millionths of a minor unit, by which branches are compared.

        Whole numbers throughout: as the stake rises, a branch that leaves less lateness never falls behind one that
        leaves more, not even by a rounding.
        """
        stake = self.stake_of(known)
        if isinstance(stake, Unknown):
            return stake
        minutes_minor = offer.analyst_minutes * self.analyst_minute_minor
        return (
            _millionths(offer.lateness_left) * stake
            + _millionths(offer.share_of_value) * int(known[self.value_fact])
            + _millionths(offer.fixed_minor + minutes_minor)
        )

    def _price(self, branch: Branch, offer: Offer, stake: int | Unknown, value_minor: int | None) -> Alternative:
        lateness = None if isinstance(stake, Unknown) else round(stake * offer.lateness_left)
        price = None
        if value_minor is not None or offer.share_of_value == 0:
            minutes_minor = offer.analyst_minutes * self.analyst_minute_minor
            price = round(offer.fixed_minor + offer.share_of_value * (value_minor or 0) + minutes_minor)
        total = None if lateness is None or price is None else lateness + price
        return Alternative(
            branch=branch,
            expected_cost_minor=total,
            lateness_minor=lateness,
            price_minor=price,
            currency=self.currency,
            because=stake.reason if isinstance(stake, Unknown) else None,
            of_stake=self.stake_fact is not None,
        )


def _millionths(number: float) -> int:
    return round(number * 1_000_000)
