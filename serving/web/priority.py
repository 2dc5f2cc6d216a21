"""What went into an item's place in the queue, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from features.amounts import money
from features.vocabulary import SubjectType
from routing.facts import Unknown
from routing.policy import Policy
from routing.recording import decode_facts
from serving.reviews.items import Item, is_of_case
from serving.reviews.stakes import stake_in
from serving.web import words


@dataclass(frozen=True, slots=True)
class Line:
    """A name and a value, in words."""

    name: str
    value: str
    meaning: str = ""


def priority_of(item: Item, policy: Policy, body: Mapping[str, Any]) -> Iterator[Line]:
    """Say what went into the item's place in the queue, each line with what it is."""
    if not is_of_case(item, body):
        return _priority_of_many(item, policy)
    match item.key.type:
        case SubjectType.INVOICE:
            return _bill_priority(item, policy)
        case SubjectType.SHORTAGE:
            return _line_priority(item, policy, body)
        case SubjectType.SHIPMENT:
            return _priority(item, policy, body)


def _priority(item: Item, policy: Policy, body: Mapping[str, Any]) -> Iterator[Line]:
    """Say it of a shipment."""
    stake, currency = stake_in(body, policy.costs), policy.costs.currency
    if isinstance(stake.loss, Unknown):
        yield Line("loss if late", f"not known: {stake.loss.reason}")
        return
    loss = stake.loss
    by_terms = loss.by_terms_minor is not None and loss.by_terms_minor > loss.by_tier_minor
    yield Line("loss if late", money(loss.minor, currency), "by its terms" if by_terms else "by customer tier")
    risk = "as likely as not" if stake.is_guess else words.percent(stake.probability)
    yield Line("× late risk", risk, "together: what is expected to be lost if nothing is done")
    yield from _worth(item, currency)


def _bill_priority(item: Item, policy: Policy) -> Iterator[Line]:
    """Say the same of an invoice."""
    currency = policy.costs.currency
    if item.currency != currency:
        yield Line("may come back", f"not counted: it is in {item.currency}, the policy counts in {currency}")
        return
    expected = money(item.value_at_stake_minor, currency)
    yield Line("may come back", expected, "what is proven, and what is suspected by its probability")
    yield from _worth(item, currency)


def _line_priority(item: Item, policy: Policy, body: Mapping[str, Any]) -> Iterator[Line]:
    """Say the same of an order line."""
    currency, facts = policy.costs.currency, decode_facts(body["facts"])
    loss = facts["expected_loss_minor"]
    if isinstance(loss, Unknown):
        yield Line("expected loss", f"not known: {loss.reason}")
        return
    if item.currency != currency:
        yield Line("expected loss", f"not counted: it is in {item.currency}, the policy counts in {currency}")
        return
    meaning = "what is short × value of a unit × lateness share of the customer's tier × risk"
    yield Line("expected loss", money(item.value_at_stake_minor, currency), meaning)
    yield from _worth(item, currency)


def _priority_of_many(item: Item, policy: Policy) -> Iterator[Line]:
    """Say the same of the call to the owner of a cause; with an overdue review no money is at stake."""
    if item.currency is not None:
        stake = money(item.value_at_stake_minor, policy.costs.currency)
        yield Line("at stake", stake, "with all that the common cause holds")
        yield from _worth(item, policy.costs.currency)


def _worth(item: Item, currency: str) -> Iterator[Line]:
    matter = item.matter
    share = matter.saved_share * matter.in_time
    yield Line("× can still be saved", words.percent(share), "by what is suggested, by the cost table; 0 if too late")
    yield Line("= expected saving", money(round(matter.saving_minor), currency))
    yield Line("÷ analyst minutes", f"{matter.minutes:g}", "for looking and carrying it out")
    worth = money(round(matter.worth_minor_per_minute), currency)
    yield Line("= each minute", worth, "what the queue is ordered by")
