"""What nobody confirms in time goes before one person, who settles it."""

from __future__ import annotations

from serving.db.tables import DirectiveRow, OutgoingCallRow
from tests.serving.effects.calls import delivered, effect, items_about, report, reported, tended, told
from tests.serving.house import House, delivery, problem_in


def overdue(house: House, shipment_id: str = "SH-1") -> str:
    """Let the effect of a call go unconfirmed for its hour, and return the call's id."""
    call_id = told(house, shipment_id)
    delivered(house)
    house.advance(hours=1)
    assert tended(house) == 1
    return call_id


def test_it_opens_exactly_one_item_at_the_deadline_and_not_before(both_house: House) -> None:
    call_id = told(both_house)
    delivered(both_house)
    both_house.advance(minutes=59, seconds=59)
    assert tended(both_house) == 0
    both_house.advance(seconds=1)
    with both_house.another() as other:
        assert [tended(both_house), tended(other), tended(both_house)] == [1, 0, 0]
    (item,) = items_about(both_house, call_id)
    assert item.why == "notify was accepted, but within 1 hours nobody has said whether it was done."
    assert effect(both_house, call_id) == "with_person"
    assert [row.action for row in both_house.audited_of(f"call:{call_id}")][-2:] == [
        "effect.unverified",
        "effect.with_person",
    ]


def test_a_confirmation_in_time_opens_none(any_house: House) -> None:
    call_id = told(any_house)
    delivered(any_house)
    reported(any_house, call_id, "done")
    any_house.advance(hours=2)
    assert tended(any_house) == 0
    assert items_about(any_house, call_id) == []


def test_a_late_confirmation_closes_the_item_unless_somebody_holds_it(any_house: House) -> None:
    first, second = overdue(any_house), overdue(any_house, "SH-2")
    (item,) = items_about(any_house, second)
    token = any_house.claimed(item.item_id)
    for call_id in (first, second):
        assert reported(any_house, call_id, "done")["effect"] == "verified"
    assert [row.verdict for row in items_about(any_house, first)] == ["superseded"]
    assert [row.status for row in items_about(any_house, second)] == ["claimed"]
    answer = any_house.answer(item.item_id, "settle", claim_token=token, happened=False)
    assert "known meanwhile" in problem_in(answer, 422, "answer")["detail"]


def test_a_person_settles_it_and_that_stands(any_house: House) -> None:
    first, second = overdue(any_house), overdue(any_house, "SH-2")
    for call_id, happened in ((first, True), (second, False)):
        (item,) = items_about(any_house, call_id)
        answer = any_house.answer(
            item.item_id, "settle", claim_token=any_house.claimed(item.item_id), happened=happened
        )
        assert answer.status_code == 200, answer.text
    assert (effect(any_house, first), effect(any_house, second)) == ("verified", "failed")
    assert [items_about(any_house, each)[0].verdict for each in (first, second)] == ["happened", "not_happened"]
    assert reported(any_house, first, "failed")["reception"] == "contradicting"
    assert [row.status for row in items_about(any_house, first)] == ["done", "open"], "asked once more, by a new item"


def test_it_needs_the_token_of_a_claim_that_holds(house: House) -> None:
    (item,) = items_about(house, overdue(house))
    token = house.claimed(item.item_id)
    house.advance(hours=1)
    problem_in(house.answer(item.item_id, "settle", claim_token=token, happened=True), 409, "claim-lost")
    assert effect(house, str(item.call_id)) == "with_person"


def test_a_new_decision_does_not_take_the_place_of_the_question_what_became_of_a_call(house: House) -> None:
    (item,) = items_about(house, overdue(house))
    house.send(delivery("d-1", "departed"))
    house.decided(risk=0.9)
    assert items_about(house, str(item.call_id))[0].status == "open"


def test_an_item_about_a_call_has_nothing_to_accept_but_another_branch_may_be_taken(house: House) -> None:
    (item,) = items_about(house, overdue(house))
    token = house.claimed(item.item_id)
    problem_in(house.answer(item.item_id, "accept", claim_token=token), 422, "answer")
    again = {"branch": "notify", "reason_code": "customer_asked", "claim_token": token}
    assert house.answer(item.item_id, "override", **again).status_code == 200
    first, second = house.rows(OutgoingCallRow)
    assert second.call_id == first.call_id.removesuffix("1") + "2"
    assert (first.effect, second.effect) == ("unverified", "intended")


def test_a_branch_steps_down_when_too_many_of_its_effects_fail_or_are_not_confirmed(both_house: House) -> None:
    for number in range(7):
        call_id = told(both_house, f"SH-{number}")
        delivered(both_house)
        if number > 1:
            reported(both_house, call_id, "done")
        elif number == 0:
            assert report(both_house, call_id, "failed").status_code == 200
    assert both_house.rows(DirectiveRow) == []
    both_house.advance(hours=1)
    tended(both_house)
    (limit,) = both_house.rows(DirectiveRow)
    assert (limit.branch, limit.mode, limit.issued_by) == ("notify", "recommend", "system")
    assert "2 of 7 effects of the last 24 hours failed or were not confirmed" in limit.body
