"""The page of an invoice's item: its money, what is proven and by what, and the answers that it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from features.vocabulary import SubjectType
from routing.loader import load_policy
from routing.policy import Policy
from serving.config import bundled_policy
from serving.db.tables import OutgoingCallRow
from tests.features.agreed import CUTOFF, plan
from tests.models.audit.billed import ARRIVED, CONTRACT, DELIVERED
from tests.serving.house import House, put_in_force
from tests.serving.invoices.test_deciding import TOO_MUCH, decided
from tests.serving.invoices.test_scoring import billed, invoice, opened, tell
from tests.serving.web.visitor import coded


@pytest.fixture
def desk(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    with opened(sqlite_url, late_shipments) as house:
        with house.container.sessions.begin() as session:
            put_in_force(session, load_policy(bundled_policy(SubjectType.INVOICE)), CUTOFF)
        tell(house, *CONTRACT, plan(), ARRIVED, DELIVERED)
        yield house


def page(house: House, path: str) -> str:
    answer = house.api.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def test_the_queue_says_which_invoice_and_what_it_is_about(desk: House) -> None:
    desk.send(billed("I", **TOO_MUCH, lines=[]))
    item_id = decided(desk, "I")["review_item_id"]
    desk.announce("SH-9")
    desk.decided("SH-9", risk=0.3)
    said = page(desk, "/queue")
    assert f'href="/queue/{item_id}">Invoice NI</a>' in said
    assert "<b>10.00 EUR</b>" in said
    assert "<span>proven</span>" in said
    assert '<span class="code">SH-9</span>' in said


def test_a_dispute_is_shown_with_its_clause_its_amounts_and_the_letter(desk: House) -> None:
    desk.send(billed("I"))
    desk.send(billed("J", invoice_number="NI"))
    said = page(desk, f"/queue/{decided(desk, 'J')['review_item_id']}")
    assert '<h2 id="answer-title">Should we dispute this invoice?</h2>' in said
    assert '<span class="tag">duplicate invoice</span> <b>30.50</b>' in said
    assert "= 30.50 billed − 0.00 owed" in said
    assert '<dt>evidence</dt><dd class="code">invoice I</dd>' in said
    assert "Please withdraw the invoice or credit 30.50 EUR." in said
    assert "No model is loaded: rules judged alone." in said
    assert "Risk of being late" not in said
    assert "Arrival, as of now" not in said
    assert all(
        f'<option value="{branch}"' in said or "Claim it to answer" in said for branch in ("approve", "short_pay")
    )


def test_a_question_says_what_it_waits_for_and_what_would_change_is_told(desk: House) -> None:
    tell(desk, plan(shipment_id="T"))
    desk.send(billed("I", shipment_id="T"))
    item_id = decided(desk, "I")["review_item_id"]
    said = page(desk, f"/queue/{item_id}")
    assert "no amount: it waits for an answer" in said
    assert "Please send the proof of delivery; the invoice waits for it." in said
    assert "verdict" in page(desk, f"/queue/{item_id}/changes")


def test_money_of_another_currency_is_not_put_into_a_figure(desk: House) -> None:
    desk.send(billed("I", currency="USD"))
    said = page(desk, f"/queue/{decided(desk, 'I')['review_item_id']}")
    assert "What is at stake is not known" in said
    assert "not counted: it is in USD, the policy counts in EUR" in said


def test_no_code_and_no_minor_unit_is_read_by_a_person(desk: House) -> None:
    """Every class of finding that a bill of these can have is said in words and money."""
    tell(desk, plan(shipment_id="T"))
    lines = invoice("I")["lines"]
    waiting = {"line_number": 4, "kind": "accessorial", "charge_code": "DET", "amount_minor": 90_00, "quantity": 2}
    dear = lines[0] | {"rate_minor": 12_00, "amount_minor": 31_00}
    desk.send(billed("I", net_due_minor=955_00, lines=[dear, lines[1] | {"percent": 13}, *lines[2:], waiting]))
    desk.send(billed("J", **TOO_MUCH, lines=[]), billed("K", shipment_id="T"))
    items = [decided(desk, invoice_id)["review_item_id"] for invoice_id in ("I", "J", "K")]
    for item_id in items:
        for path in ("/queue", f"/queue/{item_id}", f"/queue/{item_id}/changes"):
            assert coded(page(desk, path)) == []
    said = page(desk, f"/queue/{items[0]}")
    assert "The lines come to 126.50 EUR, 955.00 EUR is stated." in said
    assert "250 kg at 12.00 EUR for 100 kg comes to 30.00 EUR, not 31.00 EUR" in said


def test_a_suggestion_is_accepted_from_its_page(desk: House) -> None:
    desk.send(billed("I", **TOO_MUCH, lines=[]))
    item_id = decided(desk, "I")["review_item_id"]
    token = desk.claimed(item_id)
    assert desk.answer(item_id, "accept", claim_token=token).status_code == 200
    (call,) = desk.rows(OutgoingCallRow)
    assert call.branch == "short_pay"
    said = page(desk, f"/queue/{item_id}")
    assert "What was set in motion" in said
    assert "<dt>short pay</dt>" in said
