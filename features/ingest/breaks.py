"""Weight breaks of contract rates beside each other: where two contradict each other, and where none holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from features.contracts import in_force
from features.invoice_records import CarrierRate

DATES_LOOKED_AT = 100
"""The newest dates from which rates of a lane hold; what held before them is past."""
GAP_KG = 1.0
"""What is not more than this is how breaks are written: until 499, from 500."""

Price = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Breaks:
    """How the weight breaks of rates fit together.

    Attributes
    ----------
    contradicting
        Rates that hold for a weight for which another rate of the same carrier, lane, service, mode and class holds at
        the same time, with another price: which of them is owed cannot be told.
    gaps
        Places between two breaks, or below the first, at which no rate holds: a weight there is charged as the least
        weight of the next break.
    first_contradiction, first_gap
        Words of one of them; empty if there is none.
    """

    contradicting: int
    gaps: int
    first_contradiction: str = ""
    first_gap: str = ""


def breaks_of(rates: Iterable[CarrierRate]) -> Breaks:
    """Look at the newest states of rates, at each date from which one of them holds."""
    newest: dict[str, CarrierRate] = {}
    for rate in sorted(rates, key=lambda rate: (rate.known_at, rate.occurred_at)):
        newest[rate.rate_id] = rate
    lanes: dict[tuple[object, ...], list[CarrierRate]] = {}
    for rate in newest.values():
        lanes.setdefault(_lane(rate), []).append(rate)
    found = _Found()
    for own in lanes.values():
        for at in sorted({rate.valid_from for rate in own})[-DATES_LOOKED_AT:]:
            found.look(sorted(in_force(own, at), key=_span), at)
    contradictions, gaps = found.contradictions, found.gaps
    return Breaks(
        contradicting=len(contradictions),
        gaps=len(gaps),
        first_contradiction=next(iter(contradictions.values()), ""),
        first_gap=next(iter(gaps.values()), ""),
    )


class _Found:
    """Words about each rate that contradicts another, and each break behind a gap, by what tells them apart."""

    def __init__(self) -> None:
        self.contradictions: dict[str, str] = {}
        self.gaps: dict[tuple[str, float], str] = {}

    def look(self, rates: Sequence[CarrierRate], at: datetime) -> None:
        """Look at the rates of a lane that are in force at a date, in the order of their weights."""
        widest: dict[Price, CarrierRate] = {}  # the two prices that reach furthest, each with its rate
        reach = 0.0
        for rate in rates:
            begins, price = rate.weight_from_kg, _price(rate)
            others = [one for other, one in widest.items() if other != price and _until(one) >= begins]
            if others:
                words = f"{others[0].rate_id} and {rate.rate_id} hold for {begins:g} kg {_where(rate, at)} and differ"
                self.contradictions.setdefault(rate.rate_id, words)
            if begins - reach > GAP_KG:
                words = f"none holds from {reach:g} to {begins:g} kg, where {rate.rate_id} begins, {_where(rate, at)}"
                self.gaps.setdefault((rate.rate_id, reach), words)
            reach = max(reach, _until(rate))
            if price not in widest or _until(rate) > _until(widest[price]):
                widest[price] = rate
            if len(widest) > 2:
                del widest[min(widest, key=lambda each: _until(widest[each]))]


def _lane(rate: CarrierRate) -> tuple[object, ...]:
    return rate.carrier_id, rate.service_id, rate.mode, rate.origin, rate.destination, rate.freight_class


def _price(rate: CarrierRate) -> Price:
    return rate.basis, rate.rate_minor, rate.rate_per, rate.minimum_minor, rate.fuel_index_id, rate.currency


def _span(rate: CarrierRate) -> tuple[float, float, str]:
    return rate.weight_from_kg, _until(rate), rate.rate_id


def _until(rate: CarrierRate) -> float:
    return inf if rate.weight_until_kg is None else rate.weight_until_kg


def _where(rate: CarrierRate, at: datetime) -> str:
    return f"from {rate.origin} to {rate.destination} with {rate.carrier_id} on {at:%Y-%m-%d}"
