"""Findings on the line haul and its discounts, and on the fuel surcharge that follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from features.amounts import exact, half_up, money
from features.billing import WEEKS_ASIDE, Bill
from features.charges import Charge
from features.contracts import Contracts
from features.invoice_records import InvoiceLine
from features.invoice_vocabulary import ChargeKind, Discrepancy, Proof, RateBasis
from models.audit.arithmetic import extension, lines_of, numbers, repeated, stated_product, total
from models.audit.findings import Finding
from models.audit.stated import HAUL, Stated, charge_of, side


def haul_findings(bill: Bill, contracts: Contracts, stated: Stated) -> list[Finding]:
    """Compare the line haul less discounts with what is owed by the facts as stated.

    Carriers show a discount as a line of its own or have taken it off the line haul; so both are compared together
    first, and the difference is then divided among its causes.
    """
    haul, off = lines_of(bill, ChargeKind.LINE_HAUL), lines_of(bill, ChargeKind.DISCOUNT)
    charge = charge_of(stated.expected, ChargeKind.LINE_HAUL)
    owed = stated.expected.amount_minor(*HAUL)
    if charge is None or owed is None:
        wrong = extension([line for line in haul if not _may_be_a_minimum(line)], None, bill.invoice.currency)
        return [] if wrong is None else [wrong]
    left = total(haul) + total(off) - owed
    findings: list[Finding] = []
    if left == 0:
        return findings
    again = repeated(haul, left)
    if again:
        findings.append(_repeat(again, charge))
        left -= total(again)
    kept = [line for line in haul if line not in again]
    wrong = extension(kept, charge.clause, bill.invoice.currency)
    if wrong is not None and (not _is_at_minimum(stated, charge) or wrong.recomputed_minor == charge.amount_minor):
        findings.append(wrong)
        left -= wrong.difference_minor or 0
    for missing in _discounts(bill, contracts, stated, left, off):
        findings.append(missing)
        left -= missing.difference_minor or 0
    if left:
        findings.append(_rest(stated, kept, charge, left, bill.invoice.currency))
    return findings


def fuel_findings(bill: Bill, contracts: Contracts, stated: Stated) -> tuple[list[Finding], int]:
    """Compare the fuel surcharge.

    Returns
    -------
    The findings on the surcharge itself, and by how much a wrong line haul raises it: that belongs to the line haul.
    """
    fuel = lines_of(bill, ChargeKind.FUEL)
    expected = stated.expected
    owed = expected.amount_minor(ChargeKind.FUEL)
    if owed is None or total(fuel) == owed:
        return [], 0
    charge = charge_of(expected, ChargeKind.FUEL)
    if charge is None or expected.fuel_week is None:
        words = "a fuel surcharge is billed and the contract of the lane has none"
        haul = charge_of(expected, ChargeKind.LINE_HAUL)
        clause = haul.clause if haul is not None else None
        return [Finding(Discrepancy.FUEL_TABLE, words, total(fuel), ChargeKind.FUEL, numbers(fuel), total(fuel), 0,
                        clause)], 0  # fmt: skip
    again = repeated(fuel, total(fuel) - owed)
    findings = [_repeat(again, charge)] if again else []
    kept = [line for line in fuel if line not in again]
    net = total(lines_of(bill, *HAUL))
    percent = exact(expected.fuel_week.surcharge_pct or 0)
    follows = half_up(net * percent / 100) - owed
    own = total(kept) - owed - follows
    if not own:
        return findings, follows
    if not kept:
        words = "no fuel surcharge is billed"
        return [
            *findings,
            Finding(Discrepancy.UNDERCHARGE, words, -owed, ChargeKind.FUEL, (), 0, owed, charge.clause),
        ], 0
    label, words = _fuel_cause(bill, contracts, stated, kept, net)
    finding = Finding(
        side(label, own), words, own, ChargeKind.FUEL, numbers(kept), total(kept), owed + follows, charge.clause
    )
    return [*findings, finding], follows


def with_what_follows(findings: Sequence[Finding], follows_minor: int) -> list[Finding]:
    """Add to the largest finding what other charges are too high by because of it."""
    if not follows_minor or not findings:
        return list(findings)
    place = max(range(len(findings)), key=lambda one: abs(findings[one].difference_minor or 0))
    main = findings[place]
    whole = (main.difference_minor or 0) + follows_minor
    words = f"{main.words}; charges that are shares of it follow"
    return [*findings[:place], replace(main, difference_minor=whole, words=words), *findings[place + 1 :]]


def _repeat(again: Sequence[InvoiceLine], charge: Charge) -> Finding:
    words = f"the same charge stands {len(again) + 1} times on the invoice"
    return Finding(Discrepancy.DUPLICATE_LINE, words, total(again), charge.kind, numbers(again), total(again), 0,
                   charge.clause)  # fmt: skip


def _discounts(
    bill: Bill, contracts: Contracts, stated: Stated, left: int, off: Sequence[InvoiceLine]
) -> Iterator[Finding]:
    """Yield the discounts that are owed and not, or not in full, on the invoice, where they explain the difference."""
    terms = {}
    if bill.shipment is not None and bill.shipment.planned_departure_at is not None:
        at = bill.shipment.planned_departure_at
        terms = {one.charge_code: one for one in contracts.accessorials(bill.shipment.carrier_id, at, bill.cutoff)}
    for charge in stated.expected.charges:
        if charge.kind is not ChargeKind.DISCOUNT or not charge.amount_minor:
            continue
        own = [line for line in off if line.charge_code == charge.code]
        agreed = terms[charge.code].percent if charge.code in terms else None
        if own and any(line.percent == agreed for line in own):
            continue  # taken off as agreed; where the line haul is wrong, so is its share
        missing = total(own) - charge.amount_minor
        if missing <= 0 or missing > left:
            continue
        left -= missing
        refund = charge.code in terms and terms[charge.code].proof is Proof.LATE_DELIVERY
        label = Discrepancy.LATE_GUARANTEE_REFUND if refund else Discrepancy.DISCOUNT_NOT_APPLIED
        what = "refund for the late delivery" if refund else "discount"
        words = f"the {what} {charge.code} is {'too small' if own else 'not on the invoice'}"
        yield Finding(label, words, missing, ChargeKind.DISCOUNT, numbers(own), total(own), charge.amount_minor,
                      charge.clause, charge.event_ids)  # fmt: skip


def _may_be_a_minimum(line: InvoiceLine) -> bool:
    """Tell whether an amount may be more than its arithmetic for the sake of a minimum that is not known."""
    product = stated_product(line)
    return line.basis is not RateBasis.SHIPMENT and product is not None and product < line.amount_minor


def _is_at_minimum(stated: Stated, charge: Charge) -> bool:
    rate = stated.expected.rate
    return rate is not None and charge.amount_minor == rate.minimum_minor


def _rest(stated: Stated, haul: Sequence[InvoiceLine], charge: Charge, left: int, currency: str | None) -> Finding:
    """Return what no fact, sum, or discount explains: the rate itself."""
    rate = stated.expected.rate
    billed = total(haul)
    label, words = Discrepancy.RATE_MISMATCH, "the line haul is not that of the contract"
    if stated.unpriced:
        label, words = stated.unpriced[0].label, f"{stated.unpriced[0].words}, for which no rate is agreed"
    elif rate is not None and haul:
        line = haul[0]
        flat = line.basis is RateBasis.SHIPMENT and rate.basis is not RateBasis.SHIPMENT
        if billed == rate.minimum_minor:
            words = f"the minimum of {money(billed, currency)} is billed, and the rate comes to more"
        elif rate.minimum_minor is not None and (flat or _is_at_minimum(stated, charge)):
            label = Discrepancy.MINIMUM_CHARGE
            least = money(rate.minimum_minor, currency)
            words = f"at least {money(billed, currency)} is billed, the minimum of the contract is {least}"
        elif line.rate_minor is not None and line.basis is rate.basis:
            words = f"billed at {money(line.rate_minor, currency)} for {line.rate_per:g} {line.basis.value}"
    return Finding(
        side(label, left), words, left, ChargeKind.LINE_HAUL, numbers(haul), billed, billed - left, charge.clause
    )


def _fuel_cause(
    bill: Bill, contracts: Contracts, stated: Stated, fuel: Sequence[InvoiceLine], net: int
) -> tuple[Discrepancy, str]:
    """Tell why a surcharge differs: another week's percentage, another base, or a percentage of nowhere."""
    week = stated.expected.fuel_week
    if week is None:
        return Discrepancy.FUEL_TABLE, "the contract has no fuel surcharge"
    billed = total(fuel)
    right = exact(week.surcharge_pct or 0)
    percents = [exact(line.percent) for line in fuel if line.percent is not None]
    others = [
        other
        for other in contracts.weeks(week.fuel_index_id, bill.cutoff)
        if other.surcharge_pct is not None and abs(other.valid_from - week.valid_from) <= WEEKS_ASIDE
    ]
    for other in sorted(others, key=lambda one: abs(one.valid_from - week.valid_from)):
        share = exact(other.surcharge_pct or 0)
        if share == right:
            continue
        if share in percents or (not percents and abs(billed - half_up(net * share / 100)) <= 1):
            words = (
                f"the surcharge of {other.surcharge_pct:g} % is that of the week from {other.valid_from:%Y-%m-%d}, "
                f"not of the week from {week.valid_from:%Y-%m-%d}"
            )
            return Discrepancy.FUEL_INDEX_WEEK, words
    if percents and right not in percents:
        stood = ", ".join(f"{float(percent):g} %" for percent in percents)
        return Discrepancy.FUEL_TABLE, f"no week near it has a surcharge of {stood}"
    gross = total([line for line in bill.lines if line.kind is ChargeKind.LINE_HAUL])
    beside = total([line for line in bill.lines if line.kind in (ChargeKind.ACCESSORIAL, ChargeKind.OTHER)])
    bases = {gross, gross + beside, net + beside}
    if percents or any(abs(billed - half_up(base * right / 100)) <= 1 for base in bases):
        return (
            Discrepancy.FUEL_BASE,
            f"the surcharge is not taken of the line haul of {money(net, bill.invoice.currency)} alone",
        )
    return Discrepancy.FUEL_TABLE, "no week near it has such a surcharge"
