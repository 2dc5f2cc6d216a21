"""The shape of a judged invoice: a line of `triage invoices`, and the answer of `POST /v1/score/invoices`.

Amounts are minor units of the invoice's currency. What is not known is null, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import numpy as np
from pydantic import BaseModel, Field

from features.charges import Doubt, Reason
from features.invoice_records import FreightInvoice
from features.invoice_vocabulary import ChargeKind, Discrepancy, InvoiceKind
from features.state import FeatureRow
from models.audit.dispute import dispute_text
from models.audit.edition import edition_of
from models.audit.findings import AuditSettings, Finding, Tolerance
from models.audit.judgement import InvoiceVerdict, Judgement, Suspicion
from models.audit.score import AuditModel
from serving.scores.service import features_digest

NO_MODEL = "no model of invoices is loaded: rules judged alone"


class ClauseShape(BaseModel):
    """What was agreed."""

    record_id: str
    valid_from: datetime
    words: str


class FindingShape(BaseModel):
    """One thing that is proven about an invoice, with its evidence and the words of a dispute."""

    label: Discrepancy
    words: str
    charge: ChargeKind | None = Field(description="null for the invoice as a whole")
    line_numbers: list[int]
    billed_minor: int | None
    recomputed_minor: int | None
    difference_minor: int | None = Field(description="asked too much, negative for too little; null if no amount")
    clause: ClauseShape | None
    event_ids: list[str]
    other_invoice_ids: list[str]
    dispute: str = Field(description="what to write to the carrier")

    @classmethod
    def of(cls, invoice: FreightInvoice, finding: Finding) -> FindingShape:
        """Shape a finding."""
        return cls(
            label=finding.label,
            words=finding.words,
            charge=finding.kind,
            line_numbers=list(finding.line_numbers),
            billed_minor=finding.billed_minor,
            recomputed_minor=finding.recomputed_minor,
            difference_minor=finding.difference_minor,
            clause=None if finding.clause is None else ClauseShape(**asdict(finding.clause)),
            event_ids=list(finding.event_ids),
            other_invoice_ids=list(finding.other_invoice_ids),
            dispute=dispute_text(invoice, finding),
        )


class DoubtShape(BaseModel):
    """A charge about which the rules say nothing, and why."""

    charge: ChargeKind
    code: str | None
    reason: Reason
    words: str

    @classmethod
    def of(cls, doubt: Doubt) -> DoubtShape:
        """Shape a doubt."""
        return cls(charge=doubt.kind, code=doubt.code, reason=doubt.reason, words=doubt.words)


class SignShape(BaseModel):
    """One reason why a bill looks odd. `p_value` is the share of usual bills on which it is at least as strong."""

    name: str
    words: str
    p_value: float
    log_odds: float | None = Field(default=None, description="what it adds to the suspicion; null in older files")
    amount_minor: float = Field(description="money that it speaks of")


class SuspicionShape(BaseModel):
    """What the model thinks. It proves nothing and withholds nothing."""

    probability: float = Field(description="that it asks too much although no claim is proven; 0 where one is")
    suspected_minor: float
    unusual: float
    base_log_odds: float | None = Field(default=None, description="of a bill that shows no sign; null in older files")
    log_odds: float | None = Field(
        default=None, description="what the probability is of: base, signs and rest add up to it; null in older files"
    )
    rest_log_odds: float | None = Field(default=None, description="what the signs add that are not listed")
    signs: list[SignShape] = Field(description="the strongest first")

    @classmethod
    def of(cls, suspicion: Suspicion) -> SuspicionShape:
        """Shape a suspicion."""
        return cls(
            probability=suspicion.probability,
            suspected_minor=suspicion.suspected_minor,
            unusual=suspicion.unusual,
            base_log_odds=suspicion.base_log_odds,
            log_odds=suspicion.log_odds,
            rest_log_odds=suspicion.rest_log_odds,
            signs=[SignShape(**asdict(sign)) for sign in suspicion.signs],
        )


class ToleranceShape(BaseModel):
    """Differences within both are let pass."""

    amount_minor: int
    percent: float = Field(description="of what is owed for the whole invoice")

    @classmethod
    def of(cls, tolerance: Tolerance) -> ToleranceShape:
        """Shape a tolerance."""
        return cls(amount_minor=tolerance.amount_minor, percent=tolerance.percent)


class InvoiceModelShape(BaseModel):
    """Which model spoke: "none" if rules judged alone."""

    name: str
    version: str
    fingerprints: dict[str, str]


class EditionShape(BaseModel):
    """Which rules judged: SHA-256 of their text, and of the settings that they went by."""

    rules: str
    settings: str


class InvoiceAnswer(BaseModel):
    """An invoice, judged by what was known when it came in (`as_of`)."""

    invoice_id: str
    invoice_number: str | None
    carrier_id: str
    shipment_id: str | None
    kind: InvoiceKind
    currency: str | None
    as_of: datetime
    verdict: InvoiceVerdict
    words: str = Field(description="the verdict in a sentence")
    billed_minor: int
    owed_minor: int | None = Field(description="null where a charge cannot be determined")
    proven_minor: int = Field(description="what can be claimed on proof")
    withheld_minor: int = Field(description="what waits for the carrier's answer; never because of a suspicion")
    recoverable_minor: float = Field(description="proven, and suspected by its probability")
    review_minutes: float
    recoverable_minor_per_minute: float = Field(description="what the work is ranked by")
    findings: list[FindingShape]
    undetermined: list[DoubtShape]
    within_tolerance_minor: int = Field(description="differences that were found and let pass")
    tolerance_over: ToleranceShape
    tolerance_under: ToleranceShape
    suspicion: SuspicionShape | None = Field(description="null where no model is loaded")
    abstained_because: list[str] = Field(description="what could not be said, and why; empty where all could")
    model: InvoiceModelShape
    edition: EditionShape
    features_digest: str = Field(description="SHA-256 of the feature values")


def invoice_answer(
    judgement: Judgement, values: np.ndarray, settings: AuditSettings, model: AuditModel | None
) -> InvoiceAnswer:
    """Shape a judgement.

    Parameters
    ----------
    values : float64 [len(INVOICE_FEATURES)]
    """
    bill, audit, edition = judgement.bill, judgement.audit, edition_of(settings)
    invoice, suspicion = bill.invoice, judgement.suspicion
    fingerprints: Mapping[str, str] = {} if model is None else model.fingerprints
    return InvoiceAnswer(
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.invoice_number,
        carrier_id=invoice.carrier_id,
        shipment_id=invoice.shipment_id,
        kind=invoice.kind,
        currency=invoice.currency,
        as_of=bill.cutoff,
        verdict=judgement.verdict,
        words=judgement.words,
        billed_minor=bill.total_minor,
        owed_minor=bill.expected.total_minor,
        proven_minor=judgement.proven_minor,
        withheld_minor=judgement.withheld_minor,
        recoverable_minor=judgement.recoverable_minor,
        review_minutes=judgement.minutes,
        recoverable_minor_per_minute=judgement.worth,
        findings=[FindingShape.of(invoice, finding) for finding in audit.findings],
        undetermined=[DoubtShape.of(doubt) for doubt in audit.undetermined],
        within_tolerance_minor=audit.within_tolerance_minor,
        tolerance_over=ToleranceShape.of(settings.over),
        tolerance_under=ToleranceShape.of(settings.under),
        suspicion=None if suspicion is None else SuspicionShape.of(suspicion),
        abstained_because=_abstained(judgement),
        model=InvoiceModelShape(
            name="none" if model is None else model.name,
            version="0" if model is None else model.version,
            fingerprints=dict(fingerprints),
        ),
        edition=EditionShape(rules=edition.rules, settings=edition.settings),
        features_digest=features_digest(FeatureRow(values, ())),
    )


def _abstained(judgement: Judgement) -> list[str]:
    doubts = [f"{doubt.code or doubt.kind.value}: {doubt.words}" for doubt in judgement.audit.undetermined]
    return doubts if judgement.suspicion is not None else [*doubts, NO_MODEL]
