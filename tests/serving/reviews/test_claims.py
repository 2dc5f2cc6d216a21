"""Claims: one holder at a time, for a while, and every write needs the token of a claim that holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any

import pytest

from serving.db.tables import OutgoingCallRow, ReviewItemRow
from tests.serving.house import House, problem_in

AT_ONCE = 6
WRITES: dict[str, dict[str, Any]] = {
    "claim": {},
    "release": {},
    "accept": {},
    "override": {"branch": "notify", "reason_code": "better_option"},
    "dismiss": {"reason_code": "not_late"},
}


@pytest.fixture
def analysts(any_house: House) -> Iterator[list[House]]:
    with ExitStack() as stack:
        houses = [stack.enter_context(any_house.another()) for _ in range(AT_ONCE)]
        for house in houses:
            for verb, body in WRITES.items():  # FastAPI completes a route at its first call, which no two threads can
                house.answer("rev_0", verb, claim_token="x", **body)
        yield houses


def at_once(analysts: list[House], call: Any) -> list[Any]:
    start = Barrier(len(analysts))

    def run(number: int) -> Any:
        start.wait(10)
        return call(number, analysts[number])

    with ThreadPoolExecutor(len(analysts)) as pool:
        return list(pool.map(run, range(len(analysts))))


def item(house: House) -> ReviewItemRow:
    return house.rows(ReviewItemRow)[0]


class TestClaim:
    def test_gives_the_item_for_a_quarter_of_an_hour(self, any_house: House) -> None:
        item_id = any_house.for_review()
        answer = any_house.answer(item_id, "claim", actor="dana").json()

        assert len(answer["claim_token"]) == 32
        assert answer["expires_at"] == "2026-03-02T06:15:00Z"
        assert (answer["item"]["status"], answer["item"]["claimed_by"]) == ("claimed", "dana")

    def test_needs_no_body(self, house: House) -> None:
        item_id = house.for_review()
        assert house.api.post(f"/v1/reviews/{item_id}/claim", headers={"X-Actor": "dana"}).status_code == 200

    def test_shows_nobody_the_token_but_the_claimer(self, house: House) -> None:
        item_id = house.for_review()
        token = house.claimed(item_id)
        assert token not in house.api.get(f"/v1/reviews/{item_id}").text
        assert token not in house.api.get("/v1/reviews").text

    def test_of_a_held_item_is_refused_with_the_holder_and_the_end(self, any_house: House) -> None:
        item_id = any_house.for_review()
        any_house.claimed(item_id, "dana")

        problem = problem_in(any_house.answer(item_id, "claim", actor="eli"), 409, "already-claimed")
        assert "claimed by dana until 2026-03-02T06:15:00+00:00" in problem["detail"]
        assert item(any_house).claimed_by == "dana"

    def test_by_its_own_holder_needs_the_token_too(self, house: House) -> None:
        item_id = house.for_review()
        house.claimed(item_id, "dana")
        problem_in(house.answer(item_id, "claim", actor="dana"), 409, "already-claimed")

    def test_with_the_token_runs_longer(self, any_house: House) -> None:
        item_id = any_house.for_review()
        token = any_house.claimed(item_id)
        any_house.advance(minutes=10)

        answer = any_house.answer(item_id, "claim", claim_token=token).json()

        assert (answer["claim_token"], answer["expires_at"]) == (token, "2026-03-02T06:25:00Z")
        assert any_house.audited()["review.extended"] == 1

    def test_of_a_done_item_is_refused(self, any_house: House) -> None:
        item_id = any_house.for_review()
        any_house.answer(item_id, "dismiss", claim_token=any_house.claimed(item_id), reason_code="not_late")

        problem = problem_in(any_house.answer(item_id, "claim", actor="eli"), 409, "item-closed")
        assert "dana answered 'dismiss'" in problem["detail"]

    def test_of_an_unknown_item_is_404(self, house: House) -> None:
        problem_in(house.answer("rev_0", "claim"), 404, "unknown-review-item")


class TestAtOnce:
    def test_of_many_who_claim_one_item_one_gets_it(self, any_house: House, analysts: list[House]) -> None:
        item_id = any_house.for_review()
        answers = at_once(analysts, lambda number, house: house.answer(item_id, "claim", actor=f"analyst-{number}"))

        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: AT_ONCE - 1}
        for answer in answers:
            if answer.status_code == 409:
                problem_in(answer, 409, "already-claimed")
        winner = next(answer.json() for answer in answers if answer.status_code == 200)
        assert item(any_house).claim_token == winner["claim_token"]
        assert any_house.audited()["review.claimed"] == 1

    def test_of_many_who_take_next_each_gets_another(self, any_house: House, analysts: list[House]) -> None:
        for number in range(AT_ONCE):
            any_house.for_review(f"SH-{number}")
        taken = at_once(analysts, lambda number, house: house.container.reviews.take_next(actor=f"analyst-{number}"))
        assert len({claimed.item.item_id for claimed in taken}) == AT_ONCE

    def test_an_answer_sent_many_times_is_carried_out_once(self, any_house: House, analysts: list[House]) -> None:
        item_id = any_house.for_review(risk=0.8)
        token = any_house.claimed(item_id)
        answers = at_once(analysts, lambda _, house: house.answer(item_id, "accept", claim_token=token))

        assert {answer.status_code for answer in answers} == {200}
        assert any_house.count(OutgoingCallRow) == any_house.audited()["review.accept"] == 1

    def test_two_answers_with_one_token_leave_one(self, any_house: House, analysts: list[House]) -> None:
        item_id = any_house.for_review(risk=0.8)
        token = any_house.claimed(item_id)

        def answer(number: int, house: House) -> Any:
            verb = "accept" if number % 2 else "dismiss"
            body = {} if number % 2 else {"reason_code": "not_late"}
            return house.answer(item_id, verb, claim_token=token, **body)

        statuses = {answer.status_code for answer in at_once(analysts, answer)}

        assert statuses == {200, 409}
        assert any_house.count(OutgoingCallRow) == int(item(any_house).verdict == "accept")
        assert any_house.audited()["review.accept"] + any_house.audited()["review.dismiss"] == 1

    def test_nobody_left_to_take_is_none(self, house: House) -> None:
        house.claimed(house.for_review())
        assert house.container.reviews.take_next(actor="dana") is None


class TestExpiry:
    def test_a_claim_ends_at_its_end(self, any_house: House) -> None:
        item_id = any_house.for_review()
        any_house.claimed(item_id, "dana")
        any_house.advance(minutes=15)
        assert any_house.answer(item_id, "claim", actor="eli").status_code == 200

    @pytest.mark.parametrize("verb", WRITES)
    def test_a_late_submit_changes_nothing(self, any_house: House, verb: str) -> None:
        item_id = any_house.for_review(risk=0.8)
        token = any_house.claimed(item_id)
        any_house.advance(minutes=15)

        answer = any_house.answer(item_id, verb, claim_token=token, **WRITES[verb])

        problem = problem_in(answer, 409, "claim-lost")
        assert "your claim ran out at 2026-03-02T06:15:00+00:00" in problem["detail"]
        assert item(any_house).status == "claimed"
        assert any_house.count(OutgoingCallRow) == 0

    @pytest.mark.parametrize("verb", WRITES)
    def test_a_late_submit_does_not_overwrite_the_next_holder(self, any_house: House, verb: str) -> None:
        item_id = any_house.for_review(risk=0.8)
        stale = any_house.claimed(item_id, "dana")
        any_house.advance(minutes=15)
        any_house.claimed(item_id, "eli")

        answer = any_house.answer(item_id, verb, claim_token=stale, **WRITES[verb])

        assert "eli holds it until" in problem_in(answer, 409, "claim-lost")["detail"]
        assert item(any_house).claimed_by == "eli"
        assert any_house.count(OutgoingCallRow) == 0


class TestTokens:
    @pytest.mark.parametrize("verb", WRITES)
    def test_a_guessed_token_changes_nothing(self, any_house: House, verb: str) -> None:
        item_id = any_house.for_review(risk=0.8)
        any_house.claimed(item_id, "dana")
        answer = any_house.answer(item_id, verb, actor="dana", claim_token="f" * 32, **WRITES[verb])

        assert "dana holds it until" in problem_in(answer, 409, "claim-lost")["detail"]
        assert item(any_house).status == "claimed"

    @pytest.mark.parametrize("verb", [verb for verb in WRITES if verb != "claim"])
    def test_no_token_is_a_fault_of_the_request(self, house: House, verb: str) -> None:
        item_id = house.for_review()
        problem = problem_in(house.answer(item_id, verb, **WRITES[verb]), 422, "invalid-request")
        assert [fault["path"] for fault in problem["errors"]] == ["body.claim_token"]

    @pytest.mark.parametrize("verb", WRITES)
    def test_no_actor_is_a_fault_of_the_request(self, house: House, verb: str) -> None:
        item_id = house.for_review()
        answer = house.answer(item_id, verb, actor=" ", claim_token="f" * 32, **WRITES[verb])
        problem_in(answer, 400, "actor-missing")


class TestRelease:
    def test_gives_it_back(self, any_house: House) -> None:
        item_id = any_house.for_review()
        token = any_house.claimed(item_id)

        answer = any_house.answer(item_id, "release", claim_token=token).json()

        assert (answer["status"], answer["claimed_by"]) == ("open", None)
        assert any_house.audited()["review.released"] == 1

    def test_ends_the_token(self, any_house: House) -> None:
        item_id = any_house.for_review()
        token = any_house.claimed(item_id)
        any_house.answer(item_id, "release", claim_token=token)

        answer = any_house.answer(item_id, "accept", claim_token=token)
        assert "the claim was given back" in problem_in(answer, 409, "claim-lost")["detail"]
