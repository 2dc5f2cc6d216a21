"""Findings on charges beside the freight: what nothing shows, nobody asked for, or no agreement names; and on taxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from features.amounts import exact, half_up, money
from features.billing import PARTS, Bill
from features.charges import Charge, NotOwed
from features.contracts import Contracts
from features.evidence import asked_for
from features.invoice_records import Accessorial, InvoiceLine
from features.invoice_vocabulary import ChargeKind, Discrepancy, Proof, RateBasis
from features.vocabulary import EventStatus
from models.audit.arithmetic import extension, lines_of, numbers, repeated, total
from models.audit.findings import Finding
from models.audit.stated import HAUL, Stated, side

BESIDE = PARTS["accessorial"]
_NOT_SHOWN: Mapping[Proof, Discrepancy] = {
    Proof.WAITING: Discrepancy.DETENTION_CLOCK,
    Proof.RESIDENCE: Discrepancy.RESIDENTIAL_MISCLASS,
    Proof.ADDRESS: Discrepancy.ADDRESS_CORRECTION,
}


def beside_findings(bill: Bill, contracts: Contracts, stated: Stated) -> tuple[list[Finding], int]:
    """Compare the charges beside the freight, code by code.

    Returns
    -------
    The findings, and what charges that are a share of the line haul are too high by because that is wrong.
    """
    terms = _terms(bill, contracts)
    owed = {charge.code: charge for charge in stated.expected.charges if charge.kind in BESIDE}
    not_owed = {one.code: one for one in stated.expected.not_owed}
    in_doubt = {doubt.code for doubt in stated.expected.doubts}
    billed: dict[str | None, list[InvoiceLine]] = {code: [] for code in owed}
    for line in lines_of(bill, *BESIDE):
        billed.setdefault(line.charge_code, []).append(line)
    findings: list[Finding] = []
    follows = 0
    for code, lines in billed.items():
        if code in in_doubt or (bill.shipment is None and code is not None):
            continue
        charge, agreed = owed.get(code), terms.get(code or "")
        if charge is not None and agreed is not None and _follows_line_haul(bill, agreed, charge, lines):
            follows += total(lines) - charge.amount_minor
            continue
        findings += _of_code(bill, lines, charge, agreed, not_owed.get(code or ""))
    return findings, follows


def tax_findings(bill: Bill, contracts: Contracts, stated: Stated) -> tuple[list[Finding], int]:
    """Compare the taxes with what they are of the other charges as billed.

    Returns
    -------
    The findings on the taxes themselves, and what wrong charges make them too high by.
    """
    lines = lines_of(bill, ChargeKind.TAX)
    owed = stated.expected.amount_minor(ChargeKind.TAX)
    if owed is None or total(lines) == owed:
        return [], 0
    terms = [
        one for one in _terms(bill, contracts).values() if one.charge is ChargeKind.TAX and one.percent is not None
    ]
    others = total([line for line in bill.lines if line.kind is not ChargeKind.TAX])
    right = sum(half_up(others * exact(one.percent or 0) / 100) for one in terms)
    own = total(lines) - right
    clause = next((charge.clause for charge in stated.expected.charges if charge.kind is ChargeKind.TAX), None)
    if not own:
        return [], right - owed
    again = repeated(lines, own)
    label = Discrepancy.DUPLICATE_LINE if again and total(again) == own else Discrepancy.TAX
    currency = bill.invoice.currency
    percent = " and ".join(f"{one.percent:g} %" for one in terms) or "no tax"
    billed, base = money(total(lines), currency), money(others, currency)
    words = f"a tax of {billed} is billed on charges of {base}, {percent} is agreed"
    found = Finding(side(label, own), words, own, ChargeKind.TAX, numbers(lines), total(lines), right, clause)
    return [found], right - owed


def _terms(bill: Bill, contracts: Contracts) -> dict[str, Accessorial]:
    shipment = bill.shipment
    if shipment is None or shipment.planned_departure_at is None:
        return {}
    agreed = contracts.accessorials(shipment.carrier_id, shipment.planned_departure_at, bill.cutoff)
    return {one.charge_code: one for one in agreed}


def _follows_line_haul(bill: Bill, agreed: Accessorial, charge: Charge, lines: Sequence[InvoiceLine]) -> bool:
    """Tell whether a share of the line haul is right for the line haul as billed, and not for the one that is owed."""
    if agreed.basis is not RateBasis.PERCENT or not lines or total(lines) == charge.amount_minor:
        return False
    net = total(lines_of(bill, *HAUL))
    return total(lines) == half_up(net * exact(agreed.percent or 0) / 100)


def _of_code(
    bill: Bill,
    lines: Sequence[InvoiceLine],
    charge: Charge | None,
    agreed: Accessorial | None,
    not_owed: NotOwed | None,
) -> list[Finding]:
    owed = charge.amount_minor if charge is not None else 0
    left = total(lines) - owed
    if left == 0:
        return []
    findings: list[Finding] = []
    clause = charge.clause if charge is not None else not_owed.clause if not_owed is not None else None
    kind = lines[0].kind if lines else charge.kind if charge is not None else ChargeKind.ACCESSORIAL
    again = repeated(lines, left) if charge is not None else []
    if again:
        words = f"charge {lines[0].charge_code} stands {len(again) + 1} times on the invoice and is owed once"
        findings.append(Finding(Discrepancy.DUPLICATE_LINE, words, total(again), kind, numbers(again), total(again), 0,
                                clause))  # fmt: skip
        left -= total(again)
    kept = [line for line in lines if line not in again]
    wrong = extension(kept, clause, bill.invoice.currency)
    if wrong is not None:
        findings.append(wrong)
        left -= wrong.difference_minor or 0
    if left:
        label, words = _cause(bill, kept, charge, agreed, not_owed)
        findings.append(
            Finding(
                side(label, left),
                words,
                left,
                kind,
                numbers(kept),
                total(kept),
                total(kept) - left,
                clause,
                charge.event_ids if charge is not None else (),
            )
        )
    return findings


def _cause(
    bill: Bill,
    lines: Sequence[InvoiceLine],
    charge: Charge | None,
    agreed: Accessorial | None,
    not_owed: NotOwed | None,
) -> tuple[Discrepancy, str]:
    code = lines[0].charge_code if lines else charge.code if charge is not None else None
    if not lines:
        return Discrepancy.UNDERCHARGE, f"charge {code} is owed and not billed"
    if agreed is None:
        return Discrepancy.ACCESSORIAL_NOT_AUTHORISED, f"no agreement with the carrier names charge {code}"
    if charge is None:
        words = (
            f"charge {code} is billed: {not_owed.words}"
            if not_owed is not None
            else f"nothing shows that charge {code} is owed"
        )
        if agreed.needs_authorisation and not asked_for(agreed, bill.events):
            return Discrepancy.ACCESSORIAL_NOT_AUTHORISED, words
        if agreed.proof is Proof.WAITING and not _a_stay_is_known(bill):
            return Discrepancy.ACCESSORIAL_NOT_EVIDENCED, words
        return _NOT_SHOWN.get(agreed.proof, Discrepancy.ACCESSORIAL_NOT_EVIDENCED), words
    line = lines[0]
    if agreed.proof is Proof.WAITING and line.rate_minor in (None, agreed.rate_minor):
        return (
            Discrepancy.DETENTION_CLOCK,
            f"charge {code} is billed for {_quantity(lines)}, owed is {charge.clause.words}",
        )
    if line.rate_minor is not None and line.rate_minor / line.rate_per != (agreed.rate_minor or 0) / agreed.rate_per:
        rate = money(line.rate_minor, bill.invoice.currency)
        words = f"charge {code} is billed at {rate} for {line.rate_per:g}, agreed is {charge.clause.words}"
        return Discrepancy.RATE_MISMATCH, words
    if agreed.proof in (Proof.ATTEMPT, Proof.REQUEST) and line.quantity is not None:
        return Discrepancy.ACCESSORIAL_NOT_EVIDENCED, f"charge {code} is billed for {_quantity(lines)}, fewer are shown"
    return Discrepancy.RATE_MISMATCH, f"charge {code} is not what was agreed: {charge.clause.words}"


def _quantity(lines: Sequence[InvoiceLine]) -> str:
    told = [line.quantity for line in lines if line.quantity is not None]
    return f"{sum(told):g}" if told else "an untold quantity"


def _a_stay_is_known(bill: Bill) -> bool:
    return any(event.status in (EventStatus.PICKUP_ARRIVED, EventStatus.DELIVERY_ARRIVED) for event in bill.events)
