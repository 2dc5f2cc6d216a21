"""Verdicts: each on one small bill, and what a model alone may not do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from features.contracts import Contracts
from features.fields import Record
from features.invoice import InvoiceMatrix, build_invoices
from features.tables import RecordTables
from models.audit.edition import edition_of
from models.audit.findings import Audit, AuditSettings, Tolerance
from models.audit.judgement import InvoiceVerdict, Judgement, judge
from models.audit.rules import audit_bills
from models.audit.score import AuditModel, ReviewMinutes, Scores, Sign
from models.missed import MissedBound
from tests.features.agreed import plan
from tests.models.audit.billed import ARRIVED, CONTRACT, DELIVERED, STRICT, TOLL, bill, haul, surcharge


def judged(*lines: Record, model: AuditModel | None = None, shipment: Record | None = None,
           events: Sequence[Record] = (ARRIVED, DELIVERED), **given: Any) -> Judgement:  # fmt: skip
    own = lines or (haul(), surcharge(), TOLL)
    total = sum(getattr(one, "amount_minor", 0) for one in own)
    tables = RecordTables.from_records(
        [*CONTRACT, shipment or plan(), *events, bill(**{"net_due_minor": total, **given}), *own]
    )
    matrix = build_invoices(tables)
    audits = audit_bills(matrix.bills, Contracts.of_tables(tables), STRICT)
    return judge(matrix, audits, model)[0]


@dataclass
class Suspicious:
    """Finds every bill most suspicious, as a fitted model may."""

    threshold: float = 1.0
    name: str = "suspicious"
    version: str = "3"
    fingerprints: tuple[tuple[str, str], ...] = (("model", "f" * 64),)
    settings: AuditSettings = AuditSettings()  # noqa: RUF009  frozen
    minutes: ReviewMinutes = ReviewMinutes()  # noqa: RUF009  frozen

    base_log_odds: float = -3.0

    def log_odds(self, scores: Scores) -> np.ndarray:
        return self.base_log_odds + 2.5 * scores.surprise[:, 0]

    @property
    def missed(self) -> MissedBound:
        return MissedBound(self.threshold, 0.1, 0.1, 0.09, 1, 40)

    def score(self, matrix: InvoiceMatrix, audits: Sequence[Audit]) -> Scores:
        n = len(audits)
        full = np.ones(n)
        return Scores(np.ones((n, 1)), full, full, np.zeros(n), 20_00 * full, 12 * full)

    def all_signs(self, matrix: InvoiceMatrix, scores: Scores) -> list[list[Sign]]:
        return [[Sign("twin", 0.001, 2.0, 20_00.0, "it agrees with an earlier bill")] for _ in matrix.bills]


def suspicious(threshold: float = 1.0) -> AuditModel:
    return cast(AuditModel, Suspicious(threshold))


def test_a_right_bill_is_approved_and_nothing_is_withheld() -> None:
    found = judged()
    assert (found.verdict, found.withheld_minor, found.suspicion) == (InvoiceVerdict.APPROVE, 0, None)


def test_what_is_proven_is_disputed_and_that_alone_is_withheld() -> None:
    found = judged(haul(27_00), surcharge(), TOLL)
    assert found.verdict is InvoiceVerdict.DISPUTE
    assert found.proven_minor == found.withheld_minor == 2_00
    assert found.words == "dispute 2.00 EUR on proof, pay 30.50 EUR"
    assert (found.minutes, found.worth) == (3.0, pytest.approx(2_00 / 3))


def test_an_open_question_lets_the_bill_wait() -> None:
    found = judged(events=(ARRIVED,))
    assert (found.verdict, found.proven_minor, found.withheld_minor) == (InvoiceVerdict.QUESTION, 0, 30_50)


def test_what_cannot_be_determined_is_not_approved_and_not_withheld() -> None:
    found = judged(shipment=plan(None))
    assert (found.verdict, found.withheld_minor) == (InvoiceVerdict.CANNOT_DETERMINE, 0)
    assert "no weight" in found.words


def test_an_undercharge_is_told_and_not_claimed() -> None:
    found = judged(haul(20_00, rate_minor=8_00), surcharge(), TOLL)
    assert (found.verdict, found.withheld_minor) == (InvoiceVerdict.APPROVE, 0)
    assert "less than is owed" in found.words


def test_a_model_alone_never_withholds_a_payment() -> None:
    found = judged(model=suspicious())
    assert (found.verdict, found.withheld_minor, found.proven_minor) == (InvoiceVerdict.REVIEW, 0, 0)
    assert "paid meanwhile" in found.words
    assert found.recoverable_minor == 20_00.0
    assert found.suspicion is not None
    assert found.suspicion.signs[0].name == "twin"


def test_a_model_that_suspects_too_little_money_changes_no_verdict() -> None:
    assert judged(model=suspicious(1e9)).verdict is InvoiceVerdict.APPROVE
    assert judged(model=suspicious(1e9), shipment=plan(None)).verdict is InvoiceVerdict.CANNOT_DETERMINE


def test_proof_comes_before_suspicion() -> None:
    assert judged(haul(27_00), surcharge(), TOLL, model=suspicious()).verdict is InvoiceVerdict.DISPUTE


def test_an_edition_changes_with_the_settings_and_with_nothing_else() -> None:
    usual = edition_of(AuditSettings())
    assert usual == edition_of(AuditSettings())
    strict = edition_of(AuditSettings(over=Tolerance(0, 0)))
    assert (usual.rules == strict.rules, usual.settings == strict.settings) == (True, False)
