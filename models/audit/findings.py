"""What an audit of a freight invoice answers with: findings, each with the evidence that a dispute needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from features.charges import Clause, Doubt
from features.invoice_vocabulary import ChargeKind, Discrepancy

WHOLE_BILL = frozenset(
    {
        Discrepancy.DUPLICATE_INVOICE,
        Discrepancy.SERVICE_NOT_RENDERED,
        Discrepancy.WRONG_BILL_TO,
        Discrepancy.LATE_BILLED,
    }
)
"""Classes that dispute the bill as a whole, so that nothing on it counts beside them."""
OPEN_QUESTIONS = frozenset(
    {
        Discrepancy.RATE_NOT_ON_FILE,
        Discrepancy.CURRENCY,
        Discrepancy.NO_POD,
        Discrepancy.MISSING_REFERENCE,
        Discrepancy.NO_SHIPMENT_MATCH,
    }
)
"""Classes that are proven and yet have no amount: the bill waits for an answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an invoice.

    Attributes
    ----------
    kind
        The charge that it is about; None for the invoice as a whole.
    line_numbers
        Lines of the invoice that it is about.
    words
        What was found, in a sentence.
    billed_minor, recomputed_minor
        The charge as billed and as it follows from the contract and the records; None where that has no amount.
    difference_minor
        What is asked too much, negative for too little; None where it cannot be told.
    clause, event_ids, other_invoice_ids
        The evidence: the clause of the contract, the events, the invoices that this one repeats.
    """

    label: Discrepancy
    words: str
    difference_minor: int | None = None
    kind: ChargeKind | None = None
    line_numbers: tuple[int, ...] = ()
    billed_minor: int | None = None
    recomputed_minor: int | None = None
    clause: Clause | None = None
    event_ids: tuple[str, ...] = ()
    other_invoice_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings of one invoice.

    Attributes
    ----------
    undetermined
        Charges that could not be re-rated: about them the rules say nothing.
    within_tolerance_minor
        Sum of the differences that were found and are tolerated.
    """

    invoice_id: str
    currency: str | None
    findings: tuple[Finding, ...]
    undetermined: tuple[Doubt, ...]
    within_tolerance_minor: int = 0

    def recoverable_minor(self, total_minor: int) -> int:
        """Return what can be claimed back of a bill of this total: the whole of it at most."""
        if any(finding.label in WHOLE_BILL for finding in self.findings):
            return max(total_minor, 0)
        return min(over_minor(self.findings), max(total_minor, 0))


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Which differences are let pass: those within the amount and within the percentage, both.

    Attributes
    ----------
    amount_minor
        In minor units of the invoice's currency.
    percent
        Of what is owed for the whole invoice; of what is billed where that cannot be told.
    """

    amount_minor: int = 100
    percent: float = 1.0

    def allows(self, difference_minor: int, whole_minor: int) -> bool:
        """Tell whether a difference on a bill of this size is let pass."""
        size = abs(difference_minor)
        return size <= self.amount_minor and 100 * size <= self.percent * max(whole_minor, 0)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """What an audit needs to know beside contracts and records. The policy of a company sets it.

    Attributes
    ----------
    over, under
        Tolerances for what is billed too much and too little.
    payers
        Names under which we pay (`FreightInvoice.bill_to`); empty: any.
    bill_within_days
        After so many days from the delivery a bill is late; 180 days is the limit of 49 U.S.C. 13710(a)(3)(A).
    delivery_is_shown
        Whether a bill waits until the delivery is known. False where the carriers send no events.
    rates_are_on_file
        Whether a load without a rate is a finding. False where much is bought without a contract.
    kg_per_m3
        Densities by which carriers turn volume into weight.
    """

    over: Tolerance = Tolerance()
    under: Tolerance = Tolerance(500, 5.0)
    payers: frozenset[str] = frozenset()
    bill_within_days: int = 180
    delivery_is_shown: bool = True
    rates_are_on_file: bool = True
    kg_per_m3: tuple[float, ...] = (1_000 / 6, 200.0, 250.0, 1_000 / 3)


def tolerated(
    findings: Sequence[Finding], settings: AuditSettings, whole_minor: int
) -> tuple[tuple[Finding, ...], int]:
    """Leave out what is within tolerance, too much and too little apart.

    A finding without an amount always stays. Small ones stay as well where together they are beyond the tolerance.

    Returns
    -------
    The findings that stay, and the sum of those that do not.
    """
    dropped: set[int] = set()
    for tolerance, side in ((settings.over, 1), (settings.under, -1)):
        small = [
            place
            for place, finding in enumerate(findings)
            if (finding.difference_minor or 0) * side > 0
            and tolerance.allows(finding.difference_minor or 0, whole_minor)
        ]
        if tolerance.allows(sum(findings[place].difference_minor or 0 for place in small), whole_minor):
            dropped.update(small)
    kept = tuple(finding for place, finding in enumerate(findings) if place not in dropped)
    return kept, sum(findings[place].difference_minor or 0 for place in dropped)


def over_minor(findings: Iterable[Finding]) -> int:
    """Return the sum of what is too much."""
    return sum(max(finding.difference_minor or 0, 0) for finding in findings)
