"""Features of one invoice: what it bills beside what is owed, charge by charge, and beside the shipment it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from features.amounts import exact, half_up
from features.charges import Expected, Reason
from features.contracts import Contracts, lies_in
from features.declaration import Feature
from features.invoice_records import FreightInvoice, InvoiceLine
from features.invoice_vocabulary import ChargeKind, InvoiceKind, Proof
from features.records import DeliveryEvent, Shipment
from features.vocabulary import EventStatus

UNKNOWN = float("nan")
_OWNER = "freight audit"
_BILL, _RATED = "freight_invoices, invoice_lines", "freight_invoices, invoice_lines, contracts, shipments, events"

PARTS: Mapping[str, tuple[ChargeKind, ...]] = {
    "line_haul": (ChargeKind.LINE_HAUL, ChargeKind.DISCOUNT),
    "fuel": (ChargeKind.FUEL,),
    "accessorial": (ChargeKind.ACCESSORIAL, ChargeKind.OTHER),
    "tax": (ChargeKind.TAX,),
    "total": tuple(ChargeKind),
}
"""Charges that are compared together. Carriers net discounts or show them; so the line haul is compared net of them."""
_WORDS = {part: part.replace("_", " ") for part in PARTS} | {"line_haul": "line haul less discounts"}

DOUBTS = (Reason.NO_SHIPMENT, Reason.NO_CONTRACT, Reason.SEVERAL_CONTRACTS, Reason.NO_WEIGHT, Reason.OPEN_STAY)
PROOFS = tuple(Proof)
WEEKS_ASIDE = timedelta(weeks=8)
"""How far from the right week a fuel surcharge is looked for."""


def _parts() -> Iterable[Feature]:
    for part, words in _WORDS.items():
        yield Feature(f"{part}_billed_minor", "minor units", f"{words} as billed", _BILL, _OWNER)
        yield Feature(f"{part}_owed_minor", "minor units", f"{words} as owed under the contract", _RATED, _OWNER)
        for side, than in (("over", "more"), ("under", "less")):
            what = f"{words} billed {than} than owed"
            yield Feature(f"{part}_{side}_minor", "minor units", what, _RATED, _OWNER)
            yield Feature(f"{part}_{side}_pct", "% of what is owed", what, _RATED, _OWNER)


def _proofs() -> Iterable[Feature]:
    for proof in PROOFS:
        words = f"charges that need the proof {proof.value.replace('_', ' ')}"
        yield Feature(f"{proof}_billed_minor", "minor units", f"{words}, as billed", _RATED, _OWNER)
        yield Feature(f"{proof}_owed_minor", "minor units", f"{words}, as owed", _RATED, _OWNER)
        yield Feature(f"{proof}_shown", "flag", f"whether events or stops show the billed {words}", _RATED, _OWNER)


_SHIPMENT = "freight_invoices, shipments, stops"
FEATURES = (
    *_parts(),
    Feature("sum_difference_minor", "minor units", "stated total less the sum of the lines", _BILL, _OWNER),
    Feature("extension_over_minor", "minor units", "line amounts above quantity times rate", _BILL, _OWNER),
    Feature("extension_under_minor", "minor units", "line amounts below quantity times rate", _BILL, _OWNER),
    Feature("rate_over_pct", "%", "billed line haul rate above that of the contract", _RATED, _OWNER),
    Feature("weight_over_kg", "kg", "billed weight above that of the shipment", _SHIPMENT, _OWNER),
    Feature("weight_over_pct", "%", "billed weight above that of the shipment", _SHIPMENT, _OWNER),
    Feature("pieces_over", "pieces", "billed pieces above those of the shipment", _SHIPMENT, _OWNER),
    Feature("fuel_pct_over", "% points", "billed fuel surcharge above that of the week", _RATED, _OWNER),
    Feature("fuel_pct_of_another_week", "flag", "whether it is the surcharge of another week", _RATED, _OWNER),
    Feature("class_differs", "flag", "whether the billed freight class is another one", _SHIPMENT, _OWNER),
    Feature("lane_differs", "flag", "whether the billed lane is another one", _SHIPMENT, _OWNER),
    Feature("service_differs", "flag", "whether the billed service is another one", _SHIPMENT, _OWNER),
    Feature("mode_differs", "flag", "whether the billed mode is another one", _SHIPMENT, _OWNER),
    Feature("carrier_differs", "flag", "whether another carrier bills than carried", _SHIPMENT, _OWNER),
    Feature("currency_differs", "flag", "whether it is billed in another currency than agreed", _RATED, _OWNER),
    *_proofs(),
    Feature("unknown_codes_minor", "minor units", "charges under codes that the contract lacks", _RATED, _OWNER),
    Feature("charges_in_doubt", "charges", "charges that cannot be determined", _RATED, _OWNER),
    *(
        Feature(f"doubt_{reason}", "flag", f"whether re-rating fails for {reason.replace('_', ' ')}", _RATED, _OWNER)
        for reason in DOUBTS
    ),
    Feature("is_delivered", "flag", "whether the delivery is known", "freight_invoices, events", _OWNER),
    Feature(
        "hours_since_delivery", "hours", "date of the invoice less the delivery", "freight_invoices, events", _OWNER
    ),
    Feature("stated_delivery_hours", "hours", "delivery as stated less as known", "freight_invoices, events", _OWNER),
    Feature("hours_on_the_way", "hours", "from the date of the invoice to its coming in", "freight_invoices", _OWNER),
    Feature("is_correction", "flag", "whether it corrects, adds to or cancels another one", "freight_invoices", _OWNER),
)
NAMES = tuple(feature.name for feature in FEATURES)


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice with all that was known about it when it came in, at `cutoff`.

    `events` are those of the shipment that stand; `shipment` is the plan in force, None if there is none.
    """

    invoice: FreightInvoice
    lines: Sequence[InvoiceLine]
    shipment: Shipment | None
    events: Sequence[DeliveryEvent]
    expected: Expected
    cutoff: datetime

    @property
    def total_minor(self) -> int:
        """What it comes to: the stated total, else what is asked for and what was paid before."""
        return self.invoice.comes_to_minor

    @property
    def over_minor(self) -> int | None:
        """What it bills more than is owed, negative for less; None where that cannot be determined."""
        owed = self.expected.total_minor
        if owed is None or self.invoice.currency != self.expected.currency:
            return None
        return self.total_minor - owed


def values(bill: Bill, contracts: Contracts) -> tuple[float, ...]:
    """Return the features of one invoice in the order of `FEATURES`; NaN where something is not told."""
    found = {
        **_compared(bill),
        **_arithmetic(bill),
        **_terms(bill, contracts),
        **_against_shipment(bill),
        **_proven(bill, contracts),
        **_circumstances(bill),
    }
    return tuple(float(found[name]) for name in NAMES)


def _compared(bill: Bill) -> dict[str, float]:
    found: dict[str, float] = {}
    same_money = bill.invoice.currency == bill.expected.currency
    for part, kinds in PARTS.items():
        billed: float = sum(line.amount_minor for line in bill.lines if line.kind in kinds) if bill.lines else UNKNOWN
        if part == "total":
            billed = bill.total_minor
        owed = bill.expected.amount_minor(*kinds) if same_money else None
        difference = UNKNOWN if owed is None else billed - owed
        found[f"{part}_billed_minor"] = billed
        found[f"{part}_owed_minor"] = UNKNOWN if owed is None else owed
        for side, amount in (("over", difference), ("under", -difference)):
            beyond = amount if amount != amount else max(amount, 0)
            found[f"{part}_{side}_minor"] = beyond
            found[f"{part}_{side}_pct"] = _percent(beyond, owed)
    return found


def _percent(part: float, whole: float | None) -> float:
    """Return the share in percent; nothing of nothing is 0, something of nothing is unknown."""
    if part == 0:
        return 0.0
    return 100 * part / whole if whole is not None and whole > 0 else UNKNOWN


def _arithmetic(bill: Bill) -> dict[str, float]:
    over = under = 0
    for line in bill.lines:
        if line.quantity is not None and line.rate_minor is not None:
            product = half_up(exact(line.quantity) * line.rate_minor / exact(line.rate_per))
            over += max(line.amount_minor - product, 0)
            under += max(product - line.amount_minor, 0)
    summed = sum(line.amount_minor for line in bill.lines)
    return {
        "sum_difference_minor": bill.total_minor - summed if bill.lines else UNKNOWN,
        "extension_over_minor": over,
        "extension_under_minor": under,
    }


def _terms(bill: Bill, contracts: Contracts) -> dict[str, float]:
    found = {"rate_over_pct": UNKNOWN, "fuel_pct_over": UNKNOWN, "fuel_pct_of_another_week": UNKNOWN}
    rate, week = bill.expected.rate, bill.expected.fuel_week
    for line in bill.lines:
        if line.kind is ChargeKind.LINE_HAUL and rate is not None and line.rate_minor is not None:
            billed, agreed = line.rate_minor / exact(line.rate_per), rate.rate_minor / exact(rate.rate_per)
            if line.basis is rate.basis and agreed:
                found["rate_over_pct"] = float(100 * (Fraction(billed) / agreed - 1))
        if line.kind is ChargeKind.FUEL and week is not None and line.percent is not None:
            over = exact(line.percent) - exact(week.surcharge_pct or 0)
            others = contracts.weeks(week.fuel_index_id, bill.cutoff)
            found["fuel_pct_over"] = float(over)
            found["fuel_pct_of_another_week"] = over != 0 and any(
                other.surcharge_pct == line.percent and abs(other.valid_from - week.valid_from) <= WEEKS_ASIDE
                for other in others
            )
    return found


def _against_shipment(bill: Bill) -> dict[str, float]:
    invoice, shipment = bill.invoice, bill.shipment
    if shipment is None:
        names = ("weight_over_kg", "weight_over_pct", "pieces_over", "class_differs", "lane_differs", "service_differs")
        return dict.fromkeys((*names, "mode_differs", "carrier_differs"), UNKNOWN)
    over_kg = UNKNOWN
    if invoice.weight_kg is not None and shipment.weight_kg is not None:
        over_kg = float(exact(invoice.weight_kg) - exact(shipment.weight_kg))
    ends = ((invoice.origin, shipment.origin), (invoice.destination, shipment.destination))
    told = [(billed, place) for billed, place in ends if billed is not None]
    return {
        "weight_over_kg": over_kg,
        "weight_over_pct": 100 * over_kg / shipment.weight_kg if shipment.weight_kg else UNKNOWN,
        "pieces_over": UNKNOWN if None in (invoice.pieces, shipment.pieces) else _less(invoice.pieces, shipment.pieces),
        "class_differs": _differs(invoice.freight_class, shipment.freight_class),
        "lane_differs": any(not lies_in(place, billed) for billed, place in told) if told else UNKNOWN,
        "service_differs": _differs(invoice.service_id, shipment.service_id),
        "mode_differs": _differs(invoice.mode, shipment.mode),
        "carrier_differs": _differs(invoice.carrier_id, shipment.carrier_id),
    }


def _less(one: int | None, other: int | None) -> int:
    return (one or 0) - (other or 0)


def _differs(billed: str | None, planned: str | None) -> float:
    return UNKNOWN if billed is None or planned is None else float(billed != planned)


def _proven(bill: Bill, contracts: Contracts) -> dict[str, float]:
    """Compare the charges beside the freight by what their contract asks for as a proof."""
    at = bill.shipment.planned_departure_at if bill.shipment is not None else None
    agreed = contracts.accessorials(bill.invoice.carrier_id, at, bill.cutoff) if at is not None else []
    proof_of = {terms.charge_code: terms.proof for terms in agreed if terms.charge in PARTS["accessorial"]}
    owed_of = {charge.code: charge.amount_minor for charge in bill.expected.charges}
    in_doubt = {doubt.code for doubt in bill.expected.doubts}
    beside = [line for line in bill.lines if line.kind in PARTS["accessorial"]]
    found: dict[str, float] = {}
    for proof in PROOFS:
        codes = {code for code, needed in proof_of.items() if needed is proof}
        billed = {line.charge_code for line in beside if line.charge_code in codes}
        doubtful = bool(codes & in_doubt)
        found[f"{proof}_billed_minor"] = sum(line.amount_minor for line in beside if line.charge_code in codes)
        found[f"{proof}_owed_minor"] = UNKNOWN if doubtful else sum(owed_of.get(code, 0) for code in codes)
        found[f"{proof}_shown"] = UNKNOWN if not billed or billed & in_doubt else billed <= owed_of.keys()
    found["unknown_codes_minor"] = sum(line.amount_minor for line in beside if line.charge_code not in proof_of)
    return found


def _circumstances(bill: Bill) -> dict[str, float]:
    invoice, reasons = bill.invoice, {doubt.reason for doubt in bill.expected.doubts}
    delivered = [event.occurred_at for event in bill.events if event.status is EventStatus.DELIVERED]
    stated = invoice.delivered_at
    return {
        "currency_differs": _differs(invoice.currency, bill.expected.currency),
        "charges_in_doubt": len(bill.expected.doubts),
        **{f"doubt_{reason}": reason in reasons for reason in DOUBTS},
        "is_delivered": bool(delivered),
        "hours_since_delivery": _hours(invoice.occurred_at - delivered[0]) if delivered else UNKNOWN,
        "stated_delivery_hours": _hours(stated - delivered[0]) if stated is not None and delivered else UNKNOWN,
        "hours_on_the_way": _hours(bill.cutoff - invoice.occurred_at),
        "is_correction": invoice.kind is not InvoiceKind.ORIGINAL,
    }


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)
