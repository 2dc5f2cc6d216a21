"""What else could carry a shipment, or send it: carriers seen on its lane, places that serve its destination."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from features.history import PRIOR_LATE_SHARE
from features.instants import micros
from features.rates import PSEUDO_LEGS
from features.records import Shipment
from features.state import State


@dataclass(frozen=True, slots=True)
class AlternateCarrier:
    """Another carrier on the lane: its late share over 28 days (shrunk), and over how many arrivals."""

    carrier_id: str
    late_share: float
    legs: int


@dataclass(frozen=True, slots=True)
class AlternateOrigin:
    """Another place that serves the destination: what is open there, and how late its lane was over 28 days."""

    place: str
    open_shipments: int
    late_share: float
    legs: int


def alternate_carriers(state: State, subject: Shipment, cutoff: datetime) -> tuple[AlternateCarrier, ...]:
    """Return other carriers with arrivals on this lane in the last 28 days, the most punctual first."""
    lane = (subject.origin, subject.destination)
    found = []
    for carrier in state.carriers_on(*lane) - {subject.carrier_id}:
        legs, late = state.facts.legs_and_late("carrier_lane_arrivals", "28d", (carrier, *lane), micros(cutoff))
        if legs:
            found.append(AlternateCarrier(carrier, _shrunk(late, legs), legs))
    return tuple(sorted(found, key=lambda other: (other.late_share, other.carrier_id)))


def alternate_origins(state: State, subject: Shipment, cutoff: datetime) -> tuple[AlternateOrigin, ...]:
    """Return other places with arrivals at this destination in the last 28 days, the least loaded first."""
    waiting = state.facts.queue("origin_open")
    found = []
    for place in state.origins_for(subject.destination) - {subject.origin}:
        legs, late = state.facts.legs_and_late("lane_arrivals", "28d", (place, subject.destination), micros(cutoff))
        if legs:
            open_shipments = int(waiting.at((place,), micros(cutoff)))
            found.append(AlternateOrigin(place, open_shipments, _shrunk(late, legs), legs))
    return tuple(sorted(found, key=lambda other: (other.open_shipments, other.late_share, other.place)))


def _shrunk(late: int, legs: int) -> float:
    return (late + PSEUDO_LEGS * PRIOR_LATE_SHARE) / (legs + PSEUDO_LEGS)
