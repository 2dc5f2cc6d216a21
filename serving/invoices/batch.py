"""Judging all invoices of canonical tables, and writing down what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts import Contracts
from features.invoice import InvoiceMatrix, build_invoices
from features.progress import Progress
from features.tables import RecordTables
from models.audit.findings import AuditSettings
from models.audit.judgement import judge
from models.audit.rules import audit_bills
from models.audit.score import AuditModel
from serving.invoices.schemas import InvoiceAnswer, invoice_answer

INVOICES, FINDINGS, LINES = "invoices.parquet", "findings.parquet", "invoices.jsonl"
_NOT_FLAT = ("findings", "undetermined", "suspicion", "model", "edition", "tolerance_over", "tolerance_under",
             "abstained_because")  # fmt: skip


def judge_tables(
    tables: RecordTables,
    settings: AuditSettings,
    model: AuditModel | None,
    since: datetime | None = None,
    progress: Progress | None = None,
) -> list[InvoiceAnswer]:
    """Judge the invoices that came in since an instant, each by what was known then; the earlier ones are its past.

    Returns
    -------
    By currency, and in it what a minute of review brings back most first.
    """
    matrix = build_invoices(tables, progress)
    audits = audit_bills(matrix.bills, Contracts.of_tables(tables), settings)
    rows = [row for row, bill in enumerate(matrix.bills) if since is None or bill.cutoff >= since]
    chosen = InvoiceMatrix(matrix.values[rows], tuple(matrix.bills[row] for row in rows))
    judgements = judge(chosen, [audits[row] for row in rows], model)
    answers = [
        invoice_answer(judgement, values, settings, model)
        for judgement, values in zip(judgements, chosen.values, strict=True)
    ]
    return sorted(
        answers, key=lambda one: (one.currency or "", -one.recoverable_minor_per_minute, one.as_of, one.invoice_id)
    )


def write_answers(answers: Sequence[InvoiceAnswer], out: Path) -> None:
    """Write judged invoices as JSON lines, and flat as Parquet: a row an invoice, and a row a finding."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / LINES).open("w", encoding="utf-8") as lines:
        for answer in answers:
            lines.write(f"{answer.model_dump_json()}\n")
    pq.write_table(pa.Table.from_pylist([_flat(one) for one in answers], _INVOICE_SCHEMA), out / INVOICES)
    rows = [row for answer in answers for row in _finding_rows(answer)]
    pq.write_table(pa.Table.from_pylist(rows, _FINDING_SCHEMA), out / FINDINGS)


def _flat(answer: InvoiceAnswer) -> dict[str, Any]:
    suspicion = answer.suspicion
    strongest = suspicion.signs[0] if suspicion is not None and suspicion.signs else None
    return {
        **answer.model_dump(exclude=set(_NOT_FLAT)),
        "labels": [finding.label.value for finding in answer.findings],
        "undetermined": [f"{doubt.charge}: {doubt.reason}" for doubt in answer.undetermined],
        "probability": None if suspicion is None else suspicion.probability,
        "suspected_minor": None if suspicion is None else suspicion.suspected_minor,
        "unusual": None if suspicion is None else suspicion.unusual,
        "signs": None if suspicion is None else [sign.words for sign in suspicion.signs],
        "strongest_sign": None if strongest is None else strongest.name,
        "model": answer.model.name,
        "model_version": answer.model.version,
        "rules": answer.edition.rules,
        "settings": answer.edition.settings,
    }


def _finding_rows(answer: InvoiceAnswer) -> list[dict[str, Any]]:
    return [
        {
            "invoice_id": answer.invoice_id,
            "carrier_id": answer.carrier_id,
            "currency": answer.currency,
            **finding.model_dump(exclude={"clause"}),
            "clause": None if finding.clause is None else finding.clause.record_id,
            "clause_words": None if finding.clause is None else finding.clause.words,
        }
        for finding in answer.findings
    ]


_TEXT, _WHOLE, _REAL, _TEXTS = pa.string(), pa.int64(), pa.float64(), pa.list_(pa.string())
_INVOICE_SCHEMA = pa.schema(
    {
        **dict.fromkeys(("invoice_id", "invoice_number", "carrier_id", "shipment_id", "kind", "currency"), _TEXT),
        "as_of": pa.timestamp("us", tz="UTC"),
        **dict.fromkeys(("verdict", "words"), _TEXT),
        **dict.fromkeys(("billed_minor", "owed_minor", "proven_minor", "withheld_minor"), _WHOLE),
        **dict.fromkeys(("recoverable_minor", "review_minutes", "recoverable_minor_per_minute"), _REAL),
        "within_tolerance_minor": _WHOLE,
        "labels": _TEXTS,
        "undetermined": _TEXTS,
        **dict.fromkeys(("probability", "suspected_minor", "unusual"), _REAL),
        "signs": _TEXTS,
        **dict.fromkeys(("strongest_sign", "model", "model_version", "rules", "settings", "features_digest"), _TEXT),
    }
)
_FINDING_SCHEMA = pa.schema(
    {
        **dict.fromkeys(("invoice_id", "carrier_id", "currency", "label", "words", "charge"), _TEXT),
        "line_numbers": pa.list_(_WHOLE),
        **dict.fromkeys(("billed_minor", "recomputed_minor", "difference_minor"), _WHOLE),
        **dict.fromkeys(("clause", "clause_words"), _TEXT),
        "event_ids": _TEXTS,
        "other_invoice_ids": _TEXTS,
        "dispute": _TEXT,
    }
)
