"""Which branch is taken: by strength or by expected cost, within the budgets and what is not forbidden."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.allocation import Option, allocate
from routing.choosing import priced
from routing.context import Context
from routing.directives import Directive, DirectiveKind
from routing.engine import decide
from routing.facts import Unknown
from routing.options import offered_branches, options_of
from routing.policy import Policy
from tests.drawn import drawn
from tests.routing.conftest import choosing_by_cost

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHARE = st.floats(0, 1)
TIER = st.sampled_from(["standard", "priority", "critical"])
VALUE = st.integers(100_000, 9_000_000)
UNITS = st.integers(0, 3)
quick = drawn(60)


@pytest.fixture
def dear(facts: Facts) -> Facts:
    """A critical case in which review, notify, split, escalate and rebook are all offered."""
    changed = {"late_probability": 0.8, "customer_tier": "critical", "value_at_stake_minor": 120_000}
    return {**facts, **changed, "value_minor": 1_000_000}


def forbid(branch: Branch, **where: Any) -> Directive:
    return Directive(
        id="dir-1",
        kind=DirectiveKind.FORBID,
        owner="transport-operations",
        reason="strike",
        since=NOW - timedelta(hours=1),
        until=NOW + timedelta(days=2),
        branch=branch,
        where=where,
    )


def _by_strength(data: dict[str, Any]) -> None:
    choosing_by_cost(data)
    data["choice"] = "strongest"
    data["strength"] = ["none", "review", "notify", "split", "rebook", "escalate"]
    level = {"type": "text", "meaning": "what was ordered of the carrier"}
    data["facts"]["service_level"] = level


class TestByCost:
    def test_the_cheapest_of_the_offered_branches_is_recommended(self, by_cost: Policy, dear: Facts) -> None:
        choice = decide(by_cost, dear, NOW)
        known = by_cost.reader.read(dear).known
        costs = {branch: priced(by_cost, branch, known) for branch in offered_branches(by_cost, choice)}
        assert set(costs) == {Branch.REVIEW, Branch.NOTIFY, Branch.SPLIT, Branch.ESCALATE, Branch.REBOOK}
        assert choice.recommended_branch is min(costs, key=lambda branch: costs[branch])  # type: ignore[arg-type,return-value]
        assert choice.branch is choice.recommended_branch is Branch.ESCALATE
        assert dict(choice.uses) == {"calls": 1}

    def test_what_a_budget_is_worth_elsewhere_counts(
        self, by_cost: Policy, make_policy: MakePolicy, dear: Facts
    ) -> None:
        def dearer(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            data["capacity"]["calls"]["price_minor"] = 1_000

        dearer_goods = {**dear, "value_minor": 2_400_000}
        assert decide(by_cost, dearer_goods, NOW).recommended_branch is Branch.ESCALATE
        assert decide(make_policy(dearer), dearer_goods, NOW).recommended_branch is Branch.REBOOK

    def test_costs_that_cannot_be_computed_leave_it_to_strength_and_say_so(self, by_cost: Policy, dear: Facts) -> None:
        choice = decide(by_cost, {**dear, "value_minor": Unknown("not told")}, NOW)
        assert choice.recommended_branch is Branch.REBOOK
        assert (
            choice.notes[-1] == "expected costs cannot be told (value_minor is unknown); the strongest branch is taken"
        )

    def test_an_open_rule_holds_back_what_spends_money(self, by_cost: Policy, dear: Facts) -> None:
        cheap = {**dear, "late_probability": 0.58, "value_at_stake_minor": Unknown("not told")}
        choice = decide(by_cost, {**cheap, "hours_to_departure": 30.0, "value_minor": 90_000_000}, NOW)
        assert (choice.recommended_branch, choice.branch) == (Branch.SPLIT, Branch.REVIEW)
        assert "critical_at_stake" in str(choice.held_because)

    @given(
        shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
        value=st.integers(0, 10**9),
        tier=st.sampled_from(["standard", "priority", "critical"]),
    )
    @quick
    def test_a_greater_risk_never_gets_a_weaker_branch(
        self, by_cost: Policy, facts: Facts, shares: list[float], value: int, tier: str
    ) -> None:
        def strength_at(share: float) -> int:
            stake = by_cost.costs.value_at_stake_minor(probability=share, value_minor=value, customer_tier=tier)
            case = {**facts, "late_probability": share, "value_minor": value, "customer_tier": tier}
            return by_cost.strength[decide(by_cost, {**case, "value_at_stake_minor": stake}, NOW).recommended_branch]

        assert strength_at(shares[0]) <= strength_at(shares[1])


class TestCapacity:
    def test_a_branch_for_which_too_little_is_left_is_passed_over_for_the_next(
        self, by_cost: Policy, dear: Facts
    ) -> None:
        choice = decide(by_cost, dear, NOW, Context(capacity={"calls": 0.5, "slots": 1}))
        assert choice.branch is Branch.REBOOK
        assert [tuple(each) for each in choice.passed_over] == [
            ("escalate", "critical_at_stake", "escalate uses 1 calls of calls, of which 0.5 are left")
        ]
        assert dict(choice.uses) == {"slots": 1}

    def test_what_uses_no_budget_can_always_be_taken(self, by_cost: Policy, dear: Facts) -> None:
        choice = decide(by_cost, dear, NOW, Context(capacity={"calls": 0, "slots": -3}))
        assert choice.branch is Branch.NOTIFY
        assert {each.branch for each in choice.passed_over} == {"escalate", "split", "rebook"}
        assert "of which 0 are left" in choice.passed_over[-1].because

    def test_if_nothing_can_be_taken_a_person_decides_about_the_first(
        self, make_policy: MakePolicy, facts: Facts
    ) -> None:
        def one_rule(data: dict[str, Any]) -> None:
            part = {"owner": "customer-service", "why": "mails a day"}
            data["capacity"] = {"mails": {"amount": 5, "unit": "mails", "per_hours": 24, **part}}
            data["branches"]["notify"]["uses"] = {"mails": 1}
            data["rules"] = [rule for rule in data["rules"] if rule["id"] == "likely_late"]

        choice = decide(make_policy(one_rule), {**facts, "late_probability": 0.5}, NOW, Context(capacity={"mails": 0}))
        assert (choice.recommended_branch, choice.branch, dict(choice.uses)) == (Branch.NOTIFY, Branch.REVIEW, {})
        assert choice.held_because == "notify uses 1 mails of mails, of which 0 are left"
        assert choice.payload["suggestion"] is not None

    def test_what_a_person_decides_anyway_needs_nothing_left(self, make_policy: MakePolicy, facts: Facts) -> None:
        def only_recommend(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            data["choice"] = "strongest"
            data["branches"]["rebook"]["mode"] = "recommend"

        policy = make_policy(only_recommend)
        choice = decide(policy, {**facts, "late_probability": 0.7}, NOW, Context(capacity={"slots": 0}))
        assert (choice.recommended_branch, choice.branch, choice.passed_over) == (Branch.REBOOK, Branch.REVIEW, ())

    @given(
        values=st.lists(st.integers(100_000, 9_000_000), max_size=8), slots=st.integers(0, 3), calls=st.integers(0, 3)
    )
    @quick
    def test_no_sequence_of_cases_ever_uses_more_than_there_is(
        self, by_cost: Policy, dear: Facts, values: list[int], slots: int, calls: int
    ) -> None:
        left: dict[str, float] = {"slots": slots, "calls": calls}
        for value in values:
            choice = decide(by_cost, {**dear, "value_minor": value}, NOW, Context(capacity=left))
            left = {name: amount - choice.uses.get(name, 0) for name, amount in left.items()}
        assert min(left.values()) >= 0


class TestForbidden:
    def test_a_forbidden_branch_is_passed_over_where_it_is_forbidden(self, by_cost: Policy, dear: Facts) -> None:
        order = forbid(Branch.ESCALATE, customer_id="C-7")
        choice = decide(by_cost, dear, NOW, Context(directives=(order,)))
        assert (choice.branch, choice.applied) == (Branch.REBOOK, ("dir-1",))
        assert choice.passed_over[0].because == (
            "escalate is forbidden; transport-operations ordered it until 2026-03-03T12:00:00Z: strike"
        )
        elsewhere = decide(by_cost, {**dear, "customer_id": "C-8"}, NOW, Context(directives=(order,)))
        assert (elsewhere.branch, elsewhere.applied) == (Branch.ESCALATE, ())

    def test_where_it_cannot_be_told_it_applies(self, by_cost: Policy, dear: Facts) -> None:
        order = forbid(Branch.ESCALATE, carrier_id="NWX")
        choice = decide(by_cost, {**dear, "carrier_id": None}, NOW, Context(directives=(order,)))
        assert choice.recommended_branch is not Branch.ESCALATE

    def test_it_ends_by_itself(self, by_cost: Policy, dear: Facts) -> None:
        context = Context(directives=(forbid(Branch.ESCALATE),))
        assert decide(by_cost, dear, NOW + timedelta(days=2), context).passed_over == ()

    def test_it_works_in_a_bundle_that_chooses_by_strength(self, policy: Policy, facts: Facts) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.7}, NOW, Context(directives=(forbid(Branch.REBOOK),)))
        assert (choice.recommended_branch, choice.passed_over[0].branch) == (Branch.SPLIT, Branch.REBOOK)

    def test_the_next_one_spends_no_money_while_one_between_is_undetermined(
        self, make_policy: MakePolicy, dear: Facts
    ) -> None:
        policy, order = make_policy(_by_strength), Context(directives=(forbid(Branch.ESCALATE),))
        assert decide(policy, dear, NOW, order).branch is Branch.REBOOK
        choice = decide(policy, {**dear, "alternate_carriers": Unknown("not told")}, NOW, order)
        assert (choice.recommended_branch, choice.branch) == (Branch.SPLIT, Branch.REVIEW)
        assert choice.held_because is not None
        assert "spends money and rule another_carrier for rebook could not be determined" in choice.held_because
        assert choice.missing == {"alternate_carriers": "alternate_carriers is unknown: not told"}


class TestNoMoneyOnWhatCannotBeTold:
    """What puts a branch that spends money before the others must be known, or a person decides."""

    @pytest.fixture
    def splittable(self, dear: Facts) -> Facts:
        """A case in which review, notify and split are offered."""
        return {**dear, "customer_tier": "standard"}

    def test_what_the_branches_cost(self, by_cost: Policy, splittable: Facts) -> None:
        def branch_at(value: object) -> Branch:
            return decide(by_cost, {**splittable, "value_minor": value}, NOW).branch

        assert (branch_at(1_000_000), branch_at(9_000_000)) == (Branch.NOTIFY, Branch.SPLIT)
        assert branch_at(Unknown("not told")) is Branch.REVIEW

    def test_whether_a_stronger_one_is_forbidden(self, make_policy: MakePolicy, dear: Facts) -> None:
        policy = make_policy(_by_strength)
        order = Context(directives=(forbid(Branch.ESCALATE), forbid(Branch.REBOOK, service_level="express")))
        case = {**dear, "service_level": "road"}
        assert decide(policy, case, NOW, order).branch is Branch.REBOOK
        choice = decide(policy, {**case, "service_level": Unknown("not told")}, NOW, order)
        assert (choice.recommended_branch, choice.branch, choice.decided_by) == (Branch.SPLIT, Branch.REVIEW, "unknown")
        assert choice.held_because is not None
        assert choice.held_because.startswith("split spends money, and rebook is forbidden; transport-operations")

    def test_whose_budget_a_stronger_one_uses(self, make_policy: MakePolicy, dear: Facts) -> None:
        def kept_apart(data: dict[str, Any]) -> None:
            _by_strength(data)
            data["capacity"]["calls"]["per"] = ["destination"]
            data["branches"]["rebook"]["uses"] = {"calls": 1}

        policy, order = make_policy(kept_apart), Context(directives=(forbid(Branch.ESCALATE),))
        assert decide(policy, dear, NOW, order).branch is Branch.REBOOK
        choice = decide(policy, {**dear, "destination": Unknown("not told")}, NOW, order)
        assert (choice.recommended_branch, choice.branch) == (Branch.SPLIT, Branch.REVIEW)

    @pytest.mark.parametrize("silence", [{"kind": "suppress"}, {"kind": "snooze", "rule": "another_carrier"}])
    def test_whether_it_is_silenced(self, make_policy: MakePolicy, dear: Facts, silence: dict[str, str]) -> None:
        order = forbid(Branch.REBOOK, destination="MUC").as_json()
        del order["branch"]
        perhaps = Directive.from_json({**order, **silence})
        policy, context = make_policy(_by_strength), Context(directives=(forbid(Branch.ESCALATE), perhaps))
        assert decide(policy, dear, NOW, context).branch is Branch.REBOOK
        choice = decide(policy, {**dear, "destination": Unknown("not told")}, NOW, context)
        assert (choice.recommended_branch, choice.branch, choice.decided_by) == (
            Branch.REBOOK,
            Branch.REVIEW,
            "unknown",
        )


class TestOptionsOf:
    def test_are_what_the_rules_offer_and_review(self, by_cost: Policy, dear: Facts) -> None:
        options = {option.name: option for option in options_of(by_cost, dear, NOW)}
        assert set(options) == {"review", "notify", "split", "escalate", "rebook"}
        assert options["rebook"].uses == {"slots": 1}
        assert options["review"].uses == {}
        assert options["escalate"].cost == pytest.approx(0.4 * 120_000 + 45 * 90 + 10)

    def test_a_forbidden_branch_is_none(self, by_cost: Policy, dear: Facts) -> None:
        context = Context(directives=(forbid(Branch.REBOOK),))
        assert "rebook" not in {option.name for option in options_of(by_cost, dear, NOW, context)}

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"late_probability": 0.1}, "none"),
            ({"customer_on_hold": True}, "review"),
            ({"strongest_branch_taken": "rebook"}, "none"),
            ({"value_minor": None}, "rebook"),
        ],
    )
    def test_where_there_is_nothing_to_choose_there_is_one(
        self, by_cost: Policy, dear: Facts, changes: Facts, name: str
    ) -> None:
        if "value_minor" in changes:
            name = decide(by_cost, {**dear, **changes}, NOW).branch.value
        assert [(option.name, option.cost) for option in options_of(by_cost, {**dear, **changes}, NOW)] == [(name, 0)]

    @given(
        values=st.lists(st.integers(100_000, 9_000_000), min_size=1, max_size=5),
        slots=st.integers(0, 2),
        calls=st.integers(0, 2),
    )
    @quick
    def test_shared_out_they_cost_what_brute_force_finds_and_never_more_than_one_after_the_other(
        self, by_cost: Policy, dear: Facts, values: list[int], slots: int, calls: int
    ) -> None:
        capacity: dict[str, float] = {"slots": slots, "calls": calls}
        cases = [{**dear, "value_minor": value} for value in values]
        options = [options_of(by_cost, case, NOW) for case in cases]
        best = min(
            sum(option.cost for option in taken)
            for taken in product(*options)
            if all(sum(option.uses.get(name, 0) for option in taken) <= limit for name, limit in capacity.items())
        )
        assert allocate(options, capacity).cost == pytest.approx(best, abs=1e-6)
        left, greedy = dict(capacity), 0.0
        for case, offered in zip(cases, options, strict=True):
            choice = decide(by_cost, case, NOW, Context(capacity=left))
            greedy += next(option.cost for option in offered if option.name == choice.recommended_branch)
            left = {name: amount - choice.uses.get(name, 0) for name, amount in left.items()}
        assert best <= greedy + 1e-6

    def test_an_option_is_what_it_says(self) -> None:
        assert Option("review", 1.0).uses == {}
