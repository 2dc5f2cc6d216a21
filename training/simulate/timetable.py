"""Recurring services, their departures, and the vehicles that the plan rotates through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulate.local_time import LocalTime
from training.simulate.network import CARRIERS, Lane, carriers_of, lanes
from training.simulate.settings import SimulationSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEPARTURE_HOURS = np.array([6, 7, 9, 12, 15, 16, 17, 18, 19, 20, 21, 22])
DEPARTURE_WEIGHTS = np.array([4, 4, 3, 4, 6, 9, 13, 16, 15, 12, 8, 6]) / 100
WEEKDAY_WEIGHTS = np.array([18, 18, 18, 19, 20, 7, 0]) / 100

REST_FACTOR = 1.35
TERMINAL_HOURS = 3.0
UNLOADING_HOURS = 2.0
RETURN_FACTOR = 0.9


@dataclass(frozen=True, slots=True)
class Timetable:
    """Departures in order of their planned time; every array has one entry a departure.

    Attributes
    ----------
    service
        Position in `service_ids`; a service leaves once a week, on the same weekday and at the same local hour.
    carrier, lane
        Positions in `CARRIERS` and `lanes()`.
    planned_departure, planned_arrival
        Hours since the start; the arrival is that at the destination's terminal.
    vehicle
        Position in `vehicle_ids`.
    return_hours
        From the arrival until the vehicle stands at the origin again.
    weight
        How much the service is asked for.
    """

    service_ids: tuple[str, ...]
    vehicle_ids: tuple[str, ...]
    service: Ints
    carrier: Ints
    lane: Ints
    origin: Ints
    destination: Ints
    planned_departure: Floats
    planned_arrival: Floats
    vehicle: Ints
    return_hours: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.service)


def transit_hours(lane: Lane, speed_kmh: float) -> float:
    """Return the planned time from departure to terminal: driving, rests, handling; whole quarters of an hour."""
    return round(4 * (lane.distance_km / speed_kmh * REST_FACTOR + TERMINAL_HOURS)) / 4


def make_timetable(settings: SimulationSettings, times: LocalTime, rng: np.random.Generator) -> Timetable:
    """Return the departures of all services over the timetable's length."""
    network = lanes()
    lane, carrier = _services(settings, network, rng)
    count = len(lane)
    weekday = rng.choice(7, size=count, p=WEEKDAY_WEIGHTS)
    hour = rng.choice(DEPARTURE_HOURS, size=count, p=DEPARTURE_WEIGHTS) + rng.choice([0.0, 0.5], size=count)
    weight = rng.lognormal(0.0, 0.45, size=count)
    origin = np.array([each.origin for each in network])[lane]
    destination = np.array([each.destination for each in network])[lane]
    transit = np.array([transit_hours(network[a], CARRIERS[b].speed_kmh) for a, b in zip(lane, carrier, strict=True)])

    days = settings.timetable_hours // 24
    local = np.arange(days)[:, None] * 24 + hour
    runs = times.weekday(local) == weekday
    service = np.nonzero(runs)[1]
    departure = np.round(2 * times.utc(origin[service], local[runs])) / 2
    order = np.lexsort((service, departure))
    service, departure = service[order], departure[order]
    arrival = departure + transit[service]
    return_hours = UNLOADING_HOURS + RETURN_FACTOR * transit[service]
    vehicle, vehicle_ids = _rotate(carrier[service], origin[service], departure, arrival + return_hours)
    return Timetable(
        service_ids=_service_ids(carrier),
        vehicle_ids=vehicle_ids,
        service=service,
        carrier=carrier[service],
        lane=lane[service],
        origin=origin[service],
        destination=destination[service],
        planned_departure=departure,
        planned_arrival=arrival,
        vehicle=vehicle,
        return_hours=return_hours,
        weight=weight[service],
    )


def _services(settings: SimulationSettings, network: tuple[Lane, ...], rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return lane and carrier of each weekly service."""
    pairs = np.array([(lane, carrier) for lane, each in enumerate(network) for carrier in carriers_of(each)])
    lane_weight = rng.lognormal(0.0, 0.5, size=len(network))
    share = np.array([carrier.market_share for carrier in CARRIERS])
    weight = lane_weight[pairs[:, 0]] * share[pairs[:, 1]]
    weight = weight / weight.sum()
    wanted = max(len(network), round(settings.shipments * 7 / settings.days / settings.shipments_per_departure))
    if wanted <= len(pairs):
        chosen = np.sort(rng.choice(len(pairs), size=wanted, replace=False, p=weight))
        return pairs[chosen, 0], pairs[chosen, 1]
    counts = 1 + rng.multinomial(wanted - len(pairs), weight)
    return np.repeat(pairs[:, 0], counts), np.repeat(pairs[:, 1], counts)


def _service_ids(carrier: Ints) -> tuple[str, ...]:
    seen = np.zeros(len(CARRIERS), dtype=np.int64)
    names = []
    for position in carrier.tolist():
        seen[position] += 1
        names.append(f"{CARRIERS[position].carrier_id}{100 + seen[position]}")
    return tuple(names)


def _rotate(carrier: Ints, origin: Ints, departure: Floats, back: Floats) -> tuple[Ints, tuple[str, ...]]:
    """Plan the vehicles: each departure takes the one back last of those in time, or a new one.

    The tightest fit is taken, as a planner who pays for vehicles does. That is what lets one late return spoil the
    next departure.
    """
    names: list[str] = []
    made = [0] * len(CARRIERS)
    free: dict[tuple[int, int], list[tuple[float, int]]] = {}
    vehicle = np.empty(len(carrier), dtype=np.int64)
    for position, (who, where, leaves, returns) in enumerate(
        zip(carrier.tolist(), origin.tolist(), departure.tolist(), back.tolist(), strict=True)
    ):
        standing = free.setdefault((who, where), [])
        fits = [entry for entry in standing if entry[0] + CARRIERS[who].buffer_hours <= leaves]
        if fits:
            taken = max(fits)
            standing.remove(taken)
            number = taken[1]
        else:
            number = len(names)
            made[who] += 1
            names.append(f"{CARRIERS[who].carrier_id}-{made[who]:03d}")
        standing.append((returns, number))
        vehicle[position] = number
    return vehicle, tuple(names)
