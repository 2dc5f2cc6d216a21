"""Undoing a call: one call of its own, itself verified; and never two live bookings of one shipment."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from serving.db.tables import OutgoingCallRow
from serving.worker.dead_letters import BeingUndoneError, dead_letters, replay
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import changed
from tests.serving.effects.calls import (
    acting,
    call,
    claimed,
    delivered,
    effect,
    items_about,
    rebooked,
    reported,
    tended,
    told,
    undone,
    without,
)
from tests.serving.house import House, at, delivery, problem_in


@pytest.fixture
def acting_house(any_url: str) -> Iterator[House]:
    """A service whose branches all act by themselves."""
    with House(any_url, changed(acting)) as made:
        yield made


def verified(house: House) -> str:
    """Have a booking made and confirmed, and return its call."""
    call_id = rebooked(house)
    delivered(house)
    reported(house, call_id, "done", reference="BK-1")
    return call_id


class TestUndo:
    def test_what_failed_in_part_is_undone_by_a_call_with_its_own_stable_key(self, both_house: House) -> None:
        call_id = rebooked(both_house)
        delivered(both_house)
        answer = reported(both_house, call_id, "partial", reference="BK-1", reason="2 of 4 pieces")
        undoing = call_id.removesuffix("1") + "compensate"
        assert answer["effect"] == "compensating"
        assert delivered(both_house) == [undoing]
        body = json.loads(both_house.rows(OutgoingCallRow)[-1].body)
        assert (body["id"], body["type"], body["causationid"]) == (undoing, "freight.compensation.rebook", call_id)
        data = body["data"]
        assert (data["action"], data["undoes"], data["reference"]) == ("cancel_tender_or_booking", call_id, "BK-1")
        assert data["facts"] == {"carrier_id": "NWX", "origin": "DEHAM", "destination": "ATVIE"}
        assert data["asked"]["instead_of"] == "NWX"
        reported(both_house, undoing, "done")
        assert (effect(both_house, call_id), effect(both_house, undoing)) == ("compensated", "verified")
        assert items_about(both_house, call_id) == []

    def test_a_person_undoes_what_is_done_and_only_once(self, any_house: House) -> None:
        call_id = verified(any_house)
        answer = undone(any_house, call_id)
        assert answer.json()["compensates"] == call_id
        problem_in(undone(any_house, call_id), 409, "undo")
        assert any_house.count(OutgoingCallRow) == 2
        assert [row.actor for row in any_house.audited_of(f"call:{call_id}")][-1] == "dana"

    @pytest.mark.parametrize("how", ["failed", "unverified", "dead"])
    def test_if_it_comes_to_nothing_a_person_is_asked(self, any_house: House, how: str) -> None:
        call_id = verified(any_house)
        undoing = undone(any_house, call_id).json()["call_id"]
        if how == "dead":
            (leased,) = claimed(any_house)
            assert SqlOutbox(any_house.engine).dead(leased, reason="HTTP 422", now=any_house.clock.now())
            assert [letter.compensates for letter in dead_letters(any_house.engine)] == [call_id]
        elif how == "failed":
            delivered(any_house)
            reported(any_house, undoing, "failed", reason="it has left")
        else:
            delivered(any_house)
            any_house.advance(hours=2)
            assert tended(any_house) == 1
        assert effect(any_house, call_id) == "with_person"
        (item,) = items_about(any_house, call_id)
        assert item.why.startswith("Undoing rebook came to nothing")
        assert items_about(any_house, undoing) == []

    def test_a_late_word_that_it_is_undone_closes_the_item(self, any_house: House) -> None:
        call_id = verified(any_house)
        undoing = undone(any_house, call_id).json()["call_id"]
        delivered(any_house)
        any_house.advance(hours=2)
        tended(any_house)
        reported(any_house, undoing, "done")
        assert effect(any_house, call_id) == "compensated"
        assert [row.verdict for row in items_about(any_house, call_id)] == ["superseded"]

    def test_what_was_never_taken_or_cannot_be_undone_is_not(self, house: House) -> None:
        problem_in(undone(house, "dec_1_rebook_1"), 404, "unknown-call")
        problem_in(undone(house, rebooked(house)), 409, "undo")
        call_id = told(house, "SH-2")
        delivered(house)
        assert "does not say how notify is undone" in problem_in(undone(house, call_id), 409, "undo")["detail"]

    def test_in_part_without_a_way_to_undo_it_goes_before_a_person(self, sqlite_url: str) -> None:
        with House(sqlite_url, changed(without("compensate", "rebook"))) as house:
            call_id = rebooked(house)
            delivered(house)
            assert reported(house, call_id, "partial")["effect"] == "with_person"
            assert len(items_about(house, call_id)) == 1

    def test_a_dead_letter_that_is_being_undone_is_not_sent_again(self, both_house: House) -> None:
        call_id, now = rebooked(both_house), both_house.clock.now()
        (leased,) = claimed(both_house)
        assert SqlOutbox(both_house.engine).dead(leased, reason="HTTP 422", now=now)
        undone(both_house, call_id)
        with pytest.raises(BeingUndoneError, match="a call that undoes it is under way"):
            replay(both_house.engine, call_id, actor="dana", now=now)
        assert delivered(both_house) == [call_id.removesuffix("1") + "compensate"]

    def test_done_after_it_was_undone_is_a_contradiction(self, any_house: House) -> None:
        call_id = rebooked(any_house)
        delivered(any_house)
        undoing = undone(any_house, call_id).json()["call_id"]
        delivered(any_house)
        reported(any_house, undoing, "done")
        assert reported(any_house, call_id, "done")["reception"] == "contradicting"
        assert len(items_about(any_house, call_id)) == 1

    def test_contradicting_words_on_the_undoing_are_put_to_a_person_too(self, any_house: House) -> None:
        call_id = verified(any_house)
        undoing = undone(any_house, call_id).json()["call_id"]
        delivered(any_house)
        reported(any_house, undoing, "done")
        assert effect(any_house, call_id) == "compensated"
        assert reported(any_house, undoing, "failed")["reception"] == "contradicting"
        assert effect(any_house, call_id) == "with_person"
        (item,) = items_about(any_house, call_id)
        assert item.why.startswith("Whether rebook is undone is not certain: ")


class TestOneLiveBooking:
    def test_a_person_cannot_let_out_a_second_one_before_the_first_is_known_to_be_gone(self, both_house: House) -> None:
        first = rebooked(both_house)
        delivered(both_house)
        both_house.advance(hours=3)
        tended(both_house)
        (item,) = items_about(both_house, first)
        again = {"branch": "rebook", "reason_code": "better_option", "claim_token": both_house.claimed(item.item_id)}
        body = problem_in(both_house.answer(item.item_id, "override", **again), 422, "answer")
        assert f"rebook {first} of the same shipment was never confirmed" in body["detail"]
        assert body["detail"].endswith(f"/v1/calls/{first}/undo")
        assert both_house.count(OutgoingCallRow) == 1

        reported(both_house, first, "failed")
        assert both_house.answer(item.item_id, "override", **again).status_code == 200
        assert delivered(both_house) == [first.removesuffix("1") + "2"]

    def test_a_later_one_waits_until_the_first_is_undone(self, acting_house: House) -> None:
        first, second = split_then_rebooked(acting_house)
        assert delivered(acting_house) == [first]
        assert delivered(acting_house) == [], "the first is accepted, and may stand"
        assert tended(acting_house) == 0, "and nobody needs to be asked while it may still fail by itself"
        reported(acting_house, first, "done", reference="BK-1")
        assert delivered(acting_house) == []
        assert [tended(acting_house), tended(acting_house)] == [1, 0]
        (item,) = items_about(acting_house, second)
        assert f"rebook is not sent, because split {first} (reference BK-1) of the same shipment is done" in item.why

        token = acting_house.claimed(item.item_id)
        answer = acting_house.answer(item.item_id, "undo", claim_token=token, call_id=first)
        assert answer.status_code == 200, answer.text
        undoing = first.removesuffix("1") + "compensate"
        assert delivered(acting_house) == [undoing], "what undoes the first does not wait for the second"
        assert delivered(acting_house) == []
        reported(acting_house, undoing, "done")
        assert delivered(acting_house) == [second]

    def test_or_until_it_has_failed(self, acting_house: House) -> None:
        first, second = split_then_rebooked(acting_house)
        delivered(acting_house)
        reported(acting_house, first, "failed")
        assert delivered(acting_house) == [second]

    def test_or_is_dismissed_by_a_person(self, acting_house: House) -> None:
        first, second = split_then_rebooked(acting_house)
        delivered(acting_house)
        reported(acting_house, first, "done")
        tended(acting_house)
        (item,) = items_about(acting_house, second)
        given = {"reason_code": "not_worth_it", "claim_token": acting_house.claimed(item.item_id)}
        assert acting_house.answer(item.item_id, "dismiss", **given).status_code == 200
        found = call(acting_house, second)
        assert (found["status"], found["effect"]) == ("dismissed", "withdrawn")
        assert tended(acting_house) == 0

    def test_other_calls_of_the_shipment_do_not_wait(self, acting_house: House) -> None:
        first, second = split_then_rebooked(acting_house)
        delivered(acting_house)
        acting_house.send(delivery("d-2", "loaded"))
        third = acting_house.decided("SH-1", risk=0.99)
        assert third["branch"] == "escalate"
        assert delivered(acting_house) == [third["call_id"]]
        assert [effect(acting_house, each) for each in (first, second)] == ["accepted", "intended"]


def split_then_rebooked(house: House) -> tuple[str, str]:
    """Have a shipment split and then rebooked, each by the bundle itself; return the calls, of which none is out."""
    place = {"place": "DEBRE", "kind": "pickup"}
    stops = [place, {"place": "ATVIE", "kind": "delivery", "promised_at": at(hours=-150)}]
    house.announce("O-1", stops=stops, occurred_at=at(hours=-200))
    house.send(delivery("o-1", "delivered", "O-1", occurred_at=at(hours=-160)))
    house.announce("SH-1", customer_tier="critical", value_minor=300_000)
    first = house.decided("SH-1", risk=0.56)
    house.send(delivery("d-1", "pickup_arrived"))
    second = house.decided("SH-1", risk=0.65)
    assert (first["branch"], second["branch"]) == ("split", "rebook"), (first, second)
    return str(first["call_id"]), str(second["call_id"])
