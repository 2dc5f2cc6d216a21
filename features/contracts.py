"""What was agreed with carriers, as known at a cutoff: rates of a lane, fuel weeks, charges beside the freight."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from math import inf
from typing import NamedTuple, TypeVar

from features.as_known import States
from features.fields import Valid
from features.invoice_records import Accessorial, CarrierRate, FuelIndex
from features.records import Shipment
from features.tables import RecordTables, records_of
from features.vocabulary import Mode

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V", bound=Valid)

Terms = CarrierRate | FuelIndex | Accessorial
"""What is agreed with carriers, or what an agreement goes by."""

_LANES_KEPT = 50_000
_LOCODE, _COUNTRY, _POSTCODE_ZONE = (
    re.compile(r"[A-Z]{2}[A-Z2-9]{3}"),
    re.compile(r"[A-Z]{2}"),
    re.compile(r"[A-Z]{2}-.+"),
)


class Offered(NamedTuple):
    """What a carrier offers on a lane: a service, a mode; None where its rates leave that open."""

    carrier_id: str
    service_id: str | None
    mode: Mode | None


class Contracts:
    """Contract records, asked by shipment, date and cutoff."""

    def __init__(
        self, rates: Iterable[CarrierRate], fuel: Iterable[FuelIndex] = (), accessorials: Iterable[Accessorial] = ()
    ) -> None:
        self._rates = {
            carrier: _states_of_rates(own)
            for carrier, own in _grouped((rate.carrier_id, rate) for rate in rates).items()
        }
        self._fuel = {
            index: _states_of_weeks(own) for index, own in _grouped((week.fuel_index_id, week) for week in fuel).items()
        }
        self._accessorials = {
            carrier: _states_of_accessorials(own)
            for carrier, own in _grouped((charge.carrier_id, charge) for charge in accessorials).items()
        }
        self._lanes: dict[tuple[str, int, str, str], tuple[CarrierRate, ...]] = {}

    @classmethod
    def of_tables(cls, tables: RecordTables) -> Contracts:
        """Read the contracts of canonical tables."""
        return cls(records_of(tables, CarrierRate), records_of(tables, FuelIndex), records_of(tables, Accessorial))

    def __bool__(self) -> bool:
        return bool(self._rates)

    def offered(self, origin: str, destination: str, at: datetime, cutoff: datetime) -> tuple[Offered, ...]:
        """Return what carriers offer on a lane by rates in force at a date, in the order of their names."""
        found = {
            Offered(rate.carrier_id, rate.service_id, rate.mode)
            for own in self._rates.values()
            for rate in own.at(cutoff)
            if _holds(rate, at) and lies_in(origin, rate.origin) and lies_in(destination, rate.destination)
        }
        return tuple(sorted(found, key=lambda each: tuple(part or "" for part in each)))

    def add(self, terms: Terms) -> bool:
        """Take in one more record; False if the very same is there already."""
        match terms:
            case CarrierRate():
                self._lanes.clear()
                return self._rates.setdefault(terms.carrier_id, _states_of_rates(())).add(terms)
            case FuelIndex():
                return self._fuel.setdefault(terms.fuel_index_id, _states_of_weeks(())).add(terms)
            case Accessorial():
                return self._accessorials.setdefault(terms.carrier_id, _states_of_accessorials(())).add(terms)

    def rates(self, shipment: Shipment, at: datetime, cutoff: datetime) -> list[tuple[CarrierRate, ...]]:
        """Return the rates in force for a shipment at a date, those made for it most closely first.

        Each tuple holds rates of one closeness: lane before zone, then service, mode and class named before left open.
        An open-ended rate ends where a later one for the same takes its place.
        """
        if shipment.carrier_id not in self._rates:
            return []
        known = [rate for rate in self._of_lane(shipment, cutoff) if _fits(rate, shipment)]
        begun = [rate for rate in known if _holds(rate, at)]
        by_closeness = _grouped((_closeness(rate, shipment), rate) for rate in begun)
        return [tuple(_not_replaced(rates)) for _, rates in sorted(by_closeness.items(), reverse=True)]

    def _of_lane(self, shipment: Shipment, cutoff: datetime) -> tuple[CarrierRate, ...]:
        """Return the rates of the carrier that are known and hold on the lane, kept for the next time."""
        states = self._rates[shipment.carrier_id]
        key = shipment.carrier_id, states.told(cutoff), shipment.origin, shipment.destination
        if key not in self._lanes:
            if len(self._lanes) >= _LANES_KEPT:
                self._lanes.clear()
            self._lanes[key] = tuple(
                rate
                for rate in states.at(cutoff)
                if lies_in(shipment.origin, rate.origin) and lies_in(shipment.destination, rate.destination)
            )
        return self._lanes[key]

    def fuel_weeks(self, index: str, at: datetime, cutoff: datetime) -> tuple[FuelIndex, ...]:
        """Return what the index says for a date: one week, or several that contradict each other, or none."""
        return tuple(_newest([week for week in self.weeks(index, cutoff) if _holds(week, at)]))

    def weeks(self, index: str, cutoff: datetime) -> tuple[FuelIndex, ...]:
        """Return all weeks of the index that are known."""
        return self._fuel[index].at(cutoff) if index in self._fuel else ()

    def accessorials(self, carrier_id: str, at: datetime, cutoff: datetime) -> list[Accessorial]:
        """Return the charges beside the freight that are agreed with a carrier at a date, by code."""
        if carrier_id not in self._accessorials:
            return []
        begun = [charge for charge in self._accessorials[carrier_id].at(cutoff) if _holds(charge, at)]
        by_code = _grouped((charge.charge_code, charge) for charge in begun)
        return [charge for _, charges in sorted(by_code.items()) for charge in _newest(charges)]


def lies_in(place: str, zone: str) -> bool:
    """Tell whether a place lies in a zone of a contract.

    A zone is a place itself, a country ("NL" holds the UN/LOCODE "NLRTM"), or the beginning of a postcode behind its
    country ("DE-2" holds "DE-20095").
    """
    if place == zone:
        return True
    if _COUNTRY.fullmatch(zone):
        return place.startswith(zone) and bool(_LOCODE.fullmatch(place) or _POSTCODE_ZONE.fullmatch(place))
    return bool(_POSTCODE_ZONE.fullmatch(zone)) and place.startswith(zone)


def in_force(rates: Iterable[CarrierRate], at: datetime) -> list[CarrierRate]:
    """Return the rates that hold at a date, of rates for one lane, service, mode and class."""
    return _not_replaced([rate for rate in rates if _holds(rate, at)])


def _fits(rate: CarrierRate, shipment: Shipment) -> bool:
    """Tell whether a rate of the shipment's lane is for it."""
    return (
        rate.service_id in (None, shipment.service_id)
        and rate.mode in (None, shipment.mode)
        and rate.freight_class in (None, shipment.freight_class)
    )


def _states_of_rates(rates: Iterable[CarrierRate]) -> States[CarrierRate]:
    return States(rates, lambda rate: rate.rate_id)


def _states_of_weeks(weeks: Iterable[FuelIndex]) -> States[FuelIndex]:
    return States(weeks, lambda week: week.valid_from)


def _states_of_accessorials(charges: Iterable[Accessorial]) -> States[Accessorial]:
    return States(charges, lambda charge: charge.accessorial_id)


def _closeness(rate: CarrierRate, shipment: Shipment) -> tuple[int, ...]:
    zones = (rate.origin, rate.destination)
    lane = sum(map(len, zones)) if zones != (shipment.origin, shipment.destination) else 1_000
    return lane, rate.service_id is not None, rate.mode is not None, rate.freight_class is not None


def _holds(agreed: Valid, at: datetime) -> bool:
    return agreed.valid_from <= at and (agreed.valid_until is None or at < agreed.valid_until)


def _newest(agreed: Sequence[V]) -> list[V]:
    """Leave out what has no end and began before something else for the same."""
    newest = max((one.valid_from for one in agreed), default=None)
    return [one for one in agreed if one.valid_until is not None or one.valid_from == newest]


def _not_replaced(rates: Sequence[CarrierRate]) -> list[CarrierRate]:
    """Leave out what has no end and began before something else that holds for a weight that it holds for."""
    later = _Weights()
    replaced: set[str] = set()
    for _, begun in groupby(sorted(rates, key=_began, reverse=True), key=_began):
        together = [(rate, (rate.weight_from_kg, _until(rate))) for rate in begun]
        replaced.update(rate.rate_id for rate, span in together if rate.valid_until is None and later.meet(*span))
        for _, span in together:
            later.add(*span)
    return [rate for rate in rates if rate.rate_id not in replaced]


class _Weights:
    """Weights that lie in any of some spans, ends included: spans apart from each other, in order."""

    def __init__(self) -> None:
        self._least: list[float] = []
        self._most: list[float] = []

    def meet(self, least: float, most: float) -> bool:
        """Tell whether a span shares a weight with any of them."""
        place = bisect_right(self._least, most) - 1
        return place >= 0 and self._most[place] >= least

    def add(self, least: float, most: float) -> None:
        """Add a span, of which with those that it meets one is made."""
        met = slice(bisect_left(self._most, least), bisect_right(self._least, most))
        self._least[met] = [min([least, *self._least[met]])]
        self._most[met] = [max([most, *self._most[met]])]


def _until(rate: CarrierRate) -> float:
    return inf if rate.weight_until_kg is None else rate.weight_until_kg


def _began(rate: CarrierRate) -> datetime:
    return rate.valid_from


def _grouped(pairs: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return groups
