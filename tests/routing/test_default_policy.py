"""What the bundle that is shipped promises."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.canonical import digest
from routing.engine import decide
from routing.facts import Unknown
from routing.loader import parse_policy
from routing.policy import Policy
from tests.drawn import drawn

MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

SHARES = st.floats(0, 1)


def mostly(value: object) -> st.SearchStrategy[Any]:
    """Draw a flag that is most often as it is for a case in which every rule has its say."""
    return st.sampled_from([value, value, value, not value, Unknown("nobody said")])


OTHER_FACTS = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["EUR", "USD"]),
        "customer_id": st.just("C-7"),
        "customer_tier": st.sampled_from(["standard", "priority", "critical"]),
        "carrier_id": st.just("NWX"),
        "carrier_known": mostly(True),
        "has_promise": mostly(True),
        "delivered_or_cancelled": mostly(False),
        "customer_on_hold": mostly(False),
        "departed": mostly(False),
        "ship_complete": mostly(False),
        "pieces": st.integers(1, 4) | st.just(Unknown("not counted")),
        "origin": st.just("SEA"),
        "destination": st.just("ORD"),
        "value_minor": st.integers(0, 3_000_000),
        "hours_to_departure": st.floats(-10, 48),
        "promised_at": st.integers(-10, 48).map(lambda hours: NOW + timedelta(hours=hours)),
        "planned_departure_at": st.integers(-10, 48).map(lambda hours: NOW + timedelta(hours=hours)),
        "alternate_carriers": st.lists(
            st.fixed_dictionaries({"carrier_id": st.just("ACE"), "late_share": SHARES, "legs": st.just(9)}), max_size=2
        ),
        "alternate_origins": st.lists(
            st.fixed_dictionaries(
                {
                    "place": st.just("PDX"),
                    "open_shipments": st.integers(0, 80),
                    "late_share": SHARES,
                    "legs": st.just(9),
                }
            ),
            max_size=2,
        ),
        "strongest_branch_taken": st.sampled_from([branch.value for branch in Branch]),
    }
)


class TestDefaultPolicy:
    def test_has_no_findings(self, policy: Policy) -> None:
        assert policy.warnings == ()

    @drawn(150)
    @given(OTHER_FACTS, SHARES, SHARES)
    def test_a_higher_probability_never_gets_a_weaker_branch(
        self, policy: Policy, others: dict[str, Any], one: float, other: float
    ) -> None:
        choices = []
        for probability in sorted((one, other)):
            share = policy.costs.lateness_share[others["customer_tier"]]
            stake = int(probability * share * others["value_minor"])
            choices.append(
                decide(policy, {**others, "late_probability": probability, "value_at_stake_minor": stake}, NOW)
            )
        lower, higher = choices
        assert policy.strength[lower.recommended_branch] <= policy.strength[higher.recommended_branch]
        assert lower.branch is Branch.NONE or higher.branch is not Branch.NONE

    @given(OTHER_FACTS, st.integers(0, 60_000))
    def test_an_unknown_probability_goes_to_a_person_unless_a_guardrail_decides(
        self, policy: Policy, others: dict[str, Any], stake: int
    ) -> None:
        choice = decide(policy, {**others, "value_at_stake_minor": stake}, NOW)
        assert choice.recommended_branch in (Branch.NONE, Branch.REVIEW)
        if choice.recommended_branch is Branch.NONE:
            assert choice.decided_by == "delivered_or_cancelled"

    @pytest.mark.parametrize(
        ("changes", "branch", "decided_by"),
        [
            ({}, Branch.NONE, "default"),
            ({"late_probability": 0.25}, Branch.REVIEW, "at_risk"),
            ({"late_probability": 0.45}, Branch.NOTIFY, "likely_late"),
            ({"late_probability": 0.55}, Branch.SPLIT, "split_from_another_place"),
            ({"late_probability": 0.6}, Branch.REBOOK, "another_carrier"),
            (
                {"late_probability": 0.5, "customer_tier": "critical", "value_at_stake_minor": 30_000},
                Branch.ESCALATE,
                "critical_at_stake",
            ),
            ({"delivered_or_cancelled": True}, Branch.NONE, "delivered_or_cancelled"),
            ({"customer_on_hold": True}, Branch.REVIEW, "customer_on_hold"),
            ({"has_promise": False}, Branch.REVIEW, "no_promise"),
            ({"carrier_known": False}, Branch.REVIEW, "carrier_unknown"),
            ({"late_probability": Unknown("no model answered")}, Branch.REVIEW, "unknown"),
        ],
    )
    def test_every_rule_and_branch_is_reached(
        self, policy: Policy, facts: dict[str, Any], changes: dict[str, Any], branch: Branch, decided_by: str
    ) -> None:
        choice = decide(policy, facts | changes, NOW)
        assert (choice.recommended_branch, choice.decided_by) == (branch, decided_by)

    def test_everything_has_an_owner_that_is_declared(self, policy: Policy) -> None:
        owned: list[Any] = [
            *policy.rules,
            *policy.guardrails,
            *policy.thresholds.values(),
            *policy.branches.values(),
            policy,
        ]
        assert {each.owner for each in owned} == set(policy.owners)

    def test_the_playbook_of_an_escalation_has_an_owner_who_can_be_reached(self, bundle_text: str) -> None:
        data = yaml.safe_load(bundle_text)
        plan = data["branches"]["escalate"]["plan"]
        assert plan["playbook"]
        assert data["owners"][plan["to"]]["channel"]

    def test_everything_has_a_day_by_which_it_is_reviewed(self, policy: Policy) -> None:
        names = [f"rules.{rule.id}" for rule in policy.rules]
        names += [f"guardrails.{rule.id}" for rule in policy.guardrails]
        names += [f"thresholds.{name}" for name in policy.thresholds]
        names += [f"playbooks.{name}" for name in policy.playbooks]
        names += [f"capacity.{name}" for name in policy.budgets]
        assert set(policy.review_dates) == {"the bundle", "costs", *names}

    def test_spends_money_only_after_a_person_agreed(self, policy: Policy) -> None:
        assert {terms.mode for terms in policy.branches.values() if terms.spends_money} == {"recommend"}


def shuffled(data: object, order: random.Random) -> object:
    if isinstance(data, dict):
        keys = list(data)
        order.shuffle(keys)
        return {key: shuffled(data[key], order) for key in keys}
    return [shuffled(item, order) for item in data] if isinstance(data, list) else data


class TestDigest:
    @pytest.mark.parametrize("seed", range(5))
    def test_stays_when_keys_change_places(self, policy: Policy, bundle_text: str, seed: int) -> None:
        data = shuffled(yaml.safe_load(bundle_text), random.Random(seed))
        assert parse_policy(yaml.safe_dump(data, sort_keys=False)).digest == policy.digest

    @pytest.mark.parametrize(("flow", "indent", "width"), [(True, 2, 4000), (False, 7, 60), (None, 3, 80)])
    def test_stays_when_it_is_written_otherwise(
        self, policy: Policy, bundle_text: str, flow: bool | None, indent: int, width: int
    ) -> None:
        data = yaml.safe_load(bundle_text)
        text = yaml.safe_dump(data, default_flow_style=flow, indent=indent, width=width, sort_keys=False)
        assert parse_policy(f"# another remark\n\n{text}\n").digest == policy.digest

    @pytest.mark.parametrize(
        "edit",
        [
            lambda data: data.update(version=2),
            lambda data: data.update(mode="observe"),
            lambda data: data.update(review_by=date(2027, 7, 1)),
            lambda data: data["owners"]["duty-manager"].update(channel="pager:night"),
            lambda data: data["thresholds"]["notify_from"].update(value=0.46),
            lambda data: data["thresholds"]["notify_from"].update(owner="process-owner"),
            lambda data: data["costs"]["lateness_share"].update(critical=0.16),
            lambda data: data["branches"]["rebook"].update(mode="observe"),
            lambda data: data["branches"]["rebook"]["plan"].update(carriers_at_most=2),
            lambda data: data["branches"]["rebook"]["latest_useful"].update(offset_hours=-3),
            lambda data: data["rules"][1].update(when={"fact": "late_probability", "above": "$notify_from"}),
            lambda data: data["rules"][1].update(sentence_customer="It may be late."),
            lambda data: data["rules"].reverse(),
            lambda data: data["guardrails"].reverse(),
            lambda data: data["default"].update(branch="review"),
            lambda data: data["facts"]["customer_on_hold"].pop("when_absent"),
        ],
    )
    def test_changes_with_any_change_of_meaning(
        self, policy: Policy, make_policy: MakePolicy, edit: Callable[[dict[str, Any]], None]
    ) -> None:
        assert make_policy(edit).digest != policy.digest

    def test_changes_with_every_single_value(self, policy: Policy, bundle_text: str) -> None:
        data = yaml.safe_load(bundle_text)
        changed = [digest(other) for other in every_value_changed(data)]
        assert len(changed) > 300
        assert policy.digest not in changed


def every_value_changed(data: Any) -> list[Any]:
    """Return copies of nested data, each with one value replaced."""
    if isinstance(data, dict):
        return [{**data, key: other} for key, item in data.items() for other in every_value_changed(item)]
    if isinstance(data, list):
        places = enumerate(data)
        return [
            [*data[:index], other, *data[index + 1 :]] for index, item in places for other in every_value_changed(item)
        ]
    return [f"{data} changed"]
