"""The facts of a judged invoice that a policy may look at. What is not there is unknown, with its reason."""

from __future__ import annotations

from datetime import datetime

from features.vocabulary import Branch
from models.audit.findings import WHOLE_BILL
from routing.facts import Fact, Row, Unknown
from serving.invoices.schemas import NO_MODEL, FindingShape
from serving.invoices.service import Judged

NO_CLAUSE, THE_BILL = "no clause", "the bill itself"


def invoice_facts(judged: Judged, *, strongest_branch_taken: Branch) -> dict[str, Fact]:
    """Gather the facts of a judged invoice.

    Parameters
    ----------
    strongest_branch_taken
        What was done, or put before a person, for this invoice so far.
    """
    answer, invoice = judged.answer, judged.judgement.bill.invoice
    suspicion = answer.suspicion
    undetermined = "; ".join(f"{doubt.code or doubt.charge.value}: {doubt.words}" for doubt in answer.undetermined)
    return {
        "verdict": answer.verdict.value,
        "carrier_id": answer.carrier_id,
        "invoice_number": answer.invoice_number or answer.invoice_id,
        "shipment_id": _given(answer.shipment_id, "the invoice names none"),
        "invoice_kind": answer.kind.value,
        "currency": _given(answer.currency, "the invoice names none"),
        "due_at": _when(invoice.due_at),
        "billed_minor": answer.billed_minor,
        "owed_minor": Unknown(undetermined) if answer.owed_minor is None else answer.owed_minor,
        "overbilled_minor": (
            Unknown(undetermined) if answer.owed_minor is None else answer.billed_minor - answer.owed_minor
        ),
        "proven_minor": answer.proven_minor,
        "withheld_minor": answer.withheld_minor,
        "recoverable_minor": round(answer.recoverable_minor),
        "within_tolerance_minor": answer.within_tolerance_minor,
        "suspicion": Unknown(NO_MODEL) if suspicion is None else suspicion.probability,
        "suspected_minor": Unknown(NO_MODEL) if suspicion is None else round(suspicion.suspected_minor),
        "recoverable_minor_per_minute": answer.recoverable_minor_per_minute,
        "charges_undetermined": len(answer.undetermined),
        "all_of_it_refused": any(finding.label in WHOLE_BILL for finding in answer.findings),
        "findings": tuple(row for finding in answer.findings if (row := _with_amount(finding)) is not None),
        "open_questions": tuple(
            {"label": finding.label.value, "words": finding.words, "dispute": finding.dispute}
            for finding in answer.findings
            if _with_amount(finding) is None
        ),
        "strongest_branch_taken": strongest_branch_taken.value,
    }


def _with_amount(finding: FindingShape) -> Row | None:
    """Write a finding with its evidence; None if it has no amount."""
    amounts = finding.billed_minor, finding.recomputed_minor, finding.difference_minor
    if None in amounts:
        return None
    billed, recomputed, difference = (int(amount or 0) for amount in amounts)
    clause = finding.clause
    said = (
        NO_CLAUSE
        if clause is None
        else f"{clause.record_id}, in force from {clause.valid_from:%Y-%m-%d}: {clause.words}"
    )
    shown = [
        *(f"event {name}" for name in finding.event_ids),
        *(f"invoice {name}" for name in finding.other_invoice_ids),
    ]
    return {
        "label": finding.label.value,
        "words": finding.words,
        "charge": "the whole invoice" if finding.charge is None else finding.charge.value,
        "billed_minor": billed,
        "recomputed_minor": recomputed,
        "difference_minor": difference,
        "clause": said,
        "evidence": ", ".join(shown) or THE_BILL,
        "dispute": finding.dispute,
    }


def _given(value: str | None, reason: str) -> str | Unknown:
    return Unknown(reason) if value is None else value


def _when(value: datetime | None) -> datetime | Unknown:
    return Unknown("the invoice names no day") if value is None else value
