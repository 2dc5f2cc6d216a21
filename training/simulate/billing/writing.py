"""Writing bills: the right one, or a wrong one in its place or beside it, and the truth about those that are wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from features.fields import Record
from features.invoice_records import FreightInvoice
from features.invoice_vocabulary import ChargeKind, InvoiceKind, PaymentMethod
from training.simulate.billing.loads import PAYERS, Load
from training.simulate.billing.settings import PaperShares
from training.simulate.billing.sheet import Row, written
from training.simulate.billing.spoiling import Kind, Spoilt, total

BILLED_LATER = ("DET", "RDL", "ADC")
"""Charges that a right further bill may hold."""


def write_bill(
    papers: Papers, shares: PaperShares, load: Load, error: tuple[Kind, Spoilt] | None, rng: np.random.Generator
) -> None:
    """Write the papers of one load: the right bill, or a wrong one in its place or beside it."""
    kind, spoilt = error if error is not None else (None, None)
    told = spoilt.told if spoilt is not None and spoilt.told is not None else load.told
    papers.records += told
    papers.records += spoilt.events if spoilt is not None and spoilt.events is not None else load.events
    sheet = load.sheet
    if sheet.fuel_pct is not None and rng.random() < shares.rounded_otherwise_share:
        sheet = replace(sheet, fuel_off_by=int(rng.choice([-1, 1])))
    if kind is None or spoilt is None or spoilt.is_second:
        _right_bill(papers, shares, load, sheet.rows(), rng, plain=spoilt is not None)
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


def _right_bill(
    papers: Papers, shares: PaperShares, load: Load, rows: list[Row], rng: np.random.Generator, *, plain: bool
) -> None:
    """Write a right bill: mostly one paper, now and then in two parts, or cancelled and written anew."""
    drawn = 1.0 if plain else rng.random()
    beside = [row for row in rows if row.get("charge_code") in BILLED_LATER]
    if drawn < shares.supplement_share and beside and not load.sheet.tax_pct:
        papers.write(load, [row for row in rows if row not in beside])
        papers.write(load, beside, {"kind": InvoiceKind.BALANCE_DUE}, timedelta(days=6), is_second=True)
    elif drawn < shares.supplement_share + shares.replaced_share:
        papers.write(load, rows)
        negative = [{"kind": ChargeKind.OTHER, "amount_minor": -total(rows)}]
        heading = {"kind": InvoiceKind.CANCELLATION, "number": "same"}
        papers.write(load, negative, heading, timedelta(days=3), is_second=True)
        papers.write(load, rows, {}, timedelta(days=4), is_second=True)
    else:
        papers.write(load, rows)


class Papers:
    """The records as they are written, and the truth."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.truth: list[dict[str, Any]] = []
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
