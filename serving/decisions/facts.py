"""The facts of a shipment that a policy may look at. What is not there is unknown, with the reason, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isnan
from types import MappingProxyType
from typing import TypeVar

from features.definitions import NAMES
from features.records import Shipment
from features.vocabulary import Branch, Moment
from routing.cost import CostTable
from routing.facts import Fact, Unknown
from serving.scores.ports import FeatureState
from serving.scores.service import Scored

_HOUR = timedelta(hours=1)
_NO = timedelta(0)
_FROM_FEATURES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "hours_since_scan": ("last_scan_age_hours", "nothing of it was reported yet"),
        "hours_since_warehouse_told": ("origin_work_told_age_hours", "the origin never told of its work"),
        "carrier_disruptions": ("carrier_disruptions", "no disruption was ever told"),
        "origin_disruptions": ("origin_disruptions", "no disruption was ever told"),
        "destination_disruptions": ("destination_disruptions", "no disruption was ever told"),
    }
)
"""Facts that are features: the feature, and why it is unknown where it is."""
_PLACE_OF = MappingProxyType({name: place for place, name in enumerate(NAMES)})
T = TypeVar("T", int, str, datetime)


def facts_of(
    scored: Scored, state: FeatureState, *, costs: CostTable, strongest_branch_taken: Branch
) -> dict[str, Fact]:
    """Gather the facts of a scored shipment, as of the time of the score.

    Parameters
    ----------
    costs
        The policy's cost table; the value at stake follows from it.
    strongest_branch_taken
        What was done, or put before a person, for this shipment so far.
    """
    shipment, now = scored.subject.shipment, scored.subject.as_of
    score = scored.score
    probability: float | Unknown = Unknown("; ".join(score.abstained_because) or "the model abstained")
    if score.probability is not None:
        probability = score.probability
    holds = state.moment(shipment, now)
    closed = Unknown("the shipment is closed or delivered")
    return {
        "late_probability": probability,
        "late_verdict": score.verdict.value,
        "moment": scored.subject.moment.value,
        "hours_to_promise": _hours(shipment.promised_at, now, "no promise is given"),
        "hours_to_departure": _hours(shipment.planned_departure_at, now, "no planned departure is given"),
        "value_minor": _given(shipment.value_minor, "no value is given"),
        "value_at_stake_minor": value_at_stake(shipment, probability, costs),
        "currency": _given(shipment.currency, "no currency is given"),
        "customer_id": _given(shipment.customer_id, "no customer is given"),
        "customer_tier": shipment.customer_tier.value,
        "carrier_id": shipment.carrier_id,
        "carrier_hours_silent": _silent(state.carrier_heard_at(shipment.carrier_id), now),
        "carrier_known": state.knows_carrier(shipment.carrier_id, besides=shipment.shipment_id),
        "has_promise": shipment.promised_at is not None,
        "departed": closed if holds is None else holds is Moment.AT_DEPARTURE,
        "pieces": _given(shipment.pieces, "the number of pieces is not given"),
        "ship_complete": shipment.ship_complete,
        "origin": shipment.origin,
        "destination": shipment.destination,
        "service_id": _given(shipment.service_id, "no service is given"),
        "promised_at": _given(shipment.promised_at, "no promise is given"),
        "planned_departure_at": _given(shipment.planned_departure_at, "no planned departure is given"),
        "alternate_carriers": tuple(
            {"carrier_id": other.carrier_id, "late_share": other.late_share, "legs": other.legs}
            for other in state.alternate_carriers(shipment, now)
        ),
        "alternate_origins": tuple(
            {
                "place": other.place,
                "open_shipments": other.open_shipments,
                "late_share": other.late_share,
                "legs": other.legs,
            }
            for other in state.alternate_origins(shipment, now)
        ),
        "strongest_branch_taken": strongest_branch_taken.value,
        **{fact: _feature(scored, name, why_not) for fact, (name, why_not) in _FROM_FEATURES.items()},
    }


def value_at_stake(shipment: Shipment, probability: float | Unknown, costs: CostTable) -> int | Unknown:
    """Return probability × value × the tier's lateness share, in minor units of the policy's currency."""
    if isinstance(probability, Unknown):
        return probability
    if shipment.value_minor is None:
        return Unknown("no value is given")
    if shipment.currency != costs.currency:
        return Unknown(f"the value is in {shipment.currency}, the policy counts in {costs.currency}")
    return costs.value_at_stake_minor(
        probability=probability, value_minor=shipment.value_minor, customer_tier=shipment.customer_tier.value
    )


def _feature(scored: Scored, name: str, why_not: str) -> float | Unknown:
    value = float(scored.row.values[_PLACE_OF[name]])
    return Unknown(why_not) if isnan(value) else value


def _silent(heard_at: datetime | None, now: datetime) -> float | Unknown:
    return Unknown("nothing was ever heard of the carrier") if heard_at is None else max(now - heard_at, _NO) / _HOUR


def _given(value: T | None, why_not: str) -> T | Unknown:
    return Unknown(why_not) if value is None else value


def _hours(moment: datetime | None, now: datetime, why_not: str) -> float | Unknown:
    return Unknown(why_not) if moment is None else (moment - now) / _HOUR
