"""What an analyst's minute is worth on each thing that waits: late shipments, shortages and invoices in one unit.

    worth of a minute = probability × loss × saved share × in time ÷ minutes

in minor units of one currency a minute. Whatever the kind, the *loss* is what it costs if nothing is done and it goes
wrong, the *probability* that it does, the *saved share* what an action can still save of it, *in time* the chance that
the action still helps when it comes, and the *minutes* what an analyst needs for looking and acting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from features.vocabulary import Branch
from routing.cost import Offer
from routing.policy import Policy

PER_UNIT = 1_000_000
"""Rates are whole millionths, so that an order by them is the same wherever it is worked out."""


MOST_AT_STAKE = 10**12
"""More than that counts as that much: ten thousand millions in minor units, times a rate, fit into 64 bits."""


class Rank(IntEnum):
    """Where an item stands in the queue: to be taken, held by somebody, too late to be of use, done."""

    FREE = 0
    CLAIMED = 1
    TOO_LATE = 2
    DONE = 3


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an item in the order of the queue, from which the next page goes on."""

    rank: Rank
    worth: int
    created_at: datetime
    item_id: str


def order_of(rank: Rank, worth: int, created_at: datetime, item_id: str) -> tuple[int, int, datetime, str]:
    """Return what the queue is sorted by, as the database sorts it: by rank, then worth most a minute, then oldest."""
    return (rank, -worth, created_at, item_id)


def worth_of(stake_minor: int, millionths_per_minute: int) -> int:
    """Return what a minute is worth: what is at stake times what it saves of it, in millionths of a minor unit."""
    return min(stake_minor, MOST_AT_STAKE) * millionths_per_minute


class Kind(StrEnum):
    """What kind of thing waits."""

    LATE_SHIPMENT = "late_shipment"
    SHORTAGE = "shortage"
    INVOICE = "invoice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One thing that waits. `loss_minor` is in minor units, `minutes` are an analyst's, the rest goes from 0 to 1."""

    kind: Kind
    loss_minor: float
    probability: float
    saved_share: float
    minutes: float
    in_time: float = 1.0

    @property
    def expected_loss_minor(self) -> float:
        """What is expected to be lost if nothing is done."""
        return self.probability * self.loss_minor

    @property
    def saving_minor(self) -> float:
        """What is expected to be saved if somebody acts."""
        return self.expected_loss_minor * self.saved_share * self.in_time

    @property
    def worth_minor_per_minute(self) -> float:
        """What is expected to be saved in each analyst minute: what the queue is ordered by."""
        return self.saving_minor / self.minutes


@dataclass(frozen=True, slots=True)
class Saving:
    """What a suggestion can save of what is at stake, and the analyst minutes for looking at it and carrying it out."""

    share: float
    minutes: float

    @property
    def millionths_per_minute(self) -> int:
        """Millionths of what is at stake that each minute saves."""
        return round(PER_UNIT * self.share / self.minutes)


LEAST_MINUTES = 1.0
"""Nothing takes less: a bundle may say that a branch takes no time of anybody."""


def savings(policy: Policy) -> Mapping[Branch, Saving]:
    """Return what each suggestion can save by a bundle's cost table; `none` is an item that suggests nothing.

    What is suggested leaves a share of the lateness (`lateness_left`) and takes the minutes of a review and its own.
    Where nothing is suggested a person has to find out, and saves what a review does.
    """
    review = policy.branches.get(Branch.REVIEW)
    looking = LEAST_MINUTES if review is None else max(review.offer.analyst_minutes, LEAST_MINUTES)
    found = 0.0 if review is None else _saved(review.offer)
    by_branch = {
        branch: Saving(_saved(terms.offer), looking + terms.offer.analyst_minutes)
        for branch, terms in policy.branches.items()
    }
    return {**by_branch, Branch.REVIEW: Saving(found, looking), Branch.NONE: Saving(found, looking)}


def _saved(offer: Offer) -> float:
    return round(1.0 - offer.lateness_left, 9)


def late_shipment(*, loss_minor: float, probability: float, saving: Saving, is_too_late: bool) -> Matter:
    """Return a shipment that may be late.

    Parameters
    ----------
    loss_minor
        What it costs if it is late, as `routing.loss.loss_if_late` says.
    is_too_late
        The latest useful moment of what is suggested is past: nothing is saved then.
    """
    return Matter(
        kind=Kind.LATE_SHIPMENT,
        loss_minor=loss_minor,
        probability=probability,
        saved_share=saving.share,
        minutes=saving.minutes,
        in_time=float(not is_too_late),
    )


def shortage(
    *,
    quantity: float,
    unit_value_minor: float,
    lateness_share: float,
    probability: float,
    coverable: float,
    minutes: float,
    in_time: float = 1.0,
) -> Matter:
    """Return an order line that may be picked short: what it lacks is late, and costs what lateness costs its customer.

    Parameters
    ----------
    quantity, coverable
        What it would lack, and what of that other places could give, in units of the article.
    """
    share = 0.0 if quantity <= 0 else min(coverable / quantity, 1.0)
    loss = quantity * unit_value_minor * lateness_share
    return Matter(
        kind=Kind.SHORTAGE,
        loss_minor=loss,
        probability=probability,
        saved_share=share,
        minutes=minutes,
        in_time=in_time,
    )


def invoice(*, proven_minor: float, suspected_minor: float, probability: float, minutes: float) -> Matter:
    """Return an invoice that asks too much: what is proven is certain, what is suspected has its probability.

    All of it can be had back by asking for it.
    """
    loss = proven_minor + suspected_minor
    expected = proven_minor + probability * suspected_minor
    certain = 0.0 if loss == 0 else expected / loss
    return Matter(kind=Kind.INVOICE, loss_minor=loss, probability=certain, saved_share=1.0, minutes=minutes)
