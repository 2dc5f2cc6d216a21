"""Overdue reviews before their owners: once each, called through the outbox, closed by the bundle that is reviewed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from features.vocabulary import SubjectType
from routing.policy import Policy
from serving.auth.people import NOBODY, People
from serving.db.tables import BudgetUseRow, DecisionRow, OutgoingCallRow, OverdueReviewRow, PolicyBundleRow
from serving.decisions import usage
from serving.decisions.replaying import replay_all
from serving.policies import repository
from serving.policies.preview import preview
from serving.policies.steps import halt
from tests.serving.bundles import Edit, changed, falling_back
from tests.serving.house import NOW, House, Json
from tests.serving.policies.lives import PEOPLE, approve, approved, back, live, step, stepped, submitted, version
from tests.serving.web.visitor import Visitor, words_of

Under = Callable[..., House]
TODAY = NOW.date()


def due(*path: str | int, day: date = TODAY) -> Edit:
    """Give a part a review date."""

    def edit(data: dict[str, Any]) -> None:
        part: Any = data
        for key in path:
            part = part[key]
        part["review_by"] = day

    return edit


def starting(stack: ExitStack, url: str) -> Under:
    """Start a service under a bundle."""

    def start(*edits: Edit, people: People = PEOPLE) -> House:
        policy: Policy = changed(*edits)
        return stack.enter_context(House(url, policy, people=people))

    return start


@pytest.fixture
def under(any_url: str) -> Iterator[Under]:
    with ExitStack() as stack:
        yield starting(stack, any_url)


@pytest.fixture
def locally(sqlite_url: str) -> Iterator[Under]:
    """The same on SQLite alone, for what no database makes a difference to."""
    with ExitStack() as stack:
        yield starting(stack, sqlite_url)


def opened(house: House) -> list[Json]:
    reviews: list[Json] = house.api.get("/v1/policies/overdue").json()["reviews"]
    return reviews


def decide(house: House, *names: str, risk: float = 0.05) -> list[str]:
    house.announce(*names, promised_at=(NOW + timedelta(days=20)).isoformat())
    return [house.decided(name, risk=risk)["branch"] for name in names]


class TestOpening:
    def test_the_first_decision_after_the_day_tells_the_owner_and_calls_them(self, under: Under) -> None:
        house = under(falling_back("escalate_from", 0.6, TODAY))
        decide(house, "SH-1")
        assert opened(house) == []
        house.advance(days=1)
        decide(house, "SH-2", "SH-3")

        (review,) = opened(house)
        decisions = house.rows(DecisionRow)
        title = "The review of threshold escalate_from was due by 2026-03-02 (late_shipments version 1)."
        until_then = "Until somebody has looked, threshold escalate_from counts as 0.6, its safe value."
        assert review == {
            "overdue_id": review["overdue_id"],
            "subject": "shipment",
            "digest": house.policy.digest,
            "part": "thresholds.escalate_from",
            "due": "2026-03-02",
            "owner": "duty-manager",
            "title": title,
            "meanwhile": until_then,
            "decision_id": decisions[1].decision_id,
            "call_id": f"{review['overdue_id']}_escalate_1",
            "not_called_because": None,
            "opened_at": "2026-03-03T06:00:00Z",
            "closed_at": None,
            "closed_because": None,
        }
        (call,) = house.rows(OutgoingCallRow)
        event = json.loads(call.body)
        assert (event["type"], event["subject"]) == ("freight.branch.escalate", review["overdue_id"])
        assert event["data"]["to"] == {
            "owner": "duty-manager",
            "channel": house.policy.channels["duty-manager"],
        }
        assert event["data"]["because"] == f"{title} {until_then}"
        assert event["data"]["overdue"]["part"] == "thresholds.escalate_from"
        assert house.audited_of(f"overdue:{review['overdue_id']}")[0].action == "overdue.opened"

    def test_each_part_is_told_once_and_to_its_own_owner(self, locally: Under) -> None:
        house = locally(
            due("rules", 1), due("costs"), due("playbooks", "carrier_outage", day=TODAY + timedelta(days=1))
        )
        house.advance(days=1)
        decide(house, "SH-1", "SH-2")
        told = [(each["part"], each["owner"]) for each in reversed(opened(house))]
        assert told == [("costs", "process-owner"), ("rules.likely_late", "customer-service")]
        house.advance(days=1)
        decide(house, "SH-3", "SH-4")
        assert opened(house)[0]["part"] == "playbooks.carrier_outage"
        assert house.count(OverdueReviewRow) == 3

    def test_processes_that_decide_at_once_tell_once(self, under: Under) -> None:
        house = under(due("thresholds", "notify_from"))
        house.announce("SH-1", "SH-2", "SH-3", "SH-4")
        house.advance(days=1)
        with house.another() as one, house.another() as other:
            for process in (one, other):
                process.triage("SH-404")
            with ThreadPoolExecutor(2) as pool:
                jobs = [(one, ["SH-1", "SH-2"]), (other, ["SH-3", "SH-4"])]
                list(pool.map(lambda job: [job[0].decided(name)["branch"] for name in job[1]], jobs))
        assert house.count(OverdueReviewRow) == 1
        assert [row.branch for row in house.rows(OutgoingCallRow) if row.branch == "escalate"] == ["escalate"]

    @pytest.mark.parametrize(
        ("edit", "because"),
        [
            (lambda data: data["owners"]["customer-service"].pop("channel"), "they have no channel"),
            (lambda data: data.update(mode="recommend"), "mode recommend leaves escalating to a person"),
        ],
    )
    def test_who_cannot_be_called_is_told_in_the_queue(self, locally: Under, edit: Edit, because: str) -> None:
        house = locally(due("thresholds", "notify_from"), edit)
        house.advance(days=1)
        decide(house, "SH-1")
        (review,) = opened(house)
        assert (review["call_id"], review["not_called_because"]) == (None, because)
        assert house.count(OutgoingCallRow) == 0

    def test_what_is_ordered_of_escalating_holds_for_this_call_too(self, locally: Under) -> None:
        house = locally(due("thresholds", "notify_from"))
        order = {"kind": "forbid", "owner": "duty-manager", "reason": "nobody is there", "branch": "escalate"}
        house.ordered(**order, until=(NOW + timedelta(days=3)).isoformat(), by="ben")
        house.advance(days=1)
        decide(house, "SH-1")
        (review,) = opened(house)
        assert "escalating is forbidden" in review["not_called_because"]

    def test_the_call_is_about_no_case_so_it_uses_no_budget(self, under: Under) -> None:
        def pager(data: dict[str, Any]) -> None:
            told = {"unit": "calls", "owner": "duty-manager", "why": "one pager"}
            data["capacity"] = {"pager": {"amount": 1, "per_hours": 48, **told}}
            data["branches"]["escalate"]["uses"] = {"pager": 1}

        house = under(due("thresholds", "notify_from"), pager)
        house.advance(days=1)
        decide(house, "SH-1")
        assert (house.count(OutgoingCallRow), house.count(BudgetUseRow)) == (1, 0)
        with house.container.sessions.begin() as session:
            assert usage.note_earlier(session, house.policy, house.clock.now()) == 0
        later = house.advance(minutes=1)
        house.announce("SH-2", customer_tier="critical", value_minor=20_000_000)
        assert house.decided("SH-2", risk=0.9)["branch"] == "escalate"
        with house.container.reads() as session:
            for since, count in ((NOW, 2), (later, 1)):
                compared = list(preview(session, house.policy, since, later + timedelta(days=1)))
                assert [each.why for each in compared] == [None] * count
            assert [(each.differences, each.why_not) for each in replay_all(session, {})] == [((), None)] * 2


class TestMoney:
    def test_what_waits_for_a_person_is_told_and_done(self, locally: Under) -> None:
        def acting(data: dict[str, Any]) -> None:
            data["mode"] = data["branches"]["rebook"]["mode"] = "act_financial"

        house = locally(acting, due("rules", 3), people=NOBODY)
        plan = {
            "planned_at": (NOW + timedelta(days=3)).isoformat(),
            "promised_at": (NOW + timedelta(days=5)).isoformat(),
        }
        house.announce("SH-1", "SH-2", **plan)
        assert house.decided("SH-1", risk=0.7)["branch"] == "rebook"
        house.advance(days=1)
        late = house.decided("SH-2", risk=0.7)
        assert (late["branch"], late["recommended_branch"]) == ("review", "rebook")
        assert "the review of rule another_carrier was due by 2026-03-02" in late["held_because"]
        (review,) = opened(house)
        assert review["meanwhile"] == "Until somebody has looked, rebook waits for a person."
        accepted = house.answer(late["review_item_id"], "accept", claim_token=house.claimed(late["review_item_id"]))
        assert accepted.status_code == 200, accepted.text


class TestClosing:
    def test_a_bundle_with_another_date_closes_it_and_its_day_may_pass_again(self, under: Under) -> None:
        house = under(due("thresholds", "notify_from"))
        house.advance(days=1)
        decide(house, "SH-1")
        later = TODAY + timedelta(days=5)
        live(house, version(2, due("thresholds", "notify_from", day=later)))
        assert opened(house) == []
        (closed,) = house.api.get("/v1/policies/overdue?closed=true").json()["reviews"]
        assert closed["closed_at"] == "2026-03-03T06:00:00Z"
        assert closed["closed_because"] == (
            "late_shipments version 2 is in force, in which threshold notify_from is to be reviewed by 2026-03-07"
        )
        assert [row.action for row in house.audited_of(f"overdue:{closed['overdue_id']}")][-1] == "overdue.closed"
        decide(house, "SH-2")
        assert opened(house) == []
        house.advance(days=5)
        decide(house, "SH-3")
        (again,) = opened(house)
        assert again["due"] == "2026-03-07"

    def test_a_share_of_a_rollout_does_not_close_it(self, locally: Under) -> None:
        house = locally(due("thresholds", "notify_from"))
        house.advance(days=1)
        decide(house, "SH-1")
        bundle = live(house, version(2, due("thresholds", "notify_from", day=TODAY + timedelta(days=9))), share=0.5)
        assert len(opened(house)) == 1
        step(house, bundle, "publish")
        assert opened(house) == []

    def test_one_that_has_the_same_day_does_not_close_it_nor_tell_again(self, locally: Under) -> None:
        house = locally(due("thresholds", "notify_from"))
        bundle = submitted(house, version(2, due("thresholds", "notify_from")))
        approve(house, bundle)
        house.advance(days=1)
        decide(house, "SH-1")
        assert step(house, bundle, "publish").status_code == 200
        decide(house, "SH-2")
        assert [each["digest"] for each in opened(house)] == [changed(due("thresholds", "notify_from")).digest]

    def test_a_rollout_is_halted_though_a_bundle_beside_it_cannot_be_read(self, locally: Under) -> None:
        house = locally(falling_back("escalate_from", 0.6, TODAY))
        house.advance(days=1)
        decide(house, "SH-1")
        assert len(opened(house)) == 1
        bundle = live(house, version(2), share=0.3)
        beside = approved(house, version(3))
        stepped(step(house, beside, "shadow"))
        with house.container.sessions.begin() as session:
            session.execute(update(PolicyBundleRow).filter_by(digest=beside["digest"]).values(text="no bundle"))
        with house.container.sessions.begin() as session:
            halt(session, bundle["digest"], because="a drill", now=house.clock.now())
        with house.container.reads() as session:
            assert repository.standing(session, SubjectType.SHIPMENT).candidate_digest is None
        assert len(opened(house)) == 1, "nobody can tell whether it is reviewed"

    def test_a_rollback_to_what_is_overdue_tells_again(self, under: Under) -> None:
        house = under(due("thresholds", "notify_from"))
        house.advance(days=1)
        decide(house, "SH-1")
        live(house, version(2, due("thresholds", "notify_from", day=TODAY + timedelta(days=9))))
        assert back(house).status_code == 200
        assert opened(house) == []
        decide(house, "SH-2")
        assert (len(opened(house)), house.count(OverdueReviewRow)) == (1, 2)
        assert sum(row.branch == "escalate" for row in house.rows(OutgoingCallRow)) == 2

    def test_pages_of_it_are_told(self, locally: Under) -> None:
        house = locally(due("thresholds", "notify_from"), due("rules", 1), due("costs"))
        house.advance(days=1)
        decide(house, "SH-1")
        first = house.api.get("/v1/policies/overdue?limit=2").json()
        second = house.api.get(f"/v1/policies/overdue?limit=2&before={first['next']}").json()
        assert (len(first["reviews"]), len(second["reviews"]), second["next"]) == (2, 1, None)


class TestThePage:
    def test_the_queue_says_what_is_overdue_in_words(self, locally: Under) -> None:
        house = locally(falling_back("escalate_from", 0.6, TODAY), people=NOBODY)
        visitor = Visitor(house)
        assert "Nothing waits." in words_of(visitor.shown("/queue"))
        house.advance(days=1)
        decide(house, "SH-1")
        said = words_of(visitor.shown("/queue"))
        assert (
            "The review of threshold escalate from was due by 2026-03-02 (late shipments version 1). "
            "Until somebody has looked, threshold escalate from counts as 0.6, its safe value. "
            "The duty manager looks at it and submits a bundle with another date · called now"
        ) in said
        assert "Nothing waits." not in said
        visitor.close()

    def test_an_item_says_by_which_value_it_was_judged(self, locally: Under) -> None:
        house = locally(falling_back("notify_from", 0.6, TODAY), people=NOBODY)
        house.advance(days=1)
        house.announce("SH-1", promised_at=(NOW + timedelta(days=9)).isoformat())
        item = house.decided("SH-1", risk=0.5)["review_item_id"]
        visitor = Visitor(house)
        assert "threshold notify from counts as 0.6, its safe value, instead of 0.45" in words_of(
            visitor.shown(f"/queue/{item}")
        )
        visitor.close()
