"""What one more unit of a budget would have saved: held against trying every way of sharing it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.allocation import Option, saved_by_one_more
from routing.buckets import Bucket
from routing.context import NO_CONTEXT, Context
from routing.engine import Choice, decide
from routing.policy import Policy
from routing.scarcity import Want, Windows, scarcity_of, wants_of
from routing.together import Waiting
from tests.drawn import drawn
from tests.routing.conftest import NOW, choosing_by_cost
from tests.serving.bundles import messages

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
SLOTS = Bucket("slots")


@pytest.fixture
def dear(facts: Facts) -> Facts:
    """A critical case in which review, notify, split, escalate and rebook are all offered."""
    changed = {"late_probability": 0.8, "customer_tier": "critical", "value_at_stake_minor": 120_000}
    return {**facts, **changed, "value_minor": 1_000_000}


def in_turn(policy: Policy, cases: Sequence[Facts], *, slots: float) -> list[tuple[Choice, Context]]:
    """Decide cases a minute apart, each with what those before it left."""
    left, decided = {"slots": slots, "calls": 0.0}, []
    for number, facts in enumerate(cases):
        context = Context(capacity=dict(left))
        choice = decide(policy, facts, NOW + timedelta(minutes=number), context)
        left = {name: amount - choice.uses.get(name, 0) for name, amount in left.items()}
        decided.append((choice, context))
    return decided


def wants(policy: Policy, decided: Sequence[tuple[Choice, Context]]) -> list[Want]:
    return [want for each in decided for bucket, want in wants_of(policy, *each) if bucket == SLOTS]


def least(cases: Sequence[Sequence[Option]], limit: float) -> float:
    """What the cases cost at least, by trying every way."""
    ways = (taken for taken in product(*cases) if sum(option.uses.get("slots", 0) for option in taken) <= limit)
    return min(sum(option.cost for option in taken) for taken in ways)


class TestOneMore:
    def test_saves_what_the_next_case_would_and_not_what_the_last_one_did(self) -> None:
        cases = [[Option("rebook", 10, {"slots": 1}), Option("review", cost)] for cost in (100, 70, 50)]
        assert saved_by_one_more(cases, {"slots": 2}, "slots") == pytest.approx(40)
        assert saved_by_one_more(cases, {"slots": 3}, "slots") == 0
        assert saved_by_one_more([], {"slots": 3}, "slots") == 0


class TestWants:
    def test_a_case_counts_that_took_or_that_lacked(self, by_cost: Policy, dear: Facts, facts: Facts) -> None:
        decided = in_turn(by_cost, [dear, dear, facts], slots=1)
        assert decided[0][0].branch is Branch.REBOOK
        found = wants(by_cost, decided)
        assert [(want.used, want.went_without) for want in found] == [(1, False), (0, True)]

    def test_costs_are_without_the_price_of_the_budget_itself(
        self, by_cost: Policy, make_policy: MakePolicy, dear: Facts
    ) -> None:
        def priced(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            data["capacity"]["slots"]["price_minor"] = 7

        plain, with_price = (wants(each, in_turn(each, [dear], slots=1))[0] for each in (by_cost, make_policy(priced)))
        assert plain.options == with_price.options

    def test_what_another_budget_barred_stays_barred(self, by_cost: Policy, dear: Facts) -> None:
        (want,) = wants(by_cost, in_turn(by_cost, [dear], slots=0))  # of calls none are left either
        assert "escalate" not in {option.name for option in want.options}

    def test_what_joins_a_message_wants_nothing(self, by_cost: Policy, dear: Facts) -> None:
        waits = Waiting("call_1", NOW)
        context = Context(capacity={"slots": 0.0}, waiting=dict.fromkeys((Branch.REBOOK, Branch.SPLIT), waits))
        assert wants(by_cost, [(decide(by_cost, dear, NOW, context), context)]) == []

    def test_a_bundle_that_takes_the_strongest_has_no_prices(self, make_policy: MakePolicy, dear: Facts) -> None:
        def strongest(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            data["choice"] = "strongest"

        policy = make_policy(strongest)
        assert wants(policy, in_turn(policy, [dear, dear], slots=1)) == []

    def test_what_cannot_be_priced_keeps_what_it_took(self, make_policy: MakePolicy, facts: Facts) -> None:
        def told(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            messages(1)(data)

        policy, case = make_policy(told), {**facts, "late_probability": 0.5, "departed": True}
        none_left = Context(capacity={"messages": 0.0})
        unpriced = decide(policy, {**case, "customer_tier": None}, NOW)
        assert unpriced.branch is Branch.NOTIFY
        found = [
            want
            for choice, context in ((unpriced, NO_CONTEXT), (decide(policy, case, NOW, none_left), none_left))
            for bucket, want in wants_of(policy, choice, context)
        ]
        assert [option.uses for option in found[0].options] == [{"messages": 1}]
        scarcity = scarcity_of(Bucket("messages"), found)
        assert scarcity[:2] == (2, 1)
        assert scarcity.shadow_price_minor > 0  # of two units each has one: the first is not shared out again


class TestPrice:
    @given(values=st.lists(st.integers(100_000, 9_000_000), min_size=1, max_size=5), slots=st.integers(0, 3))
    @drawn(40)
    def test_is_what_brute_force_finds(self, by_cost: Policy, dear: Facts, values: list[int], slots: int) -> None:
        decided = in_turn(by_cost, [{**dear, "value_minor": value} for value in values], slots=slots)
        found = wants(by_cost, decided)
        if not found:
            return
        scarcity, options = scarcity_of(SLOTS, found), [want.options for want in found]
        saved = least(options, slots) - least(options, slots + 1)
        assert scarcity.shadow_price_minor == pytest.approx(saved, abs=1e-6)
        lacked = [{each.branch for each in choice.passed_over} & {"rebook", "split"} for choice, _ in decided]
        assert scarcity.went_without == sum(bool(branches) for branches in lacked)

    def test_counts_what_people_used_as_not_there(self, by_cost: Policy, dear: Facts) -> None:
        (first, context), (second, _) = in_turn(by_cost, [dear, dear], slots=2)
        less = Context(capacity={"slots": 0.0, "calls": 0.0})  # a person let one out between the two
        second = decide(by_cost, dear, second.decided_at, less)
        assert scarcity_of(SLOTS, wants(by_cost, [(first, context), (second, less)])).shadow_price_minor > 0


class TestWindows:
    def test_are_as_long_as_the_hours_of_the_budget(self, by_cost: Policy, dear: Facts) -> None:
        windows, hours = Windows(by_cost), by_cost.budgets["slots"].per
        for number in range(4):
            at = NOW + (number - 3) * hours / 2
            context = Context(capacity={"slots": float(number % 2 == 0), "calls": 0.0})
            windows.add(decide(by_cost, dear, at, context), context)
        found = windows.windows()
        assert [(each.cases, each.went_without) for each in found["slots"]] == [(2, 1), (2, 1)]
        assert all(each.shadow_price_minor > 0 for each in found["slots"])
