"""`POST /v1/triage`: what is decided, what is set in motion, and what is recorded of it."""

from __future__ import annotations

import json

import pytest

from serving.db.tables import AuditRow, DecisionRow, IdempotencyRow, OutgoingCallRow, ReviewItemRow
from serving.scores.absent import AbsentModel
from tests.serving.house import NOW, House, at, delivery, planned, problem_in, shipment


class TestBranches:
    def test_a_low_risk_is_left_alone_and_recorded(self, house: House) -> None:
        house.announce("SH-1")
        answer = house.decided(risk=0.1)

        assert (answer["branch"], answer["call_id"], answer["review_item_id"]) == ("none", None, None)
        assert answer["reasons"] is None
        assert house.count(DecisionRow) == 1
        assert house.count(OutgoingCallRow) == house.count(ReviewItemRow) == 0

    def test_a_middling_risk_goes_before_a_person(self, house: House) -> None:
        house.announce("SH-1")
        answer = house.decided(risk=0.3)

        assert (answer["branch"], answer["decided_by"], answer["call_id"]) == ("review", "at_risk", None)
        assert house.rows(ReviewItemRow)[0].item_id == answer["review_item_id"]

    def test_a_likely_delay_is_called_out(self, house: House) -> None:
        house.announce("SH-1")
        answer = house.decided(risk=0.5)

        assert (answer["branch"], answer["review_item_id"]) == ("notify", None)
        call = house.rows(OutgoingCallRow)[0]
        assert (call.call_id, call.branch, call.status) == (answer["call_id"], "notify", "pending")
        assert call.target == "orchestrator"
        assert json.loads(call.body)["type"].endswith("notify")

    def test_what_costs_money_is_suggested_to_a_person_with_the_reason(self, house: House) -> None:
        house.announce("SH-1")
        answer = house.decided(risk=0.8)

        assert (answer["recommended_branch"], answer["branch"]) == ("rebook", "review")
        assert answer["held_because"]
        assert house.rows(ReviewItemRow)[0].suggested_branch == "rebook"
        assert house.count(OutgoingCallRow) == 0

    def test_a_critical_one_escalates(self, house: House) -> None:
        house.announce("SH-1", customer_tier="critical")
        assert house.decided(risk=0.8)["branch"] == "escalate"

    def test_acting_comes_with_reasons(self, house: House) -> None:
        house.announce("SH-1")
        assert [reason["feature"] for reason in house.decided(risk=0.5)["reasons"]] == ["hours_to_promise"]

    def test_reasons_come_on_demand(self, house: House) -> None:
        house.announce("SH-1")
        assert house.decided(risk=0.1, explain=True)["reasons"]


class TestWhatCannotBeTold:
    def test_an_unknown_carrier_goes_before_a_person(self, house: House) -> None:
        house.announce("SH-1", carrier_id="NEW")
        answer = house.decided(risk=0.9)

        assert (answer["branch"], answer["decided_by"]) == ("review", "carrier_unknown")
        assert answer["abstained_because"] == ["carrier NEW has no history"]
        facts = json.loads(house.rows(DecisionRow)[0].body)["facts"]
        assert facts["late_probability"] == {"$unknown": "carrier NEW has no history"}
        assert house.count(OutgoingCallRow) == 0

    def test_the_second_shipment_of_a_new_carrier_has_the_first_as_history(self, house: House) -> None:
        house.announce("SH-1", "SH-2", carrier_id="NEW")
        assert house.decided("SH-2", risk=0.5)["branch"] == "notify"

    def test_an_unknown_carrier_of_an_inline_shipment_goes_before_a_person(self, house: House) -> None:
        answer = house.decided(shipment=shipment("SH-9", carrier_id="NEW"), risk=0.9)
        assert (answer["branch"], answer["decided_by"]) == ("review", "carrier_unknown")

    def test_a_missing_promise_goes_before_a_person(self, house: House) -> None:
        house.announce("SH-1", promised_at=None)
        answer = house.decided(risk=0.9)

        assert (answer["branch"], answer["decided_by"], answer["probability"]) == ("review", "no_promise", None)
        assert "no promise is given" in answer["abstained_because"]

    def test_without_a_model_every_case_goes_before_a_person(self, house: House) -> None:
        with house.another(model=AbsentModel()) as bare:
            bare.announce("SH-1")
            answer = bare.decided()

        assert (answer["branch"], answer["model"]) == ("review", {"name": "none", "version": "0"})
        assert answer["abstained_because"] == ["no model is loaded"]

    def test_a_shipment_nobody_announced_is_refused_and_nothing_is_kept(self, any_house: House) -> None:
        problem = problem_in(any_house.triage("SH-404"), 404, "unknown-shipment")

        assert "Send its `freight.shipment.planned` event first" in problem["detail"]
        assert any_house.count(DecisionRow) == any_house.count(IdempotencyRow) == any_house.count(AuditRow) == 0

    @pytest.mark.parametrize("status", ["delivered", "cancelled", "returned"])
    def test_a_finished_shipment_has_nothing_to_decide(self, house: House, status: str) -> None:
        house.announce("SH-1")
        house.send(delivery("d-1", status))

        assert "nothing left to decide" in problem_in(house.triage(), 422, "no-decision-moment")["detail"]
        assert house.count(DecisionRow) == 0


class TestInline:
    def test_a_shipment_may_be_given_inline_and_is_not_announced_by_it(self, house: House) -> None:
        answer = house.decided(shipment=shipment("SH-9"), risk=0.5)

        assert (answer["shipment_id"], answer["branch"]) == ("SH-9", "notify")
        assert not house.state.knows("SH-9")

    def test_faults_of_an_inline_shipment_have_their_path(self, house: House) -> None:
        problem = problem_in(house.triage(shipment=shipment("SH-9", pieces=0)), 422, "invalid-record")
        assert [fault["path"] for fault in problem["errors"]] == ["body.shipment.pieces"]

    def test_an_inline_booking_from_the_future_is_refused(self, house: House) -> None:
        problem_in(house.triage(shipment=shipment(occurred_at=at(hours=1))), 422, "event-from-the-future")

    def test_an_inline_shipment_may_not_say_when_it_was_learnt(self, house: House) -> None:
        problem_in(house.triage(shipment=shipment(known_at=at(hours=-1))), 422, "known-time")

    @pytest.mark.parametrize("asked", [{}, {"shipment_id": "SH-1", "shipment": {}}])
    def test_an_id_or_a_shipment_and_not_both(self, house: House, asked: dict[str, object]) -> None:
        answer = house.api.post("/v1/triage", json=asked, headers={"Idempotency-Key": "k"})
        problem = problem_in(answer, 422, "invalid-request")
        assert "give either shipment_id or shipment" in problem["errors"][0]["detail"]


class TestOncePerVersion:
    def test_the_same_version_is_decided_once_whatever_the_key(self, any_house: House) -> None:
        any_house.announce("SH-1")
        first, second = any_house.decided(risk=0.5), any_house.decided(risk=0.9)

        assert (first["already_decided"], second["already_decided"]) == (False, True)
        assert {**first, "already_decided": True} == second
        assert any_house.count(DecisionRow) == any_house.count(OutgoingCallRow) == 1

    def test_something_new_makes_a_new_version(self, any_house: House) -> None:
        any_house.announce("SH-1")
        any_house.decided(risk=0.1)
        any_house.send(delivery("d-1", "terminal_arrived"))

        assert any_house.decided(risk=0.5)["branch"] == "notify"
        assert any_house.count(DecisionRow) == 2

    def test_a_repeated_event_makes_none(self, house: House) -> None:
        house.announce("SH-1")
        house.decided()
        house.send(planned("SH-1"))
        assert house.decided()["already_decided"]

    def test_an_inline_shipment_asked_about_later_is_the_same_version(self, house: House) -> None:
        house.decided(shipment=shipment("SH-9"))
        house.advance(minutes=5)
        assert house.decided(shipment=shipment("SH-9"))["already_decided"]

    def test_what_was_done_is_not_done_again_at_the_next_moment(self, any_house: House) -> None:
        any_house.announce("SH-1")
        any_house.decided(risk=0.5)
        any_house.send(delivery("d-1", "departed"))

        again = any_house.decided(risk=0.5)

        assert (again["recommended_branch"], again["branch"]) == ("notify", "none")
        assert again["suppressed_because"]
        assert any_house.count(OutgoingCallRow) == 1

    def test_a_graver_one_is_done_after_a_milder(self, house: House) -> None:
        house.announce("SH-1", customer_tier="critical", value_minor=300_000)
        milder = house.decided(risk=0.46)["branch"]
        house.send(delivery("d-1", "departed"))

        assert (milder, house.decided(risk=0.9)["branch"]) == ("notify", "escalate")


class TestReading:
    def test_a_decision_reads_back_as_it_was_sealed(self, any_house: House) -> None:
        any_house.announce("SH-1")
        answer = any_house.decided(risk=0.5)

        read = any_house.api.get(f"/v1/decisions/{answer['decision_id']}").json()

        assert (read["sequence"], read["hash"]) == (1, answer["hash"])
        assert read["body"] == json.loads(any_house.rows(DecisionRow)[0].body)
        assert [call["status"] for call in read["calls"]] == ["pending"]

    def test_the_body_pins_what_it_rests_on(self, house: House) -> None:
        house.announce("SH-1")
        house.decided(risk=0.5)
        body = json.loads(house.rows(DecisionRow)[0].body)

        assert body["policy"]["digest"] == house.policy.digest
        assert (body["model"]["name"], body["model"]["version"]) == ("fake", "7")
        assert body["model"]["fingerprints"] == {"features": "f" * 64}
        assert body["decided_at"] == NOW.isoformat().replace("+00:00", "Z")
        assert body["features"]["hours_to_promise"] == 48.0
        assert {rule["outcome"] for rule in body["rules"]} <= {"hit", "no_hit", "unknown", "error"}

    def test_decisions_of_a_shipment_are_paged_newest_first(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        any_house.decided("SH-2")
        for number in range(3):
            any_house.send(delivery(f"d-{number}", "in_transit"))
            any_house.decided("SH-1")

        first = any_house.api.get("/v1/decisions?shipment_id=SH-1&limit=2").json()
        rest = any_house.api.get(f"/v1/decisions?shipment_id=SH-1&limit=2&before={first['next']}").json()

        assert [one["sequence"] for one in first["decisions"] + rest["decisions"]] == [4, 3, 2]
        assert rest["next"] is None

    def test_a_decision_nobody_made_is_404(self, any_house: House) -> None:
        problem = problem_in(any_house.api.get("/v1/decisions/dec_0"), 404, "unknown-decision")
        assert "GET /v1/decisions?shipment_id=" in problem["detail"]


class TestAuditTrail:
    def test_every_move_names_its_actor(self, house: House) -> None:
        house.announce("SH-1")
        house.decided(risk=0.5, actor="tms")
        assert [(row.action, row.actor) for row in house.rows(AuditRow)] == [
            ("decision.sealed", "tms"),
            ("call.enqueued", "system"),
        ]

    def test_who_is_not_named_is_the_system(self, house: House) -> None:
        house.announce("SH-1")
        house.decided(risk=0.1)
        assert [row.actor for row in house.rows(AuditRow)] == ["system"]
