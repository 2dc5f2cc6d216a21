"""A bill that its carrier has cancelled: no more is proposed about it, and what was is taken back or asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from features.vocabulary import SubjectType
from routing.loader import load_policy
from routing.policy import Policy
from serving.config import bundled_policy
from serving.db.tables import ChildRow, DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.invoices import deciding
from tests.features.agreed import CUTOFF, plan
from tests.models.audit.billed import ARRIVED, CONTRACT, DELIVERED
from tests.serving.causes import bills
from tests.serving.causes.outage import names
from tests.serving.effects.calls import delivered
from tests.serving.house import House, Json, problem_in, put_in_force
from tests.serving.invoices.test_deciding import TOO_MUCH, decided, let_act, triage
from tests.serving.invoices.test_scoring import billed, opened, tell

BECAUSE = "The carrier has cancelled this bill, with M."


def billed_too_much(url: str, shipments: Policy) -> House:
    """Open a service that knows a contract and a shipment that was delivered, and was billed too much for it."""
    house = opened(url, shipments)
    with house.container.sessions.begin() as session:
        put_in_force(session, load_policy(bundled_policy(SubjectType.INVOICE)), CUTOFF)
    tell(house, *CONTRACT, plan(), ARRIVED, DELIVERED)
    house.send(billed("I", **TOO_MUCH, lines=[]))
    return house


@pytest.fixture
def desk(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    with billed_too_much(sqlite_url, late_shipments) as house:
        yield house


@pytest.fixture
def any_desk(any_url: str, late_shipments: Policy) -> Iterator[House]:
    with billed_too_much(any_url, late_shipments) as house:
        yield house


@pytest.fixture
def shared(postgresql_url: str, late_shipments: Policy) -> Iterator[House]:
    """The same where two can be at work at once."""
    with billed_too_much(postgresql_url, late_shipments) as house:
        yield house


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> None:
    """Let another process act once, just after a step of deciding about invoices of which the name is given."""
    step, left = getattr(deciding, name), [act]

    def stepped(*given: Any, **named: Any) -> Any:
        found = step(*given, **named)
        if left:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(left.pop()).result(20)
        return found

    monkeypatch.setattr(deciding, name, stepped)


def cancel(house: House, number: str = "NI", **given: Any) -> Json:
    """Let the carrier cancel a bill a little later, and decide about the cancellation."""
    house.advance(minutes=5)
    paper = billed("M", kind="cancellation", invoice_number=number, net_due_minor=-40_50, lines=[], **given)
    assert house.send(paper)["accepted"] == 1
    return decided(house, "M")


def items_of(house: House, name: str) -> list[ReviewItemRow]:
    return [row for row in house.rows(ReviewItemRow) if row.subject_id == name]


def test_its_open_item_closes_with_the_reason_and_nothing_more_is_proposed(any_desk: House) -> None:
    assert decided(any_desk, "I")["recommended_branch"] == "short_pay"
    by = cancel(any_desk)["decision_id"]
    (item,) = items_of(any_desk, "I")
    assert (item.status, item.verdict, item.note) == ("done", "superseded", f"{BECAUSE} By {by}")
    count = any_desk.count(DecisionRow)
    for anew in (False, True):
        problem = problem_in(triage(any_desk, "I", anew=anew), 422, "invoice-cancelled")
        assert "Invoice 'I' was cancelled by the carrier, with 'M'" in problem["detail"]
    assert any_desk.count(DecisionRow) == count


def test_who_holds_its_item_is_told(desk: House) -> None:
    token = desk.claimed(decided(desk, "I")["review_item_id"])
    cancel(desk)
    (item,) = items_of(desk, "I")
    assert (item.status, item.claim_token) == ("claimed", token)
    assert BECAUSE in item.why


def test_what_goes_against_it_and_has_not_gone_out_is_withdrawn(desk: House) -> None:
    let_act(desk)
    assert decided(desk, "I")["branch"] == "short_pay"
    cancel(desk)
    (call,) = [row for row in desk.rows(OutgoingCallRow) if row.subject_id == "I"]
    assert (call.status, call.effect, call.effect_because) == ("dismissed", "withdrawn", BECAUSE)


def test_of_what_has_gone_out_a_person_is_asked(any_desk: House) -> None:
    let_act(any_desk)
    call_id = decided(any_desk, "I")["call_id"]
    delivered(any_desk)
    cancel(any_desk)
    (call,) = [row for row in any_desk.rows(OutgoingCallRow) if row.call_id == call_id]
    assert call.effect == "with_person"
    (item,) = items_of(any_desk, "I")
    assert (item.call_id, item.why) == (call_id, f"{BECAUSE} Is short_pay to stand?")


@pytest.mark.service
def test_what_a_person_would_let_out_against_it_meanwhile_is_refused(
    shared: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    item_id = decided(shared, "I")["review_item_id"]
    token, answers = shared.claimed(item_id), []
    with shared.another() as other:
        body = {"claim_token": token}
        meanwhile(monkeypatch, "lock_calls", lambda: answers.append(other.answer(item_id, "accept", **body)))
        cancel(shared)
    problem_in(answers[0], 409, "overtaken")
    assert items_of(shared, "I")[0].status == "claimed"
    assert [row for row in shared.rows(OutgoingCallRow) if row.subject_id == "I"] == []


@pytest.mark.service
def test_what_is_decided_about_it_while_it_is_cancelled_is_refused(
    shared: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shared.another() as other:
        meanwhile(monkeypatch, "invoice_version", lambda: cancel(other))
        problem_in(triage(shared, "I"), 422, "invoice-cancelled")
    assert {row.subject_id for row in shared.rows(DecisionRow)} == {"M"}
    assert items_of(shared, "I") == []


def test_what_let_it_pass_stands_as_the_cancellation_is_a_credit(desk: House) -> None:
    bills.carried(desk, ["T"])
    desk.send(billed("J", shipment_id="T"))
    assert decided(desk, "J")["branch"] == "approve"
    cancel(desk, "NJ", shipment_id="T")
    (call,) = [row for row in desk.rows(OutgoingCallRow) if row.subject_id == "J"]
    assert (call.status, call.effect) == ("pending", "intended")


def test_another_number_or_one_that_is_written_anew_is_not_cancelled(desk: House) -> None:
    decided(desk, "I")
    cancel(desk, "N-OTHER")
    assert items_of(desk, "I")[0].status == "open"
    desk.advance(hours=1)
    paper = billed("M2", kind="cancellation", invoice_number="NI", net_due_minor=-40_50, lines=[])
    desk.send(paper)
    desk.advance(hours=1)
    desk.send(billed("A", invoice_number="NI"))
    assert decided(desk, "A")["branch"] == "approve"


def test_what_a_common_cause_holds_of_it_is_gone(sqlite_url: str, late_shipments: Policy) -> None:
    few = bills.playbook("wrong_rate_table", declare={"at_least": 3, "share_at_least": 0.5, "within_minutes": 10_080})
    with bills.at_desk(sqlite_url, late_shipments, bills.told(few)) as house:
        bills.carried(house, names(4))
        bills.decided(house, *bills.bill(house, names(4), rate_minor=12_00))
        house.advance(hours=1)
        paper = {"kind": "cancellation", "invoice_number": "NB-SH-0003", "shipment_id": "SH-0003"}
        house.send(billed("M", **paper, net_due_minor=-36_00, lines=[]))
        house.container.tending.tend()
        statuses = {row.subject_id: row.status for row in house.rows(ChildRow)}
        assert statuses == {"B-SH-0002": "held", "B-SH-0003": "gone"}
        (child,) = [row for row in house.rows(ChildRow) if row.status == "gone"]
        assert "was cancelled by the carrier, with 'M'" in str(child.settled_because)
