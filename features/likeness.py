"""Features of an invoice beside other carriers' bills and the carrier's own: what looks odd without any contract.

A repeat under another number and other references agrees with an earlier bill in its facts. A carrier that misapplies a
charge shows it on more of its bills than others do. A surcharge of the wrong week differs from those of the same week.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.amounts import exact, half_up
from features.as_known import counts_from
from features.billing import PARTS, UNKNOWN, Bill
from features.declaration import Feature
from features.duplicates import in_order_of_arrival
from features.history import WINDOWS
from features.instants import micros
from features.invoice_records import FreightInvoice
from features.invoice_vocabulary import ChargeKind, InvoiceKind
from features.timeline import Ints, Timeline

_OWNER, _SOURCE = "freight audit", "freight_invoices, invoice_lines"
TWIN_WITHIN = timedelta(days=90)
TWIN_FACTS = ("currency", "origin", "destination", "weight_kg", "pieces", "delivered_at")
CLOSE = 0.05
"""Totals of two bills that are no further apart than this share of the larger one are near each other."""
PSEUDO_BILLS = 20.0
PEERS = 5

FEATURES = (
    Feature("twins_before", "invoices", "bills of the carrier for another shipment with the same weight, pieces, lane, "
            "delivery and total before", _SOURCE, _OWNER, "90d"),
    Feature("near_twins_before", "invoices", "the same, with a total up to 5 % apart", _SOURCE, _OWNER, "90d"),
    Feature("repeated_lines_minor", "minor units", "lines that repeat another one of the bill in all but the number",
            _SOURCE, _OWNER),
    Feature("fuel_arithmetic_minor", "minor units", "fuel surcharge above its stated percentage of the line haul less "
            "discounts", _SOURCE, _OWNER),
    Feature("fuel_pct_beside_peers", "% points", "stated fuel surcharge less the median of bills of the same mode and "
            "week of departure", "freight_invoices, invoice_lines, shipments, stops", _OWNER),
    Feature("rarest_charge_share_90d", "share", "share of all carriers' bills with the rarest charge beside freight of "
            "this one; 1 if it has none", _SOURCE, _OWNER, "90d"),
    Feature("charge_rise_28d", "ratio", "how many times more often the carrier bills a charge of this bill than all "
            "carriers do; the largest", _SOURCE, _OWNER, "28d"),
)  # fmt: skip


def values(bills: Sequence[Bill]) -> NDArray[np.float64]:
    """Return the features of each bill: float64 [n, len(FEATURES)]; only bills that came before count."""
    rarest, rise = _charges(bills)
    own = np.array([(_repeated(bill), _fuel_arithmetic(bill)) for bill in bills]).reshape(len(bills), 2)
    return np.column_stack([_twins(bills), own, _fuel_beside_peers(bills), rarest, rise])


def _twins(bills: Sequence[Bill]) -> NDArray[np.float64]:
    row_of = {bill.invoice.invoice_id: row for row, bill in enumerate(bills)}
    found = np.zeros((len(bills), 2))
    before: dict[tuple[object, ...], list[tuple[datetime, FreightInvoice, int]]] = defaultdict(list)
    for invoice in in_order_of_arrival(bill.invoice for bill in bills):
        if invoice.kind is not InvoiceKind.ORIGINAL or invoice.weight_kg is None:
            continue
        row = row_of[invoice.invoice_id]
        arrived, total = counts_from(invoice), bills[row].total_minor
        same = before[invoice.carrier_id, *(getattr(invoice, name) for name in TWIN_FACTS)]
        for when, other, amount in same:
            is_other = invoice.shipment_id is None or other.shipment_id != invoice.shipment_id
            if is_other and arrived - when < TWIN_WITHIN:
                found[row, 0] += amount == total
                found[row, 1] += abs(amount - total) <= CLOSE * max(abs(amount), abs(total))
        same.append((arrived, invoice, total))
    return found


def _repeated(bill: Bill) -> float:
    seen: set[tuple[object, ...]] = set()
    found = 0
    for line in bill.lines:
        key = tuple(sorted((name, str(value)) for name, value in line.model_dump(exclude={"line_number"}).items()))
        found += line.amount_minor if key in seen else 0
        seen.add(key)
    return float(found)


def _fuel_arithmetic(bill: Bill) -> float:
    fuel = [line for line in bill.lines if line.kind is ChargeKind.FUEL]
    if not fuel or any(line.percent is None for line in fuel):
        return UNKNOWN
    net = sum(line.amount_minor for line in bill.lines if line.kind in PARTS["line_haul"])
    return float(sum(line.amount_minor - half_up(net * exact(line.percent or 0) / 100) for line in fuel))


def _fuel_beside_peers(bills: Sequence[Bill]) -> NDArray[np.float64]:
    row_of = {bill.invoice.invoice_id: row for row, bill in enumerate(bills)}
    found = np.full(len(bills), UNKNOWN)
    before: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for invoice in in_order_of_arrival(bill.invoice for bill in bills):
        row = row_of[invoice.invoice_id]
        bill = bills[row]
        percents = [line.percent for line in bill.lines if line.kind is ChargeKind.FUEL and line.percent is not None]
        departs = bill.shipment.planned_departure_at if bill.shipment is not None else None
        if len(percents) != 1 or bill.shipment is None or departs is None:
            continue
        peers = before[bill.shipment.mode, departs.isocalendar()[:2]]
        if len(peers) >= PEERS:
            found[row] = percents[0] - median(peers)
        insort(peers, percents[0])
    return found


def _charges(bills: Sequence[Bill]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how rare the rarest charge of each bill is, and how much more often than others its carrier bills one."""
    rarest, rise = np.ones(len(bills)), np.ones(len(bills))
    pairs = [
        (row, code)
        for row, bill in enumerate(bills)
        for code in sorted({line.charge_code or "" for line in bill.lines if line.kind in PARTS["accessorial"]})
    ]
    if not pairs:
        return rarest, rise
    rows: Ints = np.array([row for row, _ in pairs], dtype=np.int64)
    arrived: Ints = np.array([micros(bill.cutoff) for bill in bills], dtype=np.int64)
    carriers = [bill.invoice.carrier_id for bill in bills]
    of_code = _codes([code for _, code in pairs])
    of_both = _codes([f"{carriers[row]}\x1f{code}" for row, code in pairs])
    of_carrier, all_bills = _codes(carriers), np.zeros(len(bills), dtype=np.int64)

    def counted(keys: Ints, when: Ints, asked_keys: Ints) -> NDArray[np.float64]:
        # Known an instant after the arrival: an invoice is no past of itself.
        timeline = Timeline(keys, when, when + 1, [WINDOWS["28d"], WINDOWS["90d"]], ())
        return timeline.at(asked_keys, arrived[rows])[:, :, 0].astype(np.float64)

    with_code, with_both = (counted(keys, arrived[rows], keys) for keys in (of_code, of_both))
    by_carrier, by_all = (counted(keys, arrived, keys[rows]) for keys in (of_carrier, all_bills))
    share = (with_code[:, 1] + 1.0) / (by_all[:, 1] + PSEUDO_BILLS)
    own = (with_both[:, 0] + PSEUDO_BILLS * share) / (by_carrier[:, 0] + PSEUDO_BILLS)
    np.minimum.at(rarest, rows, share)
    np.maximum.at(rise, rows, own / share)
    return rarest, rise


def _codes(keys: Sequence[str]) -> Ints:
    return np.asarray(pd.factorize(pd.Series(keys, dtype=object))[0], dtype=np.int64)
