"""What is left and what went before is read in the decision's transaction and sealed with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import text

from features.state import FeatureRow
from features.vocabulary import Moment, SubjectType
from models.contracts import DelayScore
from routing.policy import Policy
from routing.replay import replay
from serving.bootstrap import build
from serving.config import Settings
from serving.db.tables import BranchTakingRow, BudgetUseRow, DecisionRow, OutgoingCallRow
from serving.decisions import usage
from serving.decisions.verification import verify
from serving.policies import repository
from serving.policies.life import Step
from tests.routing.conftest import choosing_by_cost
from tests.serving.bundles import Edit, changed, confirmed, exploring, falling_back, held, messages, resting
from tests.serving.house import NOW, FakeModel, House, Json, at, delivery, put_in_force

AT_ONCE = 6
Under = Callable[[Policy], House]


@pytest.fixture
def under(any_url: str) -> Iterator[Under]:
    """Start a service at the one database under a bundle; its clock goes on where the last one's stood."""
    with ExitStack() as stack:
        yield lambda policy, **given: stack.enter_context(House(any_url, policy, **given))


@pytest.fixture
def locally(sqlite_url: str) -> Iterator[Under]:
    """The same on SQLite alone, for what no database makes a difference to."""
    with ExitStack() as stack:
        yield lambda policy, **given: stack.enter_context(House(sqlite_url, policy, **given))


def sealed(house: House) -> list[Json]:
    """Return the bodies of all decisions, after seeing that each is decided again to the same bytes."""
    rows = house.rows(DecisionRow)
    for row in rows:
        assert replay(row.body, house.policy).body == row.body
    return [json.loads(row.body) for row in rows]


def at_once(house: House, names: Sequence[str]) -> list[str]:
    """Let several processes decide about shipments at the same time, and return the branches."""
    start = Barrier(AT_ONCE)

    def decide_some(number: int) -> list[str]:
        start.wait(10)
        return [processes[number].decided(name)["branch"] for name in names[number::AT_ONCE]]

    with ExitStack() as stack:
        meeting = _Meeting(AT_ONCE)
        processes = [stack.enter_context(house.another(model=meeting)) for _ in range(AT_ONCE)]
        for process in processes:  # FastAPI completes a route at its first call, which no two threads can
            process.triage("SH-404")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [branch for answered in pool.map(decide_some, range(AT_ONCE)) for branch in answered]


def messages_in_all(amount: float) -> Edit:
    """Hold notifying to a second budget, of messages of all together."""

    def edit(data: dict[str, Any]) -> None:
        told = {"unit": "messages", "owner": "customer-service", "why": "what we can answer"}
        data["capacity"]["messages_in_all"] = {"amount": amount, "per_hours": 24, **told}
        data["branches"]["notify"]["uses"]["messages_in_all"] = 1

    return edit


def by_region(amount: float) -> Edit:
    """Hold notifying to a budget for each region, which nobody tells."""

    def edit(data: dict[str, Any]) -> None:
        data["facts"]["region"] = {"type": "text", "meaning": "where the customer is"}
        messages(amount, per=["region"])(data)

    return edit


def numbered(version: int) -> Edit:
    return lambda data: data.update(version=version)


class TestBudgets:
    def test_what_is_used_up_is_left_to_a_person_and_sealed(self, under: Under) -> None:
        house = under(changed(messages(2)))
        names = ["SH-1", "SH-2", "SH-3"]
        house.announce(*names)

        assert [house.decided(name, risk=0.5)["branch"] for name in names] == ["notify", "notify", "review"]
        bodies = sealed(house)
        assert [body["context"] for body in bodies] == [{"capacity": {"messages": left}} for left in (2.0, 1.0, 0.0)]
        assert [body["uses"] for body in bodies] == [{"messages": 1.0}, {"messages": 1.0}, {}]
        assert bodies[2]["passed_over"] == [
            {
                "branch": "notify",
                "rule_id": "likely_late",
                "because": "notify uses 1 messages of messages, of which 0 are left",
            }
        ]

    def test_a_window_slides(self, under: Under) -> None:
        house = under(changed(messages(1, per_hours=2)))
        house.announce("SH-1", "SH-2", "SH-3")
        house.decided("SH-1", risk=0.5)
        house.advance(hours=1, minutes=59, seconds=59)
        assert house.decided("SH-2")["branch"] == "review"
        house.advance(seconds=1)
        assert house.decided("SH-3")["branch"] == "notify"
        sealed(house)

    def test_amounts_add_up_without_a_rounding(self, under: Under) -> None:
        house = under(changed(messages(0.3, uses=0.1)))
        names = [f"SH-{number}" for number in range(4)]
        house.announce(*names)
        assert [house.decided(name, risk=0.5)["branch"] for name in names] == ["notify"] * 3 + ["review"]
        assert [body["context"]["capacity"]["messages"] for body in sealed(house)] == [0.3, 0.2, 0.1, 0.0]

    def test_a_use_later_than_now_counts(self, under: Under) -> None:
        house = under(changed(messages(1)))
        house.announce("SH-1", "SH-2")
        house.advance(minutes=1)
        house.decided("SH-1", risk=0.5)
        house.advance(minutes=-1)
        assert house.decided("SH-2")["branch"] == "review"

    def test_what_a_person_lets_out_is_used_up_too(self, under: Under) -> None:
        house = under(changed(messages(1)))
        house.announce("SH-1", "SH-2", "SH-3")
        for name in ("SH-1", "SH-2"):
            item = house.decided(name, risk=0.3)["review_item_id"]
            given: Json = {"branch": "notify", "reason_code": "customer_asked"}
            answer = house.answer(item, "override", claim_token=house.claimed(item), **given)
            assert answer.status_code == 200, answer.text

        assert house.decided("SH-3", risk=0.5)["branch"] == "review"
        assert sealed(house)[2]["context"] == {"capacity": {"messages": -1.0}}
        assert [row.sequence for row in house.rows(OutgoingCallRow)] == [1, 2]

    def test_what_is_held_back_uses_nothing(self, under: Under) -> None:
        house = under(changed(messages(1), lambda data: data.update(mode="recommend")))
        house.announce("SH-1", "SH-2")
        for name in ("SH-1", "SH-2"):
            assert house.decided(name, risk=0.5)["recommended_branch"] == "notify"
        assert house.count(BudgetUseRow) == 0

    def test_many_who_decide_at_once_do_not_overrun_a_budget(self, under: Under) -> None:
        house = under(changed(messages(AT_ONCE // 2)))
        names = [f"SH-{number}" for number in range(AT_ONCE * 2)]
        house.announce(*names)
        branches = at_once(house, names)
        assert (branches.count("notify"), branches.count("review")) == (AT_ONCE // 2, AT_ONCE * 2 - AT_ONCE // 2)
        left = [body["context"]["capacity"]["messages"] for body in sealed(house)]
        assert left == sorted(left, reverse=True)
        with house.container.reads() as session:
            assert verify(session).problems == ()


class TestBudgetsKeptApart:
    """`notify` uses of what is kept for the carrier, the customer, the lane or the bundle, and of nobody else's."""

    def test_each_carrier_has_its_own_and_the_record_says_what_was_left_of_it(self, under: Under) -> None:
        house = under(changed(messages(1, per=["carrier_id"])))
        house.announce("SH-1", "SH-2")
        house.announce("SH-3", carrier_id="ACE")
        branches = [house.decided(name, risk=0.5)["branch"] for name in ("SH-1", "SH-2", "SH-3")]
        assert branches == ["notify", "review", "notify"]
        bodies = sealed(house)
        assert [body["context"] for body in bodies] == [{"capacity": {"messages": left}} for left in (1.0, 0.0, 1.0)]
        assert bodies[1]["passed_over"][0]["because"] == (
            "notify uses 1 messages of messages for carrier_id NWX, of which 0 are left"
        )
        assert [row.key_values for row in house.rows(BudgetUseRow)] == ['["NWX"]', '["ACE"]']

    def test_a_lane_is_two_facts(self, locally: Under) -> None:
        house = locally(changed(messages(1, per=["origin", "destination"])))
        house.announce("SH-1", "SH-2", carrier_id="ACE")
        assert [house.decided(name, risk=0.5)["branch"] for name in ("SH-1", "SH-2")] == ["notify", "review"]
        (use,) = house.rows(BudgetUseRow)
        assert (use.key_facts, use.key_values) == ("origin,destination", '["DEHAM","ATVIE"]')
        sealed(house)

    def test_where_it_is_not_known_whose_it_would_be_a_person_decides(self, locally: Under) -> None:
        house = locally(changed(by_region(9)))
        house.announce("SH-1")
        assert house.decided("SH-1", risk=0.5)["branch"] == "review"
        (body,) = sealed(house)
        assert body["context"] == {}
        assert body["passed_over"][0]["because"] == (
            "it cannot be told whose messages notify would use: region is not known"
        )
        assert house.count(BudgetUseRow) == 0

    def test_what_a_person_lets_out_counts_for_whom_it_is_and_is_not_held(self, under: Under) -> None:
        house = under(changed(messages(1, per=["carrier_id"])))
        house.announce("SH-1", "SH-2", "SH-3")
        house.announce("SH-4", carrier_id="ACE")
        for name in ("SH-1", "SH-2"):
            item = house.decided(name, risk=0.3)["review_item_id"]
            given: Json = {"branch": "notify", "reason_code": "customer_asked"}
            answer = house.answer(item, "override", claim_token=house.claimed(item), **given)
            assert answer.status_code == 200, answer.text
        assert [house.decided(name, risk=0.5)["branch"] for name in ("SH-3", "SH-4")] == ["review", "notify"]
        assert [body["context"]["capacity"]["messages"] for body in sealed(house)[2:]] == [-1.0, 1.0]

    def test_a_window_of_one_carrier_slides_by_itself(self, locally: Under) -> None:
        house = locally(changed(messages(1, per_hours=2, per=["carrier_id"])))
        house.announce("SH-1", "SH-3")
        house.announce("SH-2", "SH-4", carrier_id="ACE")
        house.decided("SH-1", risk=0.5)
        house.advance(hours=1)
        house.decided("SH-2")
        house.advance(hours=1)
        assert [house.decided(name)["branch"] for name in ("SH-3", "SH-4")] == ["notify", "review"]
        sealed(house)

    def test_many_who_decide_at_once_by_expected_cost_do_not_overrun_what_is_kept_for_anybody(
        self, under: Under
    ) -> None:
        house = under(changed(choosing_by_cost, messages(2, per=["carrier_id"]), messages_in_all(5)))
        names = [f"SH-{number}" for number in range(AT_ONCE * 2)]
        for number, name in enumerate(names):
            house.announce(name, carrier_id=("NWX", "ACE", "BLU")[number % 3], customer_tier="standard")
        branches = at_once(house, names)
        assert (branches.count("notify"), branches.count("review")) == (5, AT_ONCE * 2 - 5)
        used = Counter(row.key_values for row in house.rows(BudgetUseRow) if row.budget == "messages")
        assert sorted(used.values()) == [1, 2, 2]
        sealed(house)
        with house.container.reads() as session:
            assert verify(session).problems == ()

    def test_what_is_left_and_for_whom_is_told(self, under: Under) -> None:
        house = under(changed(messages(2, per_hours=2, per=["carrier_id", "customer_id"]), messages_in_all(5)))
        house.announce("SH-1", "SH-2")
        house.announce("SH-3", carrier_id="ACE")
        for name in ("SH-1", "SH-2", "SH-3"):
            house.decided(name, risk=0.5)
        apart, in_all = house.api.get("/v1/policies/budgets").json()["budgets"]
        assert apart == {
            "subject": "shipment",
            "name": "messages",
            "amount": 2,
            "unit": "messages",
            "per_hours": 2,
            "per": ["carrier_id", "customer_id"],
            "left": None,
            "parts": [
                {"whose": {"carrier_id": "NWX", "customer_id": "C-1"}, "left": 0},
                {"whose": {"carrier_id": "ACE", "customer_id": "C-1"}, "left": 1},
            ],
        }
        assert (in_all["per"], in_all["left"], in_all["parts"]) == ([], 2, [])
        house.advance(hours=2)
        (later, _) = house.api.get("/v1/policies/budgets").json()["budgets"]
        assert later["parts"] == []

    def test_what_one_more_would_have_saved_is_told(self, under: Under) -> None:
        house = under(changed(choosing_by_cost, messages(1, per=["carrier_id"]), numbered(3)))
        names = {"SH-1": 900_000, "SH-2": 2_000_000, "SH-3": 1_500_000}
        for name, value in names.items():
            house.announce(name, value_minor=value)
            house.decided(name, risk=0.5)
        assert [row.branch for row in house.rows(DecisionRow)] == ["notify", "review", "review"]
        priced = {each["name"]: each for each in house.api.get("/v1/policies/budgets/shadow-prices").json()["budgets"]}
        assert priced["slots"]["parts"] == []
        found = priced["messages"]
        costs = [
            {each["branch"]: each["expected_cost_minor"] for each in json.loads(row.body)["alternatives"]}
            for row in house.rows(DecisionRow)
        ]
        saved = sorted(each["review"] - each["notify"] for each in costs)  # the dearest had the one, in hindsight
        assert found["parts"] == [
            {
                "whose": {"carrier_id": "NWX"},
                "cases": 3,
                "went_without": 2,
                "shadow_price_minor": pytest.approx(saved[-2], abs=1),
            }
        ]
        assert (found["per_hours"], found["price_minor"], found["currency"]) == (24, 0, "EUR")
        house.advance(hours=24)
        later = house.api.get("/v1/policies/budgets/shadow-prices").json()["budgets"]
        assert [each["parts"] for each in later] == [[], [], []]

    def test_there_is_no_price_where_costs_do_not_choose(self, under: Under) -> None:
        house = under(changed(messages(1)))
        (found,) = house.api.get("/v1/policies/budgets/shadow-prices").json()["budgets"]
        assert (found["name"], found["parts"]) == ("messages", None)

    def test_a_version_of_a_bundle_starts_with_its_own_and_one_that_returns_finds_its_own_again(
        self, locally: Under
    ) -> None:
        first, second = (changed(messages(1, per=["bundle"]), numbered(number)) for number in (1, 2))
        branches = []
        house = locally(first)
        for number, policy in enumerate([first, first, second, second, first]):
            with house.container.sessions.begin() as session:
                put_in_force(session, policy, house.clock.now())
                usage.note_earlier(session, policy, house.clock.now())
            house.announce(f"SH-{number}")
            branches.append(house.decided(f"SH-{number}", risk=0.5)["branch"])
        assert branches == ["notify", "review", "notify", "review", "review"]
        policies = {each.digest: each for each in (first, second)}
        for row in house.rows(DecisionRow):
            assert replay(row.body, policies[str(row.policy_digest)]).body == row.body
        assert [json.loads(row.key_values) for row in house.rows(BudgetUseRow)] == [[first.digest], [second.digest]]


class TestRests:
    def test_a_customer_who_was_told_is_left_in_peace_for_a_while(self, under: Under) -> None:
        house = under(changed(resting(4)))
        house.announce("SH-1", "SH-2", "SH-4")
        house.announce("SH-3", customer_id="C-2")
        house.decided("SH-1", risk=0.5)
        house.advance(hours=3)
        again = house.decided("SH-2")
        assert (again["recommended_branch"], again["branch"]) == ("notify", "none")
        assert "rests for 4 hours" in again["suppressed_because"]
        assert house.decided("SH-3")["branch"] == "notify"
        house.advance(hours=1)
        assert house.decided("SH-4")["branch"] == "notify"
        told = {"last_taken": {"notify": NOW.isoformat().replace("+00:00", "Z")}}
        assert [body["context"] for body in sealed(house)] == [{}, told, {}, {}]

    def test_a_branch_a_person_lets_out_rests_as_well(self, under: Under) -> None:
        house = under(changed(resting(4)))
        house.announce("SH-1", "SH-2")
        item = house.decided("SH-1", risk=0.3)["review_item_id"]
        given: Json = {"branch": "notify", "reason_code": "customer_asked"}
        house.answer(item, "override", claim_token=house.claimed(item), **given)
        assert house.decided("SH-2", risk=0.5)["branch"] == "none"

    def test_two_of_one_customer_decided_at_once_make_one_message(self, under: Under) -> None:
        house = under(changed(resting(4)))
        house.announce("SH-1", "SH-2")
        meeting = _Meeting(2)
        with house.another(model=meeting) as one, house.another(model=meeting) as other:
            for process in (one, other):
                process.triage("SH-404")
            with ThreadPoolExecutor(2) as pool:
                answers = list(pool.map(lambda each: each[0].decided(each[1]), [(one, "SH-1"), (other, "SH-2")]))
        assert sorted(answer["branch"] for answer in answers) == ["none", "notify"]


class TestHistory:
    def test_a_signal_is_confirmed_by_the_next_version_of_the_shipment(self, under: Under) -> None:
        house = under(changed(confirmed(2, within_hours=6)))
        house.announce("SH-1", "SH-2")
        assert house.decided("SH-1", risk=0.5)["recommended_branch"] == "review"
        assert house.decided("SH-1", risk=0.5)["already_decided"]
        house.decided("SH-2")
        house.advance(hours=6)
        house.send(delivery("d-1", "in_transit"))
        assert house.decided("SH-1")["branch"] == "notify"
        past = {"at": "2026-03-02T06:00:00Z", "branch": "review", "hits": ["at_risk", "likely_late"]}
        assert [body["context"] for body in sealed(house)] == [{}, {}, {"history": [past]}]

    def test_a_signal_that_comes_too_late_confirms_nothing(self, under: Under) -> None:
        house = under(changed(confirmed(2, within_hours=6)))
        house.announce("SH-1")
        house.decided("SH-1", risk=0.5)
        house.advance(hours=6, seconds=1)
        house.send(delivery("d-1", "in_transit"))
        assert house.decided("SH-1")["recommended_branch"] == "review"
        sealed(house)

    def test_a_rule_that_hit_holds_on_while_the_risk_wavers(self, under: Under) -> None:
        house = under(changed(held("notify_from", 0.4)))
        house.announce("SH-1")
        recommended = []
        for number, risk in enumerate([0.42, 0.5, 0.42, 0.39, 0.42]):
            house.send(delivery(f"d-{number}", "in_transit"))
            recommended.append(house.decided("SH-1", risk=risk)["recommended_branch"])
        assert recommended == ["review", "notify", "notify", "review", "review"]
        assert [len(body["context"].get("history", ())) for body in sealed(house)] == [0, 1, 1, 1, 1]


def test_chance_decides_by_the_shipment_and_its_propensities_are_sealed(under: Under) -> None:
    house = under(changed(exploring(0.5, salt="autumn")))
    names = [f"SH-{number}" for number in range(6)]
    house.announce(*names)

    branches = [house.decided(name, risk=0.5)["branch"] for name in names]
    bodies = sealed(house)
    assert {"none", "notify", "review"} == set(branches)
    assert [body["context"] for body in bodies] == [{"subject_id": name} for name in names]
    assert [body["exploration"]["drawn"] for body in bodies] == branches
    assert {body["branch"]: round(body["propensity"], 3) for body in bodies} == {
        "notify": 0.667,
        "none": 0.167,
        "review": 0.167,
    }


def test_a_bundle_that_looks_at_nothing_has_an_empty_context(under: Under, late_shipments: Policy) -> None:
    house = under(late_shipments)
    house.announce("SH-1")
    house.decided("SH-1", risk=0.5)
    house.send(delivery("d-1", "in_transit"))
    house.decided("SH-1", risk=0.5)
    assert [body["context"] for body in sealed(house)] == [{}, {}]
    assert house.count(BudgetUseRow) == house.count(BranchTakingRow) == 0


class TestChangeOfBundle:
    def test_what_went_out_before_counts_for_whom_it_was(self, under: Under, late_shipments: Policy) -> None:
        before = under(late_shipments)
        before.announce("SH-1", "SH-2")
        before.announce("SH-3", carrier_id="ACE")
        before.decided("SH-1", risk=0.5)
        before.decided("SH-3")
        after, at_all = (changed(messages(2, per=per)) for per in (["carrier_id", "customer_tier"], []))
        for policy, notes in ((after, 2), (at_all, 2), (after, 0), (changed(by_region(2)), 0)):
            with before.container.sessions.begin() as session:
                assert usage.note_earlier(session, policy, before.clock.now()) == notes
        with before.container.sessions.begin() as session:
            known = [{"carrier_id": name, "customer_tier": "priority"} for name in ("NWX", "BLU")]
            left = [usage.left(session, after, each, before.clock.now()) for each in known]
            assert left == [{"messages": 1.0}, {"messages": 2.0}]
            assert usage.left(session, at_all, {}, before.clock.now()) == {"messages": 0.0}

    def test_in_a_rollout_both_count_what_either_lets_out_each_in_its_own_way(self, locally: Under) -> None:
        plain, apart = changed(messages(2)), changed(messages(1, per=["carrier_id"]), numbered(2))
        house = locally(plain)
        house.announce("SH-1", "SH-2", "SH-3")
        with house.container.sessions.begin() as session:
            repository.keep(session, apart, NOW)
            standing = repository.standing(session, SubjectType.SHIPMENT)
            rollout = {"candidate_digest": apart.digest, "rollout_id": "rol_1", "share_millionths": 1}
            repository.move(session, Step.PUBLISHED, apart.digest, by="two", at=NOW, before=standing, **rollout)
        assert house.decided("SH-1", risk=0.5)["branch"] == "notify"
        assert sorted(row.key_values for row in house.rows(BudgetUseRow)) == ["", '["NWX"]']
        with house.container.reads() as session:
            assert usage.left(session, plain, {}, NOW) == {"messages": 1.0}
            assert usage.left(session, apart, {"carrier_id": "NWX"}, NOW) == {"messages": 0.0}

    def test_what_went_out_before_counts_under_a_bundle_that_counts_it(
        self, under: Under, late_shipments: Policy
    ) -> None:
        before = under(late_shipments)
        before.announce("SH-0", "SH-1", "SH-2", "SH-3")
        before.announce("SH-4", customer_id="C-2")
        before.decided("SH-0", risk=0.5)
        before.advance(hours=24)
        before.decided("SH-1")
        after = under(changed(messages(2), resting(4)))
        after.clock = before.clock

        with after.container.sessions.begin() as session:
            assert usage.note_earlier(session, after.policy, before.clock.now()) == 2
        with after.container.sessions.begin() as session:
            assert usage.note_earlier(session, after.policy, before.clock.now()) == 0
            known: dict[str, Any] = {"customer_id": "C-1"}
            assert usage.left(session, after.policy, known, before.clock.now()) == {"messages": 1.0}
            taken = usage.last_taken(session, after.policy, known, before.clock.now())
        assert list(taken.values()) == [before.clock.now()]

    def test_starting_the_service_notes_it(self, sqlite_url: str) -> None:
        with House(sqlite_url, changed()) as before:
            before.announce("SH-1")
            before.decided("SH-1", risk=0.5)
            with before.container.sessions.begin() as session:
                put_in_force(session, changed(messages(2)), before.clock.now())
            assert before.count(BudgetUseRow) == 0
            build(Settings(database_url=sqlite_url), clock=before.clock).engine.dispose()
            assert [row.budget for row in before.rows(BudgetUseRow)] == ["messages"]


class TestOverdue:
    def test_a_threshold_falls_back_the_day_after_its_review_was_due(self, locally: Under) -> None:
        house = locally(changed(falling_back("notify_from", 0.6, NOW.date())))
        house.announce("SH-1", "SH-2", "SH-3")
        assert house.decided("SH-1", risk=0.5)["branch"] == "notify"
        house.advance(hours=17, minutes=59, seconds=59)
        assert house.decided("SH-2")["branch"] == "notify"
        house.advance(seconds=1)
        assert house.decided("SH-3")["branch"] == "review"
        bodies = sealed(house)
        assert [body["context"] for body in bodies] == [{}, {}, {"overdue": ["thresholds.notify_from"]}]
        assert [len(body["notes"]) for body in bodies] == [0, 0, 1]

    def test_a_person_who_chooses_otherwise_gets_what_the_decision_could_have_had(self, locally: Under) -> None:
        house = locally(changed(falling_back("carrier_late_below", 0.05, NOW.date())))
        house.announce("SH-1", "SH-2", planned_at=at(hours=60), promised_at=at(hours=90))
        early = house.decided("SH-1", risk=0.3)["review_item_id"]
        house.advance(days=1)
        late = house.decided("SH-2", risk=0.3)["review_item_id"]
        given: Json = {"branch": "rebook", "reason_code": "better_option"}
        for item, status in ((early, 200), (late, 422)):
            answer = house.answer(item, "override", claim_token=house.claimed(item), **given)
            assert answer.status_code == status, answer.text
        sealed(house)

    def test_what_a_playbook_looks_for_falls_back_in_what_is_counted_too(self, locally: Under) -> None:
        def few(data: dict[str, Any]) -> None:
            data["playbooks"]["carrier_outage"]["declare"] = {
                "at_least": 1,
                "share_at_least": 0.1,
                "within_minutes": 120,
            }

        house = locally(changed(falling_back("silent_hours", 40, NOW.date()), few))
        house.announce("SH-1", promised_at=at(hours=90))
        house.send(delivery("d-1", "departed"))
        house.advance(hours=20)
        assert house.decided("SH-1", risk=0.5)["branch"] == "notify"
        (body,) = sealed(house)
        assert body["context"] == {"overdue": ["thresholds.silent_hours"]}, "the carrier is not silent for long enough"


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (
            "SELECT sum(amount_millionths) FROM budget_uses WHERE subject_type = 's' AND budget = 'b' "
            "AND key_facts = 'k' AND key_digest = 'd' AND used_at > :at",
            "ix_budget_uses_window",
        ),
        (
            "SELECT max(taken_at) FROM branch_takings WHERE subject_type = 's' AND branch = 'b' AND key_fact = 'k' "
            "AND key_digest = 'd' AND taken_at > :at",
            "ix_branch_takings_last",
        ),
    ],
)
def test_looking_up_what_is_used_reads_the_index_alone(house: House, asked: str, index: str) -> None:
    with house.engine.connect() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {asked}"), {"at": NOW.isoformat()}).all()
    assert f"SEARCH {index.split('_', 1)[1].rsplit('_', 1)[0]} USING COVERING INDEX {index}" in str(plan)
    assert "_at>?" in str(plan)


class _Meeting(FakeModel):
    """Waits a moment for the other threads to be scoring too, so that all are between look and write."""

    def __init__(self, parties: int) -> None:
        super().__init__(0.5)
        self._barrier = Barrier(parties)

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        with suppress(BrokenBarrierError):  # broken where the others are kept waiting, as they should be
            self._barrier.wait(0.05)
        return super().score(row, moment)
