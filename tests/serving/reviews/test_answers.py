"""Answers: accept, override and dismiss, each with its side effects, once, and on record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.db.tables import AuditRow, OutgoingCallRow, ReviewItemRow
from tests.serving.house import House, at, problem_in


@pytest.fixture
def held(any_house: House) -> tuple[str, str]:
    """An item that suggests to rebook, and the token of its claim."""
    item_id = any_house.for_review("SH-1", risk=0.8)
    return item_id, any_house.claimed(item_id)


def call(house: House) -> OutgoingCallRow:
    return house.rows(OutgoingCallRow)[0]


class TestAccept:
    def test_sends_what_was_suggested(self, any_house: House, held: tuple[str, str]) -> None:
        item_id, token = held
        answer = any_house.answer(item_id, "accept", claim_token=token, note="ask ACE").json()

        assert (answer["status"], answer["verdict"], answer["verdict_branch"]) == ("done", "accept", "rebook")
        assert (answer["closed_by"], answer["note"]) == ("dana", "ask ACE")
        assert (call(any_house).branch, call(any_house).status) == ("rebook", "pending")
        assert json.loads(call(any_house).body)["data"]["carriers"][0]["carrier_id"] == "ACE"

    def test_twice_answers_the_same_and_sends_once(self, any_house: House, held: tuple[str, str]) -> None:
        item_id, token = held
        answers = [any_house.answer(item_id, "accept", claim_token=token) for _ in range(2)]

        assert answers[0].json() == answers[1].json()
        assert any_house.count(OutgoingCallRow) == any_house.audited()["review.accept"] == 1

    def test_of_nothing_suggested_is_refused_and_the_claim_holds(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.3)
        token = any_house.claimed(item_id)

        problem = problem_in(any_house.answer(item_id, "accept", claim_token=token), 422, "answer")

        assert "nothing is suggested. Override it with a branch, or dismiss it." in problem["detail"]
        assert any_house.rows(ReviewItemRow)[0].status == "claimed"
        assert any_house.count(OutgoingCallRow) == 0

    def test_after_its_latest_useful_moment_is_refused(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.advance(hours=10, seconds=1)
        token = any_house.claimed(item_id)

        problem = problem_in(any_house.answer(item_id, "accept", claim_token=token), 422, "answer")
        assert "rebook was of use until 2026-03-02T16:00:00+00:00. Dismiss it as too_late_to_act" in problem["detail"]

    def test_at_its_latest_useful_moment_is_refused_as_the_worker_would_not_send_it(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.advance(hours=10)
        assert any_house.answer(item_id, "accept", claim_token=any_house.claimed(item_id)).status_code == 422

    def test_just_before_its_latest_useful_moment_is_taken(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.advance(hours=10, seconds=-1)
        assert any_house.answer(item_id, "accept", claim_token=any_house.claimed(item_id)).status_code == 200


class TestOverride:
    def test_sends_the_other_branch_with_the_reason(self, any_house: House, held: tuple[str, str]) -> None:
        item_id, token = held
        body = {"branch": "escalate", "reason_code": "cost_too_high", "note": "call them"}
        answer = any_house.answer(item_id, "override", claim_token=token, **body).json()

        assert (answer["verdict"], answer["verdict_branch"], answer["reason_code"]) == (
            "override", "escalate", "cost_too_high",
        )  # fmt: skip
        assert call(any_house).branch == "escalate"
        assert "The suggested action costs more than it saves (dana): call them" in call(any_house).body

    def test_twice_sends_once(self, any_house: House, held: tuple[str, str]) -> None:
        item_id, token = held
        body = {"claim_token": token, "branch": "notify", "reason_code": "better_option"}
        assert [any_house.answer(item_id, "override", **body).status_code for _ in range(2)] == [200, 200]
        assert any_house.count(OutgoingCallRow) == 1

    @pytest.mark.parametrize("branch", ["none", "review"])
    def test_with_a_branch_that_does_nothing_is_refused(
        self, any_house: House, held: tuple[str, str], branch: str
    ) -> None:
        item_id, token = held
        body = {"claim_token": token, "branch": branch, "reason_code": "better_option"}
        problem = problem_in(any_house.answer(item_id, "override", **body), 422, "answer")
        assert "Choose one of notify, split, rebook, escalate, or dismiss it." in problem["detail"]

    def test_with_a_branch_that_lacks_a_fact_is_refused(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8, customer_id=None)
        token = any_house.claimed(item_id)
        body = {"claim_token": token, "branch": "notify", "reason_code": "better_option"}

        problem = problem_in(any_house.answer(item_id, "override", **body), 422, "answer")

        assert "notify cannot be carried out" in problem["detail"]
        assert "no customer is given" in problem["detail"]
        assert any_house.rows(ReviewItemRow)[0].status == "claimed"

    def test_too_late_for_the_branch_is_refused(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.3, promised_at=at(hours=13))
        any_house.advance(hours=14)
        body = {"claim_token": any_house.claimed(item_id), "branch": "notify", "reason_code": "better_option"}
        problem = problem_in(any_house.answer(item_id, "override", **body), 422, "answer")
        assert "its latest useful moment was 2026-03-02T19:00:00+00:00" in problem["detail"]


class TestDismiss:
    def test_does_nothing_and_keeps_the_reason(self, any_house: House, held: tuple[str, str]) -> None:
        item_id, token = held
        answer = any_house.answer(item_id, "dismiss", claim_token=token, reason_code="already_handled").json()

        assert (answer["verdict"], answer["verdict_branch"], answer["reason_code"]) == (
            "dismiss", "none", "already_handled",
        )  # fmt: skip
        assert any_house.count(OutgoingCallRow) == 0

    def test_twice_answers_the_same(self, any_house: House, held: tuple[str, str]) -> None:
        item_id, token = held
        body = {"claim_token": token, "reason_code": "not_late"}
        answers = [any_house.answer(item_id, "dismiss", **body) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert any_house.audited()["review.dismiss"] == 1

    def test_after_an_accept_changes_nothing(self, any_house: House, held: tuple[str, str]) -> None:
        item_id, token = held
        any_house.answer(item_id, "accept", claim_token=token)
        answer = any_house.answer(item_id, "dismiss", claim_token=token, reason_code="not_late")

        problem_in(answer, 409, "item-closed")
        assert any_house.rows(ReviewItemRow)[0].verdict == "accept"


class TestReasons:
    @pytest.mark.parametrize(
        ("verb", "body", "path"),
        [
            ("override", {"branch": "notify"}, "body.reason_code"),
            ("override", {"reason_code": "better_option"}, "body.branch"),
            ("dismiss", {}, "body.reason_code"),
            ("dismiss", {"reason_code": "because"}, "body.reason_code"),
            ("dismiss", {"reason_code": "not_late", "note": "x" * 2001}, "body.note"),
            ("dismiss", {"reason_code": "not_late", "note": "\x00"}, "body.note"),
            ("accept", {"reason_code": "not_late"}, "body.reason_code"),
        ],
    )
    def test_what_is_missing_or_unknown_is_named(
        self, any_house: House, held: tuple[str, str], verb: str, body: dict[str, Any], path: str
    ) -> None:
        item_id, token = held
        problem = problem_in(any_house.answer(item_id, verb, claim_token=token, **body), 422, "invalid-request")
        assert [fault["path"] for fault in problem["errors"]] == [path]
        assert any_house.rows(ReviewItemRow)[0].status == "claimed"

    @pytest.mark.parametrize(
        ("verb", "body"),
        [
            ("override", {"branch": "notify", "reason_code": "not_late"}),
            ("override", {"branch": "notify", "reason_code": "newer_decision"}),
            ("dismiss", {"reason_code": "better_option"}),
            ("dismiss", {"reason_code": "newer_decision"}),
        ],
    )
    def test_a_reason_for_another_answer_is_refused(
        self, any_house: House, held: tuple[str, str], verb: str, body: dict[str, Any]
    ) -> None:
        item_id, token = held
        problem = problem_in(any_house.answer(item_id, verb, claim_token=token, **body), 422, "answer")
        assert f"does not explain '{verb}'. Give one of: " in problem["detail"]
        assert any_house.rows(ReviewItemRow)[0].status == "claimed"


def test_every_answer_is_audited_with_old_and_new_value(any_house: House, held: tuple[str, str]) -> None:
    item_id, token = held
    any_house.answer(item_id, "accept", claim_token=token)
    entry = next(row for row in any_house.rows(AuditRow) if row.action == "review.accept")

    assert (entry.actor, entry.subject) == ("dana", f"review:{item_id}")
    assert json.loads(entry.old or "") == {"claimed_by": "dana", "status": "claimed"}
    assert json.loads(entry.new or "")["policy_digest"] == any_house.policy.digest


def test_a_call_let_out_by_a_person_is_audited_under_their_name(any_house: House, held: tuple[str, str]) -> None:
    item_id, token = held
    any_house.answer(item_id, "accept", claim_token=token)
    assert [row.actor for row in any_house.rows(AuditRow) if row.action == "call.enqueued"] == ["dana"]
