"""Budgets that are kept apart: whose part a case takes from, and what happens where that cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.allocation import allocate
from routing.buckets import Bucket, bucket_of, whole_buckets
from routing.context import Context
from routing.engine import decide
from routing.options import options_of
from routing.policy import Policy
from tests.drawn import drawn
from tests.routing.conftest import NOW, choosing_by_cost
from tests.serving.bundles import exploring, messages

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]


def apart(data: dict[str, Any]) -> None:
    """Share out slots and calls by cost, slots for each carrier and calls for each lane of each bundle."""
    choosing_by_cost(data)
    data["capacity"]["slots"]["per"] = ["carrier_id"]
    data["capacity"]["calls"]["per"] = ["bundle", "origin", "destination"]


@pytest.fixture(scope="module")
def kept_apart(make_policy: MakePolicy) -> Policy:
    return make_policy(apart)


@pytest.fixture
def dear(facts: Facts) -> Facts:
    """A critical case in which review, notify, split, escalate and rebook are all offered."""
    changed = {"late_probability": 0.8, "customer_tier": "critical", "value_at_stake_minor": 120_000}
    return {**facts, **changed, "value_minor": 1_000_000}


class TestBuckets:
    def test_are_named_by_budget_and_values(self, kept_apart: Policy, by_cost: Policy) -> None:
        known = {"carrier_id": "NWX", "origin": "SEA", "destination": "ORD"}
        slots, calls = kept_apart.budgets["slots"], kept_apart.budgets["calls"]
        assert bucket_of(slots, known, "d1") == Bucket("slots", ("NWX",))
        assert str(bucket_of(calls, known, "d1")) == 'calls["d1", "SEA", "ORD"]'
        assert bucket_of(slots, {"carrier_id": "ACE"}, "d1") != bucket_of(slots, known, "d1")
        assert bucket_of(calls, known, "d2") != bucket_of(calls, known, "d1")
        assert str(bucket_of(by_cost.budgets["slots"], {}, "d1")) == "slots"
        assert Bucket("slots").values_digest == ""
        assert Bucket("a", ("x", "y")).values_digest != Bucket("a", ("x,y",)).values_digest

    def test_there_is_none_where_a_fact_is_not_known(self, kept_apart: Policy) -> None:
        assert bucket_of(kept_apart.budgets["calls"], {"origin": "SEA"}, "d") is None

    def test_the_whole_of_each_is_there_once(self, kept_apart: Policy, by_cost: Policy) -> None:
        cases = [{"carrier_id": name, "origin": "SEA"} for name in ("NWX", "ACE", "NWX")]
        assert whole_buckets(kept_apart, cases) == {'slots["NWX"]': 2, 'slots["ACE"]': 2}
        assert whole_buckets(by_cost, cases) == {"slots": 2, "calls": 3}


class TestDeciding:
    def test_a_branch_is_passed_over_for_want_of_what_is_kept_for_the_case(
        self, kept_apart: Policy, dear: Facts
    ) -> None:
        choice = decide(kept_apart, dear, NOW, Context(capacity={"calls": 0, "slots": 0}))
        assert choice.branch is Branch.NOTIFY
        whys = {each.branch.value: each.because for each in choice.passed_over}
        assert whys["rebook"] == "rebook uses 1 bookings of slots for carrier_id NWX, of which 0 are left"
        assert whys["escalate"] == (
            "escalate uses 1 calls of calls for this bundle, origin SEA, destination ORD, of which 0 are left"
        )

    def test_whose_it_would_be_must_be_known_for_anything_to_act(self, kept_apart: Policy, dear: Facts) -> None:
        choice = decide(kept_apart, {**dear, "destination": None, "origin": None}, NOW)
        assert (choice.recommended_branch, choice.branch) == (Branch.REBOOK, Branch.REVIEW), "it spends money"
        assert [tuple(each)[1:] for each in choice.passed_over] == [
            (
                "critical_at_stake",
                "it cannot be told whose calls escalate would use: origin, destination are not known",
            )
        ]

    def test_what_a_person_decides_anyway_need_not_be_told_whose_it_is(
        self, make_policy: MakePolicy, dear: Facts
    ) -> None:
        def only_recommend(data: dict[str, Any]) -> None:
            apart(data)
            data["branches"]["escalate"]["mode"] = "recommend"

        choice = decide(make_policy(only_recommend), {**dear, "origin": None}, NOW)
        assert (choice.recommended_branch, choice.branch, choice.passed_over) == (Branch.ESCALATE, Branch.REVIEW, ())

    def test_where_no_branch_is_left_a_person_decides(self, make_policy: MakePolicy, facts: Facts) -> None:
        def one_rule(data: dict[str, Any]) -> None:
            messages(5, per=["carrier_id"])(data)
            data["rules"] = [rule for rule in data["rules"] if rule["id"] == "likely_late"]

        policy = make_policy(one_rule)
        choice = decide(policy, {**facts, "late_probability": 0.5, "carrier_id": None}, NOW)
        assert (choice.recommended_branch, choice.branch) == (Branch.NOTIFY, Branch.REVIEW)
        assert choice.held_because == "it cannot be told whose messages notify would use: carrier_id is not known"

    def test_chance_takes_nothing_of_what_is_used_up(self, make_policy: MakePolicy, facts: Facts) -> None:
        def edit(data: dict[str, Any]) -> None:
            messages(5, per=["carrier_id"])(data)
            exploring(0.5)(data)

        policy, case = make_policy(edit), {**facts, "late_probability": 0.5}
        assert decide(policy, case, NOW, Context(subject_id="S")).explored is not None
        used_up = decide(policy, case, NOW, Context(subject_id="S", capacity={"messages": 0}))
        assert used_up.explored is None or Branch.NOTIFY not in used_up.explored.propensities


CASES = st.lists(
    st.tuples(st.integers(100_000, 9_000_000), st.sampled_from(["NWX", "ACE", None])), min_size=1, max_size=5
)


class TestManyAtOnce:
    @given(cases=CASES, slots=st.integers(0, 2))
    @drawn(40)
    def test_shared_out_they_cost_what_brute_force_finds_within_each_part(
        self, make_policy: MakePolicy, kept_apart: Policy, dear: Facts, cases: list[tuple[int, str]], slots: int
    ) -> None:
        facts = [{**dear, "value_minor": value, "carrier_id": carrier} for value, carrier in cases]
        options = [options_of(kept_apart, case, NOW) for case in facts]
        whole = whole_buckets(kept_apart, [kept_apart.reader.read(case).known for case in facts])
        capacity = {name: slots if name.startswith("slots") else amount for name, amount in whole.items()}
        best = min(
            sum(option.cost for option in taken)
            for taken in product(*options)
            if all(sum(option.uses.get(name, 0) for option in taken) <= limit for name, limit in capacity.items())
        )
        found = allocate(options, capacity)
        assert found.cost == pytest.approx(best, abs=1e-6)
        assert set(found.shadow_prices) == set(capacity)
        for (_, carrier), offered in zip(cases, options, strict=True):
            named = {name for option in offered for name in option.uses if name.startswith("slots")}
            assert named <= {f'slots["{carrier}"]'}
            assert named or carrier is None
