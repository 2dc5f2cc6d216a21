"""A year of invoices on a recorded rate card, some with an injected and recorded error.

Recorded are the rates with their contradictions, lanes and services, and the weights; generated are dates, fuel weeks,
terms beside the rate card, events, papers, and the errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.fields import Record
from features.invoice_records import CarrierRate, FreightInvoice
from features.tables import RecordTables, records_of, shipments_of
from features.vocabulary import ChargeKind, InvoiceKind, PaymentMethod
from training.simulate.billing.agreed import accessorials, fuel_weeks, rates_with_fuel
from training.simulate.billing.errors import CHARGE_KINDS
from training.simulate.billing.loads import PAYERS, Agreed, Load, loads
from training.simulate.billing.papers import PAPER_KINDS
from training.simulate.billing.settings import BillingSettings
from training.simulate.billing.sheet import Row, written
from training.simulate.billing.spoiling import Kind, Spoilt, total
from training.simulate.frames import typed

KINDS: tuple[Kind, ...] = (*CHARGE_KINDS, *PAPER_KINDS)
TRUTH_SCHEMA = pa.schema(
    {
        "invoice_id": pa.string(),
        "error": pa.string(),
        "kind": pa.string(),
        "overcharge_minor": pa.int64(),
        "is_shown": pa.bool_(),
        "is_novel": pa.bool_(),
    }
)
"""One row for each wrong invoice and class that it falls into; the overcharge stands in the first of these."""
TRUTH_FILE = "invoice_truth.parquet"
HABIT = "attempt_invented"
HABIT_SHARE = 0.2
"""A carrier with a habit misapplies one charge on a fifth of its bills, for a while."""
BILLED_LATER = ("DET", "RDL", "ADC")
"""Charges that a right further bill may hold."""
_TRIES = 8


@dataclass(frozen=True, slots=True)
class BilledYear:
    """The tables, and the truth about the invoices that are wrong."""

    tables: RecordTables
    truth: pd.DataFrame

    def write(self, folder: Path) -> None:
        """Write the tables, and the truth beside them."""
        self.tables.write(folder)
        pq.write_table(pa.Table.from_pandas(self.truth, schema=TRUTH_SCHEMA), folder / TRUTH_FILE, compression="zstd")


def bill_year(
    settings: BillingSettings, recorded: RecordTables, delivery_weights: NDArray[np.float64], rng: np.random.Generator
) -> BilledYear:
    """Make the invoices.

    Parameters
    ----------
    recorded
        Carrier rates and orders as shipments, of a recorded rate card.
    delivery_weights
        Weights of recorded deliveries, in kg.
    """
    rates = rates_with_fuel(records_of(recorded, CarrierRate))
    carriers = sorted({rate.carrier_id for rate in rates})
    agreed_at = min(rate.valid_from for rate in rates)
    terms = accessorials(carriers, rates[0].currency or "USD", agreed_at)
    agreed = Agreed.of(rates, fuel_weeks(settings, rng), terms)
    orders = list(shipments_of(recorded))
    made = loads(settings, agreed, orders, delivery_weights, rng)
    papers = _Papers(settings)
    for load in made:
        _bill(papers, settings, agreed, load, rng)
    records: list[Record] = [*agreed.rates, *agreed.fuel, *agreed.accessorials, *papers.records]
    truth = typed(TRUTH_SCHEMA, {name: [row[name] for row in papers.truth] for name in TRUTH_SCHEMA.names})
    return BilledYear(RecordTables.from_records(records), truth)


def _bill(papers: _Papers, settings: BillingSettings, agreed: Agreed, load: Load, rng: np.random.Generator) -> None:
    """Write the papers of one load: the right bill, or a wrong one in its place or beside it."""
    found = _error(settings, agreed, load, rng)
    kind, spoilt = found if found is not None else (None, None)
    told = spoilt.told if spoilt is not None and spoilt.told is not None else load.told
    papers.records += told
    papers.records += spoilt.events if spoilt is not None and spoilt.events is not None else load.events
    sheet = load.sheet
    if sheet.fuel_pct is not None and rng.random() < settings.rounded_otherwise_share:
        sheet = replace(sheet, fuel_off_by=int(rng.choice([-1, 1])))
    if kind is None or spoilt is None or spoilt.is_second:
        _right_bill(papers, settings, load, sheet.rows(), rng, plain=spoilt is not None)
    if kind is not None and spoilt is not None:
        asked = int(spoilt.heading.get("total_minor", total(spoilt.rows)))
        over = spoilt.overcharge_minor
        if over is None:
            over = asked if spoilt.is_second else asked - total(load.sheet.rows())
        invoice_id = papers.write(load, spoilt.rows, spoilt.heading, spoilt.later, is_second=spoilt.is_second)
        for place, label in enumerate((kind.label, *spoilt.also)):
            papers.truth.append(
                {
                    "invoice_id": invoice_id,
                    "error": label.value,
                    "kind": kind.name,
                    "overcharge_minor": 0 if place else over,
                    "is_shown": kind.is_shown or bool(place),
                    "is_novel": kind.is_novel,
                }
            )


def _error(
    settings: BillingSettings, agreed: Agreed, load: Load, rng: np.random.Generator
) -> tuple[Kind, Spoilt] | None:
    """Return an error for a load, None for most. A kind that changes nothing on it gives way to another."""
    days = (load.shipment.stops[0].planned_at or settings.start) - settings.start
    is_late = days >= timedelta(days=settings.novel_after_days)
    if _has_habit(settings, agreed, load, days) and rng.random() < HABIT_SHARE:
        kind = next(kind for kind in KINDS if kind.name == HABIT)
        spoilt = kind.spoil(load, agreed, rng)
        return None if spoilt is None else (kind, spoilt)
    if rng.random() >= settings.error_share:
        return None
    open_kinds = [kind for kind in KINDS if is_late or not kind.is_novel]
    weights = np.array([kind.weight for kind in open_kinds])
    for place in rng.choice(len(open_kinds), size=_TRIES, p=weights / weights.sum()).tolist():
        spoilt = open_kinds[place].spoil(load, agreed, rng)
        if spoilt is not None:
            return open_kinds[place], spoilt
    return None


def _has_habit(settings: BillingSettings, agreed: Agreed, load: Load, since: timedelta) -> bool:
    """Tell whether the load's carrier misapplies a charge at the time: one in the fourth tenth, one towards the end."""
    carriers = sorted({rate.carrier_id for rate in agreed.rates})
    share = since / timedelta(days=settings.days)
    return any(
        load.shipment.carrier_id == carriers[place % len(carriers)] and low <= share < high
        for place, low, high in ((4, 0.3, 0.4), (8, 0.8, 0.92))
    )


def _right_bill(
    papers: _Papers, settings: BillingSettings, load: Load, rows: list[Row], rng: np.random.Generator, *, plain: bool
) -> None:
    """Write a right bill: mostly one paper, now and then in two parts, or cancelled and written anew."""
    drawn = 1.0 if plain else rng.random()
    beside = [row for row in rows if row.get("charge_code") in BILLED_LATER]
    if drawn < settings.supplement_share and beside and not load.sheet.tax_pct:
        papers.write(load, [row for row in rows if row not in beside])
        papers.write(load, beside, {"kind": InvoiceKind.BALANCE_DUE}, timedelta(days=6), is_second=True)
    elif drawn < settings.supplement_share + settings.replaced_share:
        papers.write(load, rows)
        negative = [{"kind": ChargeKind.OTHER, "amount_minor": -total(rows)}]
        heading = {"kind": InvoiceKind.CANCELLATION, "number": "same"}
        papers.write(load, negative, heading, timedelta(days=3), is_second=True)
        papers.write(load, rows, {}, timedelta(days=4), is_second=True)
    else:
        papers.write(load, rows)


class _Papers:
    """The records as they are written, and the truth."""

    def __init__(self, settings: BillingSettings) -> None:
        self.records: list[Record] = []
        self.truth: list[dict[str, Any]] = []
        self._settings = settings
        self._written = 0
        self._by_carrier: dict[str, int] = defaultdict(int)
        self._last_number = ""

    def write(
        self,
        load: Load,
        rows: Sequence[Row],
        heading: dict[str, Any] | Any = None,
        later: timedelta = timedelta(),
        *,
        is_second: bool = False,
    ) -> str:
        """Write an invoice with its lines and return its identity."""
        given = dict(heading or {})
        plan, self._written = load.shipment, self._written + 1
        invoice_id = f"I{self._written:06d}"
        number = self._number(plan.carrier_id, given.pop("number", None), is_second=is_second)
        asked = given.get("total_minor", total(list(rows)))
        billed_at, known_at = load.billed_at + later, load.known_at + later
        currency = load.expected.currency or "USD"
        usual = {
            "invoice_id": invoice_id,
            "invoice_number": number,
            "carrier_id": plan.carrier_id,
            "shipment_id": plan.shipment_id,
            "kind": InvoiceKind.ORIGINAL,
            "payment": PaymentMethod.PREPAID,
            "bill_to": PAYERS[0],
            "due_at": billed_at + timedelta(days=30),
            "delivered_at": load.delivered_at,
            "service_id": plan.service_id,
            "mode": plan.mode,
            "origin": plan.origin,
            "destination": plan.destination,
            "weight_kg": plan.weight_kg,
            "pieces": plan.pieces,
            "total_minor": asked,
            "net_due_minor": asked,
            "currency": currency,
            "references": [{"kind": "pro", "value": f"{plan.carrier_id}-{plan.shipment_id}"}],
            "occurred_at": billed_at,
            "known_at": known_at,
        }
        invoice = FreightInvoice.model_validate(usual | given)
        money = invoice.currency or currency
        self.records += [invoice, *written(list(rows), invoice_id, money, billed_at, known_at)]
        return invoice_id

    def _number(self, carrier: str, how: str | None, *, is_second: bool) -> str:
        if is_second and how == "same":
            return self._last_number
        if is_second and how == "suffix":
            return f"{self._last_number}-1"
        self._by_carrier[carrier] += 1
        self._last_number = f"{carrier[-1]}{500_000 + 7 * self._by_carrier[carrier]}"
        return self._last_number
