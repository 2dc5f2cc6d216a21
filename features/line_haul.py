"""The line haul under a contract: which rate, which weight break, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

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
    steps = sorted({rate.weight_from_kg for rate in rates if rate.weight_from_kg > weight})
    if any(_holds(rate, weight) for rate in rates):
        steps.insert(0, weight)
    best: Haul | None = None
    for billed in steps:
        found = [_applied(rate, shipment, billed) for rate in rates if _holds(rate, billed)]
        hauls = sorted(
            (haul for haul in found if haul is not None), key=lambda haul: (haul.amount_minor, haul.rate.rate_id)
        )
        if best is None and len(hauls) < len(found):
            return NoHaul(Reason.NO_QUANTITY, f"a rate for {billed:g} kg is by something that is not known")
        if not hauls or (best is not None and hauls[0].amount_minor >= best.amount_minor):
            continue
        if hauls[0].amount_minor != hauls[-1].amount_minor:
            named = ", ".join(haul.rate.rate_id for haul in hauls)
            return NoHaul(Reason.SEVERAL_CONTRACTS, f"{named} hold for {billed:g} kg and differ")
        best = hauls[0]
        if best.rate.basis is not RateBasis.KILOGRAM:
            break  # only a price by weight can be undercut by paying for more weight
    return best or NoHaul(Reason.BEYOND_BREAKS, f"no weight break holds {weight:g} kg")


def _applied(rate: CarrierRate, shipment: Shipment, billed_kg: float) -> Haul | None:
    units = quantity(rate.basis, shipment, billed_kg)
    if units is None:
        return None
    amount = rate.rate_minor * units / exact(rate.rate_per)
    return Haul(rate, billed_kg, amount, max(half_up(amount), rate.minimum_minor or 0))


def _needs_weight(rate: CarrierRate) -> bool:
    return rate.basis is RateBasis.KILOGRAM or rate.weight_from_kg > 0 or rate.weight_until_kg is not None


def _reaches(rate: CarrierRate, weight: float) -> bool:
    return rate.weight_until_kg is None or weight <= rate.weight_until_kg


def _holds(rate: CarrierRate, weight: float) -> bool:
    return rate.weight_from_kg <= weight and _reaches(rate, weight)
