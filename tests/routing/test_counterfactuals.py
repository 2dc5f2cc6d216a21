"""What would have to be otherwise: every answer ends otherwise, and nothing nearer does."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.counterfactuals import Counterfactual, DecidedCase, of_facts, of_thresholds
from routing.engine import decide
from routing.facts import Unknown
from routing.loader import parse_policy
from routing.policy import Policy
from routing.restating import restate
from tests.budgets import without_budgets
from tests.drawn import drawn

Facts = dict[str, Any]
quick = drawn(10)


def told(found: tuple[Counterfactual, ...], name: str) -> list[tuple[Any, Branch]]:
    return [(each.needed, each.recommended_branch) for each in found if each.name == name]


class TestFacts:
    def test_the_nearest_risks_below_and_above(self, policy: Policy, facts: Facts, now: datetime) -> None:
        case = DecidedCase(facts={**facts, "late_probability": 0.4}, now=now)
        assert decide(policy, case.facts, now).recommended_branch is Branch.REVIEW
        (below, less), (above, more) = told(of_facts(policy, case), "late_probability")
        assert (below, less) == (pytest.approx(0.25, abs=2e-6), Branch.NONE)
        assert below < 0.25
        assert (above, more) == (0.45, Branch.NOTIFY)

    def test_a_flag_has_the_other_value(self, policy: Policy, facts: Facts, now: datetime) -> None:
        case = DecidedCase(facts={**facts, "late_probability": 0.5}, now=now)
        assert told(of_facts(policy, case), "delivered_or_cancelled") == [(True, Branch.NONE)]

    def test_an_unknown_fact_has_an_answer_for_each_way_to_end(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        case = DecidedCase(facts={**facts, "late_probability": Unknown("no model is loaded")}, now=now)
        (each,) = [found for found in of_facts(policy, case) if found.needed == 1.0 or found.needed == 0.0][:1]
        assert each.found is None
        assert len(told(of_facts(policy, case), "late_probability")) >= 2

    def test_where_expected_costs_cross_is_found_though_no_rule_names_it(
        self, by_cost: Policy, facts: Facts, now: datetime
    ) -> None:
        dear = {**facts, "late_probability": 0.8, "customer_tier": "critical", "value_minor": 1_000_000}
        case = DecidedCase(facts=dear, now=now, restate=partial(restate, body={}, policy=by_cost))
        found = [each for each in of_facts(by_cost, case) if each.name == "value_minor"]
        assert found
        cuts = {rule.form for rule in by_cost.rules for rule in [rule.when]}
        assert not any('"value_minor"' in form for form in cuts)  # no condition asks for the value

    def test_what_follows_from_a_fact_follows(self, policy: Policy, facts: Facts, now: datetime) -> None:
        """Escalation asks for the risk and for what is at stake, which falls with the risk."""
        value = round(30_100 / 0.8 / policy.costs.lateness_share["critical"])
        critical = {**facts, "late_probability": 0.8, "customer_tier": "critical", "value_minor": value}
        restate(critical, {}, policy)
        alone, together = (
            told(of_facts(policy, DecidedCase(facts=critical, now=now, **more)), "late_probability")
            for more in ({}, {"restate": partial(restate, body={}, policy=policy)})
        )
        assert alone == [(pytest.approx(0.5, abs=2e-6), Branch.NOTIFY)]
        assert together == [(pytest.approx(0.7974, abs=1e-4), Branch.REBOOK)]

    @quick
    @given(
        risk=st.floats(0, 1),
        tier=st.sampled_from(["standard", "priority", "critical"]),
        value=st.integers(10_000, 9_000_000),
        departed=st.booleans(),
    )
    def test_every_answer_ends_otherwise_and_its_neighbour_towards_the_case_does_not(
        self, policy: Policy, facts: Facts, now: datetime, risk: float, tier: str, value: int, departed: bool
    ) -> None:
        given_ = {**facts, "late_probability": risk, "customer_tier": tier, "value_minor": value, "departed": departed}
        restate(given_, {}, policy)
        case = DecidedCase(facts=given_, now=now, restate=partial(restate, body={}, policy=policy))
        before = case.ends(policy)
        for each in of_facts(policy, case):
            after = case.ends(policy, **{each.name: each.needed})
            assert (after.branch, after.recommended_branch) != (before.branch, before.recommended_branch)
            assert (after.branch, after.recommended_branch) == (each.branch, each.recommended_branch)
            if each.name == "late_probability":
                step = 2e-6 if each.needed < risk else -2e-6
                if abs(each.needed - risk) > 2e-6:
                    inside = case.ends(policy, late_probability=each.needed + step)
                    assert (inside.branch, inside.recommended_branch) == (before.branch, before.recommended_branch)

    def test_a_case_that_nothing_changes_has_no_answers(self, policy: Policy, facts: Facts, now: datetime) -> None:
        case = DecidedCase(facts={**facts, "late_probability": 0.1, "delivered_or_cancelled": True}, now=now)
        names = {each.name for each in of_facts(policy, case)}
        assert "value_minor" not in names

    def test_an_answer_says_who_can_change_the_fact(self, bundle_text: str, facts: Facts, now: datetime) -> None:
        policy, case = parse_policy(bundle_text), DecidedCase(facts={**facts, "late_probability": 0.5}, now=now)
        found = {each.name: each for each in of_facts(policy, case)}
        assert found["customer_on_hold"].changed_by == "customer-service"
        assert found["customer_on_hold"].in_words().endswith("; customer-service can change it")
        assert found["late_probability"].changed_by is None


class TestThresholds:
    def test_a_threshold_passes_the_fact(self, bundle_text: str, facts: Facts, now: datetime) -> None:
        case = DecidedCase(facts={**facts, "late_probability": 0.4}, now=now)
        found = of_thresholds(bundle_text, case)
        assert {each.changed_by for each in found if each.name == "$notify_from"} == {"customer-service"}
        assert told(found, "$notify_from") == [(0.4, Branch.NOTIFY)]
        ((needed, branch),) = told(found, "$review_from")
        assert branch is Branch.NONE
        assert 0.4 < needed <= 0.4 + 2e-6

    def test_a_bundle_is_read_as_it_was_loaded(self, bundle_text: str, facts: Facts, now: datetime) -> None:
        """PyYAML's own reader takes no question mark in a plain text between braces, libyaml's does."""
        plan = "plan: {audience: customer, channel: email}"
        assert plan in bundle_text
        asks = bundle_text.replace(plan, "plan: {channel: email? or letter, audience: customer}")
        case = DecidedCase(facts={**facts, "late_probability": 0.4}, now=now)
        assert told(of_thresholds(asks, case), "$notify_from") == [(0.4, Branch.NOTIFY)]

    def test_every_answer_loads_and_ends_otherwise(self, bundle_text: str, facts: Facts, now: datetime) -> None:
        for risk in (0.3, 0.5, 0.62, 0.9):
            given_ = {**facts, "late_probability": risk}
            before = decide(parse_policy(bundle_text), given_, now)
            for each in of_thresholds(bundle_text, DecidedCase(facts=given_, now=now)):
                document = without_budgets(yaml.safe_load(bundle_text))
                document["thresholds"][each.name.removeprefix("$")]["value"] = each.needed
                after = decide(parse_policy(yaml.safe_dump(document)), given_, now)
                assert after.recommended_branch is each.recommended_branch
                assert (after.branch, after.recommended_branch) != (before.branch, before.recommended_branch)


def test_it_is_told_in_words(now: datetime) -> None:
    one = Counterfactual(
        name="late_probability", found=0.4, needed=0.45, branch=Branch.NOTIFY, recommended_branch=Branch.NOTIFY,
        decided_by="warn_customer",
    )  # fmt: skip
    assert one.in_words() == "late_probability is 0.4; with 0.45 it ends in notify (warn_customer)"
    held = Counterfactual(
        name="planned_departure_at", found=None, needed=now + timedelta(hours=1), branch=Branch.REVIEW,
        recommended_branch=Branch.SPLIT, decided_by="split_it",
    )  # fmt: skip
    assert held.in_words() == (
        "planned_departure_at is unknown; with 2026-03-01T13:00:00Z it ends in review with split recommended (split_it)"
    )
