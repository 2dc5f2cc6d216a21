"""The arithmetic of an invoice: quantity times rate, the same line twice, the sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from features.amounts import exact, half_up, money
from features.billing import Bill
from features.charges import Clause
from features.invoice_records import InvoiceLine
from features.invoice_vocabulary import ChargeKind, Discrepancy
from models.audit.findings import Finding


def lines_of(bill: Bill, *kinds: ChargeKind) -> list[InvoiceLine]:
    """Return the lines of some kinds."""
    return [line for line in bill.lines if line.kind in kinds]


def total(lines: Iterable[InvoiceLine]) -> int:
    """Return the sum of lines."""
    return sum(line.amount_minor for line in lines)


def numbers(lines: Iterable[InvoiceLine]) -> tuple[int, ...]:
    """Return the numbers of lines."""
    return tuple(line.line_number for line in lines)


def repeated(lines: Sequence[InvoiceLine], over_minor: int) -> list[InvoiceLine]:
    """Return the lines that repeat an earlier one in all but their number, if it is they that make it too high."""
    found: list[InvoiceLine] = []
    left = over_minor
    for place, line in enumerate(lines):
        if any(_same(line, other) for other in lines[:place]) and 0 < line.amount_minor <= left:
            found.append(line)
            left -= line.amount_minor
    return found


def extension(lines: Sequence[InvoiceLine], clause: Clause | None, currency: str | None) -> Finding | None:
    """Return where amounts are not quantity times rate; None where they are, or no arithmetic is stated."""
    wrong = [(line, product) for line in lines if (product := stated_product(line)) not in (None, line.amount_minor)]
    if not wrong:
        return None
    billed, right = total(line for line, _ in wrong), sum(product or 0 for _, product in wrong)
    line, product = wrong[0]
    rate, come_to, stated = (money(each or 0, currency) for each in (line.rate_minor, product, line.amount_minor))
    unit = "" if line.basis is None else f" {line.basis.value}"
    words = f"{line.quantity:g}{unit} at {rate} for {line.rate_per:g}{unit} comes to {come_to}, not {stated}"
    return Finding(
        Discrepancy.EXTENSION,
        words,
        billed - right,
        line.kind,
        numbers(one for one, _ in wrong),
        billed,
        right,
        clause,
    )


def sum_findings(bill: Bill) -> list[Finding]:
    """Return where the total is not the sum of the lines, or what is asked for not the total less what was paid."""
    invoice, findings = bill.invoice, []
    if bill.lines and bill.total_minor != total(bill.lines):
        findings.append(_sum("the lines", bill.total_minor, total(bill.lines), invoice.currency))
    rest = bill.total_minor - (invoice.prepaid_minor or 0)
    if invoice.net_due_minor != rest:
        findings.append(_sum("the total less what is prepaid", invoice.net_due_minor, rest, invoice.currency))
    return findings


def _sum(what: str, billed: int, right: int, currency: str | None) -> Finding:
    words = f"{what} come to {money(right, currency)}, {money(billed, currency)} is stated"
    return Finding(Discrepancy.TOTAL_NOT_SUM, words, billed - right, None, (), billed, right)


def stated_product(line: InvoiceLine) -> int | None:
    """Return quantity times rate; None where the line does not state both."""
    if line.quantity is None or line.rate_minor is None:
        return None
    return half_up(exact(line.quantity) * line.rate_minor / exact(line.rate_per))


def _same(one: InvoiceLine, other: InvoiceLine) -> bool:
    return one.model_dump(exclude={"line_number"}) == other.model_dump(exclude={"line_number"})
