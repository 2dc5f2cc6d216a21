"""What the orchestrator reports of a call: counted once, never overwritten, and whatever its order."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from serving.db.tables import OutcomeRow, RejectedEventRow, ReviewItemRow
from serving.worker.dead_letters import dead_letters
from serving.worker.outbox import SqlOutbox
from tests.serving.effects.calls import call, claimed, delivered, effect, items_about, rebooked, report, reported, told
from tests.serving.house import House, problem_in


def test_an_effect_goes_from_intended_to_verified_and_every_move_is_audited_with_its_actor(both_house: House) -> None:
    house, states = both_house, []
    call_id = told(house)
    states.append(effect(house, call_id))
    (leased,) = claimed(house)
    states.append(effect(house, call_id))
    assert SqlOutbox(house.engine).delivered(leased, now=house.clock.now())
    accepted = call(house, call_id)
    states.append(accepted["effect"])
    answer = reported(house, call_id, "done", reference="MSG-1")
    states.append(effect(house, call_id))

    assert states == ["intended", "sent", "accepted", "verified"]
    assert accepted["confirm_by"] == (house.clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert (answer["reception"], answer["reference"], answer["review_item_id"]) == ("counted", "MSG-1", None)
    moves = house.audited_of(f"call:{call_id}")
    assert [(row.action, row.actor) for row in moves] == [
        ("call.enqueued", "system"),
        ("call.claimed", "system:worker"),
        ("call.delivered", "system:worker"),
        ("effect.accepted", "system:worker"),
        ("effect.verified", "orchestrator"),
    ]
    assert json.loads(moves[1].new or "")["effect"] == "sent"
    decision = house.api.get(f"/v1/decisions/{call_id.rsplit('_', 2)[0]}").json()
    assert [each["effect"] for each in decision["calls"]] == ["verified"]


def test_an_outcome_may_come_before_the_answer_to_the_call_is_read(any_house: House) -> None:
    call_id = told(any_house)
    (leased,) = claimed(any_house)
    reported(any_house, call_id, "done")
    assert SqlOutbox(any_house.engine).delivered(leased, now=any_house.clock.now())
    assert (call(any_house, call_id)["status"], effect(any_house, call_id)) == ("delivered", "verified")


def test_a_call_whose_answer_was_lost_is_not_sent_again_once_its_outcome_came(any_house: House) -> None:
    call_id, now = told(any_house), any_house.clock.now()
    (leased,) = claimed(any_house)
    assert SqlOutbox(any_house.engine).retry_at(leased, at=now, reason="HTTP 500", now=now)
    reported(any_house, call_id, "done")
    assert delivered(any_house) == []
    assert call(any_house, call_id)["status"] == "delivered"


@pytest.mark.parametrize("move", ["put off", "given up", "given back"])
def test_nor_is_it_sent_again_or_a_dead_letter_if_it_came_while_a_worker_had_the_call(
    both_house: House, move: str
) -> None:
    call_id, now = rebooked(both_house), both_house.clock.now()
    outbox, (leased,) = SqlOutbox(both_house.engine), claimed(both_house)
    assert reported(both_house, call_id, "partial", reference="BK-1")["effect"] == "compensating"
    assert claimed(both_house) == [], "it may be on its way, and nothing overtakes it"
    if move == "put off":
        assert outbox.retry_at(leased, at=now, reason="HTTP 500", now=now)
    elif move == "given up":
        assert outbox.dead(leased, reason="Given up after 8 attempts. HTTP 500", now=now)
    else:
        assert outbox.release(leased, now=now)
    assert (call(both_house, call_id)["status"], dead_letters(both_house.engine)) == ("delivered", [])
    assert both_house.audited_of(f"call:{call_id}")[-1].action == "call.delivered"
    assert delivered(both_house) == [call_id.removesuffix("1") + "compensate"]


def test_nor_is_it_sent_again_if_the_worker_never_came_back(both_house: House) -> None:
    call_id, clock = rebooked(both_house), both_house.clock
    claimed(both_house)
    reported(both_house, call_id, "failed", reason="no capacity")
    assert claimed(both_house) == [], "its lease still runs"
    clock.advance(timedelta(minutes=5))
    assert claimed(both_house) == []
    assert (call(both_house, call_id)["status"], call(both_house, call_id)["attempts"]) == ("delivered", 1)
    moves = both_house.audited_of(f"call:{call_id}")
    assert [row.action for row in moves].count("call.claimed") == 1
    assert moves[-1].action == "call.delivered"


def test_a_repeat_counts_once_under_the_same_key_and_under_another(any_house: House) -> None:
    call_id = told(any_house)
    delivered(any_house)
    first = report(any_house, call_id, "done", key="k-1")
    again = report(any_house, call_id, "done", key="k-1")
    other = reported(any_house, call_id, "done")
    assert again.text == first.text
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other["reception"], other["effect"]) == ("repeated", "verified")
    assert [row.reception for row in any_house.rows(OutcomeRow)] == ["counted"]
    assert any_house.audited()["effect.verified"] == 1


def test_another_number_for_one_booking_goes_before_a_person(both_house: House) -> None:
    """An orchestrator that has booked twice is the last to say so in other words."""
    call_id = rebooked(both_house)
    delivered(both_house)
    for number in ("BK-1", None, "BK-1"):
        assert reported(both_house, call_id, "done", reference=number)["effect"] == "verified"
    answer = reported(both_house, call_id, "done", reference="BK-2")

    assert (answer["reception"], answer["effect"], answer["reference"]) == ("contradicting", "with_person", "BK-1")
    (item,) = [each for each in both_house.rows(ReviewItemRow) if each.item_id == answer["review_item_id"]]
    assert "done was reported before (reference BK-1), and now it was done (reference BK-2)" in item.why


def test_another_number_for_one_message_says_nothing(house: House) -> None:
    call_id = told(house)
    delivered(house)
    reported(house, call_id, "done", reference="MSG-1")
    assert reported(house, call_id, "done", reference="MSG-2")["reception"] == "repeated"


def test_a_contradiction_overwrites_nothing_and_goes_before_one_person(both_house: House) -> None:
    call_id = told(both_house)
    delivered(both_house)
    reported(both_house, call_id, "done", reference="MSG-1")
    answer = reported(both_house, call_id, "failed", reason="bounced")
    reported(both_house, call_id, "done")

    assert (answer["reception"], answer["effect"], answer["outcome"])[:2] == ("contradicting", "with_person")
    found = call(both_house, call_id)
    assert found["reference"] == "MSG-1"
    assert [(each["outcome"], each["reception"]) for each in found["reports"]] == [
        ("done", "counted"),
        ("failed", "contradicting"),
        ("done", "contradicting"),
    ]
    (item,) = items_about(both_house, call_id)
    assert answer["review_item_id"] == item.item_id
    assert "done was reported before (reference MSG-1), and now it failed: bounced" in item.why
    assert both_house.audited()["outcome.contradicted"] == 2


def test_what_failed_goes_before_a_person_with_the_reason(any_house: House) -> None:
    call_id = told(any_house)
    delivered(any_house)
    answer = reported(any_house, call_id, "failed", reason="no such address")
    (item,) = items_about(any_house, call_id)
    assert (answer["effect"], answer["review_item_id"]) == ("with_person", item.item_id)
    assert item.why == "notify was asked for, and it failed: no such address"
    assert item.title.startswith("DEHAM → ATVIE with NWX")


def test_an_unknown_call_is_refused_with_what_to_do_and_kept(any_house: House) -> None:
    body = problem_in(report(any_house, "dec_7_notify_1", "done"), 404, "unknown-call")
    assert "`webhook-id`" in body["detail"]
    (kept,) = any_house.rows(RejectedEventRow)
    assert json.loads(kept.body)["call_id"] == "dec_7_notify_1"


def test_a_call_is_named_by_decision_branch_and_step_too(house: House) -> None:
    call_id = told(house)
    delivered(house)
    parts = {"decision_id": call_id.removesuffix("_notify_1"), "branch": "notify"}
    assert reported(house, None, "done", **parts)["call_id"] == call_id  # type: ignore[arg-type]
    problem_in(report(house, call_id, "done", **parts), 422, "invalid-request")
    problem_in(report(house, None, "done", branch="notify"), 422, "invalid-request")  # type: ignore[arg-type]
    problem_in(report(house, None, "done", **parts, step="compensate"), 404, "unknown-call")  # type: ignore[arg-type]


def test_what_is_still_to_come_is_no_outcome(house: House) -> None:
    call_id = told(house)
    later = (house.clock.now() + timedelta(hours=1)).isoformat()
    problem_in(report(house, call_id, "done", occurred_at=later), 422, "outcome-from-the-future")
    assert effect(house, call_id) == "intended"


def test_without_a_key_nothing_is_reported(house: House) -> None:
    answer = house.api.post(
        "/v1/outcomes", json={"call_id": "c", "outcome": "done", "occurred_at": "2026-03-02T06:00:00Z"}
    )
    problem_in(answer, 400, "idempotency-key-missing")


class TestOfACallThatWasNotSent:
    def test_nothing_is_believed_and_it_is_sent_all_the_same(self, both_house: House) -> None:
        call_id = told(both_house)
        problem = problem_in(report(both_house, call_id, "done"), 409, "unsent-call")
        assert "waits in the outbox and was not sent yet" in problem["detail"]
        assert (effect(both_house, call_id), call(both_house, call_id)["reports"]) == ("intended", [])
        assert both_house.count(RejectedEventRow) == 1
        assert delivered(both_house) == [call_id]
        assert reported(both_house, call_id, "done")["effect"] == "verified"

    def test_nor_of_one_that_a_worker_gave_back_unsent(self, both_house: House) -> None:
        call_id = told(both_house)
        (leased,) = claimed(both_house)
        assert SqlOutbox(both_house.engine).release(leased, now=both_house.clock.now())
        problem_in(report(both_house, call_id, "done"), 409, "unsent-call")

    def test_but_the_receiver_may_be_faster_than_the_worker_that_sends_it(self, both_house: House) -> None:
        call_id = told(both_house)
        claimed(both_house)
        assert reported(both_house, call_id, "done")["effect"] == "verified"


def test_an_outcome_from_before_the_call_is_refused_but_for_the_clocks(both_house: House) -> None:
    call_id, made_at = told(both_house), both_house.clock.now()
    delivered(both_house)
    skew = both_house.container.settings.clock_skew
    early = (made_at - skew - timedelta(seconds=1)).isoformat()
    problem = problem_in(report(both_house, call_id, "done", occurred_at=early), 422, "outcome-before-the-call")
    assert "it cannot be what became of it" in problem["detail"]
    assert effect(both_house, call_id) == "accepted"
    assert reported(both_house, call_id, "done", occurred_at=(made_at - skew).isoformat())["effect"] == "verified"
