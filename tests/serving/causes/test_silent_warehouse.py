"""A warehouse tells nothing of its stock: one item in place of its lines, each decided anew when it is back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
import yaml
from sqlalchemy.orm import Session

from features.vocabulary import LineMoment, SubjectType
from models.contracts import ShortageScore
from routing.loader import parse_policy
from routing.policy import Policy
from routing.replay import replay
from serving.config import bundled_policy
from serving.db.subjects import SubjectKey
from serving.db.tables import CauseRow, ChildRow, DecisionRow, LookRow, OutgoingCallRow, ReviewItemRow, StockPromiseRow
from serving.decisions.verification import verify
from serving.directives import repository as directives
from serving.policies.preview import preview
from serving.shortages.deciding import ShortageDecisions
from serving.worker.outbox import SqlOutbox
from tests.budgets import without_budgets
from tests.serving.bundles import Edit
from tests.serving.causes.outage import drained
from tests.serving.house import House, Json, put_in_force
from tests.serving.shortages.lines import FakeShortageModel, lies, one, order, pick, tell, triage
from tests.serving.web.visitor import coded

FEW = {
    "declare": {"at_least": 3, "share_at_least": 0.5, "within_minutes": 120},
    "over": {"seen_at_least": 3, "share_below": 0.3, "within_minutes": 30},
}
SILENT_HOURS = 73
"""Longer than the model believes what a place has told."""
Under = Callable[..., House]


class CarefulModel(FakeShortageModel):
    """Abstains, too, where the place has told nothing of its stock for three days."""

    def scores(self, values: Any, news_hours: Any, moment: LineMoment) -> list[ShortageScore]:
        told = super().scores(values, news_hours, moment)
        return [
            score if hours <= 72 else ShortageScore(None, moment, ("the place has fallen silent",))
            for score, hours in zip(told, news_hours, strict=True)
        ]


def bundle(*edits: Edit) -> Policy:
    """Return the bundle on shortages that ships, after edits of its data."""
    data = without_budgets(yaml.safe_load(bundled_policy(SubjectType.SHORTAGE).read_text(encoding="utf-8")))
    for edit in edits:
        edit(data)
    return parse_policy(yaml.safe_dump(data, sort_keys=False))


def few(data: Json) -> None:
    data["playbooks"]["stock_not_told"].update(deepcopy(FEW))


def others_have_it(data: Json) -> None:
    """Let it be a common cause that other places have what lacks, and customers be told by people alone."""
    data["playbooks"]["stock_not_told"]["when"] = {"fact": "other_places", "rows_at_least": 1}
    data["branches"]["notify"]["mode"] = "recommend"
    del data["scenarios"]


def acting(data: Json) -> None:
    """Let every branch off the leash."""
    data["mode"] = "act_financial"
    for terms in data["branches"].values():
        terms["mode"] = "act_financial"
    del data["scenarios"]


def limited(data: Json) -> None:
    """Let two customers a day be told, and held lines wait for two days."""
    terms = {"unit": "messages", "owner": "customer-service", "why": "what customers bear"}
    data["capacity"] = {"messages": {"amount": 2, "per_hours": 24, **terms}}
    data["branches"]["notify"]["uses"] = {"messages": 1}
    data["playbooks"]["stock_not_told"]["drain"].update(waits_hours=48)


@pytest.fixture
def under(any_url: str, late_shipments: Policy) -> Iterator[Under]:
    """Start a service at the one database under the bundle on shortages, after edits."""
    with ExitStack() as stack:

        def started(*edits: Edit) -> House:
            house: House = stack.enter_context(House(any_url, late_shipments, shortage_model=CarefulModel()))
            with house.container.sessions.begin() as session:
                put_in_force(session, bundle(*edits), house.clock.now())
            return house

        yield started


@pytest.fixture
def silent(under: Under) -> House:
    """A house of which six lines wait for ten of A each, where twelve lay when DEHAM was last heard of."""
    return fallen_silent(under(few), 6)


@pytest.fixture
def desk(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    """The same where the database makes no difference."""
    with House(sqlite_url, late_shipments, shortage_model=CarefulModel()) as house:
        with house.container.sessions.begin() as session:
            put_in_force(session, bundle(few), house.clock.now())
        yield fallen_silent(house, 6)


def names(count: int) -> list[str]:
    return [f"O-{number:04}" for number in range(count)]


def fallen_silent(house: House, count: int, **told: Any) -> House:
    """Tell of orders of growing worth and of stock at DEHAM, and then let nothing be heard for three days."""
    tell(house, lies(12))
    for number, name in enumerate(names(count)):
        value = {"line_id": "10", "sku": "A", "quantity": 10, "unit_value_minor": 500_00 + number}
        placed = order(name, lines=[{**value, "warehouse_id": "DEHAM"}], **told)
        tell(house, placed, pick(name, due_at=due(house, number)))
    house.advance(hours=SILENT_HOURS)
    return house


def due(house: House, number: int) -> str:
    return (house.clock.now() + timedelta(hours=200 - number / 10)).isoformat()


def back(house: House, quantity: float) -> None:
    """Let the warehouse tell what lies there now."""
    house.advance(hours=1)
    tell(house, lies(quantity, occurred_at=house.clock.now().isoformat()))


def cause_of(house: House) -> CauseRow:
    (cause,) = house.rows(CauseRow)
    return cause


def say(house: House, verb: str) -> None:
    path = f"/v1/causes/{cause_of(house).cause_id}/{verb}"
    assert house.api.post(path, json={}, headers={"X-Actor": "dana"}).status_code == 200


def statuses(house: House) -> dict[str, str]:
    return {child.subject_id.partition("/")[0]: child.status for child in house.rows(ChildRow)}


def all_of_it(house: House) -> None:
    while house.container.tending.tend().is_more:
        pass


def decided(house: House, *order_ids: str, **asked: Any) -> list[Json]:
    return [one(house, name, **asked) for name in order_ids]


def silence(url: str, shipments: Policy, count: int) -> None:
    """Live through the silence of a warehouse of which so many lines are decided about in one request."""
    singly = 9  # the bundle declares it with the tenth
    with House(url, shipments, shortage_model=CarefulModel()) as house:
        with house.container.sessions.begin() as session:
            put_in_force(session, bundle(), house.clock.now())
        fallen_silent(house, count)
        answer = triage(house, place="DEHAM").json()
        assert answer["branches"] == {"review": singly, "none": count - singly}
        held = {f"{line['order_id']}/{line['line_id']}" for line in answer["lines"] if line["cause_id"] is not None}
        assert len(held) == house.count(ChildRow) == count - singly
        assert house.count(ReviewItemRow) == singly
        all_of_it(house)
        assert cause_of(house).status == "standing"

        picked = [name.partition("/")[0] for name in sorted(held)[:3]]
        now = house.clock.now().isoformat()
        tell(house, *(pick(name, status="done", occurred_at=now) for name in picked))
        back(house, 10 * (count - 3) - 15)
        drained(house, every_seconds=5)
        assert (cause_of(house).status, cause_of(house).ended_by) == ("over", "system")
        found = statuses(house)
        assert Counter(found.values()) == {"gone": 3, "drained": count - singly - 3}
        assert {name for name, status in found.items() if status == "gone"} == set(picked)
        decisions = house.rows(DecisionRow)
        assert set(Counter(row.subject_id for row in decisions if row.subject_id in held).values()) == {1, 2}
        children = [child for child in house.rows(ChildRow) if child.settled_decision_id is not None]
        sequence = {row.decision_id: row.sequence for row in decisions}
        children.sort(key=lambda child: sequence[str(child.settled_decision_id)])
        dues = [child.latest_useful_at for child in children]
        assert dues == sorted(dues, key=str), "what is due first is decided first"
        with house.container.reads() as session:
            policy = house.container.bundles.live(session, SubjectType.SHORTAGE)
            assert all(replay(row.body, policy).body == row.body for row in decisions)
            assert verify(session).problems == ()


def test_lines_at_a_silent_warehouse_become_one_item_and_are_decided_when_it_is_back(
    any_url: str, late_shipments: Policy
) -> None:
    silence(any_url, late_shipments, 20)


@pytest.mark.slow
def test_five_hundred_lines_at_a_silent_warehouse(any_url: str, late_shipments: Policy) -> None:
    silence(any_url, late_shipments, 500)


class TestWhatIsHeld:
    def test_a_line_that_is_asked_about_again_stays_held_until_its_turn(self, silent: House) -> None:
        answers = decided(silent, *names(6))
        assert [answer["branch"] for answer in answers] == ["review"] * 2 + ["none"] * 4
        (again,) = decided(silent, "O-0005")
        assert (again["already_decided"], again["cause_id"]) == (True, cause_of(silent).cause_id)
        say(silent, "decline")
        (again,) = decided(silent, "O-0005")
        assert again["already_decided"], "it is not let go before its turn"
        all_of_it(silent)
        (again,) = decided(silent, "O-0005")
        assert (again["already_decided"], again["branch"], again["cause_id"]) == (True, "review", None)
        assert silent.count(DecisionRow) == 6 + 4
        assert silent.count(ReviewItemRow) == 6

    def test_a_line_of_which_more_is_known_is_decided_by_itself_once_it_is_over(self, desk: House) -> None:
        decided(desk, *names(6))
        say(desk, "close")
        back(desk, 100)
        (covered,) = decided(desk, "O-0003")
        assert (covered["branch"], covered["already_decided"]) == ("none", False)
        assert statuses(desk) == {"O-0002": "held", "O-0003": "decided", "O-0004": "held", "O-0005": "held"}

    def test_a_line_that_waits_before_a_person_waits_in_one_place(self, desk: House) -> None:
        back(desk, 0)
        tell(desk, lies(60, place="ATVIE", occurred_at=desk.clock.now().isoformat()))
        before = decided(desk, *names(6), substitutes=[])
        assert {(answer["branch"], answer["cause_id"]) for answer in before} == {("review", None)}
        desk.advance(hours=SILENT_HOURS)
        decided(desk, *names(6), substitutes=[])
        assert Counter(statuses(desk).values()) == {"held": 4}
        waiting = [row.subject_id.partition("/")[0] for row in desk.rows(ReviewItemRow) if row.status == "open"]
        assert sorted(waiting) == names(2), "those of before the cause, and none that it holds"
        all_of_it(desk)
        say(desk, "close")
        all_of_it(desk)
        waiting = [row.subject_id.partition("/")[0] for row in desk.rows(ReviewItemRow) if row.status == "open"]
        assert sorted(waiting) == names(6)

    def test_another_place_is_apart(self, desk: House) -> None:
        decided(desk, *names(6))
        line = {"line_id": "10", "sku": "A", "quantity": 10, "unit_value_minor": 500_00, "warehouse_id": "ATVIE"}
        tell(desk, order("O-X", lines=[line]), pick("O-X", warehouse_id="ATVIE"))
        assert decided(desk, "O-X")[0]["cause_id"] is None
        assert {row.subject_type for row in desk.rows(LookRow)} == {"shortage"}

    def test_its_owner_is_called_once(self, silent: House) -> None:
        decided(silent, *names(6))
        cause, (call,) = cause_of(silent), silent.rows(OutgoingCallRow)
        assert (cause.subject_type, cause.owner, cause.call_id) == ("shortage", "warehouse-operations", call.call_id)
        event = json.loads(call.body)
        assert (event["type"], event["subject"]) == ("freight.branch.escalate", cause.cause_id)
        assert event["data"]["to"] == {"owner": "warehouse-operations", "channel": "queue:warehouse-operations"}
        assert event["data"]["cause"] == {
            "cause_id": cause.cause_id,
            "subject": "shortage",
            "playbook": "stock_not_told",
            "key": "DEHAM",
        }

    def test_a_name_that_is_too_long_for_the_key_is_asked_about_all_the_same(self, desk: House) -> None:
        decided(desk, *names(3))
        long = "L" * 199
        tell(desk, order(long), pick(long, due_at=due(desk, 0), task_id="T-long"))
        assert decided(desk, long)[0]["cause_id"] is not None
        say(desk, "decline")
        all_of_it(desk)
        key = SubjectKey.line(long, "10").id
        assert {row.subject_id: row.status for row in desk.rows(ChildRow)}[key] == "drained"


class TestItsEnd:
    def test_what_is_still_short_helps_itself_to_stock_once(self, under: Under) -> None:
        house = fallen_silent(under(few, acting), 6)
        decided(house, *names(6), substitutes=[])
        back(house, 0)
        tell(house, lies(12, place="ATVIE", occurred_at=house.clock.now().isoformat()))
        for _ in range(3):
            all_of_it(house)
        assert set(statuses(house).values()) == {"drained"}
        moved = [row for row in house.rows(OutgoingCallRow) if row.branch == "reallocate"]
        assert len(moved) == 1, "twelve are enough for one line of ten"
        assert sum(row.quantity_thousandths for row in house.rows(StockPromiseRow)) == 10_000
        bodies = [json.loads(row.body) for row in house.rows(DecisionRow)[-4:]]
        assert all(body["facts"]["substitutes"] == [] for body in bodies), "as it was asked before"

    def test_budgets_are_waited_for(self, under: Under) -> None:
        house = fallen_silent(under(few, limited), 6, ship_complete=True)
        decided(house, *names(6), substitutes=[])
        back(house, 0)
        for _ in range(3):
            all_of_it(house)
        assert Counter(statuses(house).values()) == {"drained": 2, "held": 2}
        assert {row.waits_for for row in house.rows(ChildRow) if row.status == "held"} == {"messages"}
        house.advance(hours=24)
        all_of_it(house)
        assert set(statuses(house).values()) == {"drained"}
        told_of = [row.subject_id for row in house.rows(OutgoingCallRow) if row.branch == "notify"]
        assert told_of == [f"{name}/10" for name in reversed(names(6)[2:])], "what is due first, whoever waited"

    def test_two_processes_at_once_let_go_of_each_line_once(self, silent: House) -> None:
        decided(silent, *names(6))
        say(silent, "close")
        houses = [silent.another() for _ in range(2)]
        try:
            with ThreadPoolExecutor(2) as pool:
                done = list(pool.map(lambda house: house.container.tending.tend().settled, houses))
        finally:
            for house in houses:
                house.close()
        all_of_it(silent)
        assert sum(done) <= 4
        assert set(statuses(silent).values()) == {"drained"}
        assert (silent.count(DecisionRow), silent.count(ReviewItemRow)) == (6 + 4, 6)

    def test_a_process_that_judges_no_lines_leaves_them_to_one_that_does(self, desk: House) -> None:
        decided(desk, *names(6))
        say(desk, "close")
        with desk.another(shortage_model=None) as other:
            all_of_it(other)
            assert set(statuses(other).values()) == {"held"}
            assert other.api.get("/queue").text.count("4</b> order lines held") == 1
        all_of_it(desk)
        assert set(statuses(desk).values()) == {"drained"}

    def test_a_preview_takes_it_as_it_stood(self, desk: House) -> None:
        decided(desk, *names(6))
        say(desk, "decline")
        all_of_it(desk)
        span = (desk.clock.now() - timedelta(days=9), desk.clock.now() + timedelta(days=1))
        with desk.container.reads() as session:
            live = desk.container.bundles.live(session, SubjectType.SHORTAGE)
            same = list(preview(session, live, *span))
        assert (len(same), [each.why for each in same if each.why is not None]) == (10, [])


@pytest.mark.service
def test_what_a_person_lets_out_while_a_line_waits_for_its_turn_makes_nobody_wait_for_ever(
    postgresql_url: str, late_shipments: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        house = stack.enter_context(House(postgresql_url, late_shipments, shortage_model=CarefulModel()))
        with house.container.sessions.begin() as session:
            put_in_force(session, bundle(few, others_have_it), house.clock.now())
        fallen_silent(house, 6, ship_complete=True)
        back(house, 0)
        items = {answer["order_id"]: answer["review_item_id"] for answer in decided(house, *names(6), substitutes=[])}
        token = house.claimed(items["O-0005"])
        tell(house, lies(60, place="ATVIE", occurred_at=house.clock.now().isoformat()))
        decided(house, *names(6), substitutes=[])
        assert statuses(house)["O-0005"] == "held"
        say(house, "close")
        other, pool = stack.enter_context(house.another()), stack.enter_context(ThreadPoolExecutor(1))
        outbox, now = SqlOutbox(house.engine), house.clock.now()
        moved, under_orders = Event(), Event()
        lock, lock_shared, lock_line = directives.lock, directives.lock_shared, ShortageDecisions.lock
        failed: list[Future[bool]] = []

        def let_out_and_fail(service: ShortageDecisions, session: Session, key: SubjectKey) -> None:
            """Take the locks of the line, and before any other let a person accept, and the call that follows fail."""
            lock_line(service, session, key)
            if key.id == "O-0005/10" and not failed:
                answer = other.answer(items["O-0005"], "accept", claim_token=token)
                assert answer.status_code == 200, answer.text
                asked = {"owner": "w", "now": now, "real_now": now, "lease": timedelta(minutes=1)}
                calls = outbox.claim(target="orchestrator", limit=9, **asked)
                (call,) = [each for each in calls if each.subject_id == key.id]
                failed.append(pool.submit(outbox.dead, call, reason="410 Gone", now=now))
                assert moved.wait(10)

        def lock_later(session: Session) -> None:
            moved.set()
            assert under_orders.wait(10)
            lock(session)

        def lock_and_say(session: Session) -> None:
            lock_shared(session)
            if failed:
                under_orders.set()

        monkeypatch.setattr(ShortageDecisions, "lock", let_out_and_fail)
        monkeypatch.setattr(directives, "lock", lock_later)
        monkeypatch.setattr(directives, "lock_shared", lock_and_say)
        all_of_it(house)
        assert failed.pop().result(10)
        assert set(statuses(house).values()) == {"drained"}
        (call,) = [row for row in house.rows(OutgoingCallRow) if row.branch == "notify"]
        assert (call.subject_id, call.status) == ("O-0005/10", "dead")


def test_the_page_names_order_lines(desk: House) -> None:
    decided(desk, *names(6))
    assert "<b>4</b> order lines held" in desk.api.get("/queue").text
    page = desk.api.get(f"/causes/{cause_of(desk).cause_id}").text
    assert "What lies at DEHAM is not told or out of date" in page
    assert "Held order lines" in page
    assert "O-0005/10" in page
    assert "cannot be told how much at risk for order O-0005, line 10" in page
    assert "Is its system down, or only what it sends of its stock?" in page
    assert coded(page) == []
    (child, *_) = desk.api.get(f"/v1/causes/{cause_of(desk).cause_id}/children").json()["children"]
    assert (child["subject_type"], child["subject_id"], child["shipment_id"]) == ("shortage", "O-0002/10", None)
