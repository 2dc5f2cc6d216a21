"""Kinds of error of a bill as a paper: sent twice, to others, too late, for nothing, without what names the load."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from features.invoice_vocabulary import Discrepancy
from features.vocabulary import EventStatus
from training.simulate.billing.loads import Agreed, Load
from training.simulate.billing.spoiling import Kind, Spoilt, factor, total

Rng = np.random.Generator


def _repeat(load: Load, rng: Rng, **heading: Any) -> Spoilt:
    return Spoilt(load.sheet.rows(), heading, is_second=True, later=timedelta(days=factor(rng, 2, 40)))


def sent_again(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    return _repeat(load, rng, number="same")


def sent_again_with_suffix(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    return _repeat(load, rng, number="suffix")


def sent_again_under_a_new_number(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    return _repeat(load, rng)


def sent_again_as_another(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    """New number, new references, no shipment: only that it looks like an earlier one gives it away."""
    other = f"{rng.integers(10**8, 10**9)}"
    references = [{"kind": "pro", "value": f"X{other}"}]
    spoilt = _repeat(load, rng, shipment_id=None, references=references, invoice_number=f"R{other}")
    return replace(spoilt, also=(Discrepancy.NO_SHIPMENT_MATCH,))


def billed_twice_in_part(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    if not load.sheet.beside or load.sheet.tax_pct:
        return None
    row = {"kind": "accessorial", **load.sheet.beside[int(rng.integers(len(load.sheet.beside)))]}
    return Spoilt([row], {"kind": "balance_due"}, is_second=True, later=timedelta(days=factor(rng, 4, 30)))


def never_carried(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt:
    first = load.events[0]
    at = (load.shipment.planned_departure_at or first.occurred_at) - timedelta(hours=5)
    cancelled = first.model_copy(
        update={
            "status": EventStatus.CANCELLED,
            "raw_status": None,
            "occurred_at": at,
            "known_at": at + timedelta(hours=1),
        }
    )
    rows = load.sheet.rows()
    return Spoilt(rows, {"delivered_at": None}, events=(cancelled,), overcharge_minor=total(rows))


def to_another_payer(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt:
    rows = load.sheet.rows()
    return Spoilt(rows, {"bill_to": "CONSIGNEE"}, overcharge_minor=total(rows))


def long_after(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    rows = load.sheet.rows()
    return Spoilt(rows, overcharge_minor=total(rows), later=timedelta(days=factor(rng, 182, 240)))


def in_other_money(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt:
    return Spoilt(load.sheet.rows(), {"currency": "EUR"}, overcharge_minor=0)


def without_any_number(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt:
    return Spoilt(load.sheet.rows(), {"shipment_id": None, "references": []}, overcharge_minor=0)


def of_no_such_shipment(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    return Spoilt(load.sheet.rows(), {"shipment_id": f"Z{rng.integers(10**6)}"}, overcharge_minor=0)


def of_no_known_delivery(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt | None:
    if any(row["charge_code"] == "DET" for row in load.sheet.beside) or any(
        code == "GTD" for code, _, _ in load.sheet.discounts
    ):
        return None
    ends = (EventStatus.DELIVERED, EventStatus.DELIVERY_ARRIVED)
    events = tuple(event for event in load.events if event.status not in ends)
    return Spoilt(load.sheet.rows(), events=events, overcharge_minor=0)


def of_no_rate(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt:
    first = load.shipment.stops[0].model_copy(update={"place": "PORT99"})
    plan = load.shipment.model_copy(update={"stops": (first, *load.shipment.stops[1:])})
    return Spoilt(load.sheet.rows(), {"origin": "PORT99"}, told=(plan,), overcharge_minor=0)


D = Discrepancy
PAPER_KINDS = (
    Kind("sent_again", D.DUPLICATE_INVOICE, 2, sent_again, "the same bill again"),
    Kind("sent_again_with_suffix", D.DUPLICATE_INVOICE, 2, sent_again_with_suffix, "again, with a suffix"),
    Kind("sent_again_under_a_new_number", D.DUPLICATE_INVOICE, 2, sent_again_under_a_new_number, "again, other number"),
    Kind("billed_twice_in_part", D.BALANCE_DUE_REBILL, 3, billed_twice_in_part, "a further bill for what was billed"),
    Kind("never_carried", D.SERVICE_NOT_RENDERED, 1, never_carried, "bill for a cancelled load"),
    Kind("to_another_payer", D.WRONG_BILL_TO, 1, to_another_payer, "bill that another is to pay"),
    Kind("long_after", D.LATE_BILLED, 1, long_after, "bill of more than 180 days after the delivery"),
    Kind("in_other_money", D.CURRENCY, 1, in_other_money, "in another currency than agreed"),
    Kind("without_any_number", D.MISSING_REFERENCE, 1, without_any_number, "names no load"),
    Kind("of_no_such_shipment", D.NO_SHIPMENT_MATCH, 1, of_no_such_shipment, "names a load that does not exist"),
    Kind("of_no_known_delivery", D.NO_POD, 1, of_no_known_delivery, "no delivery is known"),
    Kind("of_no_rate", D.RATE_NOT_ON_FILE, 1, of_no_rate, "no rate is agreed for the lane"),
    Kind("sent_again_as_another", D.DUPLICATE_INVOICE, 6, sent_again_as_another, "again, other number and references",
         is_shown=False, is_novel=True),
)  # fmt: skip
