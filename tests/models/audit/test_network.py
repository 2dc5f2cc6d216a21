"""The rules on a generated network whose errors are known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from features.contracts import Contracts
from features.invoice import build_invoices
from features.invoice_vocabulary import Discrepancy
from models.audit.findings import Audit
from models.audit.rules import audit_bills
from tests.models.audit.billed import STRICT
from training.simulate.generate import Simulation, simulate
from training.simulate.settings import SimulationSettings


@pytest.fixture(scope="module")
def network() -> Simulation:
    return simulate(SimulationSettings(shipments=900, days=20, invoice_error_share=0.4), np.random.default_rng(5))


@pytest.fixture(scope="module")
def audits(network: Simulation) -> list[Audit]:
    bills = build_invoices(network.tables).bills
    contracts = Contracts.of_tables(network.tables)
    found = audit_bills(bills, contracts, STRICT)
    over = {bill.invoice.invoice_id: bill.over_minor for bill in bills}
    for audit in found:
        labels = {finding.label for finding in audit.findings}
        if over[audit.invoice_id] is not None and Discrepancy.DUPLICATE_INVOICE not in labels:
            assert sum(one.difference_minor or 0 for one in audit.findings) == over[audit.invoice_id], audit
    return found


def test_every_error_that_can_be_determined_is_found_in_its_class(network: Simulation, audits: list[Audit]) -> None:
    truth = dict(zip(network.invoice_truth["invoice_id"], network.invoice_truth["error"], strict=True))
    found: Counter[tuple[str, str]] = Counter()
    for audit in audits:
        labels = [one.label.value for one in audit.findings if one.label is not Discrepancy.NO_POD]
        error = truth.get(audit.invoice_id, "")
        if not audit.undetermined:
            assert len(labels) <= 1
            found[error, labels[0] if labels else ""] += 1
    # Without a known arrival, hours of waiting are not evidenced; to the generator all are a matter of the clock.
    found["detention_clock", "detention_clock"] += found.pop(("detention_clock", "accessorial_not_evidenced"), 0)
    # A flat minimum that is raised is a rate to the generator.
    found["rate_mismatch", "rate_mismatch"] += found.pop(("rate_mismatch", "minimum_charge"), 0)
    assert {error for error, label in found if error == label} == {"", *truth.values()}
    assert all(error == label for error, label in found), found
    assert sum(found.values()) > 800


def test_what_cannot_be_determined_raises_no_false_alarm(network: Simulation, audits: list[Audit]) -> None:
    wrong = set(network.invoice_truth["invoice_id"])
    alarms = [
        finding
        for audit in audits
        if audit.undetermined and audit.invoice_id not in wrong
        for finding in audit.findings
        if finding.label is not Discrepancy.NO_POD
    ]
    assert any(audit.undetermined for audit in audits)
    assert alarms == []
