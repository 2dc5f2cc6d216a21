"""`triage invoices` on a few bills, by rules alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from features.invoice_records import InvoiceLine
from features.tables import RecordTables
from models.errors import NoChampionError
from serving.invoices import cli
from tests.features.agreed import CUTOFF, DAY, clocks, plan
from tests.models.audit.billed import ARRIVED, CONTRACT, DELIVERED, TOLL, bill, haul, surcharge


def lines_of(name: str, days: float, *lines: InvoiceLine) -> list[InvoiceLine]:
    known = clocks(CUTOFF + days * DAY)
    return [line.model_copy(update={"invoice_id": name, **known}) for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A right bill, the same again a day later, and one that asks too much for another shipment."""
    right, dear = (haul(), surcharge(), TOLL), (haul(35_00), surcharge(), TOLL)
    events = [one.model_copy(update={"shipment_id": "T", "event_id": f"T-{one.event_id}"}) for one in
              (ARRIVED, DELIVERED)]  # fmt: skip
    records = [
        *CONTRACT, plan(), plan(shipment_id="T"), ARRIVED, DELIVERED, *events,
        bill(), *lines_of("I", 0, *right),
        bill("J", invoice_number="NI", **clocks(CUTOFF + DAY)), *lines_of("J", 1, *right),
        bill("K", shipment_id="T", net_due_minor=40_50, **clocks(CUTOFF + 2 * DAY)), *lines_of("K", 2, *dear),
    ]  # fmt: skip
    RecordTables.from_records(records).write(tmp_path / "data")
    return tmp_path


def run(folder: Path, *options: str) -> Result:
    app = typer.Typer()
    cli.register(app)
    app.callback()(lambda: None)
    where = ["--data", str(folder / "data"), "--out", str(folder / "out")]
    return CliRunner().invoke(app, ["invoices", *where, *options], env={"COLUMNS": "200"})


def test_each_invoice_gets_a_verdict_and_the_work_is_ranked(folder: Path) -> None:
    told = run(folder)
    assert told.exit_code == 0, told.output
    assert "Rules alone" in told.output
    found = [json.loads(line) for line in (folder / "out" / "invoices.jsonl").read_text().splitlines()]
    assert [(one["invoice_id"], one["verdict"]) for one in found] == [
        ("J", "dispute"),
        ("K", "dispute"),
        ("I", "approve"),
    ]
    again, dear, _ = found
    assert again["findings"][0]["label"] == "duplicate_invoice"
    assert again["findings"][0]["other_invoice_ids"] == ["I"]
    finding = next(one for one in dear["findings"] if one["charge"] == "line_haul")
    assert finding["difference_minor"] == 10_00
    assert finding["clause"]["record_id"] == "R"
    assert "Please credit 10.00 EUR." in finding["dispute"]
    assert dear["tolerance_over"] == {"amount_minor": 100, "percent": 1.0}
    assert dear["suspicion"] is None
    assert any("no model" in why for why in dear["abstained_because"])
    assert len(dear["edition"]["rules"]) == 64


def test_the_tables_hold_what_the_lines_hold(folder: Path) -> None:
    run(folder)
    invoices = pq.read_table(folder / "out" / "invoices.parquet").to_pylist()
    findings = pq.read_table(folder / "out" / "findings.parquet").to_pylist()
    told = [json.loads(line) for line in (folder / "out" / "invoices.jsonl").read_text().splitlines()]
    for name in ("invoice_id", "verdict", "proven_minor", "owed_minor", "features_digest"):
        assert [one[name] for one in invoices] == [one[name] for one in told]
    assert [one["dispute"] for one in findings] == [finding["dispute"] for one in told for finding in one["findings"]]


def test_only_what_came_in_since_is_judged_beside_all_that_came_before(folder: Path) -> None:
    run(folder, "--since", (CUTOFF + timedelta(hours=1)).isoformat())
    found = [json.loads(line) for line in (folder / "out" / "invoices.jsonl").read_text().splitlines()]
    assert [one["invoice_id"] for one in found] == ["J", "K"]
    assert found[0]["findings"][0]["label"] == "duplicate_invoice"


def test_the_rules_go_by_what_a_file_says_of_the_company(folder: Path) -> None:
    rules = folder / "rules.yaml"
    rules.write_text("audit: {over: {amount_minor: 5000, percent: 100}, payers: [US]}\n")
    assert run(folder, "--rules", str(rules)).exit_code == 0
    found = {one["invoice_id"]: one for one in pq.read_table(folder / "out" / "invoices.parquet").to_pylist()}
    assert (found["K"]["verdict"], found["K"]["within_tolerance_minor"]) == ("approve", 10_00)
    rules.write_text("payrs: [US]\n")
    assert "payrs" in str(run(folder, "--rules", str(rules)).exception)


def test_a_registry_without_the_model_leaves_the_rules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(uri: str, name: str) -> None:
        raise NoChampionError(name, uri, "it is empty")

    monkeypatch.setattr("models.registry.load_audit_champion", none)
    told = run(folder, "--tracking-uri", "sqlite:///mlflow.db")
    assert told.exit_code == 0, told.output
    assert "No champion of model 'invoices'" in told.output
