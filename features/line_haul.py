"""The line haul under a contract: which rate, which weight break, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import inf

from features.amounts import exact, half_up
from features.charges import Reason
from features.invoice_records import CarrierRate
from features.invoice_vocabulary import RateBasis
from features.records import Shipment


@dataclass(frozen=True, slots=True)
class Haul:
    """A rate, the weight that it charges for, and the amount: exact, and as charged (rounded, at least the minimum)."""

    rate: CarrierRate
    billed_kg: float
    exact_minor: Fraction
    amount_minor: int


@dataclass(frozen=True, slots=True)
class NoHaul:
    """Why no line haul can be determined."""

    reason: Reason
    words: str


def line_haul(shipment: Shipment, offers: Sequence[Sequence[CarrierRate]]) -> Haul | NoHaul:
    """Choose the rate of a shipment and apply it.

    Parameters
    ----------
    offers
        Rates in force, those made for it most closely first, as `features.contracts.Contracts.rates` returns them.

    Returns
    -------
    Haul or NoHaul
        By the closest rates that reach the weight. Where the least weight of a heavier break is cheaper than the
        shipment's own weight under its own break, that is charged (deficit weight). A weight between two breaks, or
        below the first, is charged as the least weight of the next.
    """
    if not offers:
        where = f"{shipment.carrier_id}, {shipment.origin} to {shipment.destination}, {shipment.mode.value}"
        return NoHaul(Reason.NO_CONTRACT, f"no rate holds for {where}")
    for rates in offers:
        if shipment.weight_kg is None and any(_needs_weight(rate) for rate in rates):
            return NoHaul(Reason.NO_WEIGHT, f"{rates[0].rate_id} charges by weight")
        weight = shipment.weight_kg or 0.0
        if any(_reaches(rate, weight) for rate in rates):
            return _cheapest(shipment, rates, weight)
    return NoHaul(Reason.BEYOND_BREAKS, f"no weight break reaches {shipment.weight_kg:g} kg")


def quantity(basis: RateBasis, shipment: Shipment, weight_kg: float | None) -> Fraction | None:
    """Return how many units of the basis a shipment has; None where that is not known, or the basis is a time."""
    match basis:
        case RateBasis.SHIPMENT:
            return Fraction(1)
        case RateBasis.KILOGRAM:
            found = weight_kg
        case RateBasis.CUBIC_METRE:
            found = shipment.volume_m3
        case RateBasis.KILOMETRE:
            found = shipment.distance_km
        case RateBasis.PIECE:
            found = shipment.pieces
        case _:
            found = None
    return None if found is None else exact(found)


def _cheapest(shipment: Shipment, rates: Sequence[CarrierRate], weight: float) -> Haul | NoHaul:
    """Return the least amount at the shipment's own weight or the least weight of a heavier break.

    No amount falls as the weight rises. So a rate that was not cheaper than the best where it first held is not later
    either, and is looked at no more: it is enough to know up to which weight any such rate holds, since one that holds
    where another is cheaper contradicts that.
    """
    best: Haul | None = None
    dearer_until = -inf
    for billed, begun in _steps(rates, weight):
        found = [_applied(rate, shipment, billed) for rate in begun]
        hauls = [haul for haul in found if haul is not None]
        if best is None and len(hauls) < len(found):
            return NoHaul(Reason.NO_QUANTITY, f"a rate for {billed:g} kg is by something that is not known")
        amounts = [haul.amount_minor for haul in hauls]
        if hauls and (best is None or min(amounts) < best.amount_minor):
            if dearer_until >= billed or min(amounts) < max(amounts):
                return NoHaul(Reason.SEVERAL_CONTRACTS, f"{_named(shipment, rates, billed)} and differ")
            best = min(hauls, key=lambda haul: haul.rate.rate_id)
            if best.rate.basis is not RateBasis.KILOGRAM:
                break  # only a price by weight can be undercut by paying for more weight
        dearer_until = max([dearer_until, *(_until(haul.rate) for haul in hauls)])
    return best or NoHaul(Reason.BEYOND_BREAKS, f"no weight break holds {weight:g} kg")


def _steps(rates: Sequence[CarrierRate], weight: float) -> Iterator[tuple[float, list[CarrierRate]]]:
    """Yield weights that may be charged for, the least first, with the rates that hold there and at none before."""
    heavier = sorted((rate for rate in rates if rate.weight_from_kg > weight), key=_from)
    own = [rate for rate in rates if _holds(rate, weight)]
    if own:
        yield weight, own
    for billed, begun in groupby(heavier, key=_from):
        holding = [rate for rate in begun if _reaches(rate, billed)]
        if holding:
            yield billed, holding


def _named(shipment: Shipment, rates: Sequence[CarrierRate], billed: float) -> str:
    """Return the names of the rates that hold for a weight, the cheapest first, and the weight."""
    found = [_applied(rate, shipment, billed) for rate in rates if _holds(rate, billed)]
    hauls = sorted((haul.amount_minor, haul.rate.rate_id) for haul in found if haul is not None)
    return f"{', '.join(rate_id for _, rate_id in hauls)} hold for {billed:g} kg"


def _applied(rate: CarrierRate, shipment: Shipment, billed_kg: float) -> Haul | None:
    units = quantity(rate.basis, shipment, billed_kg)
    if units is None:
        return None
    amount = rate.rate_minor * units / exact(rate.rate_per)
    return Haul(rate, billed_kg, amount, max(half_up(amount), rate.minimum_minor or 0))


def _needs_weight(rate: CarrierRate) -> bool:
    return rate.basis is RateBasis.KILOGRAM or rate.weight_from_kg > 0 or rate.weight_until_kg is not None


def _from(rate: CarrierRate) -> float:
    return rate.weight_from_kg


def _until(rate: CarrierRate) -> float:
    return inf if rate.weight_until_kg is None else rate.weight_until_kg


def _reaches(rate: CarrierRate, weight: float) -> bool:
    return weight <= _until(rate)


def _holds(rate: CarrierRate, weight: float) -> bool:
    return rate.weight_from_kg <= weight and _reaches(rate, weight)
