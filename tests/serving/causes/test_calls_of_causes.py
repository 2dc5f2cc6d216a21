"""The calls to owners of causes: one for each cause, beside whatever else its decision lets out, within budgets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from features.vocabulary import Branch, SubjectType
from routing.dispatch.routes import Route, Routes
from serving.db.tables import (
    BudgetUseRow,
    CauseRow,
    ChildRow,
    DecisionRow,
    DirectiveRow,
    OutgoingCallRow,
    OverdueReviewRow,
    ReviewItemRow,
)
from serving.decisions import usage
from serving.policies import repository as policies
from serving.policies.past import PastOfLedger
from serving.worker.errors import NoTargetError
from serving.worker.outbox import SqlOutbox
from serving.worker.unrouted import require_targets
from tests.serving.bundles import Edit, changed
from tests.serving.causes import bills
from tests.serving.causes.outage import SILENT_HOURS, departed, names
from tests.serving.decisions.auditing import problems_of
from tests.serving.effects.calls import claimed, reported
from tests.serving.house import House, delivery, put_in_force, staff
from tests.serving.policies.lives import live
from tests.serving.policies.test_overdue import due
from tests.serving.web.visitor import Visitor, words_of

FEW = {"at_least": 3, "share_at_least": 0.5, "within_minutes": 120}


def two(data: dict[str, Any]) -> None:
    """Let a second playbook watch for what the first does, by origin and not by carrier."""
    playbooks = data["playbooks"]
    playbooks["carrier_outage"]["declare"] = FEW
    playbooks["feed_of_origin"] = {**deepcopy(playbooks["carrier_outage"]), "watches": ["origin"]}
    playbooks["feed_of_origin"]["sentence_staff"] = "What leaves {origin} is told of by nobody."


def escalating_goes_on(data: dict[str, Any]) -> None:
    playbook = data["playbooks"]["carrier_outage"]
    playbook.update(declare=FEW, suspends=["notify", "review", "split", "rebook"])


def one_call(data: dict[str, Any]) -> None:
    told = {"unit": "calls", "owner": "duty-manager", "why": "one pager"}
    data["capacity"] = {"pager": {"amount": 1, "per_hours": 24, **told}}
    data["branches"]["escalate"]["uses"] = {"pager": 1}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def silent(stack: ExitStack, url: str, *edits: Edit) -> House:
    house: House = stack.enter_context(House(url, changed(*edits)))
    departed(house, names(3))
    house.announce("SH-BIG", customer_tier="critical", value_minor=20_000_000)
    house.send(delivery("SH-BIG-left", "departed", "SH-BIG"))
    house.advance(hours=SILENT_HOURS)
    for name in names(2):
        house.decided(name, risk=0.5)
    return house


def escalations(house: House) -> list[OutgoingCallRow]:
    return [row for row in house.rows(OutgoingCallRow) if row.branch == "escalate"]


def test_two_causes_that_one_decision_declares_are_two_calls(stack: ExitStack, any_url: str) -> None:
    house = silent(stack, any_url, two)
    assert house.decided("SH-0002", risk=0.5)["branch"] == "none"
    causes = {row.cause_id: row.call_id for row in house.rows(CauseRow)}
    assert len(causes) == 2
    assert {row.shipment_id: row.call_id for row in escalations(house)} == causes


def test_a_shipment_that_is_escalated_itself_and_declares_a_cause_is_two_calls(stack: ExitStack, any_url: str) -> None:
    house = silent(stack, any_url, escalating_goes_on)
    answer = house.decided("SH-BIG", risk=0.9)
    assert answer["branch"] == "escalate", answer
    (cause,) = house.rows(CauseRow)
    assert {row.shipment_id: row.call_id for row in escalations(house)} == {
        "SH-BIG": answer["call_id"],
        cause.cause_id: cause.call_id,
    }


def test_together_they_take_no_more_than_is_left(stack: ExitStack, any_url: str) -> None:
    house = silent(stack, any_url, two, one_call)
    house.decided("SH-0002", risk=0.5)
    assert len(escalations(house)) == house.count(BudgetUseRow) == 1
    assert [row.not_called_because is None for row in house.rows(CauseRow)] == [True, False]


CALLING = bills.playbook(
    "wrong_rate_table",
    declare={"at_least": 3, "share_at_least": 0.5, "within_minutes": 10_080},
    parent={"branch": "escalate", "to": "carrier-management", "sla_minutes": 30},
)


PEOPLE = staff(ann=["freight-audit-lead"], pat=["freight-audit-lead"], ben=["duty-manager"])


def twice(data: dict[str, Any]) -> None:
    data["playbooks"]["the_same"] = deepcopy(data["playbooks"]["wrong_rate_table"])


def billed_wrong(stack: ExitStack, url: str, *edits: Edit, **order: Any) -> House:
    """Decide about bills of one carrier by a wrong table; the third of them declares the cause."""
    house = desk_of(stack, url, *edits)
    if order:
        until = (house.clock.now() + timedelta(days=3)).isoformat()
        house.ordered(owner="duty-manager", until=until, reason="nobody is there", by="ben", **order)
    return decide_about_bills(house)


def desk_of(stack: ExitStack, url: str, *edits: Edit) -> House:
    made = bills.at_desk(url, changed(one_call), bills.told(CALLING, *edits), people=PEOPLE)
    house: House = stack.enter_context(made)
    return house


def decide_about_bills(house: House) -> House:
    bills.carried(house, names(4))
    bills.decided(house, *bills.bill(house, names(4), rate_minor=12_00))
    return house


def fail(house: House) -> int:
    """Let all calls that wait come to nothing, and return how many they were."""
    outbox, now = SqlOutbox(house.engine), house.clock.now()
    asked = {"target": "orchestrator", "owner": "w", "now": now, "real_now": now, "lease": timedelta(minutes=1)}
    return sum(outbox.dead(call, reason="410 Gone", now=now) for call in outbox.claim(limit=100, **asked))


class TestAboutInvoices:
    def test_its_owner_is_called_once(self, stack: ExitStack, any_url: str) -> None:
        house = billed_wrong(stack, any_url)
        (cause,), (call,) = house.rows(CauseRow), escalations(house)
        assert (cause.subject_type, cause.call_id, cause.not_called_because) == ("invoice", call.call_id, None)
        event = json.loads(call.body)
        assert (event["type"], event["subject"]) == ("freight.branch.escalate", cause.cause_id)
        assert event["data"]["to"] == {"owner": "carrier-management", "channel": "queue:carrier-management"}
        assert event["data"]["cause"]["subject"] == "invoice"
        assert event["data"]["runbook"][0].startswith("Compare a few of the bills")
        assert "The carrier management was called." in house.api.get(f"/causes/{cause.cause_id}").text

    @pytest.mark.parametrize(
        ("order", "because"),
        [
            ({"kind": "forbid", "branch": "escalate"}, "escalating is forbidden"),
            ({"kind": "limit", "mode": "observe"}, "mode observe leaves escalating to a person"),
        ],
    )
    def test_what_is_ordered_of_escalating_holds_for_it(
        self, stack: ExitStack, sqlite_url: str, order: Any, because: str
    ) -> None:
        house = billed_wrong(stack, sqlite_url, **order)
        (cause,) = house.rows(CauseRow)
        assert cause.call_id is None
        assert because in str(cause.not_called_because)
        assert escalations(house) == []

    def test_it_counts_as_no_escalation_of_a_shipment(self, stack: ExitStack, sqlite_url: str) -> None:
        house = billed_wrong(stack, sqlite_url)
        assert (len(escalations(house)), house.count(BudgetUseRow)) == (1, 0)
        with house.container.sessions.begin() as session:
            assert usage.note_earlier(session, house.policy, house.clock.now()) == 0
        later = house.advance(minutes=1)
        house.announce("SH-1")
        house.decided("SH-1")
        with house.container.reads() as session:
            past = PastOfLedger(session, house.policy, later, later + timedelta(days=1))
            assert (past.count, past.earlier_calls()) == (1, [])

    def test_calls_that_fail_do_not_make_escalating_step_down(self, stack: ExitStack, sqlite_url: str) -> None:
        house = billed_wrong(stack, sqlite_url, twice)
        assert fail(house) == house.count(CauseRow) == 2
        assert house.rows(DirectiveRow) == []

    def test_nor_do_they_halt_a_rollout(self, stack: ExitStack, sqlite_url: str) -> None:
        house = desk_of(stack, sqlite_url)
        candidate = bills.told(CALLING, twice, lambda data: data.update(version=2))
        live(house, candidate.text, share=0.999999)
        decide_about_bills(house)
        decided = {row.decision_id: row.policy_digest for row in house.rows(DecisionRow)}
        assert {decided[row.decision_id] for row in escalations(house)} == {candidate.digest}
        assert fail(house) == 2
        with house.container.reads() as session:
            assert policies.standing(session, SubjectType.INVOICE).candidate_digest == candidate.digest

    def test_the_worker_wants_a_target_for_it(self, stack: ExitStack, sqlite_url: str) -> None:
        house = stack.enter_context(House(sqlite_url, None))
        with house.container.sessions.begin() as session:
            put_in_force(session, bills.told(CALLING), house.clock.now())
        routes = Routes([Route(target="one", types=("freight.invoice.*", "freight.compensation.*"))])
        with pytest.raises(NoTargetError, match=r"freight\.branch\.escalate"):
            require_targets(house.engine, SqlOutbox(house.engine, routes), routes, "it")

    def test_a_route_takes_it_by_its_type_or_branch(self, stack: ExitStack, sqlite_url: str) -> None:
        house = billed_wrong(stack, sqlite_url)
        (cause,) = house.rows(CauseRow)
        now = house.clock.now()
        asked = {"owner": "w", "now": now, "real_now": now, "lease": timedelta(minutes=1)}
        takes: list[dict[str, Any]] = [{"types": ("freight.branch.*",)}, {"branches": frozenset([Branch.ESCALATE])}]
        for taken in takes:
            outbox = SqlOutbox(house.engine, Routes([Route(target="pager", **taken)]))
            (call,) = outbox.claim(target="pager", limit=9, **asked)
            assert call.subject_id == cause.cause_id
            outbox.release(call, now=now)


class TestWhatBecameOfIt:
    """An item that asks about the call to an owner is about the cause, not about the case that came first."""

    def test_all_that_is_held_is_at_stake_with_it(self, stack: ExitStack, sqlite_url: str) -> None:
        house = silent(stack, sqlite_url, two)
        house.decided("SH-0002", risk=0.5)
        first, _ = house.rows(CauseRow)
        stakes = {row.subject_id: row.value_at_stake_minor for row in house.rows(ChildRow)}
        item_id = asked_about(house, first)
        item = house.api.get(f"/v1/reviews/{item_id}").json()
        assert (item["value_at_stake_minor"], item["currency"]) == (stakes["SH-0002"], "EUR")
        house.advance(minutes=5)
        house.decided("SH-BIG", risk=0.5)
        house.container.tending.tend()
        held = [row for row in house.rows(ChildRow) if row.cause_id == first.cause_id]
        assert [row.subject_id for row in held] == ["SH-0002", "SH-BIG"]
        item = house.api.get(f"/v1/reviews/{item_id}").json()
        assert item["value_at_stake_minor"] == sum(row.value_at_stake_minor for row in held)
        assert item["loss"] is None
        house.api.post(f"/v1/causes/{first.cause_id}/close", json={}, headers={"X-Actor": "dana"})
        house.container.tending.tend()
        assert house.api.get(f"/v1/reviews/{item_id}").json()["value_at_stake_minor"] == 0
        assert problems_of(house) == ()

    @pytest.mark.parametrize("settled", ["gone", "decided"])
    def test_nothing_is_at_stake_with_what_is_settled_otherwise_once_it_is_over(
        self, stack: ExitStack, any_url: str, settled: str
    ) -> None:
        house = silent(stack, any_url, two)
        house.decided("SH-0002", risk=0.5)
        first, _ = house.rows(CauseRow)
        item_id = asked_about(house, first)
        house.api.post(f"/v1/causes/{first.cause_id}/close", json={}, headers={"X-Actor": "dana"})
        house.send(delivery("SH-0002-news", "delivered" if settled == "gone" else "in_transit", "SH-0002"))
        if settled == "decided":
            house.decided("SH-0002", risk=0.6)
        house.container.tending.tend()
        (child,) = [row for row in house.rows(ChildRow) if row.cause_id == first.cause_id]
        assert child.status == settled
        assert house.api.get(f"/v1/reviews/{item_id}").json()["value_at_stake_minor"] == 0

    @pytest.mark.service
    def test_whoever_writes_to_the_item_is_not_waited_for(self, stack: ExitStack, postgresql_url: str) -> None:
        house = silent(stack, postgresql_url, two)
        house.decided("SH-0002", risk=0.5)
        item_id = asked_about(house, house.rows(CauseRow)[0])
        with ThreadPoolExecutor(1) as pool, house.container.sessions() as session:
            session.execute(select(ReviewItemRow).where(ReviewItemRow.item_id == item_id).with_for_update())
            assert pool.submit(house.container.tending.tend).result(10).failed == []

    def test_the_pages_show_it_as_what_it_is(self, stack: ExitStack, sqlite_url: str) -> None:
        house = billed_wrong(stack, sqlite_url)
        (cause,) = house.rows(CauseRow)
        item_id = asked_about(house, cause)
        at_stake = sum(row.value_at_stake_minor for row in house.rows(ChildRow))
        (row,) = [row for row in house.rows(ReviewItemRow) if row.item_id == item_id]
        assert (row.subject_type, row.value_at_stake_minor, row.currency) == ("invoice", at_stake, "EUR")
        assert house.count(ChildRow) == 2
        (listed,) = [
            each for each in house.api.get("/v1/reviews?kind=invoice").json()["items"] if each["item_id"] == item_id
        ]
        title = "Carrier C bills its loads by other rates than were agreed: what became of escalate?"
        assert listed["title"] == title
        with Visitor(house, "ann", "ann-token") as visitor:
            queue = words_of(visitor.shown("/queue?about=invoice"))
            page = words_of(visitor.shown(f"/queue/{item_id}"))
        assert f"11.00 EUR no limit unknown {title} {cause.cause_id}" in queue
        assert f"{title} 11.00 EUR at stake" in page
        assert "B-SH-0002" not in page

    def test_with_an_overdue_review_no_money_is_at_stake(self, stack: ExitStack, sqlite_url: str) -> None:
        house = stack.enter_context(House(sqlite_url, changed(due("thresholds", "notify_from"))))
        house.advance(days=1)
        house.announce("SH-1", value_minor=20_000_000)
        house.decided("SH-1", risk=0.05)
        (review,) = house.rows(OverdueReviewRow)
        claimed(house)
        item_id = reported(house, str(review.call_id), "failed")["review_item_id"]
        item = house.api.get(f"/v1/reviews/{item_id}").json()
        assert (item["value_at_stake_minor"], item["currency"], item["loss"]) == (0, None, None)
        assert item["title"].startswith("The review of threshold notify_from was due by 2026-03-02")
        assert "nothing at stake" in words_of(house.api.get(f"/queue/{item_id}").text)


def asked_about(house: House, cause: CauseRow) -> str:
    """Let the call to the owner of a cause be sent, and have failed; return the item that asks about it."""
    claimed(house)
    return str(reported(house, str(cause.call_id), "failed")["review_item_id"])
