from __future__ import annotations

from routing.branches.escalate import EscalatePlan, build
from tests.routing.branches.cases import a_case


class TestBuild:
    def test_names_the_owner_the_way_the_playbook_and_the_time_to_answer(self) -> None:
        plan = EscalatePlan(to="duty-manager", playbook="critical-shipment-late", sla_minutes=30)
        assert build(a_case(), plan) == {
            "to": {"owner": "duty-manager", "channel": "pager:duty"},
            "playbook": "critical-shipment-late",
            "sla_minutes": 30,
            "answer_by": "2026-03-01T12:30:00Z",
            "because": "It will be late.",
        }
