"""Kinds of error on the line haul and its discounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

import numpy as np

from features.amounts import exact, half_up
from features.invoice_vocabulary import Discrepancy, RateBasis
from features.records import Shipment
from training.simulate.billing.loads import Agreed, Load
from training.simulate.billing.spoiling import Kind, Spoilt, factor, rerated, total

Rng = np.random.Generator


def _rate(load: Load, by: float) -> Spoilt | None:
    haul = load.sheet.haul
    if haul["basis"] is not RateBasis.KILOGRAM:
        return None
    rate = round(haul["rate_minor"] * by)
    amount = half_up(exact(haul["quantity"]) * rate / exact(haul["rate_per"]))
    least = load.expected.rate.minimum_minor if load.expected.rate is not None else 0
    if rate == haul["rate_minor"] or amount < (least or 0):
        return None
    return Spoilt(load.sheet.with_haul(rate_minor=rate, amount_minor=amount).rows())


def rate_raised(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    return _rate(load, factor(rng, 1.08, 1.35))


def rate_lowered(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    return _rate(load, factor(rng, 0.7, 0.92))


def minimum_raised(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    haul, rate = load.sheet.haul, load.expected.rate
    if rate is None or rate.basis is not RateBasis.KILOGRAM or haul["basis"] is not RateBasis.SHIPMENT:
        return None
    raised = round(haul["amount_minor"] * factor(rng, 1.15, 1.8))
    return Spoilt(load.sheet.with_haul(amount_minor=raised, rate_minor=raised).rows())


def _by_weight(load: Load, agreed: Agreed, weight: float) -> Spoilt | None:
    made = rerated(load, agreed, load.shipment.model_copy(update={"weight_kg": weight}))
    return None if made is None else Spoilt(made.rows(), {"weight_kg": weight})


def weight_raised(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    return _by_weight(load, agreed, round((load.shipment.weight_kg or 0) * factor(rng, 1.12, 1.7), 1))


def weight_by_volume(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    weight = float(ceil(float(rng.choice([1_000 / 6, 200.0, 250.0])) * (load.shipment.volume_m3 or 0)))
    return _by_weight(load, agreed, weight) if weight > 1.08 * (load.shipment.weight_kg or 0) else None


def weighed_again(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    spoilt = weight_raised(load, agreed, rng)
    if spoilt is None:
        return None
    over = total(spoilt.rows) - total(load.sheet.rows())
    heading = {**spoilt.heading, "kind": "correction"}
    return replace(spoilt, heading=heading, is_second=True, overcharge_minor=over, later=timedelta(days=9))


def weight_padded(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    spoilt = weight_raised(load, agreed, rng)
    if spoilt is None or len(load.told) > 1 or load.told[0].weight_kg is None:
        return None
    return replace(spoilt, told=(load.shipment.model_copy(update=dict(spoilt.heading)),))


def other_lane(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    plan = load.shipment
    origins = sorted({rate.origin for rate in agreed.rates if rate.carrier_id == plan.carrier_id} - {plan.origin})
    if not origins:
        return None
    origin = origins[int(rng.integers(len(origins)))]
    first = plan.stops[0].model_copy(update={"place": origin})
    return _if_dearer(load, agreed, plan.model_copy(update={"stops": (first, *plan.stops[1:])}), {"origin": origin})


def other_service(load: Load, agreed: Agreed, _rng: Rng) -> Spoilt | None:
    plan = load.shipment
    same = [rate for rate in agreed.rates if (rate.carrier_id, rate.origin) == (plan.carrier_id, plan.origin)]
    services = sorted({rate.service_id or "" for rate in same} - {plan.service_id or ""})
    for service in services:
        found = _if_dearer(load, agreed, plan.model_copy(update={"service_id": service}), {"service_id": service})
        if found is not None:
            return found
    return None


def _if_dearer(load: Load, agreed: Agreed, plan: Shipment, heading: dict[str, Any]) -> Spoilt | None:
    made = rerated(load, agreed, plan)
    if made is None or total(made.rows()) < 1.05 * total(load.sheet.rows()):
        return None
    return Spoilt(made.rows(), heading)


def dearer_of_two(load: Load, agreed: Agreed, _rng: Rng) -> Spoilt | None:
    if not load.is_ambiguous:
        return None
    made = rerated(load, agreed, load.shipment, agreed.dearest)
    return None if made is None or total(made.rows()) < total(load.sheet.rows()) else Spoilt(made.rows())


def discount_missing(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt | None:
    kept = tuple(one for one in load.sheet.discounts if one[0] != "DSC")
    if load.sheet.net == sum(amount for _, _, amount in kept) + load.sheet.haul["amount_minor"]:
        return None
    return Spoilt(replace(load.sheet, discounts=kept).rows())


def refund_missing(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt | None:
    kept = tuple(one for one in load.sheet.discounts if one[0] != "GTD")
    return None if kept == load.sheet.discounts else Spoilt(replace(load.sheet, discounts=kept).rows())


D = Discrepancy
HAUL_KINDS = (
    Kind("rate_raised", D.RATE_MISMATCH, 16, rate_raised, "rate above that of the contract"),
    Kind("minimum_raised", D.MINIMUM_CHARGE, 7, minimum_raised, "minimum above that of the contract"),
    Kind("weight_raised", D.WEIGHT_MISMATCH, 16, weight_raised, "billed for more than the weight on record"),
    Kind("weight_by_volume", D.DIM_WEIGHT, 7, weight_by_volume, "billed by volume"),
    Kind("weighed_again", D.REWEIGH_UNSUPPORTED, 3, weighed_again, "a corrected bill for more weight"),
    Kind("other_lane", D.WRONG_LANE_ZONE_MILEAGE, 6, other_lane, "billed from a dearer place"),
    Kind("discount_missing", D.DISCOUNT_NOT_APPLIED, 6, discount_missing, "discount left out"),
    Kind("rate_lowered", D.UNDERCHARGE, 6, rate_lowered, "rate below that of the contract"),
    Kind("weight_padded", D.WEIGHT_MISMATCH, 7, weight_padded, "record and bill hold the carrier's weight, too high",
         is_shown=False),
    Kind("dearer_of_two", D.RATE_MISMATCH, 40, dearer_of_two, "dearer of two prices that the rate card holds",
         is_shown=False),
    Kind("other_service", D.WRONG_SERVICE, 12, other_service, "billed as a dearer service", is_novel=True),
    Kind("refund_missing", D.LATE_GUARANTEE_REFUND, 40, refund_missing, "refund of a guarantee missing", is_novel=True),
)  # fmt: skip
