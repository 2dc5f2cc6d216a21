"""`POST /v1/score/invoices`: what was sent is judged as `triage invoices` judges it, and nothing is withheld by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from features.fields import Record
from features.invoice_records import Accessorial, BilledInvoice, CarrierRate, FuelIndex
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.tables import RecordTables
from models.audit.findings import AuditSettings
from routing.policy import Policy
from serving.clock import ManualClock
from serving.db.tables import AuditRow, DecisionRow
from serving.events.snapshot import take
from serving.invoices.batch import judge_tables
from tests.features.agreed import CUTOFF, event, plan
from tests.models.audit.billed import ARRIVED, CONTRACT, DELIVERED
from tests.models.audit.test_judgement import suspicious
from tests.serving.house import House, Json, problem_in

NUMBERS = count(1)
TYPES: dict[type[Record], str] = {
    Shipment: "freight.shipment.planned", DeliveryEvent: "freight.delivery", CarrierRate: "freight.contract.rate",
    FuelIndex: "freight.contract.fuel", Accessorial: "freight.contract.accessorial", BilledInvoice: "freight.invoice",
}  # fmt: skip


def sent(name: str, record: Record) -> Json:
    data = record.model_dump(mode="json", exclude={"known_at"}, exclude_none=True)
    return {"specversion": "1.0", "id": name, "source": "/tests", "type": TYPES[type(record)], "data": data}


def invoice(name: str, **given: Any) -> Json:
    usual: Json = {
        "invoice_id": name, "invoice_number": f"N{name}", "carrier_id": "C", "shipment_id": "S", "currency": "EUR",
        "occurred_at": "2026-03-05T00:00:00Z", "net_due_minor": 30_50,
        "lines": [
            {"line_number": 1, "kind": "line_haul", "amount_minor": 25_00, "quantity": 250, "basis": "kg",
             "rate_minor": 10_00, "rate_per": 100},
            {"line_number": 2, "kind": "fuel", "charge_code": "FSC", "percent": 10, "amount_minor": 2_50},
            {"line_number": 3, "kind": "accessorial", "charge_code": "TOLL", "amount_minor": 3_00},
        ],
    }  # fmt: skip
    return usual | given


def billed(name: str, **given: Any) -> Json:
    return {"specversion": "1.0", "id": f"bill-{name}", "source": "/carriers/C", "type": "freight.invoice",
            "data": invoice(name, **given)}  # fmt: skip


def opened(url: str, policy: Policy, **options: Any) -> House:
    return House(url, policy, clock=ManualClock(CUTOFF), feature_settings=FeatureSettings(), **options)


@pytest.fixture
def desk(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service that knows a contract and a shipment that was delivered."""
    with opened(any_url, late_shipments) as house:
        tell(house, *CONTRACT, plan(), ARRIVED, DELIVERED)
        yield house


def tell(house: House, *records: Record) -> None:
    answer = house.send(*(sent(f"e-{next(NUMBERS)}", record) for record in records))
    assert answer["accepted"] == len(records), answer


def ask(house: House, **asked: Any) -> Json:
    answer = house.api.post("/v1/score/invoices", json=asked)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def test_what_was_sent_is_judged_as_the_command_judges_it(desk: House, tmp_path: Path) -> None:
    bills = [
        billed("I"),
        billed("J", invoice_number="NI"),
        billed("K", kind="correction", net_due_minor=20_00),
        billed("L", shipment_id="X"),
        billed("M", kind="cancellation", invoice_number="NI", net_due_minor=-30_50, lines=[]),
    ]
    for bill in bills:
        assert desk.send(bill)["accepted"] == 1
        desk.advance(hours=1)
    take(desk.container.reads, None, tmp_path / "snapshot")
    batch = judge_tables(RecordTables.read(tmp_path / "snapshot"), AuditSettings(), None)
    answers = {one.invoice_id: ask(desk, invoice_id=one.invoice_id) for one in batch}
    assert len(answers) == len(bills)
    assert answers == {one.invoice_id: json.loads(one.model_dump_json()) for one in batch}
    assert answers["I"]["verdict"] == "approve"
    assert answers["J"]["findings"][0]["label"] == "duplicate_invoice"
    assert desk.count(DecisionRow) == desk.count(AuditRow) == 0


def test_another_process_and_one_that_starts_from_a_snapshot_answer_the_same(desk: House, tmp_path: Path) -> None:
    desk.send(billed("I"))
    desk.advance(hours=1)
    desk.send(billed("J"))
    with desk.another() as other:
        assert ask(other, invoice_id="J") == ask(desk, invoice_id="J")
    take(desk.container.reads, None, tmp_path / "snapshot")
    with desk.another(history=RecordTables.read(tmp_path / "snapshot")) as started:
        assert ask(started, invoice_id="J") == ask(desk, invoice_id="J")


def test_a_delivery_that_is_shown_later_counts_when_it_is_judged_anew(desk: House) -> None:
    tell(desk, plan(shipment_id="T"))
    desk.send(billed("I", shipment_id="T"))
    desk.advance(hours=3)
    shown = event("delivered", 31, "T-D").model_copy(update={"shipment_id": "T"})
    tell(desk, shown)
    assert [one["label"] for one in ask(desk, invoice_id="I")["findings"]] == ["no_pod"]
    anew = ask(desk, invoice_id="I", anew=True)
    assert (anew["verdict"], anew["findings"], anew["as_of"]) == ("approve", [], "2026-03-09T03:00:00Z")


def test_an_invoice_given_inline_is_judged_and_forgotten(desk: House) -> None:
    found = ask(desk, invoice=invoice("I", net_due_minor=40_50, lines=[]))
    assert (found["verdict"], found["proven_minor"]) == ("dispute", 10_00)
    assert desk.api.post("/v1/score/invoices", json={"invoice_id": "I"}).status_code == 404
    assert desk.send(billed("I"))["accepted"] == 1
    assert ask(desk, invoice_id="I")["verdict"] == "approve"
    assert ask(desk, invoice=invoice("I"))["verdict"] == "approve"
    assert desk.api.post("/v1/score/invoices", json={"invoice": invoice("I", net_due_minor=1)}).status_code == 409


def test_what_only_a_model_suspects_is_paid_meanwhile(sqlite_url: str, late_shipments: Policy) -> None:
    with opened(sqlite_url, late_shipments, audit_model=suspicious()) as house:
        tell(house, *CONTRACT, plan(), ARRIVED, DELIVERED)
        found = ask(house, invoice=invoice("I"))
    assert (found["verdict"], found["withheld_minor"], found["findings"]) == ("review", 0, [])
    assert "paid meanwhile" in found["words"]
    assert found["model"]["name"] == "suspicious"


def test_a_bill_that_came_before_with_other_lines_is_refused(desk: House) -> None:
    assert desk.send(billed("I"))["accepted"] == 1
    assert desk.send(billed("I"))["duplicate"] == 1
    again = desk.send({**billed("I", lines=[]), "id": "bill-again"})
    assert again["results"][0]["problem"]["type"] == "/problems/record-conflict"


@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        ({"invoice_id": "nobody"}, 404, "unknown-invoice"),
        ({}, 422, "invalid-request"),
        ({"invoice_id": "I", "invoice": invoice("I")}, 422, "invalid-request"),
        ({"invoice": {**invoice("I"), "net_due": 1}}, 422, "invalid-record"),
        ({"invoice": {**invoice("I"), "known_at": "2026-03-05T00:00:00Z"}}, 422, "known-time"),
        ({"invoice": {**invoice("I"), "occurred_at": "2026-04-05T00:00:00Z"}}, 422, "event-from-the-future"),
    ],
)
def test_what_cannot_be_judged_is_a_problem(house: House, asked: Json, status: int, kind: str) -> None:
    house.advance(days=7)
    problem_in(house.api.post("/v1/score/invoices", json=asked), status, kind)


def test_a_caller_without_the_token_is_refused(sqlite_url: str, late_shipments: Policy) -> None:
    with opened(sqlite_url, late_shipments, api_token="a-long-enough-token") as house:
        assert house.api.post("/v1/score/invoices", json={"invoice_id": "I"}).status_code == 401
