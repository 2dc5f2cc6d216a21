"""Carriers' invoices under the contracts, some with an injected and recorded error.

The truth about the errors is a frame of its own, so that nobody trains on it by accident. Amounts are computed here
from arrays, in whole cents; `features.rating` computes them again from records, and the tests hold the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features.invoice_vocabulary import ChargeKind, InvoiceKind, PaymentMethod, RateBasis
from features.vocabulary import ReferenceKind, Subject
from training.simulate.bookings import Bookings
from training.simulate.contracts import (
    BREAKS_FROM_KG,
    BREAKS_UNTIL_KG,
    DETENTION,
    DETENTION_MINOR_PER_HOUR,
    DISCOUNT,
    DISCOUNT_PCT,
    HOURS_PER_WEEK,
    NOTIFICATION,
    NOTIFICATION_MINOR,
    RATE_PER_KG,
    REDELIVERY,
    REDELIVERY_MINOR,
    Contracts,
)
from training.simulate.frames import frame, instants, typed
from training.simulate.journeys import Journeys
from training.simulate.network import CARRIERS, PLACES, lanes
from training.simulate.settings import SimulationSettings
from training.simulate.stays import Stays
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TRUTH_SCHEMA = pa.schema({"invoice_id": pa.string(), "error": pa.string(), "overcharge_minor": pa.int64()})
"""One row for each wrong invoice: the class of the error and what it asks too much (negative: too little)."""

ERROR_SHARES = {
    "rate_mismatch": 0.165,
    "weight_mismatch": 0.165,
    "fuel_index_week": 0.10,
    "accessorial_not_authorised": 0.08,
    "accessorial_not_evidenced": 0.08,
    "detention_clock": 0.05,
    "discount_not_applied": 0.04,
    "wrong_lane_zone_mileage": 0.05,
    "extension": 0.08,
    "total_not_sum": 0.05,
    "undercharge": 0.05,
    "duplicate_invoice": 0.09,
}
"""Share of each class among the errors that are tried; most are in the carrier's favour. One that changes nothing, e.g.
a wrong rate under the minimum charge, is none."""
TERMS_OF_PAYMENT_HOURS = 30 * 24


@dataclass(frozen=True, slots=True)
class Invoices:
    """The invoices as tables, and the truth about those that are wrong."""

    invoices: pd.DataFrame
    lines: pd.DataFrame
    references: pd.DataFrame
    truth: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Haul:
    """Line hauls, one entry each: `quantity` times `rate_minor` for `per` of `basis` is the amount."""

    amount: Ints
    off: Ints
    quantity: Floats
    rate_minor: Ints
    by_weight: Flags


def make_invoices(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, journeys: Journeys, contracts: Contracts,
    stays: Stays, shipment_ids: NDArray[np.str_], rng: np.random.Generator, numbers_rng: np.random.Generator,
) -> Invoices:  # fmt: skip
    """Return the invoices of the delivered shipments, and the truth about those that are wrong."""
    billed = np.flatnonzero(~np.isnan(journeys.delivered))
    count = len(billed)
    departure = bookings.departure[billed]
    lane, carrier = timetable.lane[departure], timetable.carrier[departure]
    planned = timetable.planned_departure[departure]
    weight = bookings.weight_kg[billed]
    term = (planned >= contracts.renewed_at).astype(np.int64)
    week = np.minimum((planned // HOURS_PER_WEEK).astype(np.int64), contracts.fuel_pct.shape[1] - 1)
    discount = np.array([DISCOUNT_PCT.get(each.carrier_id, 0.0) for each in CARRIERS])[carrier]

    error = _errors(settings, count, rng)
    raised = rng.uniform(0.06, 0.30, size=count)
    weeks_back = np.floor(2 * rng.uniform(1.0, 4.0, size=count)).astype(np.int64)

    rates, minimum = contracts.rate_minor[term, carrier, lane], contracts.minimum_minor[term, carrier]
    right = _haul(weight, rates, minimum, discount)
    longest = _longest_lane()[lane]
    charged_lane = np.where(error == "wrong_lane_zone_mileage", longest, lane)
    factor = np.select([error == "rate_mismatch", error == "undercharge"], [1 + raised, 1 - raised], 1.0)
    charged_rates = np.round(contracts.rate_minor[term, carrier, charged_lane] * factor[:, None]).astype(np.int64)
    heavier = np.where(error == "weight_mismatch", 1 + 2 * raised, 1.0)
    charged_weight: Floats = np.asarray(np.round(weight * heavier, 1), dtype=np.float64)
    charged_discount = np.where(error == "discount_not_applied", 0.0, discount)
    charged = _haul(charged_weight, charged_rates, minimum, charged_discount)
    charged_amount = _changed(charged.amount, error == "extension", 1 + raised)

    fuel_pct = contracts.fuel_pct[carrier, week]
    dearest = _dearest_before(contracts.fuel_pct, carrier, week, weeks_back)
    charged_pct = np.where(error == "fuel_index_week", np.maximum(fuel_pct, dearest), fuel_pct)
    fuel = _percent(right.amount - right.off, fuel_pct)
    charged_fuel = _percent(charged_amount - charged.off, charged_pct)

    hours = -(-stays.waited_minutes[billed] // 60)
    charged_hours = hours + np.where(error == "detention_clock", 1 + (10 * raised).astype(np.int64), 0)
    again = (~np.isnan(journeys.attempted[billed])).astype(np.int64)
    charged_again = again + (error == "accessorial_not_evidenced")
    asked = (~np.isnan(stays.requested[billed])).astype(np.int64)
    charged_asked = np.maximum(asked, error == "accessorial_not_authorised")
    beside = hours * DETENTION_MINOR_PER_HOUR + again * REDELIVERY_MINOR + asked * NOTIFICATION_MINOR
    charged_beside = (
        charged_hours * DETENTION_MINOR_PER_HOUR + charged_again * REDELIVERY_MINOR + charged_asked * NOTIFICATION_MINOR
    )
    total = charged_amount - charged.off + charged_fuel + charged_beside
    total = _changed(total, error == "total_not_sum", 1 + raised)
    owed = right.amount - right.off + fuel + beside
    billed_at = journeys.delivered[billed] + rng.gamma(3.0, 40.0, size=count)

    # The second invoice of a duplicate is the wrong one; the first is right.
    rows = np.concatenate([np.arange(count), np.flatnonzero(error == "duplicate_invoice")])
    second = np.arange(len(rows)) >= count
    occurred = billed_at[rows] + np.where(second, rng.uniform(48, 400, size=len(rows)), 0.0)
    known = occurred + rng.uniform(1, 48, size=len(rows))
    order = np.lexsort((rows, known))
    rows, second, occurred, known = rows[order], second[order], occurred[order], known[order]
    invoice_ids = np.array([f"F{number:06d}" for number in range(1, len(rows) + 1)])
    names = np.array([each.carrier_id for each in CARRIERS])[carrier[rows]]
    shipment, place = billed[rows], np.array([each.code for each in PLACES])
    destination = np.array([each.destination for each in lanes()])[charged_lane]
    euros = np.full(len(rows), "EUR")
    invoices = frame(
        "freight_invoices",
        {
            "invoice_id": invoice_ids,
            "invoice_number": _numbers(rows, second, count, numbers_rng),
            "carrier_id": names,
            "shipment_id": shipment_ids[shipment],
            "kind": np.full(len(rows), InvoiceKind.ORIGINAL.value),
            "payment": np.full(len(rows), PaymentMethod.PREPAID.value),
            "due_at": instants(settings.start, occurred + TERMS_OF_PAYMENT_HOURS),
            "delivered_at": instants(settings.start, journeys.delivered[shipment]),
            "mode": np.array([each.mode.value for each in CARRIERS])[carrier[rows]],
            "origin": place[timetable.origin[departure[rows]]],
            "destination": place[destination[rows]],
            "weight_kg": charged_weight[rows],
            "pieces": bookings.pieces[shipment],
            "total_minor": total[rows],
            "net_due_minor": total[rows],
            "currency": euros,
            "occurred_at": instants(settings.start, occurred),
            "known_at": instants(settings.start, known),
        },
    )
    shown = _Shown(invoice_ids, instants(settings.start, occurred), instants(settings.start, known), rows)
    lines = _lines_frame(
        [
            shown.line(
                charged_amount > 0,
                charged_amount,
                ChargeKind.LINE_HAUL,
                None,
                quantity=charged.quantity,
                basis=np.where(charged.by_weight, RateBasis.KILOGRAM.value, RateBasis.SHIPMENT.value),
                rate_minor=charged.rate_minor,
                rate_per=np.where(charged.by_weight, RATE_PER_KG, 1.0),
                weight_kg=charged_weight,
            ),
            shown.line(
                charged.off > 0,
                -charged.off,
                ChargeKind.DISCOUNT,
                DISCOUNT,
                basis=np.full(count, RateBasis.PERCENT.value),
                percent=charged_discount,
            ),
            shown.line(
                charged_fuel > 0,
                charged_fuel,
                ChargeKind.FUEL,
                "FSC",
                basis=np.full(count, RateBasis.PERCENT.value),
                percent=charged_pct,
            ),
            shown.accessorial(charged_hours, DETENTION_MINOR_PER_HOUR, DETENTION, RateBasis.HOUR),
            shown.accessorial(charged_again, REDELIVERY_MINOR, REDELIVERY, RateBasis.SHIPMENT),
            shown.accessorial(charged_asked, NOTIFICATION_MINOR, NOTIFICATION, RateBasis.SHIPMENT),
        ]
    )
    references = frame(
        "references",
        {
            "subject": np.full(len(rows), Subject.INVOICE.value),
            "subject_id": invoice_ids,
            "known_at": instants(settings.start, known),
            "kind": np.full(len(rows), ReferenceKind.PRO.value),
            "value": np.char.add(names, np.char.lstrip(shipment_ids[shipment], "S")),
        },
    )
    overcharge = np.where(second, total[rows], total[rows] - owed[rows])
    wrong = (error[rows] != "") & ((error[rows] != "duplicate_invoice") | second) & (overcharge != 0)
    truth = typed(
        TRUTH_SCHEMA,
        {"invoice_id": invoice_ids[wrong], "error": error[rows][wrong], "overcharge_minor": overcharge[wrong]},
    )
    return Invoices(invoices, lines, references, truth)


def _errors(settings: SimulationSettings, count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    names, shares = list(ERROR_SHARES), np.array(list(ERROR_SHARES.values()))
    drawn = rng.choice(np.array(names), size=count, p=shares / shares.sum())
    return np.where(rng.random(count) < settings.invoice_error_share, drawn, "")


def _haul(weight: Floats, rates: Ints, minimum: Ints, discount_pct: Floats) -> _Haul:
    """Charge the cheapest of the shipment's own weight break and the least weights of the heavier ones.

    Weights are tenths of a kilogram and discounts tenths of a percent, so that whole numbers hold every amount.
    """
    tenths = np.round(weight * 10).astype(np.int64)[:, None]
    billed = np.maximum(tenths, np.round(BREAKS_FROM_KG * 10).astype(np.int64))
    until = np.nan_to_num(np.round(BREAKS_UNTIL_KG * 10), nan=np.inf)
    scale = round(10 * RATE_PER_KG)
    costs = np.where(tenths <= until, (2 * rates * billed + scale) // (2 * scale), np.iinfo(np.int64).max)
    chosen = np.argmin(np.maximum(costs, minimum[:, None]), axis=1)
    row = np.arange(len(weight))
    cost, units, rate = costs[row, chosen], billed[row, chosen], rates[row, chosen]
    kept = 1000 - np.round(discount_pct * 10).astype(np.int64)
    net = np.maximum((2 * rate * units * kept + 1000 * scale) // (2 * 1000 * scale), minimum)
    amount = np.maximum(cost, minimum)
    by_weight = cost >= minimum
    return _Haul(
        amount=amount,
        off=amount - net,
        quantity=np.where(by_weight, units / 10, 1.0),
        rate_minor=np.where(by_weight, rate, minimum),
        by_weight=by_weight,
    )


def _percent(amount: Ints, percent: Floats) -> Ints:
    """Return the percent of amounts, rounded half up; percents have one decimal."""
    return np.asarray((2 * amount * np.round(10 * percent).astype(np.int64) + 1000) // 2000, dtype=np.int64)


def _changed(amount: Ints, chosen: Flags, factor: Floats) -> Ints:
    return np.where(chosen, np.round(amount * factor).astype(np.int64), amount)


def _longest_lane() -> Ints:
    """Return for each lane the longest one from the same warehouse."""
    network = lanes()
    return np.array(
        [
            max(
                (place for place, other in enumerate(network) if other.origin == lane.origin),
                key=lambda place: network[place].distance_km,
            )
            for lane in network
        ]
    )


def _dearest_before(fuel_pct: Floats, carrier: Ints, week: Ints, weeks_back: Ints) -> Floats:
    """Return the highest surcharge of the weeks before, so many of them; 0 in the first week."""
    dearest = np.zeros(len(week))
    for back in range(1, int(weeks_back.max(initial=0)) + 1):
        there = (back <= weeks_back) & (week >= back)
        dearest = np.where(there, np.maximum(dearest, fuel_pct[carrier, np.maximum(week - back, 0)]), dearest)
    return dearest


def _numbers(rows: Ints, second: Flags, count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return the carriers' numbers: a duplicate comes under the same one, one with a suffix, or a new one."""
    numbers = np.array([f"{500_000 + row}" for row in rows.tolist()], dtype="U12")
    how = rng.integers(3, size=len(rows))
    suffixed = np.char.add(numbers, "-1")
    fresh = np.array([f"{500_000 + count + place}" for place in range(len(rows))], dtype="U12")
    return np.select([second & (how == 1), second & (how == 2)], [suffixed, fresh], numbers)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The invoices that lines are shown on; `rows` says which bill each of them is for."""

    invoice_ids: NDArray[np.str_]
    occurred_at: NDArray[np.datetime64]
    known_at: NDArray[np.datetime64]
    rows: Ints

    def line(
        self, there: Flags, amount: Ints, kind: ChargeKind, code: str | None, **columns: NDArray[np.generic]
    ) -> pd.DataFrame:
        """Return one line on each invoice whose bill has it."""
        chosen = np.flatnonzero(there[self.rows])
        of = self.rows[chosen]
        return pd.DataFrame(
            {
                "invoice_id": self.invoice_ids[chosen],
                "position": chosen,
                "kind": kind.value,
                "charge_code": code,
                "amount_minor": amount[of],
                "occurred_at": self.occurred_at[chosen],
                "known_at": self.known_at[chosen],
                **{name: values[of] for name, values in columns.items()},
            }
        )

    def accessorial(self, times: Ints, rate_minor: int, code: str, basis: RateBasis) -> pd.DataFrame:
        """Return a line for a charge that is owed so many times."""
        return self.line(
            times > 0,
            times * rate_minor,
            ChargeKind.ACCESSORIAL,
            code,
            quantity=times.astype(np.float64),
            basis=np.full(len(times), basis.value),
            rate_minor=np.full(len(times), rate_minor),
        )


def _lines_frame(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the lines of each invoice together and number them."""
    lines = pd.concat(parts, ignore_index=True).sort_values("position", kind="stable", ignore_index=True)
    lines["line_number"] = lines.groupby("position").cumcount() + 1
    lines["rate_per"] = lines["rate_per"].fillna(1.0)
    lines["currency"] = "EUR"
    for column in ("occurred_at", "known_at"):
        lines[column] = lines[column].dt.tz_localize("UTC")
    return frame("invoice_lines", {name: lines[name] for name in lines.columns if name != "position"})
