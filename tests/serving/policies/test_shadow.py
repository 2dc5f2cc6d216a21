"""A bundle in shadow decides beside the one in force; all that comes of it is a record, with its coverage."""

from __future__ import annotations

import json

import pytest

from routing.replay import replay
from serving.auth.people import People
from serving.db.tables import (
    AuditRow,
    BranchTakingRow,
    BudgetUseRow,
    DecisionRow,
    OutgoingCallRow,
    ReviewItemRow,
    ShadowDecisionRow,
)
from serving.policies import shadow
from tests.serving.bundles import changed, messages, together
from tests.serving.house import House, Json, delivery, problem_in
from tests.serving.policies.lives import PEOPLE, approve, bolder, live, moves, step, stepped, submitted, version

TOUCHED = (OutgoingCallRow, ReviewItemRow, BudgetUseRow, BranchTakingRow, DecisionRow, AuditRow)


@pytest.fixture
def people() -> People:
    return PEOPLE


def shadowed(house: House, text: str) -> Json:
    """Submit a bundle and put it in shadow."""
    return stepped(step(house, submitted(house, text), "shadow"))


def reported(house: House, bundle: Json) -> Json:
    answer = house.api.get(f"/v1/policies/{bundle['digest']}/shadow")
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def test_what_it_would_have_done_is_told_with_its_coverage(any_house: House) -> None:
    any_house.announce("SH-0", "SH-1", "SH-2", "SH-3")
    any_house.decided("SH-0", risk=0.42)
    bundle = shadowed(any_house, version(2, bolder))
    assert (bundle["status"], bundle["share"]) == ("shadow", 0)
    decided = [any_house.decided(name, risk=risk)["branch"] for name, risk in (("SH-1", 0.42), ("SH-2", 0.5))]
    assert decided == ["review", "notify"]
    stepped(step(any_house, bundle, "end-shadow"))
    any_house.decided("SH-3", risk=0.42)

    report = reported(any_house, bundle)
    assert [report[name] for name in ("decisions", "looked_at", "failed", "coverage")] == [2, 2, 0, 1.0]
    summary = report["summary"]
    assert summary["flips"] == [{"before": "review", "after": "notify", "count": 1}]
    assert summary["reasons"] == [{"why": "rule likely_late: no_hit → hit", "count": 1}]
    assert summary["messages"] == {"before": 1, "after": 2}
    assert summary["analyst_minutes"]["before"] - summary["analyst_minutes"]["after"] == 6


def test_each_record_is_decided_again_to_the_same_bytes(house: House) -> None:
    policy = changed(lambda data: data.update(version=2), bolder, messages(1))
    shadowed(house, policy.text)
    house.announce("SH-1", "SH-2")
    house.decided("SH-1", risk=0.42)
    house.send(delivery("d-1", "in_transit"))
    house.decided("SH-1", risk=0.5)
    house.decided("SH-2", risk=0.5)
    rows = house.rows(ShadowDecisionRow)
    assert [replay(row.body or "", policy).body for row in rows] == [row.body for row in rows]
    assert [json.loads(row.body or "")["context"]["capacity"] for row in rows] == [
        {"messages": 1.0},
        {"messages": 1.0},
        {"messages": 0.0},
    ], "it is told what the decisions beside it have used up, by its own terms"


def test_nothing_else_is_written_or_sent(any_house: House) -> None:
    any_house.announce("SH-1")
    shadowed(any_house, version(2, bolder))
    before = {table: any_house.count(table) for table in TOUCHED}
    assert any_house.decided("SH-1", risk=0.42)["branch"] == "review"
    after = {table: any_house.count(table) for table in TOUCHED}
    assert {table: after[table] - before[table] for table in TOUCHED} == {
        OutgoingCallRow: 0,
        ReviewItemRow: 1,
        BudgetUseRow: 0,
        BranchTakingRow: 0,
        DecisionRow: 1,
        AuditRow: 2,
    }, "the decision, its item and their entries in the audit trail; of the shadow's message no trace"
    (row,) = any_house.rows(ShadowDecisionRow)
    assert json.loads(row.body or "")["branch"] == "notify"


def test_a_shadow_that_fails_is_recorded_and_hurts_nobody(any_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = shadowed(any_house, version(2, bolder))
    any_house.announce("SH-1", "SH-2")
    look = shadow.look
    monkeypatch.setattr(shadow, "look", lambda session, policy, _weigh: look(session, policy, lambda: 1 / 0))
    assert any_house.decided("SH-1", risk=0.5)["branch"] == "notify"
    monkeypatch.setattr(shadow, "look", look)
    any_house.decided("SH-2", risk=0.5)
    report = reported(any_house, bundle)
    assert [report[name] for name in ("decisions", "looked_at", "failed", "coverage")] == [2, 2, 1, 0.5]
    assert any_house.rows(ShadowDecisionRow)[0].error == "ZeroDivisionError: division by zero"


def test_one_at_a_time_and_not_what_is_in_force(house: House) -> None:
    first = shadowed(house, version(2, bolder))
    second = submitted(house, version(3))
    assert "End that one's shadow first" in problem_in(step(house, second, "shadow"), 409, "bundle-step")["detail"]
    assert "it is shadow" in problem_in(step(house, first, "shadow"), 409, "bundle-step")["detail"]
    third = live(house, version(4))
    assert "it is live" in problem_in(step(house, third, "shadow"), 409, "bundle-step")["detail"]


def test_it_may_be_approved_and_published_out_of_the_shadow(house: House) -> None:
    bundle = shadowed(house, version(2, bolder))
    stepped(approve(house, bundle))
    assert stepped(step(house, bundle, "publish"))["status"] == "live"
    house.announce("SH-1")
    house.decided("SH-1", risk=0.42)
    assert house.count(ShadowDecisionRow) == 0
    assert moves(house)[-3:] == ["shadowed", "approved", "published"]


def test_it_is_summed_up_a_page_at_a_time(any_house: House) -> None:
    names = [f"SH-{number}" for number in range(5)]
    any_house.announce(*names)
    bundle = shadowed(any_house, version(2, bolder))
    for name in names:
        any_house.decided(name, risk=0.42)
    pages, before = [], None
    while not pages or before is not None:
        asked = {"limit": 2, **({} if before is None else {"before": before})}
        body = any_house.api.get(f"/v1/policies/{bundle['digest']}/shadow", params=asked).json()
        pages.append(body["summary"]["decisions"])
        assert (body["looked_at"], body["decisions"], body["coverage"]) == (5, 5, 1.0), "these are of all"
        before = body["next"]
    assert pages == [2, 2, 1]
    refused = any_house.api.get(f"/v1/policies/{bundle['digest']}/shadow", params={"limit": 5001})
    assert refused.status_code == 422


class TestItsBudgets:
    """Nothing that it decides goes out, so its report carries on what it would have used up itself."""

    def test_are_told_as_if_what_it_decided_had_gone_out(self, any_house: House) -> None:
        bundle = shadowed(any_house, version(2, bolder, messages(2)))
        for number in range(4):
            any_house.announce(f"SH-{number}")
            assert any_house.decided(f"SH-{number}", risk=0.42)["branch"] == "review", "the one in force tells nobody"
            any_house.advance(minutes=1)
        any_house.advance(hours=24)
        any_house.announce("SH-9")
        any_house.decided("SH-9")

        report = reported(any_house, bundle)
        found = report["summary"]["budgets"]["messages"]
        assert found == {
            "amount": 2,
            "unit": "messages",
            "per_hours": 24.0,
            "cases": 3,
            "used": 3.0,
            "most_used": 2.0,
            "passed_over": 2,
        }
        assert [
            (each["subject_id"], each["branch"], each["instead"], each["lacked"]) for each in report["went_without"]
        ] == [("SH-2", "notify", "review", ["messages"]), ("SH-3", "notify", "review", ["messages"])]
        assert report["summary"]["flips"] == [{"before": "review", "after": "notify", "count": 5}], "as it was decided"
        assert report["summary"]["passed_over"] == {}

    def test_are_carried_on_from_the_pages_before_as_far_as_their_hours_reach(self, house: House) -> None:
        bundle = shadowed(house, version(2, messages(2, per_hours=3)))
        for number in range(4):
            house.announce(f"SH-{number}")
            house.decided(f"SH-{number}", risk=0.5)
            house.advance(hours=2 if number == 0 else 0.5)
        asked = f"/v1/policies/{bundle['digest']}/shadow"
        newest = house.api.get(asked, params={"limit": 1}).json()
        assert [each["subject_id"] for each in newest["went_without"]] == []
        found = newest["summary"]["budgets"]["messages"]
        assert (found["cases"], found["most_used"]) == (1, 2.0), "one of them before this page"
        second = house.api.get(asked, params={"limit": 1, "before": newest["next"]}).json()
        assert [each["subject_id"] for each in second["went_without"]] == ["SH-2"]

    def test_a_message_that_waits_is_counted_once_for_all_that_join_it(self, house: House) -> None:
        bundle = shadowed(house, version(2, messages(2), together("customer_id", "origin", at_most=2)))
        for number in range(5):
            house.announce(f"SH-{number}")
            house.decided(f"SH-{number}", risk=0.5)
        report = reported(house, bundle)
        found = report["summary"]["budgets"]["messages"]
        assert (found["cases"], found["most_used"], found["passed_over"]) == (2, 2.0, 1)
        assert [each["subject_id"] for each in report["went_without"]] == ["SH-4"]

    def test_without_any_nothing_is_told(self, house: House) -> None:
        bundle = shadowed(house, version(2, bolder))
        house.announce("SH-1")
        house.decided("SH-1", risk=0.5)
        report = reported(house, bundle)
        assert (report["summary"]["budgets"], report["went_without"]) == ({}, [])


def test_a_message_for_several_in_shadow_tells_of_no_more_than_the_bundle_lets_it(house: House) -> None:
    bundle = shadowed(house, version(2, together("customer_id", "origin", at_most=2)))
    for number in range(5):
        house.announce(f"SH-{number}")
        house.decided(f"SH-{number}", risk=0.5)
    assert reported(house, bundle)["summary"]["messages"] == {"before": 5, "after": 3}
