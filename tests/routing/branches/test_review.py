from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from features.vocabulary import Branch
from routing.branches.case import Case, Suggestion
from routing.branches.review import ReviewPlan, build
from tests.routing.branches.cases import a_case

PLAN = ReviewPlan(question="What should be done?", question_with_suggestion="Send it to {branch}? Really {branch}?")


def built(case: Case) -> dict[str, Any]:
    payload = build(case, PLAN)
    assert isinstance(payload, dict)
    return payload


class TestBuild:
    def test_asks_an_open_question_when_nothing_is_suggested(self) -> None:
        assert built(a_case()) == {
            "question": "What should be done?",
            "because": "It will be late.",
            "suggestion": None,
            "missing": {},
            "answer_by": None,
        }

    def test_asks_for_the_branch_that_is_suggested_and_hands_over_its_payload(self) -> None:
        found = built(a_case(suggestion=Suggestion(branch=Branch.REBOOK, payload={"carriers": []})))
        assert found["question"] == "Send it to rebook? Really rebook?"
        assert found["suggestion"] == {"branch": "rebook", "payload": {"carriers": []}}

    def test_a_suggestion_that_could_not_be_built_has_no_payload(self) -> None:
        found = built(a_case(suggestion=Suggestion(branch=Branch.SPLIT, payload=None)))
        assert found["suggestion"] == {"branch": "split", "payload": None}

    def test_names_what_is_not_known_and_until_when_an_answer_helps(self) -> None:
        missing = {"pieces": "pieces is unknown: it was not given"}
        found = built(a_case(missing=missing, latest_useful_at=datetime(2026, 3, 2, tzinfo=UTC)))
        assert (found["missing"], found["answer_by"]) == (missing, "2026-03-02T00:00:00Z")
