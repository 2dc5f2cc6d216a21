"""What is to be done about a freight invoice: the verdict on it, and what that rests on.

Only what is proven holds a payment back. What a model suspects sends a bill to a person; it is paid meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import fsum

import numpy as np

from features.amounts import money
from features.billing import Bill
from features.invoice import InvoiceMatrix
from models.audit.findings import OPEN_QUESTIONS, WHOLE_BILL, Audit
from models.audit.score import AuditModel, ReviewMinutes, Scores, Sign


class InvoiceVerdict(StrEnum):
    """What is to be done about an invoice."""

    APPROVE = "approve"
    """All of it could be re-rated, and no more is asked than is owed, within the tolerance."""
    DISPUTE = "dispute"
    """Rules prove that some or all of it is not owed."""
    QUESTION = "question"
    """Something that a bill needs is missing: it waits for the carrier's answer."""
    REVIEW = "review"
    """Nothing is proven; it looks odd enough to a model for a person to look at. It is paid meanwhile."""
    CANNOT_DETERMINE = "cannot_determine"
    """A charge of it could not be re-rated, so nothing speaks for it and nothing against it."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a model thinks of a bill; it proves nothing.

    Attributes
    ----------
    probability
        That the bill asks too much although no claim is proven; 0 where one is.
    suspected_minor
        What the signs speak of.
    unusual
        How unusual the bill is, without any label or contract.
    base_log_odds, log_odds
        Of a bill that shows no sign at all, and of this one: base, signs and what the weaker ones add
        (`rest_log_odds`) add up to it. The probability is of it, unless a claim is proven.
    signs
        The strongest, those that weigh most first.
    """

    probability: float
    suspected_minor: float
    unusual: float
    base_log_odds: float
    log_odds: float
    signs: tuple[Sign, ...]

    @property
    def rest_log_odds(self) -> float:
        """What the signs that are not listed add."""
        return self.log_odds - self.base_log_odds - fsum(sign.log_odds for sign in self.signs)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one invoice.

    Attributes
    ----------
    words
        The verdict in a sentence.
    proven_minor
        What can be claimed on proof.
    withheld_minor
        What is not paid until the carrier has answered; never because of a suspicion.
    recoverable_minor
        Expected money that a review brings back: what is proven, and what is suspected by its probability.
    minutes
        How long a review takes.
    suspicion
        None where no model is there.
    """

    bill: Bill
    audit: Audit
    verdict: InvoiceVerdict
    words: str
    proven_minor: int
    withheld_minor: int
    recoverable_minor: float
    minutes: float
    suspicion: Suspicion | None

    @property
    def worth(self) -> float:
        """Expected money a minute of review, in minor units."""
        return self.recoverable_minor / self.minutes


def judge(matrix: InvoiceMatrix, audits: Sequence[Audit], model: AuditModel | None) -> list[Judgement]:
    """Judge invoices by what the rules found and, where there is a model, by its signs.

    Parameters
    ----------
    audits
        What the rules found, bill by bill.
    """
    pairs = list(zip(matrix.bills, audits, strict=True))
    if model is None:
        return [_judged(bill, audit, None, ReviewMinutes(), is_suspect=False) for bill, audit in pairs]
    scores = model.score(matrix, audits)
    signs, log_odds = model.all_signs(matrix, scores), model.log_odds(scores)
    suspect = _is_suspect(model, scores)
    return [
        _judged(
            bill,
            audit,
            Suspicion(
                probability=float(scores.probability[row]),
                suspected_minor=float(scores.suspected_minor[row]),
                unusual=float(scores.unusual[row]),
                base_log_odds=model.base_log_odds,
                log_odds=float(log_odds[row]),
                signs=tuple(signs[row]),
            ),
            model.minutes,
            is_suspect=bool(suspect[row]),
        )
        for row, (bill, audit) in enumerate(pairs)
    ]


def _is_suspect(model: AuditModel, scores: Scores) -> np.ndarray:
    """Tell of which bills a person should look at: those above the model's bound; none where it has none."""
    if model.missed is None:
        return np.zeros(len(scores.worth), dtype=np.bool_)
    return np.asarray((scores.worth >= model.missed.threshold) & (scores.worth > 0.0))


def _judged(
    bill: Bill, audit: Audit, suspicion: Suspicion | None, minutes: ReviewMinutes, *, is_suspect: bool
) -> Judgement:
    proven = audit.recoverable_minor(bill.total_minor)
    is_open = any(finding.label in OPEN_QUESTIONS for finding in audit.findings)
    suspected = 0.0 if suspicion is None else suspicion.probability * suspicion.suspected_minor
    verdict = _verdict(audit, proven, is_open=is_open, is_suspect=is_suspect)
    takes = minutes.proven if proven > 0 else minutes.question if is_open else minutes.suspicion
    return Judgement(
        bill=bill,
        audit=audit,
        verdict=verdict,
        words=_words(verdict, bill, audit, proven, is_open=is_open),
        proven_minor=proven,
        withheld_minor=max(bill.total_minor, 0) if is_open else proven,
        recoverable_minor=proven + suspected,
        minutes=takes,
        suspicion=suspicion,
    )


def _verdict(audit: Audit, proven: int, *, is_open: bool, is_suspect: bool) -> InvoiceVerdict:
    if proven > 0:
        return InvoiceVerdict.DISPUTE
    if is_open:
        return InvoiceVerdict.QUESTION
    if is_suspect:
        return InvoiceVerdict.REVIEW
    return InvoiceVerdict.CANNOT_DETERMINE if audit.undetermined else InvoiceVerdict.APPROVE


def _words(verdict: InvoiceVerdict, bill: Bill, audit: Audit, proven: int, *, is_open: bool) -> str:
    currency = bill.invoice.currency or ""
    match verdict:
        case InvoiceVerdict.DISPUTE if is_open:
            return f"dispute {money(proven, currency)} on proof; the rest waits for the answer to a question"
        case InvoiceVerdict.DISPUTE if any(finding.label in WHOLE_BILL for finding in audit.findings):
            return f"dispute all of it on proof: {money(proven, currency)}"
        case InvoiceVerdict.DISPUTE:
            return f"dispute {money(proven, currency)} on proof, pay {money(bill.total_minor - proven, currency)}"
        case InvoiceVerdict.QUESTION:
            return "put an open question to the carrier; the invoice waits for the answer"
        case InvoiceVerdict.REVIEW:
            return "review on suspicion: nothing is proven, so it is paid meanwhile"
        case InvoiceVerdict.CANNOT_DETERMINE:
            reasons = ", ".join(dict.fromkeys(doubt.reason.replace("_", " ") for doubt in audit.undetermined))
            return f"cannot determine what is owed ({reasons}); nothing is proven, so nothing is withheld"
        case InvoiceVerdict.APPROVE:
            under = -sum(min(finding.difference_minor or 0, 0) for finding in audit.findings)
            if under:
                return f"approve: it asks {money(under, currency)} less than is owed, which is told and not claimed"
            return "approve: what is asked is what is owed, within the tolerance"
