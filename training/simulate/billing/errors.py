"""Kinds of error on the other charges of a bill: fuel, what is beside the freight, taxes, sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from features.invoice_vocabulary import ChargeKind, Discrepancy, RateBasis
from features.vocabulary import AssertedBy, EventStatus, PartyAtFault
from training.simulate.billing.loads import Agreed, Load
from training.simulate.billing.sheet import Row, row_of
from training.simulate.billing.spoiling import Kind, Spoilt, factor, has, rerated, total

Rng = np.random.Generator


def fuel_of_another_week(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    week = load.expected.fuel_week
    if week is None:
        return None
    dearer = [
        other.surcharge_pct
        for other in agreed.fuel
        if other.fuel_index_id == week.fuel_index_id
        and timedelta() < week.valid_from - other.valid_from <= timedelta(weeks=6)
        and (other.surcharge_pct or 0) > (week.surcharge_pct or 0) + 0.4
    ]
    return _fuel(load, dearer[int(rng.integers(len(dearer)))]) if dearer else None


def fuel_of_no_table(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    week = load.expected.fuel_week
    if week is None:
        return None
    percent = round((week.surcharge_pct or 0) * factor(rng, 1.2, 1.6), 1) + 0.05  # no table has half tenths
    return _fuel(load, percent)


def _fuel(load: Load, percent: float | None) -> Spoilt | None:
    rows = replace(load.sheet, fuel_pct=percent).rows()
    return None if total(rows) == total(load.sheet.rows()) else Spoilt(rows)


def fuel_on_too_much(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt | None:
    rows = replace(load.sheet, fuel_on="gross" if load.sheet.discounts else "all").rows()
    return None if total(rows) == total(load.sheet.rows()) else Spoilt(rows)


def _beside(load: Load, row: Row) -> Spoilt:
    return Spoilt(replace(load.sheet, beside=(*load.sheet.beside, row)).rows())


def not_asked_for(load: Load, agreed: Agreed, _rng: Rng) -> Spoilt | None:
    return None if has(load, "MSG") else _beside(load, row_of(agreed.terms(load.shipment.carrier_id)["MSG"], 1))


def no_attempt(load: Load, agreed: Agreed, _rng: Rng) -> Spoilt | None:
    return None if has(load, "RDL") else _beside(load, row_of(agreed.terms(load.shipment.carrier_id)["RDL"], 1))


def not_a_home(load: Load, agreed: Agreed, _rng: Rng) -> Spoilt | None:
    return None if has(load, "RES") else _beside(load, row_of(agreed.terms(load.shipment.carrier_id)["RES"], 1))


def address_was_right(load: Load, agreed: Agreed, _rng: Rng) -> Spoilt | None:
    return None if has(load, "ADC") else _beside(load, row_of(agreed.terms(load.shipment.carrier_id)["ADC"], 1))


def of_no_agreement(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    amount = 100 * int(rng.integers(6, 18))
    return _beside(load, {"charge_code": "LFT", "basis": RateBasis.SHIPMENT, "quantity": 1.0, "rate_minor": amount,
                          "amount_minor": amount})  # fmt: skip


def clock_too_long(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    if not any(event.status is EventStatus.DELIVERY_ARRIVED for event in load.events):
        return None
    own = [row for row in load.sheet.beside if row["charge_code"] == "DET"]
    hours = int(own[0]["quantity"]) if own else 0
    kept = tuple(row for row in load.sheet.beside if row not in own)
    longer = row_of(agreed.terms(load.shipment.carrier_id)["DET"], hours + int(rng.integers(1, 5)))
    return Spoilt(replace(load.sheet, beside=(*kept, longer)).rows())


def waiting_of_no_arrival(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    if any(event.status is EventStatus.DELIVERY_ARRIVED for event in load.events):
        return None
    return _beside(load, row_of(agreed.terms(load.shipment.carrier_id)["DET"], int(rng.integers(1, 5))))


def stay_stretched(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    """The carrier tells an arrival hours before the true one, and bills the waiting."""
    if has(load, "DET"):
        return None
    earlier = timedelta(minutes=round(factor(rng, 150, 420)))
    events = tuple(
        event.model_copy(update={"occurred_at": event.occurred_at - earlier})
        if event.status is EventStatus.DELIVERY_ARRIVED
        else event
        for event in load.events
    )
    made = rerated(load, agreed, load.shipment, events=events)
    return None if made is None else Spoilt(made.rows(), events=events)


def attempt_invented(load: Load, agreed: Agreed, rng: Rng) -> Spoilt | None:
    """The carrier tells of an attempt that nobody else has seen, and bills it."""
    if has(load, "RDL"):
        return None
    at = load.delivered_at - timedelta(hours=round(factor(rng, 14, 26), 2))
    pretended = load.events[0].model_copy(
        update={
            "event_id": f"{load.shipment.shipment_id}-0",
            "status": EventStatus.ATTEMPTED,
            "raw_status": None,
            "party_at_fault": PartyAtFault.CONSIGNEE,
            "asserted_by": AssertedBy.CARRIER,
            "occurred_at": at,
            "known_at": at + timedelta(hours=2),
        }
    )
    events = (*load.events, pretended)
    made = rerated(load, agreed, load.shipment, events=events)
    return None if made is None else Spoilt(made.rows(), events=events)


def line_twice(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    rows = load.sheet.rows()
    doubled = [row for row in rows if row["kind"] is ChargeKind.ACCESSORIAL]
    if not doubled or load.sheet.tax_pct:
        return None
    return Spoilt([*rows, doubled[int(rng.integers(len(doubled)))]])


def extended_wrongly(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    amount = round(load.sheet.haul["amount_minor"] * factor(rng, 1.06, 1.4))
    return Spoilt(load.sheet.with_haul(amount_minor=amount).rows())


def summed_wrongly(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    rows = load.sheet.rows()
    return Spoilt(rows, {"total_minor": round(total(rows) * factor(rng, 1.05, 1.4))})


def taxed_wrongly(load: Load, _agreed: Agreed, _rng: Rng) -> Spoilt | None:
    taxes = tuple((code, percent + 3.0) for code, percent in load.sheet.tax_pct) or (("VAT", 7.0),)
    return Spoilt(replace(load.sheet, tax_pct=taxes).rows())


def forgotten(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt | None:
    place = int(rng.integers(len(load.sheet.beside))) if load.sheet.beside else 0
    kept = load.sheet.beside[:place] + load.sheet.beside[place + 1 :]
    return None if kept == load.sheet.beside else Spoilt(replace(load.sheet, beside=kept).rows())


D = Discrepancy
CHARGE_KINDS = (
    Kind("fuel_of_another_week", D.FUEL_INDEX_WEEK, 8, fuel_of_another_week, "surcharge of a dearer week before"),
    Kind("fuel_of_no_table", D.FUEL_TABLE, 5, fuel_of_no_table, "surcharge of no table"),
    Kind("not_asked_for", D.ACCESSORIAL_NOT_AUTHORISED, 6, not_asked_for, "announcement that nobody asked for"),
    Kind("of_no_agreement", D.ACCESSORIAL_NOT_AUTHORISED, 3, of_no_agreement, "charge that no agreement names"),
    Kind("no_attempt", D.ACCESSORIAL_NOT_EVIDENCED, 7, no_attempt, "second delivery without a failed one"),
    Kind("waiting_of_no_arrival", D.ACCESSORIAL_NOT_EVIDENCED, 4, waiting_of_no_arrival, "waiting without an arrival"),
    Kind("not_a_home", D.RESIDENTIAL_MISCLASS, 5, not_a_home, "home delivery to a business"),
    Kind("address_was_right", D.ADDRESS_CORRECTION, 4, address_was_right, "correction of a right address"),
    Kind("clock_too_long", D.DETENTION_CLOCK, 6, clock_too_long, "more hours of waiting than the events show"),
    Kind("extended_wrongly", D.EXTENSION, 6, extended_wrongly, "quantity times rate is not the amount"),
    Kind("summed_wrongly", D.TOTAL_NOT_SUM, 5, summed_wrongly, "the total is not the sum"),
    Kind("taxed_wrongly", D.TAX, 4, taxed_wrongly, "tax that was not agreed"),
    Kind("forgotten", D.UNDERCHARGE, 4, forgotten, "charge that is owed left out"),
    Kind("attempt_invented", D.ACCESSORIAL_NOT_EVIDENCED, 3, attempt_invented, "attempt that only the carrier tells of",
         is_shown=False),
    Kind("fuel_on_too_much", D.FUEL_BASE, 12, fuel_on_too_much, "surcharge of more than the line haul", is_novel=True),
    Kind("line_twice", D.DUPLICATE_LINE, 10, line_twice, "a charge beside the freight twice", is_novel=True),
    Kind("stay_stretched", D.DETENTION_CLOCK, 14, stay_stretched, "arrival told hours too early", is_shown=False,
         is_novel=True),
)  # fmt: skip
