"""What would be owed if the facts that a carrier bills by were right: lane, service, mode, class, weight.

Fact by fact the shipment is re-rated with what the invoice states in place of what the records say. A fact counts as
the cause of a difference if the amount that it leads to is nearer to what is billed; so the parts of a difference that
has several causes add up, and a fact that changes no amount is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.billing import PARTS, Bill
from features.charges import Charge, Expected
from features.contracts import Contracts, lies_in
from features.invoice_records import InvoiceLine
from features.invoice_vocabulary import ChargeKind, Discrepancy, InvoiceKind, RateBasis
from features.rating import rate_shipment
from features.records import Shipment
from features.vocabulary import Mode
from models.audit.findings import AuditSettings, Finding

HAUL = PARTS["line_haul"]
_NEAR_KG = 0.05


@dataclass(frozen=True, slots=True)
class Stated:
    """What is owed by the facts as billed, the findings on the way there, and facts that no contract prices."""

    expected: Expected
    findings: tuple[Finding, ...]
    unpriced: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Fact:
    label: Discrepancy
    words: str
    plan: Mapping[str, Any]
    """Fields of the shipment as the carrier has them."""


def as_stated(bill: Bill, contracts: Contracts, settings: AuditSettings) -> Stated:
    """Re-rate a bill by the facts that it states, as far as they explain what it comes to.

    Its line haul must be determined, in the currency of the bill.
    """
    kinds = HAUL if bill.lines else tuple(ChargeKind)
    billed = _billed(bill, kinds)
    expected, shipment = bill.expected, bill.shipment
    findings: list[Finding] = []
    unpriced: list[Finding] = []
    owed = expected.amount_minor(*kinds)
    if shipment is None or owed is None:
        return Stated(expected, (), ())
    for fact in _facts(bill, shipment, settings):
        if billed == owed:
            break
        changed = shipment.model_copy(update=dict(fact.plan))
        tried = rate_shipment(changed, bill.events, contracts, bill.cutoff)
        amount = tried.amount_minor(*kinds) if tried.currency == expected.currency else None
        if amount is None:
            unpriced.append(Finding(fact.label, fact.words))
        elif abs(billed - amount) < abs(billed - owed):
            findings.append(_step(fact, expected, tried))
            shipment, expected, owed = changed, tried, amount
    return Stated(expected, tuple(findings), tuple(unpriced))


def charge_of(expected: Expected, kind: ChargeKind) -> Charge | None:
    """Return the first charge of a kind that is owed."""
    return next((charge for charge in expected.charges if charge.kind is kind), None)


def side(label: Discrepancy, difference_minor: int) -> Discrepancy:
    """Return the class of a difference from the contract: one in our favour is an undercharge, whatever its cause."""
    return label if difference_minor > 0 else Discrepancy.UNDERCHARGE


def _billed(bill: Bill, kinds: Sequence[ChargeKind]) -> int:
    if not bill.lines:
        return bill.total_minor
    return sum(line.amount_minor for line in bill.lines if line.kind in kinds)


def _step(fact: _Fact, right: Expected, stated: Expected) -> Finding:
    """Return the finding on one fact, with all that follows from the line haul."""
    determined = [
        kind for kind in ChargeKind if right.amount_minor(kind) is not None and stated.amount_minor(kind) is not None
    ]
    owed, billed = right.amount_minor(*determined) or 0, stated.amount_minor(*determined) or 0
    haul = charge_of(right, ChargeKind.LINE_HAUL)
    return Finding(
        side(fact.label, billed - owed),
        fact.words,
        billed - owed,
        ChargeKind.LINE_HAUL,
        billed_minor=billed,
        recomputed_minor=owed,
        clause=haul.clause if haul is not None else None,
    )


def _facts(bill: Bill, shipment: Shipment, settings: AuditSettings) -> Iterator[_Fact]:
    """Yield what the invoice states otherwise than the records, the facts that choose a rate first."""
    invoice = bill.invoice
    lane = Discrepancy.WRONG_LANE_ZONE_MILEAGE
    first, *between, last = shipment.stops
    ends = [(invoice.origin, first), (invoice.destination, last)]
    if any(billed is not None and not lies_in(stop.place, billed) for billed, stop in ends):
        stops = [stop if billed is None else stop.model_copy(update={"place": billed}) for billed, stop in ends]
        words = f"billed from {stops[0].place} to {stops[1].place}, carried from {first.place} to {last.place}"
        yield _Fact(lane, words, {"stops": (stops[0], *between, stops[1])})
    haul = [line for line in bill.lines if line.kind is ChargeKind.LINE_HAUL]
    distances = (invoice.distance_km, *(line.quantity for line in haul if line.basis is RateBasis.KILOMETRE))
    told: tuple[tuple[Discrepancy, str, str, object], ...] = (
        *((lane, "distance_km", "km", distance) for distance in distances),
        (Discrepancy.WRONG_SERVICE, "service_id", "service", invoice.service_id),
        (Discrepancy.WRONG_MODE, "mode", "mode", invoice.mode),
        (Discrepancy.FREIGHT_CLASS, "freight_class", "class", invoice.freight_class),
        *((Discrepancy.FREIGHT_CLASS, "freight_class", "class", line.freight_class) for line in haul),
        (Discrepancy.WEIGHT_MISMATCH, "pieces", "pieces", invoice.pieces),
    )
    for label, name, unit, billed in told:
        planned = getattr(shipment, name)
        if billed is not None and planned is not None and billed != planned:
            yield _Fact(label, f"billed by {unit} {_shown(billed)}, planned {_shown(planned)}", {name: billed})
    for weight in dict.fromkeys(_weights(bill, haul)):
        if shipment.weight_kg is not None and weight != shipment.weight_kg:
            label = _weight_label(bill, shipment, weight, settings)
            yield _Fact(
                label, f"billed {weight:g} kg, the shipment has {shipment.weight_kg:g} kg", {"weight_kg": weight}
            )


def _weights(bill: Bill, haul: Sequence[InvoiceLine]) -> Iterator[float]:
    """Yield the weights that the bill states; that of a line by weight may be the least weight of a break."""
    if bill.invoice.weight_kg is not None:
        yield bill.invoice.weight_kg
    for line in haul:
        if line.weight_kg is not None:
            yield line.weight_kg
        if line.basis is RateBasis.KILOGRAM and line.quantity not in (None, bill.expected.billed_kg):
            yield line.quantity or 0.0


def _weight_label(bill: Bill, shipment: Shipment, weight: float, settings: AuditSettings) -> Discrepancy:
    if bill.invoice.kind in (InvoiceKind.CORRECTION, InvoiceKind.BALANCE_DUE):
        return Discrepancy.REWEIGH_UNSUPPORTED
    if shipment.volume_m3 is not None and any(
        _is_by_volume(weight, density * shipment.volume_m3) for density in settings.kg_per_m3
    ):
        return Discrepancy.DIM_WEIGHT
    return Discrepancy.WEIGHT_MISMATCH


def _is_by_volume(weight: float, by_volume: float) -> bool:
    """Tell whether a weight is that of a volume: to the decimal, or raised to the next half or whole kilogram."""
    above = weight - by_volume
    return abs(above) <= _NEAR_KG or (0 < above <= 1.0 and (2 * weight).is_integer())


def _shown(value: object) -> str:
    match value:
        case float():
            return f"{value:g}"
        case Mode():
            return value.replace("_", " ")
    return str(value)
