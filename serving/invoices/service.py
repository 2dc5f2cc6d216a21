"""Judges one invoice: by what was known when it came in, or anew by what is known now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from features.billing import Bill
from features.invoice_records import BilledInvoice
from features.live_invoices import LiveInvoices
from models.audit.findings import AuditSettings
from models.audit.judgement import Judgement, judge
from models.audit.rules import audit_bill
from models.audit.score import AuditModel
from serving.clock import Clock
from serving.errors import InvoiceCancelledError, UnknownInvoiceError
from serving.events.records import Intake, read_record
from serving.invoices.schemas import InvoiceAnswer, invoice_answer


class KnowsInvoices(Protocol):
    """What is asked of the feature state; see `features.state.State`."""

    @property
    def invoices(self) -> LiveInvoices: ...


@dataclass(frozen=True, slots=True)
class InvoiceQuestion:
    """Which invoice is asked about: a known one by its id, or one given inline; and as known when.

    Attributes
    ----------
    anew
        Whether it is judged by what is known now, and not by what was known when it came in.
    """

    invoice_id: str | None = None
    invoice: Mapping[str, Any] | None = None
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """An invoice that was judged: what it rests on, the values of its features, and the answer.

    Attributes
    ----------
    values : float64 [len(INVOICE_NAMES)]
    """

    judgement: Judgement
    values: np.ndarray
    answer: InvoiceAnswer


@dataclass(frozen=True, slots=True)
class InvoiceService:
    """Judges invoices by rules, and by the model where one is loaded."""

    clock: Clock
    state: KnowsInvoices
    model: AuditModel | None
    settings: AuditSettings
    intake: Intake

    def answer(self, question: InvoiceQuestion) -> InvoiceAnswer:
        """Judge an invoice; nothing is decided or recorded.

        Raises
        ------
        UnknownInvoiceError
            If nobody sent it.
        InvalidRecordError, KnownTimeError, FutureKnowledgeError
            If the inline invoice cannot be read.
        RecordError
            If an invoice of that id came before with other contents.
        """
        return self.judged(question, self.clock.now()).answer

    def judged(self, question: InvoiceQuestion, now: datetime) -> Judged:
        """Judge an invoice, with all that it rests on.

        Raises
        ------
        As `answer`.
        """
        bill, invoices = self._bill(question, now), self.state.invoices
        matrix = invoices.matrix(bill)
        repeats = invoices.ledger.repeats(bill.invoice)
        audit = audit_bill(bill, invoices.contracts, repeats, self.settings)
        judgement = judge(matrix, [audit], self.model)[0]
        values = matrix.values[0]
        return Judged(judgement, values, invoice_answer(judgement, values, self.settings, self.model))

    def check_stands(self, invoice_id: str) -> None:
        """Make sure that a known invoice was not cancelled.

        Raises
        ------
        InvoiceCancelledError
            If its carrier has cancelled it.
        """
        by = self.state.invoices.cancelled_by(invoice_id)
        if by is not None:
            raise InvoiceCancelledError(invoice_id, by)

    def cancels(self, invoice_id: str) -> tuple[str, ...]:
        """Return which invoices one takes back; nothing if it is no cancellation, or nobody sent it."""
        invoices = self.state.invoices
        return invoices.cancels(invoice_id) if invoice_id in invoices else ()

    def _bill(self, question: InvoiceQuestion, now: datetime) -> Bill:
        invoices = self.state.invoices
        invoice_id = question.invoice_id or ""
        if question.invoice is not None:
            record = read_record(BilledInvoice, question.invoice, now=now, intake=self.intake, where="body.invoice")
            invoices.check(record)
            if record.invoice_id not in invoices:
                return invoices.bill_inline(record)
            invoice_id = record.invoice_id
        if invoice_id not in invoices:
            raise UnknownInvoiceError(invoice_id)
        return invoices.bill(invoice_id, now if question.anew else None)
