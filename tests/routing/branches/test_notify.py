from __future__ import annotations

from datetime import UTC, datetime

from routing.branches.notify import NotifyPlan, build
from tests.routing.branches.cases import a_case

PLAN = NotifyPlan(audience="customer", channel="email")


class TestBuild:
    def test_says_whom_to_tell_through_what_and_in_the_customers_words(self) -> None:
        assert build(a_case(), PLAN) == {
            "to": {"audience": "customer", "customer_id": "C-7"},
            "channel": "email",
            "words": "It may arrive later.",
            "send_by": None,
        }

    def test_says_until_when_it_is_of_use(self) -> None:
        built = build(a_case(latest_useful_at=datetime(2026, 3, 2, 18, tzinfo=UTC)), PLAN)
        assert isinstance(built, dict)
        assert built["send_by"] == "2026-03-02T18:00:00Z"
