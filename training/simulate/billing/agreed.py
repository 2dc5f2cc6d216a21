"""The contract of generated invoices: a recorded rate card, with the fuel weeks and terms that it does not have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from features.invoice_records import Accessorial, CarrierRate, FuelIndex
from features.invoice_vocabulary import ChargeKind, Proof, RateBasis
from features.vocabulary import Mode
from training.simulate.billing.settings import BillingSettings

WEEK = timedelta(days=7)
AIR_FUEL, ROAD_FUEL = "JET", "DIESEL"
DISCOUNT_PCT = (0.0, 6.0, 0.0, 4.5, 8.0)
GUARANTEE_PCT = (0.0, 0.0, 50.0)
TAX_PCT = (0.0, 0.0, 0.0, 5.0)

_TERMS: dict[str, dict[str, Any]] = {
    "DET": {"proof": Proof.WAITING, "basis": RateBasis.HOUR, "rate_minor": 18_00, "free_minutes": 120},
    "RDL": {"proof": Proof.ATTEMPT, "rate_minor": 14_00},
    "MSG": {"proof": Proof.REQUEST, "rate_minor": 3_50, "needs_authorisation": True},
    "RES": {"proof": Proof.RESIDENCE, "rate_minor": 6_50},
    "ADC": {"proof": Proof.ADDRESS, "rate_minor": 9_00},
    "SEC": {"proof": Proof.NOTHING, "rate_minor": 1_75},
}
"""Charges beside the freight, the same with every carrier."""


def rates_with_fuel(rates: Iterable[CarrierRate]) -> list[CarrierRate]:
    """Return the rates as recorded, with the fuel index that their mode follows."""
    return [
        rate.model_copy(update={"fuel_index_id": AIR_FUEL if rate.mode is Mode.AIR else ROAD_FUEL}) for rate in rates
    ]


def fuel_weeks(settings: BillingSettings, rng: np.random.Generator) -> list[FuelIndex]:
    """Return two indices, each a random walk with its own level, published three days before the week begins."""
    first = settings.start - 10 * WEEK
    count = settings.days // 7 + 24
    weeks = []
    for index, level in ((AIR_FUEL, 14.0), (ROAD_FUEL, 21.0)):
        walk = level + np.cumsum(rng.normal(0.0, 0.8, size=count))
        for week, percent in enumerate(np.clip(np.round(walk, 1), 0.5 * level, 1.6 * level).tolist()):
            begins = first + week * WEEK
            published = begins - timedelta(days=3)
            weeks.append(
                FuelIndex(
                    fuel_index_id=index,
                    surcharge_pct=percent,
                    valid_from=begins,
                    valid_until=begins + WEEK,
                    occurred_at=published,
                    known_at=published,
                )
            )
    return weeks


def accessorials(carriers: Sequence[str], currency: str, agreed: datetime) -> list[Accessorial]:
    """Return the terms of each carrier: the usual charges, and by its place in the list discount, guarantee and tax."""
    terms: list[Accessorial] = []
    for place, carrier in enumerate(sorted(carriers)):
        own = dict(_TERMS)
        shares = (
            ("DSC", ChargeKind.DISCOUNT, Proof.NOTHING, DISCOUNT_PCT),
            ("GTD", ChargeKind.DISCOUNT, Proof.LATE_DELIVERY, GUARANTEE_PCT),
            ("VAT", ChargeKind.TAX, Proof.NOTHING, TAX_PCT),
        )
        for code, charge, proof, percents in shares:
            percent = percents[place % len(percents)]
            if percent:
                own[code] = {"charge": charge, "proof": proof, "basis": RateBasis.PERCENT, "percent": percent}
        terms += [
            Accessorial.model_validate(
                {
                    "accessorial_id": f"{carrier}-{code}",
                    "carrier_id": carrier,
                    "charge_code": code,
                    "basis": RateBasis.SHIPMENT,
                    "currency": currency,
                    "valid_from": agreed,
                    "occurred_at": agreed,
                    "known_at": agreed,
                    **given,
                }
            )
            for code, given in own.items()
        ]
    return terms
