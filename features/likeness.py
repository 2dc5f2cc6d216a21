"""Features of an invoice beside other carriers' bills and the carrier's own: what looks odd without any contract.

A repeat under another number and other references agrees with an earlier bill in its facts. A carrier that misapplies a
charge shows it on more of its bills than others do. A surcharge of the wrong week differs from those of the same week.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.amounts import exact, half_up
from features.billing import PARTS, UNKNOWN, Bill
from features.declaration import Feature
from features.duplicates import Order, order_of
from features.history import WINDOWS
from features.instants import micros
from features.invoice_records import FreightInvoice, InvoiceLine
from features.invoice_vocabulary import ChargeKind, InvoiceKind
from features.records import Shipment
from features.timeline import Ints, Timeline

_OWNER, _SOURCE = "freight audit", "freight_invoices, invoice_lines"
TWIN_WITHIN = timedelta(days=90)
TWIN_FACTS = ("currency", "origin", "destination", "weight_kg", "pieces", "delivered_at")
CLOSE = 0.05
"""Totals of two bills that are no further apart than this share of the larger one are near each other."""
PSEUDO_BILLS = 20.0
PEERS = 5
CHARGE_WINDOWS = (WINDOWS["28d"], WINDOWS["90d"])
_TWIN_WITHIN = TWIN_WITHIN // timedelta(microseconds=1)

V = TypeVar("V", float, NDArray[np.float64])
Peers = tuple[str, int, int]
"""Mode, and year and week of departure."""

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
    own = np.array([own_values(bill) for bill in bills]).reshape(len(bills), 2)
    twins, peers = Twins(), FuelPeers()
    for bill in bills:
        twins.take(bill.invoice)
        peers.take(bill)
    beside = np.array([(*twins.values(bill.invoice), peers.value(bill)) for bill in bills]).reshape(len(bills), 3)
    return np.column_stack([beside[:, :2], own, beside[:, 2], rarest, rise])


def own_values(bill: Bill) -> tuple[float, float]:
    """Return what needs no other bill: the repeated lines, and the arithmetic of the fuel surcharge."""
    return _repeated(bill), _fuel_arithmetic(bill)


class Twins:
    """Bills by the facts that a repeat under other numbers and references has in common with them.

    They may be taken in in any order; whoever asks is answered from those that came in before.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[object, ...], list[tuple[Order, str | None, int]]] = {}

    def take(self, invoice: FreightInvoice) -> None:
        """Take an invoice in, once."""
        if _has_facts(invoice):
            group = self._groups.setdefault(_facts(invoice), [])
            insort(group, (order_of(invoice), invoice.shipment_id, invoice.comes_to_minor), key=_order)

    def values(self, invoice: FreightInvoice) -> tuple[float, float]:
        """Return how many earlier bills for another shipment agree, in all and but for a total that is near."""
        same, near = 0, 0
        if not _has_facts(invoice):
            return 0.0, 0.0
        order, total = order_of(invoice), invoice.comes_to_minor
        group = self._groups.get(_facts(invoice), [])
        for before, shipment_id, amount in group[: bisect_left(group, order, key=_order)]:
            is_other = invoice.shipment_id is None or shipment_id != invoice.shipment_id
            if is_other and order[0] - before[0] < _TWIN_WITHIN:
                same += amount == total
                near += abs(amount - total) <= CLOSE * max(abs(amount), abs(total))
        return float(same), float(near)


class FuelPeers:
    """Stated fuel surcharges of bills by mode and week of departure.

    They may be taken in in any order; whoever asks is answered from those that came in before.
    """

    def __init__(self) -> None:
        self._groups: dict[Peers, tuple[list[Order], list[float]]] = {}

    def take(self, bill: Bill) -> None:
        """Take a bill in, once."""
        stated = surcharge_of(bill)
        if stated is not None:
            self.add(order_of(bill.invoice), *stated)

    def add(self, order: Order, peers: Peers, percent: float) -> None:
        """Take a surcharge in."""
        orders, percents = self._groups.setdefault(peers, ([], []))
        place = bisect_left(orders, order)
        orders.insert(place, order)
        percents.insert(place, percent)

    def remove(self, order: Order, peers: Peers) -> None:
        """Take a surcharge back."""
        orders, percents = self._groups[peers]
        place = bisect_left(orders, order)
        del orders[place], percents[place]

    def value(self, bill: Bill) -> float:
        """Return how far a bill's surcharge lies above the median of its peers; NaN where there are too few."""
        stated = surcharge_of(bill)
        if stated is None:
            return UNKNOWN
        orders, percents = self._groups.get(stated[0], ([], []))
        before = percents[: bisect_left(orders, order_of(bill.invoice))]
        return stated[1] - median(before) if len(before) >= PEERS else UNKNOWN


def surcharge_of(bill: Bill) -> tuple[Peers, float] | None:
    """Return the peers of a bill's fuel surcharge and its percentage; None where it states none, or several."""
    percents = [line.percent for line in bill.lines if line.kind is ChargeKind.FUEL and line.percent is not None]
    peers = None if bill.shipment is None else peers_of(bill.shipment)
    return (peers, percents[0]) if peers is not None and len(percents) == 1 else None


def peers_of(shipment: Shipment) -> Peers | None:
    """Return the peers of the surcharge of a shipment; None where no departure is planned."""
    departs = shipment.planned_departure_at
    if departs is None:
        return None
    year, week, _ = departs.isocalendar()
    return shipment.mode.value, year, week


def codes_of(lines: Iterable[InvoiceLine]) -> list[str]:
    """Return the codes of charges beside the freight, each once, in order."""
    return sorted({line.charge_code or "" for line in lines if line.kind in PARTS["accessorial"]})


def charge_share(with_code: V, by_all: V) -> V:
    """Return what share of all bills has a charge, with `PSEUDO_BILLS` bills without it added."""
    return (with_code + 1.0) / (by_all + PSEUDO_BILLS)


def own_share(with_both: V, by_carrier: V, share: V) -> V:
    """Return what share of a carrier's bills has a charge, as if `PSEUDO_BILLS` bills had it like those of all."""
    return (with_both + PSEUDO_BILLS * share) / (by_carrier + PSEUDO_BILLS)


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


def _charges(bills: Sequence[Bill]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how rare the rarest charge of each bill is, and how much more often than others its carrier bills one."""
    rarest, rise = np.ones(len(bills)), np.ones(len(bills))
    pairs = [(row, code) for row, bill in enumerate(bills) for code in codes_of(bill.lines)]
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
        timeline = Timeline(keys, when, when + 1, CHARGE_WINDOWS, ())
        return timeline.at(asked_keys, arrived[rows])[:, :, 0].astype(np.float64)

    with_code, with_both = (counted(keys, arrived[rows], keys) for keys in (of_code, of_both))
    by_carrier, by_all = (counted(keys, arrived, keys[rows]) for keys in (of_carrier, all_bills))
    share = charge_share(with_code[:, 1], by_all[:, 1])
    own = own_share(with_both[:, 0], by_carrier[:, 0], share)
    np.minimum.at(rarest, rows, share)
    np.maximum.at(rise, rows, own / share)
    return rarest, rise


def _has_facts(invoice: FreightInvoice) -> bool:
    return invoice.kind is InvoiceKind.ORIGINAL and invoice.weight_kg is not None


def _facts(invoice: FreightInvoice) -> tuple[object, ...]:
    return invoice.carrier_id, *(getattr(invoice, name) for name in TWIN_FACTS)


def _order(entry: tuple[Order, str | None, int]) -> Order:
    return entry[0]


def _codes(keys: Sequence[str]) -> Ints:
    return np.asarray(pd.factorize(pd.Series(keys, dtype=object))[0], dtype=np.int64)
