"""Invoices on recorded freight costs, for spread: each load has a price of its own, from a dollar to a quarter million.

Recorded are the loads with their weights, days and deliveries, and what their freight cost. That cost is taken as the
right bill. For most loads it is also taken as a price agreed beforehand (a quote); the others were bought without one,
so no rule can re-rate them. Generated are the quotes, the papers and the errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from features.contracts import Contracts
from features.invoice_records import CarrierRate, FreightInvoice
from features.invoice_vocabulary import Discrepancy, RateBasis
from features.rating import rate_shipment
from features.records import DeliveryEvent, Shipment
from features.tables import RecordTables, events_of, records_of, shipments_of
from training.simulate.billing.errors import extended_wrongly, of_no_agreement, summed_wrongly, taxed_wrongly
from training.simulate.billing.generate import BilledYear, drawn_error, with_truth
from training.simulate.billing.loads import Agreed, Load
from training.simulate.billing.papers import PAPER_KINDS
from training.simulate.billing.settings import QuoteSettings
from training.simulate.billing.sheet import sheet_of
from training.simulate.billing.spoiling import Kind, Spoilt, factor
from training.simulate.billing.writing import Papers, write_bill

Rng = np.random.Generator
QUOTED_BEFORE = timedelta(days=10)


def bill_quotes(settings: QuoteSettings, recorded: RecordTables, rng: Rng) -> BilledYear:
    """Make the invoices.

    Parameters
    ----------
    recorded
        Shipments, their deliveries, and an invoice of what each cost.
    """
    quotes = dict(_quotes(recorded))
    on_record = [quote for quote in quotes.values() if rng.random() < settings.quoted_share]
    agreed = Agreed(on_record, (), (), Contracts(on_record), Contracts(quotes.values()), Contracts(quotes.values()))
    known = {quote.rate_id for quote in on_record}
    papers = Papers()
    for load in _loads(recorded, quotes, agreed):
        is_quoted = quotes[load.shipment.shipment_id].rate_id in known
        write_bill(papers, settings, load, _error(settings, agreed, load, rng, is_quoted=is_quoted), rng)
    return with_truth([*on_record, *papers.records], papers)


def _error(
    settings: QuoteSettings, agreed: Agreed, load: Load, rng: Rng, *, is_quoted: bool
) -> tuple[Kind, Spoilt] | None:
    if rng.random() >= settings.error_share:
        return None
    is_late = (load.shipment.planned_departure_at or settings.novel_after) >= settings.novel_after
    kinds = [kind for kind in (QUOTED_KINDS if is_quoted else UNQUOTED_KINDS) if is_late or not kind.is_novel]
    return drawn_error(kinds, load, agreed, rng)


def _quotes(recorded: RecordTables) -> Iterator[tuple[str, CarrierRate]]:
    """Yield a price for each shipment, agreed some days before it leaves, for its service alone."""
    costs = {bill.shipment_id: bill for bill in records_of(recorded, FreightInvoice)}
    for shipment in shipments_of(recorded):
        bill = costs.get(shipment.shipment_id)
        if bill is None or shipment.planned_departure_at is None:
            continue
        agreed = shipment.planned_departure_at - QUOTED_BEFORE
        yield (
            shipment.shipment_id,
            CarrierRate(
                rate_id=f"Q-{shipment.shipment_id}",
                carrier_id=shipment.carrier_id,
                service_id=_service(shipment),
                mode=shipment.mode,
                origin=shipment.origin,
                destination=shipment.destination,
                basis=RateBasis.SHIPMENT,
                rate_minor=bill.net_due_minor,
                valid_from=agreed,
                currency=bill.currency,
                occurred_at=agreed,
                known_at=agreed,
            ),
        )


def _loads(recorded: RecordTables, quotes: dict[str, CarrierRate], agreed: Agreed) -> Iterator[Load]:
    """Yield the loads with their right bills, in the order in which they were billed."""
    bills = {bill.shipment_id: bill for bill in records_of(recorded, FreightInvoice)}
    events: dict[str, list[DeliveryEvent]] = defaultdict(list)
    for event in events_of(recorded):
        events[event.shipment_id].append(event)
    plans = {one.shipment_id: one for one in shipments_of(recorded) if one.shipment_id in quotes}
    for bill in sorted(bills.values(), key=lambda one: (one.known_at, one.invoice_id)):
        plan = plans.get(bill.shipment_id or "")
        if plan is None or not events[plan.shipment_id]:
            continue
        quoted = plan.model_copy(update={"service_id": _service(plan)})
        at_end = datetime.max.replace(tzinfo=bill.known_at.tzinfo)
        expected = rate_shipment(quoted, events[plan.shipment_id], agreed.cheapest, at_end)
        yield Load(
            shipment=quoted,
            told=(quoted,),
            events=tuple(events[plan.shipment_id]),
            expected=expected,
            sheet=sheet_of(expected, plan.weight_kg or 0.0, {}),
            is_ambiguous=False,
            billed_at=bill.occurred_at,
            known_at=bill.known_at,
        )


def _service(shipment: Shipment) -> str:
    return f"{shipment.service_id} / {shipment.shipment_id}"


def _raised(load: Load, by: float) -> Spoilt:
    amount = round(load.sheet.haul["amount_minor"] * by)
    return Spoilt(load.sheet.with_haul(amount_minor=amount, rate_minor=amount).rows())


def price_raised(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    return _raised(load, factor(rng, 1.06, 1.5))


def price_lowered(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    return _raised(load, factor(rng, 0.75, 0.94))


def price_doubled(load: Load, _agreed: Agreed, rng: Rng) -> Spoilt:
    return _raised(load, factor(rng, 1.8, 2.4))


D = Discrepancy
_ANYWHERE = (
    Kind("of_no_agreement", D.ACCESSORIAL_NOT_AUTHORISED, 8, of_no_agreement, "charge that no agreement names"),
    Kind("extended_wrongly", D.EXTENSION, 8, extended_wrongly, "quantity times rate is not the amount"),
    Kind("summed_wrongly", D.TOTAL_NOT_SUM, 8, summed_wrongly, "the total is not the sum"),
    Kind("taxed_wrongly", D.TAX, 8, taxed_wrongly, "tax that was not agreed"),
    *(replace(kind, weight=0.3 * kind.weight) for kind in PAPER_KINDS
      if kind.name not in ("of_no_rate", "billed_twice_in_part")),
)  # fmt: skip
QUOTED_KINDS = (
    *_ANYWHERE,
    Kind("price_raised", D.RATE_MISMATCH, 20, price_raised, "price above the quote"),
    Kind("price_lowered", D.UNDERCHARGE, 5, price_lowered, "price below the quote"),
)
UNQUOTED_KINDS = (
    *_ANYWHERE,
    Kind("price_raised_unquoted", D.RATE_MISMATCH, 15, price_raised, "cost raised, no quote", is_shown=False),
    Kind("price_doubled", D.RATE_MISMATCH, 6, price_doubled, "cost about doubled, no quote", is_shown=False,
         is_novel=True),
)  # fmt: skip
