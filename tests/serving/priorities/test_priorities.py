"""`triage priorities`: what waits, of all kinds, in one order."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from features.tables import RecordTables
from routing.policy import Policy
from routing.priority import Kind
from serving.invoices.schemas import InvoiceAnswer
from serving.priorities import cli
from serving.priorities.waiting import in_order, of_invoices, of_items, of_lines
from serving.reviews.service import waiting_items
from serving.shortages.batch import Asked, judge_lines
from serving.shortages.schemas import LineAnswer
from tests.serving.house import House

NETWORK = Path(__file__).parents[3] / "data_samples" / "network"
AT = datetime.fromisoformat("2024-09-25T12:00:00Z")


def an_invoice(**given: object) -> InvoiceAnswer:
    usual = {
        "invoice_id": "I-1", "invoice_number": None, "carrier_id": "NWX", "shipment_id": None, "kind": "original",
        "currency": "EUR", "as_of": AT, "verdict": "dispute", "words": "dispute", "billed_minor": 9_000,
        "owed_minor": 5_000, "proven_minor": 4_000, "withheld_minor": 4_000, "recoverable_minor": 4_000.0,
        "review_minutes": 4.0, "recoverable_minor_per_minute": 1_000.0, "findings": [], "undetermined": [],
        "within_tolerance_minor": 0, "tolerance_over": {"amount_minor": 0, "percent": 0.0},
        "tolerance_under": {"amount_minor": 0, "percent": 0.0}, "suspicion": None, "abstained_because": [],
        "model": {"name": "none", "version": "0", "fingerprints": {}}, "edition": {"rules": "", "settings": ""},
        "features_digest": "",
    }  # fmt: skip
    return InvoiceAnswer.model_validate({**usual, **given})


@pytest.fixture(scope="module")
def lines() -> list[LineAnswer]:
    """Lines of the sample network, each short as likely as not."""
    answers = judge_lines(RecordTables.read(NETWORK), Asked(at=AT), None)
    return [each.model_copy(update={"probability": 0.5}) for each in answers]


def test_an_invoice_is_worth_what_its_own_command_ranks_it_by() -> None:
    (found,) = of_invoices([an_invoice()], "EUR")
    assert found.matter.worth_minor_per_minute == an_invoice().recoverable_minor_per_minute


def test_invoices_with_nothing_to_do_or_in_another_currency_have_no_place() -> None:
    others = [an_invoice(verdict="approve"), an_invoice(verdict="cannot_determine"), an_invoice(currency="USD")]
    assert [*of_invoices(others, "EUR")] == []


def test_a_line_is_worth_half_its_lateness_by_what_others_can_give(
    lines: list[LineAnswer], late_shipments: Policy
) -> None:
    tables = RecordTables.read(NETWORK)
    found = {each.id: each.matter for each in of_lines(lines, tables, late_shipments)}
    assert len(found) > 10
    worth = tables.order_lines.drop_duplicates(["order_id", "line_id"], keep="last")
    values = {f"{row.order_id}/{row.line_id}": row.unit_value_minor for row in worth.itertuples()}
    tiers = tables.orders.drop_duplicates("order_id", keep="last").set_index("order_id")["customer_tier"]
    for line in lines:
        name = f"{line.order_id}/{line.line_id}"
        if name in found and line.evidence is not None:
            share = late_shipments.costs.lateness_share[tiers[line.order_id]]
            loss = line.evidence.quantity_at_risk * values[name] * share
            given = sum(node.free for node in line.evidence.nodes)
            assert found[name].loss_minor == pytest.approx(loss)
            assert found[name].saved_share == pytest.approx(min(given / line.evidence.quantity_at_risk, 1.0))
            assert found[name].minutes == 14


def test_all_kinds_stand_in_one_order(house: House, lines: list[LineAnswer], late_shipments: Policy) -> None:
    house.for_review("SH-1")
    with house.container.reads() as session:
        items = waiting_items(session, {late_shipments.subject: late_shipments}, house.clock.now())
    mixed = in_order(
        [
            *of_items(items),
            *of_invoices([an_invoice()], "EUR"),
            *of_lines(lines, RecordTables.read(NETWORK), late_shipments),
        ]
    )
    assert {each.kind for each in mixed} == set(Kind)
    worth = [each.matter.worth_minor_per_minute for each in mixed]
    assert worth == sorted(worth, reverse=True)


def test_the_command_writes_an_object_a_line(tmp_path: Path) -> None:
    (tmp_path / "invoices.jsonl").write_text(f"{an_invoice().model_dump_json()}\n", encoding="utf-8")
    app = typer.Typer()
    cli.register(app)
    told = CliRunner().invoke(app, ["--invoices", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["worth_minor_per_minute"] == 1_000.0
