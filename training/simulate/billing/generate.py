"""A year of invoices on a recorded rate card, some with an injected and recorded error.

Recorded are the rates with their contradictions, lanes and services, and the weights; generated are dates, fuel weeks,
terms beside the rate card, events, papers, and the errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.arrow import arrow_table
from features.fields import Record
from features.invoice_records import CarrierRate
from features.tables import RecordTables, records_of, shipments_of
from training.simulate.billing.agreed import accessorials, fuel_weeks, rates_with_fuel
from training.simulate.billing.errors import CHARGE_KINDS
from training.simulate.billing.haul_errors import HAUL_KINDS
from training.simulate.billing.loads import Agreed, Load, loads
from training.simulate.billing.papers import PAPER_KINDS
from training.simulate.billing.settings import BillingSettings
from training.simulate.billing.spoiling import Kind, Spoilt
from training.simulate.billing.writing import Papers, write_bill
from training.simulate.frames import typed

KINDS: tuple[Kind, ...] = (*HAUL_KINDS, *CHARGE_KINDS, *PAPER_KINDS)
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
_TRIES = 8


@dataclass(frozen=True, slots=True)
class BilledYear:
    """The tables, and the truth about the invoices that are wrong."""

    tables: RecordTables
    truth: pd.DataFrame

    def write(self, folder: Path) -> None:
        """Write the tables, and the truth beside them."""
        self.tables.write(folder)
        pq.write_table(arrow_table(self.truth, TRUTH_SCHEMA), folder / TRUTH_FILE, compression="zstd")


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
    papers = Papers()
    for load in made:
        write_bill(papers, settings, load, _error(settings, agreed, load, rng), rng)
    return with_truth([*agreed.rates, *agreed.fuel, *agreed.accessorials, *papers.records], papers)


def with_truth(records: Iterable[Record], papers: Papers) -> BilledYear:
    """Put the records and the truth together as tables."""
    truth = typed(TRUTH_SCHEMA, {name: [row[name] for row in papers.truth] for name in TRUTH_SCHEMA.names})
    return BilledYear(RecordTables.from_records(records), truth)


def drawn_error(
    kinds: Sequence[Kind], load: Load, agreed: Agreed, rng: np.random.Generator
) -> tuple[Kind, Spoilt] | None:
    """Draw an error for a load by the weights of the kinds; one that changes nothing on it gives way to another."""
    weights = np.array([kind.weight for kind in kinds])
    for place in rng.choice(len(kinds), size=_TRIES, p=weights / weights.sum()).tolist():
        spoilt = kinds[place].spoil(load, agreed, rng)
        if spoilt is not None:
            return kinds[place], spoilt
    return None


def _error(
    settings: BillingSettings, agreed: Agreed, load: Load, rng: np.random.Generator
) -> tuple[Kind, Spoilt] | None:
    """Return an error for a load, None for most."""
    days = (load.shipment.stops[0].planned_at or settings.start) - settings.start
    is_late = days >= timedelta(days=settings.novel_after_days)
    if _has_habit(settings, agreed, load, days) and rng.random() < HABIT_SHARE:
        kind = next(kind for kind in KINDS if kind.name == HABIT)
        spoilt = kind.spoil(load, agreed, rng)
        return None if spoilt is None else (kind, spoilt)
    if rng.random() >= settings.error_share:
        return None
    return drawn_error([kind for kind in KINDS if is_late or not kind.is_novel], load, agreed, rng)


def _has_habit(settings: BillingSettings, agreed: Agreed, load: Load, since: timedelta) -> bool:
    """Tell whether the load's carrier misapplies a charge at the time: one in the fourth tenth, one towards the end."""
    carriers = sorted({rate.carrier_id for rate in agreed.rates})
    share = since / timedelta(days=settings.days)
    return any(
        load.shipment.carrier_id == carriers[place % len(carriers)] and low <= share < high
        for place, low, high in ((4, 0.3, 0.4), (8, 0.8, 0.92))
    )
