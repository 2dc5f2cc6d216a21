"""How often the carrier that is recommended is truly the cheapest, on a generated network, beside simpler choices.

Truly cheapest: contract rate, the true chance of being late (`training.simulate.chances`) times what lateness costs,
and the handling of a change. Everybody says yes here, so that ways to choose are judged, and not the luck of asking.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isnan

import numpy as np

from features.as_if import as_if_carried
from features.contracts import Contracts
from features.definitions import NAMES
from features.rating import rate_shipment
from features.records import Shipment
from features.state import State
from features.vocabulary import Moment
from models.delay import DelayModel
from routing.cost import CostTable
from routing.facts import Unknown
from routing.loss import Loss, Terms, loss_if_late
from routing.recommending.carriers import Asking, Carrier, Load, carrier_options
from routing.recommending.ranking import Way, ranked
from training.simulate.chances import World, late_chances

MOMENT = Moment.DAY_BEFORE
BEFORE = timedelta(hours=24)
_USUAL, _SLOW = NAMES.index("typical_transit_hours"), NAMES.index("slow_transit_hours")
_LATE_SHARE = NAMES.index("carrier_lane_arrivals_late_share_28d")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A carrier for a shipment: what is known of it, and what is true."""

    carrier_id: str
    is_current: bool
    rate_minor: int
    probability: float
    late_share: float
    usual_hours: float
    slow_hours: float
    chance: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One shipment with its candidates, what lateness costs, and what each way to choose takes."""

    candidates: tuple[Candidate, ...]
    loss_minor: int
    taken: Mapping[str, Candidate]
    cheapest: Candidate
    handling_minor: int

    def regret_minor(self, way: str) -> float:
        """Return what the choice costs beyond the truly cheapest, in expectation."""
        return self.true_minor(self.taken[way]) - self.true_minor(self.cheapest)

    def true_minor(self, candidate: Candidate) -> float:
        """Return what a candidate costs in truth."""
        handling = 0 if candidate.is_current else self.handling_minor
        return candidate.rate_minor + candidate.chance * self.loss_minor + handling


def choices(
    world: World,
    shipments: Mapping[int, Shipment],
    state: State,
    contracts: Contracts,
    model: DelayModel,
    costs: CostTable,
    handling_minor: int,
    seed: int,
) -> Iterator[Choice]:
    """Choose for each shipment a day before it leaves, from what was known then.

    Parameters
    ----------
    shipments
        By their position among the bookings of the world.
    """
    for number, shipment in shipments.items():
        leaves = shipment.planned_departure_at
        chances = late_chances(world, number, np.random.default_rng([seed, number]))
        loss = loss_if_late(costs, Terms.of(shipment))
        if leaves is None or not chances or isinstance(loss, Unknown):
            continue
        known = tuple(_candidates(shipment, leaves - BEFORE, state, contracts, model, chances))
        if len(known) < 2 or not any(each.is_current for each in known):
            continue
        load = Load(closes_at=None, promised_at=shipment.promised_at, leaves_at=leaves)
        yield _choice(
            known, load, loss, Asking(currency=costs.currency, handling_minor=handling_minor), leaves - BEFORE
        )


def _candidates(
    shipment: Shipment,
    now: datetime,
    state: State,
    contracts: Contracts,
    model: DelayModel,
    chances: Mapping[str, float],
) -> Iterator[Candidate]:
    leaves = shipment.planned_departure_at
    assert leaves is not None  # noqa: S101  the caller has looked
    for offered in contracts.offered(shipment.origin, shipment.destination, leaves, now):
        is_current = offered.carrier_id == shipment.carrier_id
        plan = shipment
        if not is_current:
            plan = as_if_carried(shipment, offered.carrier_id, service_id=offered.service_id, mode=offered.mode)
        rate = rate_shipment(plan, (), contracts, now).total_minor
        row = state.features(plan, now)
        probability = model.score(row, MOMENT).probability
        if rate is not None and probability is not None and offered.carrier_id in chances:
            yield Candidate(
                carrier_id=offered.carrier_id,
                is_current=is_current,
                rate_minor=rate,
                probability=probability,
                late_share=float(row.values[_LATE_SHARE]),
                usual_hours=float(row.values[_USUAL]),
                slow_hours=float(row.values[_SLOW]),
                chance=chances[offered.carrier_id],
            )


def _choice(known: tuple[Candidate, ...], load: Load, loss: Loss, asking: Asking, now: datetime) -> Choice:
    by_name = {each.carrier_id: each for each in known}
    carriers = {each.carrier_id: _carrier(each, asking.currency) for each in known}
    options = carrier_options([*carriers.values()], load, loss, asking, now)
    by_model = ranked([_by_model(each, loss.minor, asking.handling_minor) for each in known])
    taken = {
        "recommended": by_name[options[0].way.name],
        "by the model alone": by_name[by_model[0].way.name],
        "the one that has it": next(each for each in known if each.is_current),
        "cheapest rate": min(known, key=lambda each: (each.rate_minor, each.carrier_id)),
        "most punctual of late": min(known, key=lambda each: (each.late_share, each.carrier_id)),
    }
    choice = Choice(known, loss.minor, taken, known[0], asking.handling_minor)
    return replace(choice, cheapest=min(known, key=choice.true_minor))


def _carrier(candidate: Candidate, currency: str) -> Carrier:
    """Return what is known of a candidate; everybody says yes."""
    return Carrier(
        name=candidate.carrier_id,
        carrier_id=candidate.carrier_id,
        is_current=candidate.is_current,
        rate_minor=candidate.rate_minor,
        currency=currency,
        late_probability=candidate.probability,
        usual_hours=None if isnan(candidate.usual_hours) else candidate.usual_hours,
        slow_hours=None if isnan(candidate.slow_hours) else candidate.slow_hours,
    )


def _by_model(candidate: Candidate, loss_minor: int, handling_minor: int) -> Way:
    """Return a candidate as the model alone has it: without a look at its transits."""
    return Way(
        name=candidate.carrier_id,
        rate_minor=candidate.rate_minor,
        delay_minor=round(candidate.probability * loss_minor),
        handling_minor=0 if candidate.is_current else handling_minor,
        stands=candidate.is_current,
    )


def summary_of(found: list[Choice]) -> dict[str, object]:
    """Return for each way to choose how often it takes the truly cheapest, and its cost beyond that a shipment."""
    hits: Counter[str] = Counter()
    regrets: dict[str, list[float]] = defaultdict(list)
    for choice in found:
        for way, taken in choice.taken.items():
            hits[way] += taken is choice.cheapest
            regrets[way].append(choice.regret_minor(way))
    errors = [each.probability - each.chance for choice in found for each in choice.candidates if not each.is_current]
    return {
        "shipments": len(found),
        "candidates_mean": float(np.mean([len(choice.candidates) for choice in found])),
        "loss_if_late_mean_minor": float(np.mean([choice.loss_minor for choice in found])),
        "ways": {
            way: {
                "truly_cheapest": hits[way] / len(found),
                "regret_mean_minor": float(np.mean(regrets[way])),
                "regret_p90_minor": float(np.percentile(regrets[way], 90)),
            }
            for way in regrets
        },
        "as_if": {
            "risk_minus_truth_mean": float(np.mean(errors)),
            "risk_minus_truth_absolute_mean": float(np.mean(np.abs(errors))),
        },
    }
