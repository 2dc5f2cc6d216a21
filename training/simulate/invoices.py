"""Carriers' invoices beside the contract they should follow, some with an injected and recorded error.

A thin frame, not yet a canonical record: one row an invoice, the contracted and the charged amounts side by side, all
in cents. The truth is a second frame, so that nobody trains on it by accident.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from training.simulate.bookings import Bookings
from training.simulate.frames import instants, typed
from training.simulate.journeys import Journeys
from training.simulate.network import CARRIERS, PLACES, lanes
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TIME = pa.timestamp("us", tz="UTC")

INVOICE_SCHEMA = pa.schema(
    {
        "invoice_id": pa.string(),
        "shipment_id": pa.string(),
        "carrier_id": pa.string(),
        "origin": pa.string(),
        "destination": pa.string(),
        "currency": pa.string(),
        "weight_kg": pa.float64(),
        "contract_rate_minor_per_100kg": pa.int64(),
        "contract_minimum_minor": pa.int64(),
        "contract_base_minor": pa.int64(),
        "contract_fuel_pct": pa.float64(),
        "contract_fuel_minor": pa.int64(),
        "contract_accessorials": pa.string(),
        "contract_accessorial_minor": pa.int64(),
        "charged_weight_kg": pa.float64(),
        "charged_rate_minor_per_100kg": pa.int64(),
        "charged_base_minor": pa.int64(),
        "charged_fuel_pct": pa.float64(),
        "charged_fuel_minor": pa.int64(),
        "charged_accessorials": pa.string(),
        "charged_accessorial_minor": pa.int64(),
        "charged_total_minor": pa.int64(),
        "occurred_at": _TIME,
        "known_at": _TIME,
    }
)
"""An invoice: what the contract says (`contract_*`), what the carrier asks (`charged_*`), and its two clocks."""

TRUTH_SCHEMA = pa.schema({"invoice_id": pa.string(), "error": pa.string(), "overcharge_minor": pa.int64()})
"""One row for each wrong invoice: the class of the error and what it asks too much (negative: too little)."""

ERROR_SHARES = {
    "rate_mismatch": 0.20,
    "weight_mismatch": 0.20,
    "fuel_index_week": 0.18,
    "accessorial_not_authorised": 0.15,
    "extension": 0.08,
    "total_not_sum": 0.05,
    "undercharge": 0.05,
    "duplicate_invoice": 0.09,
}
"""Share of each class among the wrong invoices; most are in the carrier's favour."""
DETENTION, NOTIFICATION = ("DET", 4_500), ("MSG", 1_200)
FUEL_PCT_LOW, FUEL_PCT_HIGH = 12.0, 26.0


def make_invoices(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, journeys: Journeys,
    shipment_ids: NDArray[np.str_], rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return the invoices of the delivered shipments, and the truth about those that are wrong."""
    billed = np.flatnonzero(~np.isnan(journeys.delivered))
    count = len(billed)
    departure = bookings.departure[billed]
    lane, carrier = timetable.lane[departure], timetable.carrier[departure]
    distance = np.array([each.distance_km for each in lanes()])[lane]
    price = np.array([each.rate_factor for each in CARRIERS])[carrier]
    fuel_by_week = _fuel_index(settings, rng)
    week = np.minimum((timetable.planned_departure[departure] // 168).astype(np.int64), len(fuel_by_week) - 1)

    weight, rate = bookings.weight_kg[billed], np.round(price * (900 + 2.6 * distance)).astype(np.int64)
    minimum = np.round(price * 35_00).astype(np.int64)
    fuel_pct = fuel_by_week[week]
    detained = ~np.isnan(journeys.attempted[billed])

    error = _errors(settings, count, rng)
    raised = rng.uniform(0.06, 0.30, size=count)
    charged_rate = _changed(rate, error == "rate_mismatch", 1 + raised)
    charged_rate = _changed(charged_rate, error == "undercharge", 1 - raised)
    billed_more = np.where(error == "weight_mismatch", 1 + 2 * raised, 1.0)
    charged_weight: Floats = np.asarray(np.round(weight * billed_more, 1), dtype=np.float64)
    fuel_wrong = np.round(fuel_pct + rng.uniform(1.0, 4.0, size=count), 1)
    charged_fuel_pct = np.where(error == "fuel_index_week", fuel_wrong, fuel_pct)
    notified = error == "accessorial_not_authorised"

    base = _base(weight, rate, minimum)
    charged_base = _changed(_base(charged_weight, charged_rate, minimum), error == "extension", 1 + raised)
    fuel, charged_fuel = _part_of(base, fuel_pct), _part_of(charged_base, charged_fuel_pct)
    accessorial = DETENTION[1] * detained
    charged_accessorial = accessorial + NOTIFICATION[1] * notified
    total = charged_base + charged_fuel + charged_accessorial
    total = _changed(total, error == "total_not_sum", 1 + raised)
    right = base + fuel + accessorial
    codes = np.where(detained, DETENTION[0], "")
    charged_codes = np.where(notified, np.where(detained, f"{DETENTION[0]} {NOTIFICATION[0]}", NOTIFICATION[0]), codes)
    billed_at = journeys.delivered[billed] + rng.gamma(3.0, 40.0, size=count)

    # The second invoice of a duplicate is the wrong one; the first is right.
    rows = np.concatenate([np.arange(count), np.flatnonzero(error == "duplicate_invoice")])
    second = np.arange(len(rows)) >= count
    occurred = billed_at[rows] + np.where(second, rng.uniform(48, 400, size=len(rows)), 0.0)
    known = occurred + rng.uniform(1, 48, size=len(rows))
    order = np.lexsort((rows, known))
    rows, second, occurred, known = rows[order], second[order], occurred[order], known[order]
    invoice_ids = np.array([f"F{number:06d}" for number in range(1, len(rows) + 1)])
    shipment, place = billed[rows], np.array([each.code for each in PLACES])
    invoices = typed(
        INVOICE_SCHEMA,
        {
            "invoice_id": invoice_ids,
            "shipment_id": shipment_ids[shipment],
            "carrier_id": np.array([each.carrier_id for each in CARRIERS])[carrier[rows]],
            "origin": place[timetable.origin[departure[rows]]],
            "destination": place[timetable.destination[departure[rows]]],
            "currency": np.full(len(rows), "EUR"),
            "weight_kg": weight[rows],
            "contract_rate_minor_per_100kg": rate[rows],
            "contract_minimum_minor": minimum[rows],
            "contract_base_minor": base[rows],
            "contract_fuel_pct": fuel_pct[rows],
            "contract_fuel_minor": fuel[rows],
            "contract_accessorials": codes[rows],
            "contract_accessorial_minor": accessorial[rows],
            "charged_weight_kg": charged_weight[rows],
            "charged_rate_minor_per_100kg": charged_rate[rows],
            "charged_base_minor": charged_base[rows],
            "charged_fuel_pct": charged_fuel_pct[rows],
            "charged_fuel_minor": charged_fuel[rows],
            "charged_accessorials": charged_codes[rows],
            "charged_accessorial_minor": charged_accessorial[rows],
            "charged_total_minor": total[rows],
            "occurred_at": instants(settings.start, occurred),
            "known_at": instants(settings.start, known),
        },
    )
    wrong = (error[rows] != "") & ((error[rows] != "duplicate_invoice") | second)
    overcharge = np.where(second, total[rows], total[rows] - right[rows])
    # An error that rounds away, e.g. a wrong rate under the minimum charge, is none.
    wrong &= overcharge != 0
    truth = typed(
        TRUTH_SCHEMA,
        {"invoice_id": invoice_ids[wrong], "error": error[rows][wrong], "overcharge_minor": overcharge[wrong]},
    )
    return invoices, truth


def _fuel_index(settings: SimulationSettings, rng: np.random.Generator) -> Floats:
    """Return the fuel surcharge of each week in percent: a random walk between bounds."""
    weeks = settings.horizon_hours // 168 + 1
    walk = 18.0 + np.cumsum(rng.normal(0.0, 0.5, size=weeks))
    return np.asarray(np.round(np.clip(walk, FUEL_PCT_LOW, FUEL_PCT_HIGH), 1), dtype=np.float64)


def _errors(settings: SimulationSettings, count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    names, shares = list(ERROR_SHARES), np.array(list(ERROR_SHARES.values()))
    drawn = rng.choice(np.array(names), size=count, p=shares / shares.sum())
    return np.where(rng.random(count) < settings.invoice_error_share, drawn, "")


def _base(weight: Floats, rate: Ints, minimum: Ints) -> Ints:
    return np.maximum(np.round(weight * rate / 100).astype(np.int64), minimum)


def _part_of(amount: Ints, percent: Floats) -> Ints:
    return np.round(amount * percent / 100).astype(np.int64)


def _changed(amount: Ints, chosen: NDArray[np.bool_], factor: Floats) -> Ints:
    return np.where(chosen, np.round(amount * factor).astype(np.int64), amount)
