"""What becomes of a bundle whose reviews are overdue: thresholds fall back, money waits for a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import Context
from routing.counterfactuals import DecidedCase, of_facts, of_thresholds
from routing.decision import decision_body
from routing.engine import Choice, decide
from routing.errors import Problem
from routing.loader import lint_policy, run_suite
from routing.options import options_of
from routing.overdue import in_words
from routing.policy import Mode, Policy
from routing.preview.comparing import compare
from routing.preview.past import PastDecision
from routing.replay import replay
from tests.drawn import drawn
from tests.routing.conftest import choosing_by_cost
from tests.serving.bundles import falling_back, held

Facts = dict[str, Any]
Edit = Callable[[dict[str, Any]], None]
MakePolicy = Callable[[Edit], Policy]
ProblemsOf = Callable[[Edit], tuple[Problem, ...]]
DUE = date(2026, 2, 28)
LAST = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
AFTER = datetime(2026, 3, 1, tzinfo=UTC)


def decided(policy: Policy, facts: Facts, now: datetime, **context: Any) -> Choice:
    """Decide as the service does, by the reviews that are overdue on the day."""
    return decide(policy, facts, now, Context(overdue=policy.overdue_at(now), **context))


def acting(data: dict[str, Any]) -> None:
    """Let every branch act by itself."""
    data["mode"] = "act_financial"
    for terms in data["branches"].values():
        terms["mode"] = "act_financial"


def falls(threshold: str, safe: float, day: date = DUE) -> Edit:
    """Let a threshold count as its safe value from the day after."""
    return falling_back(threshold, safe, day)


def due(*path: str | int, day: date = DUE) -> Edit:
    """Give a part a review date."""

    def edit(data: dict[str, Any]) -> None:
        part: Any = data
        for key in path:
            part = part[key]
        part["review_by"] = day

    return edit


def all_of(*edits: Edit) -> Edit:
    def edit(data: dict[str, Any]) -> None:
        for each in edits:
            each(data)

    return edit


@pytest.fixture
def likely(facts: Facts) -> Facts:
    """A case whose customer is told by the threshold as it is written, and not by the safe one."""
    return {**facts, "late_probability": 0.5, "departed": True}


@pytest.fixture(scope="module")
def in_turn(make_policy: MakePolicy) -> Policy:
    """A bundle of which one threshold falls back, and another nine days later."""
    later = DUE + timedelta(days=9)
    return make_policy(all_of(falls("notify_from", 0.52), falls("rebook_from", 0.7, later)))


@pytest.fixture
def rebooked(facts: Facts) -> Facts:
    return {**facts, "late_probability": 0.7}


class TestFallingBack:
    def test_a_threshold_counts_as_its_safe_value_from_the_day_after(
        self, make_policy: MakePolicy, likely: Facts
    ) -> None:
        policy = make_policy(falls("notify_from", 0.6))
        before, after = decided(policy, likely, LAST), decided(policy, likely, AFTER)
        assert (before.branch, before.notes) == (Branch.NOTIFY, ())
        assert after.branch is Branch.REVIEW
        assert after.notes == (
            "threshold notify_from counts as 0.6, its safe value, instead of 0.45: its review was due by 2026-02-28",
        )
        (why,) = [each.why for each in after.rule_results if each.rule_id == "likely_late"]
        assert "at least 0.6 ($notify_from)" in why

    def test_the_day_is_that_of_utc(self, make_policy: MakePolicy) -> None:
        policy = make_policy(falls("notify_from", 0.6))
        east = timezone(timedelta(hours=9))
        assert policy.overdue_at(datetime(2026, 3, 1, 8, 59, tzinfo=east)) == ()
        assert policy.overdue_at(datetime(2026, 3, 1, 9, tzinfo=east)) == ("thresholds.notify_from",)

    def test_without_a_day_of_its_own_the_bundles_counts(self, make_policy: MakePolicy, likely: Facts) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["review_by"] = DUE
            data["thresholds"]["notify_from"]["safe"] = 0.6

        policy = make_policy(edit)
        after = decided(policy, likely, AFTER)
        assert (policy.overdue_at(AFTER), after.branch) == (("the bundle",), Branch.REVIEW)
        assert after.notes[0].endswith("instead of 0.45: the review of the bundle was due by 2026-02-28")

    def test_each_falls_back_on_its_own_day(self, make_policy: MakePolicy) -> None:
        later = DUE + timedelta(days=7)
        policy = make_policy(all_of(falls("escalate_from", 0.8, later), falls("notify_from", 0.5)))
        values = [
            [
                policy.as_overdue(policy.overdue_at(now)).thresholds[name].value
                for name in ("notify_from", "escalate_from")
            ]
            for now in (LAST, AFTER, AFTER + timedelta(days=7))
        ]
        assert values == [[0.45, 0.5], [0.5, 0.5], [0.5, 0.8]]
        assert [stage.overdue for stage in policy.stages] == [
            ("thresholds.notify_from",),
            ("thresholds.notify_from", "thresholds.escalate_from"),
        ]

    def test_a_plan_falls_back_with_it(self, make_policy: MakePolicy, rebooked: Facts) -> None:
        policy = make_policy(all_of(acting, falls("carrier_late_below", 0.1)))
        tendered = [
            [each["carrier_id"] for each in decided(policy, rebooked, now).payload["carriers"]]  # type: ignore[union-attr,index]
            for now in (LAST, AFTER)
        ]
        assert tendered == [["BEE", "ACE"], ["BEE"]]

    def test_so_does_what_a_playbook_looks_for(self, make_policy: MakePolicy) -> None:
        policy = make_policy(falls("silent_hours", 24))
        shown = [
            policy.as_overdue(policy.overdue_at(now))
            .playbooks["carrier_outage"]
            .shows({"departed": True, "carrier_hours_silent": 13.0})
            for now in (LAST, AFTER)
        ]
        assert shown == [True, False]

    def test_a_rule_that_hit_holds_on_by_the_same_release(self, make_policy: MakePolicy, facts: Facts) -> None:
        policy = make_policy(all_of(falls("notify_from", 0.6), held("notify_from", 0.4)))
        hit = decided(policy, {**facts, "late_probability": 0.62, "departed": True}, AFTER)
        assert hit.branch is Branch.NOTIFY

    def test_it_is_sealed_and_decided_again_byte_for_byte(self, make_policy: MakePolicy, likely: Facts) -> None:
        policy = make_policy(falls("notify_from", 0.6))
        for now, sealed in ((LAST, {}), (AFTER, {"overdue": ["thresholds.notify_from"]})):
            context = Context(overdue=policy.overdue_at(now))
            choice = decide(policy, likely, now, context)
            subject = {"type": "shipment", "id": "S", "version": "1"}
            body = canonical_json(decision_body(policy, choice, subject=subject, facts=likely, context=context))
            assert json.loads(body)["context"] == sealed
            again = replay(body, policy)
            assert (again.body, again.differences) == (body, ())

    def test_what_changes_nothing_is_not_sealed(self, make_policy: MakePolicy, policy: Policy) -> None:
        only_told = make_policy(all_of(due("thresholds", "notify_from"), due("rules", 3), due("costs")))
        assert only_told.overdue_at(AFTER) == () == policy.overdue_at(datetime(2030, 1, 1, tzinfo=UTC))
        assert [each.part for each in only_told.overdue(AFTER.date())] == [
            "costs",
            "thresholds.notify_from",
            "rules.another_carrier",
        ]

    def test_of_parts_that_it_does_not_know_nothing_follows(self, make_policy: MakePolicy) -> None:
        policy = make_policy(falls("notify_from", 0.6))
        assert policy.as_overdue(["thresholds.gone"]) is policy
        fallen = policy.as_overdue(["thresholds.gone", "thresholds.notify_from"])
        assert (fallen.thresholds["notify_from"].value, fallen.digest) == (0.6, policy.digest)

    @given(risks=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted), days=st.integers(0, 20))
    @drawn(60)
    def test_a_greater_risk_never_gets_a_weaker_branch_on_any_day(
        self, in_turn: Policy, facts: Facts, risks: list[float], days: int
    ) -> None:
        policy = in_turn
        now = LAST + timedelta(days=days)
        strengths = [
            policy.strength[decided(policy, {**facts, "late_probability": risk}, now).recommended_branch]
            for risk in risks
        ]
        assert strengths[0] <= strengths[1]


class TestMoney:
    @pytest.mark.parametrize(
        ("path", "said"),
        [
            (("rules", 3), "rule another_carrier"),
            (("thresholds", "rebook_from"), "threshold rebook_from"),
            (("thresholds", "carrier_late_below"), "threshold carrier_late_below"),
            (("thresholds", "picking_hours"), "threshold picking_hours"),
            (("guardrails", 1), "guardrail customer_on_hold"),
            (("playbooks", "warehouse_downtime"), "playbook warehouse_downtime"),
            (("costs",), "the cost table"),
            ((), "the bundle"),
        ],
    )
    def test_waits_for_a_person_while_what_leads_to_it_is_overdue(
        self, make_policy: MakePolicy, rebooked: Facts, path: tuple[str | int, ...], said: str
    ) -> None:
        policy = make_policy(all_of(acting, due(*path)))
        before, after = decided(policy, rebooked, LAST), decided(policy, rebooked, AFTER)
        assert (before.branch, before.mode) == (Branch.REBOOK, Mode.ACT_FINANCIAL)
        assert (after.branch, after.recommended_branch, after.mode) == (
            Branch.REVIEW,
            Branch.REBOOK,
            Mode.ACT_NON_FINANCIAL,
        )
        assert after.held_because == (
            f"rebook spends money, and the review of {said} was due by 2026-02-28: until somebody has looked, a person "
            "decides"
        )

    def test_a_budget_that_it_uses_leads_to_it_too_and_what_waits_uses_none(
        self, make_policy: MakePolicy, rebooked: Facts
    ) -> None:
        def edit(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            data["choice"] = "strongest"
            data["capacity"]["slots"]["review_by"] = DUE

        policy = make_policy(edit)
        assert decided(policy, rebooked, LAST, capacity={"slots": 0}).branch is not Branch.REBOOK
        after = decided(policy, rebooked, AFTER, capacity={"slots": 0})
        assert (after.branch, after.recommended_branch, after.passed_over) == (Branch.REVIEW, Branch.REBOOK, ())
        assert "the review of budget slots was due" in str(after.held_because)
        options = options_of(policy, rebooked, AFTER, Context(overdue=policy.overdue_at(AFTER)))
        assert {option.name: dict(option.uses) for option in options}["rebook"] == {}

    def test_all_that_is_overdue_is_named(self, make_policy: MakePolicy, rebooked: Facts) -> None:
        policy = make_policy(all_of(acting, due("rules", 3), due("costs", day=DUE - timedelta(days=1))))
        assert "the review of the cost table was due by 2026-02-27 and that of rule another_carrier was" in str(
            decided(policy, rebooked, AFTER).held_because
        )

    def test_what_spends_nothing_goes_on(self, make_policy: MakePolicy, likely: Facts) -> None:
        policy = make_policy(all_of(acting, due("rules", 1), due("thresholds", "notify_from"), due()))
        assert decided(policy, likely, AFTER).branch is Branch.NOTIFY

    def test_what_leads_elsewhere_holds_nothing(self, make_policy: MakePolicy, rebooked: Facts) -> None:
        policy = make_policy(all_of(acting, due("rules", 2), due("thresholds", "split_from")))
        assert decided(policy, rebooked, AFTER).branch is Branch.REBOOK
        no_other = {**rebooked, "customer_tier": "standard", "alternate_origins": rebooked["alternate_origins"]}
        split = decided(policy, {**no_other, "late_probability": 0.6}, AFTER)
        assert (split.recommended_branch, split.branch) == (Branch.SPLIT, Branch.REVIEW)

    def test_it_does_not_wait_for_a_threshold_that_falls_back(self, make_policy: MakePolicy, rebooked: Facts) -> None:
        policy = make_policy(all_of(acting, falls("rebook_from", 0.65)))
        assert decided(policy, rebooked, AFTER).branch is Branch.REBOOK
        assert decided(policy, {**rebooked, "late_probability": 0.62}, AFTER).branch is not Branch.REBOOK

    def test_a_segment_in_which_it_may_act_waits_too(self, make_policy: MakePolicy, rebooked: Facts) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["mode"] = "act_financial"
            data["branches"]["rebook"]["segments"] = [{"where": {"carrier_id": "NWX"}, "mode": "act_financial"}]
            data["rules"][3]["review_by"] = DUE

        policy = make_policy(edit)
        assert [decided(policy, rebooked, now).branch for now in (LAST, AFTER)] == [Branch.REBOOK, Branch.REVIEW]

    def test_where_a_person_decides_anyway_nobody_is_told_that_it_waits(
        self, make_policy: MakePolicy, rebooked: Facts
    ) -> None:
        def edit(data: dict[str, Any]) -> None:
            acting(data)
            data["branches"]["rebook"]["segments"] = [{"where": {"carrier_id": "NWX"}, "mode": "act_non_financial"}]
            data["rules"][3]["review_by"] = DUE

        policy = make_policy(edit)
        before, after = (decided(policy, rebooked, now) for now in (LAST, AFTER))
        assert before.held_because == "rebook spends money, which mode act_non_financial leaves to a person"
        assert after.held_because == before.held_because


class TestLint:
    @pytest.mark.parametrize(
        ("edit", "where", "message"),
        [
            pytest.param(
                falls("notify_from", 1.6),
                "thresholds.notify_from.safe",
                "found 1.6 for `notify_from`, expected a probability from 0 to 1.",
                id="of another type",
            ),
            pytest.param(
                falls("notify_from", 0.45),
                "thresholds.notify_from.safe",
                "`notify_from` has that value already: nothing would change.",
                id="the same",
            ),
            pytest.param(
                falls("review_from", 0.46),
                "thresholds.review_from.safe",
                "from 2026-03-01 on, with the safe value of `review_from`, rules[0].when: 'at_risk' is unreachable",
                id="a rule that would never decide",
            ),
            pytest.param(
                all_of(held("notify_from", 0.4), falls("notify_from", 0.3)),
                "thresholds.notify_from.safe",
                "from 2026-03-01 on, with the safe value of `notify_from`, rules[1].when: the rule would let go of a",
                id="a rule that would let go at once",
            ),
        ],
    )
    def test_a_mistake_of_the_table_that_will_be_is_found_now(
        self, problems_of: ProblemsOf, edit: Edit, where: str, message: str
    ) -> None:
        (problem,) = problems_of(edit)
        assert problem.where == where
        assert problem.message.startswith(message), problem.message
        assert problem.line is not None

    def test_a_greater_risk_that_would_get_a_weaker_branch_is_found(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            rule = next(rule for rule in data["rules"] if rule["id"] == "critical_at_stake")
            rule["when"]["all"][0] = {"fact": "late_probability", "between": ["$escalate_from", "$escalate_until"]}
            until = {"value": 1, "safe": 0.9, "review_by": DUE, "unit": "probability", "owner": "duty-manager"}
            data["thresholds"]["escalate_until"] = {**until, "why": "as a test wants it"}
            rule["when"] = {
                "any": [
                    rule["when"],
                    {"all": [{"fact": "late_probability", "at_least": 1}, {"fact": "customer_tier", "is": "critical"}]},
                ]
            }

        messages = [problem.message for problem in problems_of(edit)]
        assert any("a greater risk gets a weaker branch" in each and "escalate_until" in each for each in messages)

    def test_the_same_mistake_is_told_once(self, problems_of: ProblemsOf) -> None:
        later = DUE + timedelta(days=5)
        problems = problems_of(all_of(falls("review_from", 0.46), falls("split_from", 0.58, later)))
        assert len(problems) == 1

    def test_it_is_overdue_as_any_other(self, make_policy: MakePolicy) -> None:
        text = make_policy(falls("notify_from", 0.6)).text
        assert lint_policy(text, today=DUE) == ()
        (problem,) = lint_policy(text, today=AFTER.date())
        assert problem.where == "thresholds.notify_from.review_by"


class TestWhatElseLooksAtTheDay:
    def test_the_suite_decides_each_case_on_its_own_day(self, make_policy: MakePolicy) -> None:
        on_the_day, a_day_later = (
            run_suite(make_policy(falls("notify_from", 0.95, date(2026, 1, day)))).wrong for day in (5, 4)
        )
        assert [each.id for each in on_the_day] == []
        assert [(each.id, each.branch) for each in a_day_later] == [("standard_customer_is_told", "review")]

    def test_a_preview_decides_each_case_on_its_own_day(self, make_policy: MakePolicy, likely: Facts) -> None:
        policy, without = make_policy(falls("notify_from", 0.6)), make_policy(lambda _: None)
        decisions = []
        for sequence, now in enumerate((LAST, AFTER), 1):
            context = Context(overdue=policy.overdue_at(now))
            choice = decide(policy, likely, now, context)
            subject = {"type": "shipment", "id": f"S-{sequence}", "version": "1"}
            body = decision_body(policy, choice, subject=subject, facts=likely, context=context)
            decisions.append(PastDecision(sequence, f"S-{sequence}", now, json.loads(canonical_json(body))))
        assert [each.why for each in compare(policy, decisions)] == [None, None]
        assert [each.why for each in compare(without, decisions)] == [None, "rule likely_late: no_hit → hit"]

    def test_what_would_have_changed_it_is_the_safe_value(self, make_policy: MakePolicy, likely: Facts) -> None:
        policy = make_policy(falls("notify_from", 0.6))
        case = DecidedCase(facts=likely, now=AFTER, context=Context(overdue=policy.overdue_at(AFTER)))
        assert "late_probability" in {each.name for each in of_facts(policy, case)}
        (found,) = [each for each in of_thresholds(policy.text, case) if each.name == "$notify_from"]
        assert (found.found, found.needed, found.branch) == (0.6, 0.5, Branch.NOTIFY)


def test_parts_are_said_in_words() -> None:
    parts = ("the bundle", "costs", "thresholds.notify_from", "capacity.slots", "exploration", "playbooks.outage")
    assert [in_words(part) for part in parts] == [
        "the bundle",
        "the cost table",
        "threshold notify_from",
        "budget slots",
        "exploration",
        "playbook outage",
    ]
