from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from routing.branches.escalate import EscalatePlan
from routing.branches.notify import NotifyPlan
from routing.branches.plan import Plan, optional_time
from routing.branches.rebook import RebookPlan
from routing.branches.review import ReviewPlan
from routing.branches.split import SplitPlan

GOOD: dict[type[Plan], dict[str, Any]] = {
    NotifyPlan: {"audience": "customer", "channel": "email"},
    SplitPlan: {"share_moved": 0.5, "open_shipments_below": 40},
    RebookPlan: {"tender_window_hours": 2, "carriers_at_most": 3, "late_share_below": 0.2},
    EscalatePlan: {"to": "duty-manager", "playbook": "late", "sla_minutes": 30},
    ReviewPlan: {"question": "What now?", "question_with_suggestion": "Send it to {branch}?"},
}


class TestPlans:
    @pytest.mark.parametrize(
        ("plan", "field", "value"),
        [
            (RebookPlan, "tender_window_hours", 720),
            (RebookPlan, "carriers_at_most", 1),
            (RebookPlan, "carriers_at_most", 20),
            (RebookPlan, "late_share_below", 1),
            (EscalatePlan, "sla_minutes", 1),
            (EscalatePlan, "sla_minutes", 10_080),
            (SplitPlan, "share_moved", 0.999),
            (SplitPlan, "open_shipments_below", 0.5),
            (ReviewPlan, "question", "?"),
        ],
    )
    def test_take_what_is_just_within_bounds(self, plan: type[Plan], field: str, value: object) -> None:
        assert getattr(plan(**{**GOOD[plan], field: value}), field) == value

    @pytest.mark.parametrize(
        ("plan", "field", "value"),
        [
            (RebookPlan, "tender_window_hours", 0),
            (RebookPlan, "tender_window_hours", 720.5),
            (RebookPlan, "tender_window_hours", "2"),
            (RebookPlan, "tender_window_hours", float("nan")),
            (RebookPlan, "carriers_at_most", 0),
            (RebookPlan, "carriers_at_most", 21),
            (RebookPlan, "late_share_below", 0),
            (RebookPlan, "late_share_below", 1.01),
            (EscalatePlan, "sla_minutes", 0),
            (EscalatePlan, "sla_minutes", 10_081),
            (EscalatePlan, "to", ""),
            (EscalatePlan, "playbook", ""),
            (SplitPlan, "share_moved", 0),
            (SplitPlan, "share_moved", 1),
            (SplitPlan, "open_shipments_below", 0),
            (NotifyPlan, "audience", ""),
            (NotifyPlan, "channel", ""),
            (ReviewPlan, "question", ""),
            (ReviewPlan, "question_with_suggestion", ""),
        ],
    )
    def test_refuse_what_is_beyond_them(self, plan: type[Plan], field: str, value: object) -> None:
        with pytest.raises(ValidationError, match=field):
            plan(**{**GOOD[plan], field: value})

    @pytest.mark.parametrize("plan", list(GOOD))
    def test_refuse_a_setting_they_do_not_have(self, plan: type[Plan]) -> None:
        with pytest.raises(ValidationError, match="surprise"):
            plan(**GOOD[plan], surprise=1)


class TestOptionalTime:
    def test_keeps_none_and_writes_anything_else_in_utc(self) -> None:
        assert optional_time(None) is None
        assert optional_time(datetime(2026, 3, 1, tzinfo=UTC)) == "2026-03-01T00:00:00Z"
