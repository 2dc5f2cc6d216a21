"""What is known of each carrier for a shipment: its rate by contract, its risk as if it had it, its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import isnan

from features.as_if import as_if_carried
from features.charges import Expected
from features.contracts import Contracts, Offered
from features.definitions import NAMES
from features.rating import rate_shipment
from features.records import Shipment
from features.state import FeatureRow
from models.contracts import DelayScore
from routing.recommending.carriers import Carrier
from serving.recommendations.wanted import Ability, Wanted
from serving.scores.ports import DelayPredictor, FeatureState
from serving.scores.service import Subject

_HOUR = timedelta(hours=1)
_NO_ABILITY = Ability()
_AT = {name: place for place, name in enumerate(NAMES)}
_TENDERS, _ACCEPTED = "carrier_lane_tenders_count_28d", "carrier_lane_tenders_accepted_share_28d"
_SEVERITY, _USUAL, _SLOW = "carrier_disruption_severity_ahead", "typical_transit_hours", "slow_transit_hours"


@dataclass(frozen=True, slots=True)
class Known:
    """A carrier with what stands behind what is known of it."""

    carrier: Carrier
    shipment: Shipment
    expected: Expected
    score: DelayScore


@dataclass(frozen=True, slots=True)
class Sources:
    """Where what is known comes from."""

    state: FeatureState
    model: DelayPredictor
    contracts: Contracts

    def of(self, subject: Subject, wanted: Wanted) -> tuple[Known, ...]:
        """Return what is known of the carrier that has it, of all that offer the lane, and of all that were seen on it.

        Each but the first is asked about as if it had the shipment, at the same moment and time.
        """
        return tuple(self._known(subject, plan, name, wanted) for name, plan in self._plans(subject))

    def _plans(self, subject: Subject) -> Iterator[tuple[str, Shipment]]:
        """Yield the shipment as it is, and as if each of the others had it, by name."""
        shipment, now = subject.shipment, subject.as_of
        yield shipment.carrier_id, shipment
        at = shipment.planned_departure_at
        offered = () if at is None else self.contracts.offered(shipment.origin, shipment.destination, at, now)
        others = [each for each in offered if not _is_what_it_has(each, shipment)]
        for each in others:
            alone = each.carrier_id != shipment.carrier_id and _count(others, each.carrier_id) == 1
            name = each.carrier_id if alone else " ".join(filter(None, (each.carrier_id, each.service_id, each.mode)))
            yield name, as_if_carried(shipment, each.carrier_id, service_id=each.service_id, mode=each.mode)
        with_terms = {shipment.carrier_id, *(each.carrier_id for each in others)}
        for seen in self.state.alternate_carriers(shipment, now):
            if seen.carrier_id not in with_terms:
                yield seen.carrier_id, as_if_carried(shipment, seen.carrier_id)

    def _known(self, subject: Subject, plan: Shipment, name: str, wanted: Wanted) -> Known:
        now = subject.as_of
        row = self.state.features(plan, now)
        score = self.model.score(row, subject.moment)
        expected = rate_shipment(plan, (), self.contracts, now)
        heard_at = self.state.carrier_heard_at(plan.carrier_id)
        ability = wanted.abilities.get(plan.carrier_id, _NO_ABILITY)
        carrier = Carrier(
            name=name,
            carrier_id=plan.carrier_id,
            is_current=plan is subject.shipment,
            rate_minor=expected.total_minor,
            currency=expected.currency,
            no_rate=tuple(dict.fromkeys(doubt.words for doubt in expected.doubts)),
            late_probability=score.probability,
            no_risk=score.abstained_because,
            usual_hours=_given(row, _USUAL),
            slow_hours=_given(row, _SLOW),
            tenders=int(row.values[_AT[_TENDERS]]),
            accepted=float(row.values[_AT[_ACCEPTED]]),
            disruption=_whole(row, _SEVERITY),
            hours_silent=None if heard_at is None else max((now - heard_at) / _HOUR, 0.0),
            equipment=ability.equipment,
            takes_dangerous_goods=ability.takes_dangerous_goods,
        )
        return Known(carrier, plan, expected, score)


def _is_what_it_has(offered: Offered, shipment: Shipment) -> bool:
    return (
        offered.carrier_id == shipment.carrier_id
        and offered.service_id in (None, shipment.service_id)
        and offered.mode in (None, shipment.mode)
    )


def _count(offered: list[Offered], carrier_id: str) -> int:
    return sum(each.carrier_id == carrier_id for each in offered)


def _given(row: FeatureRow, name: str) -> float | None:
    value = float(row.values[_AT[name]])
    return None if isnan(value) or value <= 0 else value


def _whole(row: FeatureRow, name: str) -> int:
    value = float(row.values[_AT[name]])
    return 0 if isnan(value) else int(value)
