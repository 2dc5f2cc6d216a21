"""What was agreed with the carriers: rates by lane and weight, the fuel index by week, charges beside the freight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.invoice_vocabulary import ChargeKind, Proof, RateBasis
from features.vocabulary import Mode
from training.simulate.frames import frame, instants
from training.simulate.network import CARRIERS, PLACES, carriers_of, lanes
from training.simulate.settings import SimulationSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BREAKS_FROM_KG = np.array([0.0, 100.0, 500.0])
BREAKS_UNTIL_KG = np.array([99.9, 499.9, np.nan])
BREAK_FACTORS = np.array([1.0, 0.92, 0.84])
MINIMUM_MINOR = 35_00
RENEWAL_FACTOR = 1.03
RATE_PER_KG = 100.0
HOURS_PER_WEEK = 168
FUEL_PCT_LOW, FUEL_PCT_HIGH = 12.0, 26.0
DIESEL, TRACTION = "DIESEL", "TRACTION"
TRACTION_SHARE = 0.6

DETENTION, REDELIVERY, NOTIFICATION, DISCOUNT = "DET", "RDL", "MSG", "DSC"
DETENTION_MINOR_PER_HOUR, FREE_MINUTES = 45_00, 120
REDELIVERY_MINOR, NOTIFICATION_MINOR = 38_00, 12_00
DISCOUNT_PCT = {"OSTB": 6.0, "VELO": 4.5, "RHEI": 8.0}


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts as tables, and as arrays for those who bill by them.

    Attributes
    ----------
    rate_minor : int64 [2, carriers, lanes, breaks]
        For 100 kg, before and after the renewal.
    minimum_minor : int64 [2, carriers]
    fuel_pct : float64 [carriers, weeks]
    renewed_at
        Hours from the start at which the second rates begin to hold.
    """

    rates: pd.DataFrame
    fuel_index: pd.DataFrame
    accessorials: pd.DataFrame
    rate_minor: Ints
    minimum_minor: Ints
    fuel_pct: Floats
    renewed_at: float


def make_contracts(settings: SimulationSettings, rng: np.random.Generator) -> Contracts:
    """Return the contracts: one renewal of all rates in the middle of the time, all agreed and known beforehand."""
    price = np.array([each.rate_factor for each in CARRIERS])
    distance = np.array([lane.distance_km for lane in lanes()])
    usual = price[:, None] * (900 + 2.6 * distance)
    by_break = np.round(usual[:, :, None] * BREAK_FACTORS)
    rate = np.stack([by_break, np.round(by_break * RENEWAL_FACTOR)]).astype(np.int64)
    minimum = np.round(price * MINIMUM_MINOR).astype(np.int64)
    renewed_at = 24.0 * (settings.days // 2)
    diesel = _fuel_walk(settings, rng)
    on_rail = np.array([each.mode is Mode.RAIL for each in CARRIERS])
    traction = np.round(TRACTION_SHARE * diesel, 1)
    return Contracts(
        rates=_rates_frame(settings, rate, minimum, renewed_at),
        fuel_index=_fuel_frame(settings, {DIESEL: diesel, TRACTION: traction}),
        accessorials=_accessorials_frame(settings),
        rate_minor=rate,
        minimum_minor=np.stack([minimum, np.round(minimum * RENEWAL_FACTOR).astype(np.int64)]),
        fuel_pct=np.where(on_rail[:, None], traction, diesel),
        renewed_at=renewed_at,
    )


def _fuel_walk(settings: SimulationSettings, rng: np.random.Generator) -> Floats:
    """Return the fuel surcharge of each week in percent: a random walk between bounds."""
    weeks = settings.horizon_hours // HOURS_PER_WEEK + 1
    walk = 18.0 + np.cumsum(1.6 * rng.normal(0.0, 0.5, size=weeks))
    return np.asarray(np.round(np.clip(walk, FUEL_PCT_LOW, FUEL_PCT_HIGH), 1), dtype=np.float64)


def _rates_frame(settings: SimulationSettings, rate: Ints, minimum: Ints, renewed_at: float) -> pd.DataFrame:
    """Return a row for each carrier, lane that it serves, weight break, and time before or after the renewal."""
    served = [(carrier, lane) for lane, each in enumerate(lanes()) for carrier in carriers_of(each)]
    breaks = range(len(BREAK_FACTORS))
    term, carrier, lane, step = np.array(
        [(term, carrier, lane, step) for term in (0, 1) for carrier, lane in sorted(served) for step in breaks]
    ).T
    names, places = np.array([each.carrier_id for each in CARRIERS]), np.array([place.code for place in PLACES])
    origin = places[np.array([each.origin for each in lanes()])[lane]]
    destination = places[np.array([each.destination for each in lanes()])[lane]]
    from_kg = BREAKS_FROM_KG[step]
    least = np.stack([minimum, np.round(minimum * RENEWAL_FACTOR).astype(np.int64)])
    valid_from = np.where(term == 0, -240 * 24.0, renewed_at)
    agreed = valid_from - 30 * 24.0
    mode = np.array([each.mode.value for each in CARRIERS])[carrier]
    return frame(
        "carrier_rates",
        {
            "rate_id": [
                f"{names[c]}-{o}-{d}-{t + 1}-{k:g}"
                for c, o, d, t, k in zip(carrier, origin, destination, term, from_kg, strict=True)
            ],
            "carrier_id": names[carrier],
            "mode": mode,
            "origin": origin,
            "destination": destination,
            "weight_from_kg": from_kg,
            "weight_until_kg": BREAKS_UNTIL_KG[step],
            "basis": np.full(len(step), RateBasis.KILOGRAM.value),
            "rate_minor": rate[term, carrier, lane, step],
            "rate_per": np.full(len(step), RATE_PER_KG),
            "minimum_minor": least[term, carrier],
            "fuel_index_id": np.where(mode == Mode.RAIL.value, TRACTION, DIESEL),
            "valid_from": instants(settings.start, valid_from),
            "valid_until": instants(settings.start, np.where(term == 0, renewed_at, np.nan)),
            "currency": np.full(len(step), "EUR"),
            "occurred_at": instants(settings.start, agreed),
            "known_at": instants(settings.start, agreed + 24.0),
        },
    )


def _fuel_frame(settings: SimulationSettings, surcharges: dict[str, Floats]) -> pd.DataFrame:
    """Return the weeks of each index, published three days before they begin."""
    weeks = len(next(iter(surcharges.values())))
    begins = np.tile(HOURS_PER_WEEK * np.arange(weeks, dtype=np.float64), len(surcharges))
    pct = np.concatenate(list(surcharges.values()))
    return frame(
        "fuel_index",
        {
            "fuel_index_id": np.repeat(list(surcharges), weeks),
            "price_minor": np.round(100_000 + 2_500 * pct).astype(np.int64),
            "price_per": np.full(len(pct), 1_000.0),
            "surcharge_pct": pct,
            "valid_from": instants(settings.start, begins),
            "valid_until": instants(settings.start, begins + HOURS_PER_WEEK),
            "currency": np.full(len(pct), "EUR"),
            "occurred_at": instants(settings.start, begins - 72.0),
            "known_at": instants(settings.start, begins - 64.0),
        },
    )


def _accessorials_frame(settings: SimulationSettings) -> pd.DataFrame:
    agreed = {
        DETENTION: {
            "proof": Proof.WAITING.value,
            "basis": RateBasis.HOUR.value,
            "rate_minor": DETENTION_MINOR_PER_HOUR,
            "free_minutes": FREE_MINUTES,
        },
        REDELIVERY: {
            "proof": Proof.ATTEMPT.value,
            "basis": RateBasis.SHIPMENT.value,
            "rate_minor": REDELIVERY_MINOR,
        },
        NOTIFICATION: {
            "proof": Proof.REQUEST.value,
            "basis": RateBasis.SHIPMENT.value,
            "rate_minor": NOTIFICATION_MINOR,
            "needs_authorisation": True,
        },
    }
    rows: list[dict[str, object]] = []
    for carrier in CARRIERS:
        terms = {code: {"charge": ChargeKind.ACCESSORIAL.value, **terms} for code, terms in agreed.items()}
        if carrier.carrier_id in DISCOUNT_PCT:
            terms[DISCOUNT] = {
                "charge": ChargeKind.DISCOUNT.value,
                "proof": Proof.NOTHING.value,
                "basis": RateBasis.PERCENT.value,
                "percent": DISCOUNT_PCT[carrier.carrier_id],
            }
        rows += [
            {
                "accessorial_id": f"{carrier.carrier_id}-{code}",
                "carrier_id": carrier.carrier_id,
                "charge_code": code,
                "rate_per": 1.0,
                "needs_authorisation": False,
                "currency": "EUR",
                **each,
            }
            for code, each in terms.items()
        ]
    agreed_at = np.full(len(rows), -270 * 24.0)
    columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}
    return frame(
        "accessorials",
        {
            **columns,
            "valid_from": instants(settings.start, agreed_at + 30 * 24.0),
            "occurred_at": instants(settings.start, agreed_at),
            "known_at": instants(settings.start, agreed_at + 24.0),
        },
    )
