"""Facts that follow from the cost table of a bundle, computed anew when another bundle looks at a recorded case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routing.branches.rebook import OPTIONS, RULED_OUT
from routing.cost import VALUE_AT_STAKE
from routing.facts import Unknown
from routing.loss import Loss, Terms, loss_if_late
from routing.policy import Policy
from routing.recommending.carriers import UNPRICED, minutes_minor
from routing.recommending.ranking import Way, ranked

_PRICED_BY = ("carrier_id", "is_current", "rate_minor", "late_probability", "accepted_share")


def restate(facts: dict[str, Any], body: Mapping[str, Any], policy: Policy) -> None:
    """Compute anew, in place, what follows of recorded facts from a bundle: the value at stake, the carriers' costs.

    Where the record does not hold what a carrier would cost, the carriers become unknown.

    Parameters
    ----------
    body
        The sealed decision, which holds the shipment's own terms.
    """
    costs = policy.costs
    probability, value_minor = facts.get("late_probability"), facts.get("value_minor")
    if not isinstance(probability, float | int) or not isinstance(value_minor, int):
        return
    if VALUE_AT_STAKE in facts and facts.get("currency") == costs.currency:
        facts[VALUE_AT_STAKE] = costs.value_at_stake_minor(
            probability=probability, value_minor=value_minor, customer_tier=str(facts.get("customer_tier"))
        )
    rows = facts.get(OPTIONS)
    if isinstance(rows, Sequence) and not isinstance(rows, str):
        _restate_carriers(facts, rows, body, policy)


def _restate_carriers(
    facts: dict[str, Any], rows: Sequence[Mapping[str, Any]], body: Mapping[str, Any], policy: Policy
) -> None:
    loss = loss_if_late(policy.costs, _terms(facts, body.get("model", {}).get("shipment", {})))
    if isinstance(loss, Unknown):
        facts[OPTIONS] = ()
    elif _was_unpriced(facts) or any(name not in row for row in rows for name in _PRICED_BY):
        del facts[OPTIONS]
    else:
        facts[OPTIONS] = _priced(rows, loss, minutes_minor(policy))


def _terms(facts: Mapping[str, Any], shipment: Mapping[str, Any]) -> Terms:
    currency = facts.get("currency")
    return Terms(
        value_minor=facts["value_minor"],
        currency=currency if isinstance(currency, str) else None,
        customer_tier=str(facts.get("customer_tier")),
        penalty_minor=shipment.get("late_penalty_minor"),
        penalty_per_day_minor=shipment.get("late_penalty_per_day_minor"),
    )


def _was_unpriced(facts: Mapping[str, Any]) -> bool:
    """Tell whether nobody could be compared, as what lateness costs could not be told: no rate is on record then."""
    ruled_out = facts.get(RULED_OUT)
    return isinstance(ruled_out, Sequence) and any(UNPRICED in str(row["because"]) for row in ruled_out)


def _priced(rows: Sequence[Mapping[str, Any]], loss: Loss, handling_minor: int) -> tuple[Mapping[str, Any], ...]:
    """Price and rank recorded carriers, of which each can take it."""
    by_place = {f"{place:06}": row for place, row in enumerate(rows)}
    ways = [
        Way(
            name=place,
            rate_minor=row["rate_minor"],
            delay_minor=round(row["late_probability"] * loss.minor),
            handling_minor=0 if row["is_current"] else handling_minor,
            accepted=row["accepted_share"],
            stands=row["is_current"],
        )
        for place, row in by_place.items()
    ]
    return tuple(
        {
            **by_place[option.way.name],
            "expected_cost_minor": option.expected_cost_minor,
            "delay_minor": option.way.delay_minor,
            "handling_minor": option.way.handling_minor,
            "dominated_by": None if option.dominated_by is None else by_place[option.dominated_by]["carrier_id"],
            "propensity": option.propensity,
        }
        for option in ranked(ways, refusal_minor=handling_minor)
    )
