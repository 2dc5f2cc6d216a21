"""Invoices through the governed engine: decided once, sealed in the one chain, put before people, called out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import update

from features.vocabulary import SubjectType
from routing.engine import decide
from routing.loader import load_policy, parse_policy
from routing.policy import Policy
from routing.preview.queue import Opened
from routing.recording import decode_facts
from serving.config import bundled_policy
from serving.db.tables import DecisionRow, OutgoingCallRow, ReviewItemRow, ShadowDecisionRow
from serving.decisions import usage
from serving.decisions.replaying import replay_all
from serving.decisions.verification import verify
from serving.policies import repository
from serving.policies.life import Step
from serving.policies.preview import preview
from tests.budgets import without_budgets
from tests.features.agreed import CUTOFF, event, plan, rate
from tests.models.audit.billed import ARRIVED, CONTRACT, DELIVERED
from tests.serving import bundles
from tests.serving.decisions.auditing import problems_of
from tests.serving.house import House, Json, problem_in, put_in_force
from tests.serving.invoices.test_scoring import billed, opened, tell
from tests.serving.policies.queued import assert_both_sides_are_the_queue, queues_of

CARRIED = (ARRIVED, DELIVERED)
TOO_MUCH = {"net_due_minor": 40_50}
KEYS = count(1)


def changed(**edits: Any) -> Policy:
    """The bundle on invoices that ships, with other values at the top."""
    data = without_budgets(yaml.safe_load(bundled_policy(SubjectType.INVOICE).read_text(encoding="utf-8"))) | edits
    return parse_policy(yaml.safe_dump(data, sort_keys=False))


def acting() -> Policy:
    """The bundle with every branch let off the leash."""
    data = without_budgets(yaml.safe_load(bundled_policy(SubjectType.INVOICE).read_text(encoding="utf-8")))
    branches = {name: terms | {"mode": "act_financial"} for name, terms in data["branches"].items()}
    return changed(version=2, mode="act_financial", branches=branches)


@pytest.fixture
def desk(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service that knows a contract and a shipment that was delivered, and decides about invoices."""
    with opened(any_url, late_shipments) as house:
        with house.container.sessions.begin() as session:
            put_in_force(session, load_policy(bundled_policy(SubjectType.INVOICE)), CUTOFF)
        tell(house, *CONTRACT, plan(), ARRIVED, DELIVERED)
        yield house


def triage(house: House, invoice_id: str, *, key: str | None = None, **asked: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key or f"triage-{next(KEYS)}"}
    return house.api.post("/v1/triage/invoices", json={"invoice_id": invoice_id, **asked}, headers=headers)


def decided(house: House, invoice_id: str, **asked: Any) -> Json:
    answer = triage(house, invoice_id, **asked)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def let_act(house: House) -> None:
    with house.container.sessions.begin() as session:
        put_in_force(session, acting(), house.clock.now())


class TestWhatIsDecided:
    def test_what_is_owed_is_proposed_for_payment_and_nobody_is_asked(self, desk: House) -> None:
        desk.send(billed("I"))
        found = decided(desk, "I")
        assert (found["branch"], found["verdict"], found["review_item_id"]) == ("approve", "approve", None)
        (call,) = desk.rows(OutgoingCallRow)
        event_sent = json.loads(call.body)
        assert (call.call_id, call.key.type, call.key.id) == (found["call_id"], SubjectType.INVOICE, "I")
        assert (event_sent["type"], event_sent["subject"]) == ("freight.invoice.approve", "I")
        assert (event_sent["data"]["pay_minor"], event_sent["data"]["currency"]) == (30_50, "EUR")

    def test_too_much_waits_for_a_person_with_its_money_and_evidence(self, desk: House) -> None:
        desk.send(billed("I", **TOO_MUCH, lines=[]))
        found = decided(desk, "I")
        assert (found["recommended_branch"], found["branch"], found["proven_minor"]) == ("short_pay", "review", 10_00)
        assert json.loads(desk.rows(DecisionRow)[0].body)["facts"]["overbilled_minor"] == 10_00
        (item,) = desk.api.get("/v1/reviews").json()["items"]
        assert (item["subject_type"], item["subject_id"], item["shipment_id"]) == ("invoice", "I", None)
        assert (item["suggested_branch"], item["value_at_stake_minor"], item["currency"]) == ("short_pay", 10_00, "EUR")
        assert item["title"] == "Invoice NI of C over 40.50 EUR"
        detail = desk.api.get(f"/v1/reviews/{item['item_id']}").json()
        assert detail["loss"] is None
        payload = detail["decision"]["payload"]["suggestion"]["payload"]
        assert (payload["pay_minor"], payload["short_minor"]) == (30_50, 10_00)

    def test_a_person_disputes_instead_and_the_carrier_gets_the_evidence(self, desk: House) -> None:
        desk.send(billed("I", **TOO_MUCH, lines=[]))
        item_id = decided(desk, "I")["review_item_id"]
        token = desk.claimed(item_id)
        body = {"claim_token": token, "branch": "dispute", "reason_code": "better_option"}
        wrong = desk.answer(item_id, "override", **body | {"branch": "rebook"})
        assert "Choose one of approve, short_pay, dispute" in wrong.text
        assert desk.answer(item_id, "override", **body).status_code == 200
        (call,) = desk.rows(OutgoingCallRow)
        data = json.loads(call.body)["data"]
        assert json.loads(call.body)["type"] == "freight.invoice.dispute"
        assert data["claim_minor"] == 10_00
        assert data["findings"][0]["difference_minor"] == 10_00
        assert "Please credit 10.00 EUR." in data["words"]

    def test_a_person_cannot_dispute_what_is_not_proven(self, desk: House) -> None:
        tell(desk, plan(shipment_id="T"))
        desk.send(billed("I", shipment_id="T"))
        found = decided(desk, "I")
        assert (found["verdict"], found["branch"], found["withheld_minor"]) == ("question", "review", 30_50)
        token = desk.claimed(found["review_item_id"])
        body = {"claim_token": token, "branch": "dispute", "reason_code": "better_option"}
        refused = desk.answer(found["review_item_id"], "override", **body)
        assert "dispute cannot be carried out: nothing is proven" in refused.text

    def test_money_of_another_currency_goes_before_a_person(self, desk: House) -> None:
        desk.send(billed("I", currency="USD"))
        found = decided(desk, "I")
        assert (found["branch"], found["decided_by"]) == ("review", "open_question")
        assert desk.rows(ReviewItemRow)[0].value_at_stake_minor == 0


class TestOnce:
    def test_the_same_request_gets_the_same_answer_and_another_key_no_second_decision(self, desk: House) -> None:
        desk.send(billed("I"))
        first = triage(desk, "I", key="k")
        again = triage(desk, "I", key="k")
        assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
        assert triage(desk, "I", key="k", anew=True).status_code == 422
        desk.advance(hours=1)
        other = decided(desk, "I", anew=True)
        assert (other["already_decided"], other["decision_id"]) == (True, first.json()["decision_id"])
        assert (desk.count(DecisionRow), desk.count(OutgoingCallRow)) == (1, 1)

    def test_a_key_is_required_and_an_invoice_must_have_been_sent(self, desk: House) -> None:
        problem_in(triage(desk, "I"), 404, "unknown-invoice")
        assert desk.api.post("/v1/triage/invoices", json={"invoice_id": "I"}).status_code == 400

    def test_nothing_is_decided_where_no_bundle_on_invoices_is_in_force(
        self, sqlite_url: str, late_shipments: Policy
    ) -> None:
        with opened(sqlite_url, late_shipments) as house:
            tell(house, *CONTRACT, plan(), ARRIVED, DELIVERED)
            house.send(billed("I"))
            assert "--invoice-policy" in problem_in(triage(house, "I"), 409, "no-bundle")["detail"]

    def test_what_is_before_a_person_stays_there_when_its_delivery_is_shown(self, desk: House) -> None:
        tell(desk, plan(shipment_id="T"))
        desk.send(billed("I", shipment_id="T"))
        waiting = decided(desk, "I")
        desk.advance(hours=3)
        tell(desk, event("delivered", 31, "T-D").model_copy(update={"shipment_id": "T"}))
        anew = decided(desk, "I", anew=True)
        assert (anew["recommended_branch"], anew["branch"]) == ("approve", "none")
        assert "review was taken or suggested before" in anew["suppressed_because"]
        (item,) = desk.rows(ReviewItemRow)
        assert (item.item_id, item.status) == (waiting["review_item_id"], "open")
        first, told = item.why.split(" Judged anew at ")
        assert "lacks what a bill needs" in first
        assert "asks what is owed, within the tolerance. It would now go to approve." in told
        listed = desk.api.get("/v1/decisions?invoice_id=I").json()["decisions"]
        assert [(each["moment"], each["shipment_id"]) for each in listed] == [("anew", None), ("on_receipt", None)]

    def test_a_preview_sees_the_queue_with_what_is_at_stake_by_now(self, desk: House) -> None:
        desk.send(billed("S", **TOO_MUCH, lines=[]))
        assert decided(desk, "S")["branch"] == "review"
        desk.advance(hours=3)
        tell(desk, rate(rate_id="NEW", rate_minor=9_00, fuel_index_id="F", minimum_minor=15_00))
        decided(desk, "S", anew=True)
        policy = load_policy(bundled_policy(SubjectType.INVOICE))
        (row,) = assert_both_sides_are_the_queue(desk, policy, CUTOFF)
        assert (row.status, row.value_at_stake_minor) == ("open", 0), "two rates hold for it by now: nothing is proven"
        (told,) = desk.rows(ReviewItemRow)
        assert "Judged anew" in told.why
        assert problems_of(desk) == ()
        dear = "UPDATE review_items SET value_at_stake_minor = 7"
        (problem,) = problems_of(desk, dear)
        assert "in its column value_at_stake_minor 7, the audit trail 0: edited" in problem

        other = changed(costs=yaml.safe_load(policy.text)["costs"] | {"currency": "USD"}, capacity={})
        queues = queues_of(desk, other, CUTOFF, desk.clock.now() + timedelta(hours=1))
        stakes = [
            [move.stake_minor for move in side if isinstance(move, Opened)] for side in (queues.before, queues.after)
        ]
        assert stakes == [[10_00], [0]], "in another currency than the bundle's nothing is at stake"


class TestCapacity:
    def test_a_budget_is_held_over_bills_and_is_no_budget_of_shipments(self, desk: House) -> None:
        data = yaml.safe_load(acting().text)
        terms = {"amount": 1, "unit": "bills", "per_hours": 24, "owner": "accounts-payable", "why": "by the bank"}
        data |= {"version": 3, "capacity": {"messages": terms}}
        data["branches"]["approve"]["uses"] = {"messages": 1}
        policy = parse_policy(yaml.safe_dump(data, sort_keys=False))
        with desk.container.sessions.begin() as session:
            put_in_force(session, policy, desk.clock.now())
        desk.send(billed("I"))
        assert decided(desk, "I")["branch"] == "approve"
        with desk.container.reads() as session:
            now = desk.clock.now()
            assert usage.left(session, policy, {}, now) == {"messages": 0}
            assert usage.left(session, bundles.changed(bundles.messages(5)), {}, now) == {"messages": 5}

    def test_a_budget_that_is_kept_apart_lets_each_carrier_have_its_own(self, desk: House) -> None:
        data = yaml.safe_load(acting().text)
        terms = {"amount": 1, "unit": "bills", "per_hours": 24, "owner": "accounts-payable", "why": "by the bank"}
        data |= {"version": 3, "capacity": {"bills": {**terms, "per": ["carrier_id"]}}}
        data["branches"]["approve"]["uses"] = {"bills": 1}
        policy = parse_policy(yaml.safe_dump(data, sort_keys=False))
        with desk.container.sessions.begin() as session:
            put_in_force(session, policy, desk.clock.now())
        theirs = [each.model_copy(update={"shipment_id": "T", "event_id": f"T-{each.event_id}"}) for each in CARRIED]
        tell(desk, plan(shipment_id="T"), *theirs)
        desk.send(billed("I"), billed("J", shipment_id="T", invoice_number="J-1"))
        first, second = (decided(desk, name) for name in "IJ")
        assert (first["branch"], second["branch"], second["recommended_branch"]) == ("approve", "review", "approve")
        assert second["held_because"] == "approve uses 1 bills of bills for carrier_id C, of which 0 are left"
        with desk.container.reads() as session:
            left = [usage.left(session, policy, {"carrier_id": name}, desk.clock.now()) for name in ("C", "ACE")]
            assert left == [{"bills": 0}, {"bills": 1}]
            assert [each.why for each in preview(session, policy, CUTOFF, desk.clock.now().replace(year=2027))] == [
                None,
                None,
            ]


class TestOverdue:
    def test_an_owner_is_called_about_a_bundle_on_invoices_as_about_any_other(self, desk: House) -> None:
        data = yaml.safe_load(acting().text)
        data |= {"version": 3, "review_by": CUTOFF.date()}
        data["owners"][data["owner"]]["channel"] = "queue:lead"
        data["thresholds"]["dispute_from"]["safe"] = 2 * data["thresholds"]["dispute_from"]["value"]
        policy = parse_policy(yaml.safe_dump(data, sort_keys=False))
        with desk.container.sessions.begin() as session:
            put_in_force(session, policy, desk.clock.now())
        desk.advance(days=1)
        desk.send(billed("S", **TOO_MUCH, lines=[]))
        made = decided(desk, "S")
        assert (made["recommended_branch"], made["branch"]) == ("short_pay", "review")
        assert "short_pay spends money, and the review of the bundle was due by" in made["held_because"]
        (review,) = desk.api.get("/v1/policies/overdue").json()["reviews"]
        assert (review["subject"], review["part"], review["owner"]) == ("invoice", "the bundle", policy.owner)
        assert "threshold dispute_from counts as" in review["meanwhile"]
        assert "short_pay" in review["meanwhile"]
        sent = [json.loads(row.body) for row in desk.rows(OutgoingCallRow)]
        assert [(each["type"], each["subject"]) for each in sent] == [("freight.branch.escalate", review["overdue_id"])]
        with desk.container.reads() as session:
            assert [(each.differences, each.why_not) for each in replay_all(session, {})] == [((), None)]


class TestTheRecord:
    def test_both_subjects_stand_in_one_chain_and_every_decision_is_made_again(self, desk: House) -> None:
        let_act(desk)
        desk.send(billed("I"), billed("J", invoice_number="NI"))
        assert [decided(desk, name)["branch"] for name in "IJ"] == ["approve", "dispute"]
        desk.announce("I")  # a shipment of the same name
        assert desk.decided("I", risk=0.5)["shipment_id"] == "I"
        with desk.container.reads() as session:
            assert verify(session).problems == ()
            replayed = list(replay_all(session, {}))
        assert [(each.differences, each.why_not) for each in replayed] == [((), None)] * 3
        listed = [desk.api.get(f"/v1/decisions?{kind}_id=I").json()["decisions"] for kind in ("invoice", "shipment")]
        assert [[each["branch"] for each in decisions] for decisions in listed] == [["approve"], ["review"]]
        assert desk.api.get("/v1/decisions?invoice_id=I&shipment_id=I").status_code == 422

    def test_an_effect_is_reported_and_a_short_payment_is_withdrawn(self, desk: House) -> None:
        let_act(desk)
        desk.send(billed("S", **TOO_MUCH, lines=[]))
        call_id = decided(desk, "S")["call_id"]
        with desk.container.sessions.begin() as session:
            session.execute(update(OutgoingCallRow).values(status="delivered", effect="accepted"))
        who = {"X-Actor": "dana", "Idempotency-Key": "u"}
        undone = desk.api.post(f"/v1/calls/{call_id}/undo", json={"reason": "the carrier is right"}, headers=who)
        assert undone.status_code == 200, undone.text
        compensation = json.loads(desk.rows(OutgoingCallRow)[-1].body)
        assert compensation["type"] == "freight.compensation.short_pay"
        assert (compensation["data"]["action"], compensation["data"]["undoes"]) == ("withdraw", call_id)

    def test_a_preview_and_a_shadow_look_at_invoices_alone(self, desk: House) -> None:
        desk.announce("SH-9")
        desk.decided("SH-9", risk=0.5)
        newer = acting()
        with desk.container.sessions.begin() as session:
            repository.keep(session, newer, CUTOFF)
            before = repository.standing(session, SubjectType.INVOICE)
            shadowing = {"shadow_digest": newer.digest}
            repository.move(session, Step.SHADOWED, newer.digest, by="a", at=CUTOFF, before=before, **shadowing)
        desk.send(billed("S", **TOO_MUCH, lines=[]))
        decided(desk, "S")
        desk.announce("SH-10")
        desk.decided("SH-10", risk=0.5)
        desk.send(billed("R", **TOO_MUCH, lines=[]))
        decided(desk, "R")
        looked = desk.rows(ShadowDecisionRow)
        assert [json.loads(str(row.body))["branch"] for row in looked] == ["short_pay", "short_pay"]
        with desk.container.reads() as session:
            assert repository.decisions_beside(session, newer.digest) == 2
            ends = [
                (each.subject_id, str(each.before), str(each.after))
                for each in preview(session, newer, CUTOFF, desk.clock.now().replace(year=2027))
            ]
        assert ends == [("S", "review (short_pay)", "short_pay"), ("R", "review (short_pay)", "short_pay")]

    def test_what_would_have_changed_it_is_told_and_decided_again(self, desk: House) -> None:
        desk.send(billed("S", **TOO_MUCH, lines=[]))
        made = decided(desk, "S")
        assert (made["recommended_branch"], made["branch"]) == ("short_pay", "review")
        found = desk.container.decisions.counterfactuals(made["decision_id"])
        assert {"proven_minor", "$dispute_from"} <= {each.name for each in found}
        policy = load_policy(bundled_policy(SubjectType.INVOICE))
        (row,) = desk.rows(DecisionRow)
        sealed = decode_facts(json.loads(row.body)["facts"])
        for each in found:
            if not each.name.startswith("$"):
                again = decide(policy, {**sealed, each.name: each.needed}, row.decided_at)
                assert (again.branch, again.recommended_branch) == (each.branch, each.recommended_branch), each.name
