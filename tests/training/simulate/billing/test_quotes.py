"""Invoices on recorded costs: the right bill is the cost, and rules see what is quoted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.contracts import Contracts
from features.fields import Record
from features.invoice import build_invoices
from features.invoice_records import FreightInvoice
from features.records import DeliveryEvent, Shipment
from features.tables import RecordTables
from models.audit.findings import AuditSettings, Tolerance
from models.audit.rules import audit_bills
from training.simulate.billing.generate import BilledYear
from training.simulate.billing.loads import PAYERS
from training.simulate.billing.quotes import QUOTED_KINDS, UNQUOTED_KINDS, bill_quotes
from training.simulate.billing.settings import QuoteSettings

START, DAY = datetime(2012, 6, 1, tzinfo=UTC), timedelta(days=1)


def recorded(count: int = 700) -> RecordTables:
    rng = np.random.default_rng(1)
    records: list[Record] = []
    for number in range(count):
        leaves = START + 0.6 * number * DAY
        name, weight = f"S{number}", round(float(rng.lognormal(5, 1.5)), 1)
        clocks = {"occurred_at": leaves - DAY, "known_at": leaves - DAY}
        stops = [{"place": "Plant", "kind": "pickup", "planned_at": leaves}, {"place": "Malawi", "kind": "delivery"}]
        records.append(
            Shipment.model_validate(
                {
                    "shipment_id": name,
                    "carrier_id": f"V{number % 4}",
                    "service_id": "Air",
                    "mode": "air",
                    "weight_kg": weight,
                    "stops": stops,
                    **clocks,
                }
            )
        )
        done = leaves + 9 * DAY
        told = {"occurred_at": done, "known_at": done}
        records.append(DeliveryEvent(event_id=f"{name}-d", shipment_id=name, status="delivered", **told))
        billed = {"occurred_at": done + 14 * DAY, "known_at": done + 15 * DAY}
        cost = round(100 * weight * float(rng.lognormal(1.5, 0.8)))
        records.append(
            FreightInvoice.model_validate(
                {
                    "invoice_id": f"{name}-b",
                    "carrier_id": f"V{number % 4}",
                    "shipment_id": name,
                    "net_due_minor": cost,
                    "currency": "USD",
                    **billed,
                }
            )
        )
    return RecordTables.from_records(records)


@pytest.fixture(scope="module")
def made() -> BilledYear:
    return bill_quotes(QuoteSettings(error_share=0.4), recorded(), np.random.default_rng(2))


def test_a_right_bill_is_the_recorded_cost_and_four_fifths_are_quoted(made: BilledYear) -> None:
    costs = recorded().freight_invoices.set_index("shipment_id")["net_due_minor"]
    bills, wrong = made.tables.freight_invoices, set(made.truth["invoice_id"])
    right = bills[~bills["invoice_id"].isin(wrong) & (bills["kind"] == "original")]
    assert (right["net_due_minor"].to_numpy() == costs[right["shipment_id"]].to_numpy()).all()
    assert 0.75 < len(made.tables.carrier_rates) / 700 < 0.85


def test_every_error_on_a_quoted_load_is_found_and_raised_costs_without_a_quote_are_not(made: BilledYear) -> None:
    settings = AuditSettings(Tolerance(0, 0), Tolerance(0, 0), payers=frozenset(PAYERS), rates_are_on_file=False)
    tables = made.tables
    audits = audit_bills(build_invoices(tables).bills, Contracts.of_tables(tables), settings)
    found = {audit.invoice_id: {one.label.value for one in audit.findings} for audit in audits}
    determined = {audit.invoice_id for audit in audits if not audit.undetermined}
    names = (made.truth[name].tolist() for name in ("invoice_id", "error", "kind", "is_shown"))
    for invoice_id, error, kind, is_shown in zip(*names, strict=True):
        if is_shown and (invoice_id in determined or kind in ("summed_wrongly", "extended_wrongly")):
            assert error in found[invoice_id], kind
        if kind in ("price_raised_unquoted", "price_doubled"):
            assert found[invoice_id] == set()
    right = set(found) - set(made.truth["invoice_id"])
    assert {label for name in right for label in found[name]} == set()


def test_the_kinds_are_there(made: BilledYear) -> None:
    known = {kind.name for kind in (*QUOTED_KINDS, *UNQUOTED_KINDS)}
    assert set(made.truth["kind"]) <= known
    assert {"price_raised", "price_raised_unquoted", "extended_wrongly", "sent_again"} <= set(made.truth["kind"])


def test_every_kind_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "audit.md").read_text(encoding="utf-8")
    for kind in (*QUOTED_KINDS, *UNQUOTED_KINDS):
        assert f"| `{kind.name}` | `{kind.label}` |" in page
