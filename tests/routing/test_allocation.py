"""The allocation of many cases, against trying every combination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.allocation import Option, allocate
from routing.errors import AllocationError
from tests.drawn import drawn

BUDGETS = ("slots", "minutes")


@st.composite
def options(draw: st.DrawFn) -> list[Option]:
    """Draw the options of a case, one of which uses nothing."""
    drawn = draw(
        st.lists(
            st.tuples(st.integers(0, 500), st.integers(0, 3), st.sampled_from([0, 0.5, 6, 45])), min_size=0, max_size=3
        )
    )
    named = [
        Option(f"o{n}", cost, {"slots": slots, "minutes": minutes}) for n, (cost, slots, minutes) in enumerate(drawn)
    ]
    return [*named, Option("review", draw(st.integers(0, 800)))]


CASES = st.lists(options(), min_size=1, max_size=6)
CAPACITY = st.fixed_dictionaries({"slots": st.integers(0, 8), "minutes": st.sampled_from([0, 0.5, 12, 50, 100])})


def by_brute_force(cases: Sequence[Sequence[Option]], capacity: Mapping[str, float]) -> float:
    """Return the least cost of all combinations that stay within the budgets."""
    return min(
        sum(option.cost for option in taken)
        for taken in product(*cases)
        if all(sum(option.uses.get(name, 0) for option in taken) <= limit for name, limit in capacity.items())
    )


@given(cases=CASES, capacity=CAPACITY)
@drawn(75)
def test_costs_what_the_best_of_all_combinations_costs_and_overdraws_nothing(
    cases: list[list[Option]], capacity: dict[str, float]
) -> None:
    found = allocate(cases, capacity)
    assert found.cost == by_brute_force(cases, capacity)
    assert [option in case for option, case in zip(found.chosen, cases, strict=True)] == [True] * len(cases)
    for name, limit in capacity.items():
        assert found.used[name] == sum(option.uses.get(name, 0) for option in found.chosen) <= limit


@given(
    cases=st.lists(
        st.lists(st.tuples(st.integers(0, 500), st.floats(0, 2)), min_size=1, max_size=3), min_size=1, max_size=5
    ),
    limit=st.floats(0, 4),
)
@example(cases=[[(0, 0.5000001)], [(0, 0.5000001)]], limit=1.0)
@example(cases=[[(0, 500.0003)], [(0, 500.0003)]], limit=1000.0)
@example(cases=[[(0, 500_000.4)], [(0, 500_000.4)]], limit=1e6)
@example(cases=[[(0, 0.1)], [(0, 0.1)], [(0, 0.1)]], limit=0.3)
@drawn(75)
def test_no_budget_is_overdrawn_by_however_little(cases: list[list[tuple[int, float]]], limit: float) -> None:
    named = [
        [*(Option(f"o{n}", cost, {"slots": use}) for n, (cost, use) in enumerate(case)), Option("none", 600)]
        for case in cases
    ]
    found = allocate(named, {"slots": limit})
    used = sum(Decimal(repr(use)) for option in found.chosen for use in option.uses.values())
    assert used <= Decimal(repr(limit))
    assert used <= Decimal(repr(found.used["slots"])) <= used + len(cases) * Decimal("1e-6")


def test_what_fits_to_the_last_millionth_is_taken() -> None:
    cases = [[Option("rebook", 0, {"slots": 0.1}), Option("none", 1)] for _ in range(3)]
    assert [option.name for option in allocate(cases, {"slots": 0.3}).chosen] == ["rebook"] * 3


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_what_is_no_number_is_told(number: float) -> None:
    for cases, capacity in (
        ([[Option("a", number)]], {}),
        ([[Option("a", 1, {"slots": number})]], {"slots": 1.0}),
        ([[Option("a", 1, {"slots": 1})]], {"slots": number}),
    ):
        with pytest.raises(AllocationError):
            allocate(cases, capacity)


@given(cases=CASES, capacity=CAPACITY)
@drawn(50)
def test_the_shadow_prices_account_for_the_bound_to_the_last_unit(
    cases: list[list[Option]], capacity: dict[str, float]
) -> None:
    """Strong duality: at these prices each case by itself, less what the budgets are worth, costs the bound."""
    found = allocate(cases, capacity)
    prices = found.shadow_prices
    alone = sum(
        min(option.cost + sum(prices[name] * used for name, used in option.uses.items()) for option in case)
        for case in cases
    )
    worth = sum(prices[name] * limit for name, limit in capacity.items())
    assert all(price >= 0 for price in prices.values())
    assert alone - worth == pytest.approx(found.bound, abs=1e-6)
    assert found.bound <= found.cost + 1e-6


def test_a_unit_of_a_scarce_budget_is_worth_what_it_saves() -> None:
    cases = [[Option("rebook", 10, {"slots": 1}), Option("review", cost)] for cost in (100, 70, 50)]
    found = allocate(cases, {"slots": 2, "spare": 5})
    assert [option.name for option in found.chosen] == ["rebook", "rebook", "review"]
    assert (found.cost, found.used) == (70, {"slots": 2, "spare": 0})
    assert 40 <= found.shadow_prices["slots"] <= 60  # between what the third case would save and what the second does
    assert found.shadow_prices["spare"] == 0


def test_without_cases_or_budgets_there_is_nothing_to_share() -> None:
    assert allocate([], {"slots": 1}).cost == 0
    found = allocate([[Option("a", 3), Option("b", 2, {"slots": 9})]], {})
    assert (found.chosen[0].name, found.cost, found.bound) == ("b", 2, 2)


def test_a_case_without_an_option_and_a_budget_that_cannot_be_kept_are_told() -> None:
    with pytest.raises(AllocationError, match="case 1 has no option"):
        allocate([[Option("a", 1)], []], {})
    with pytest.raises(AllocationError, match="no choice stays within the budgets"):
        allocate([[Option("a", 1, {"slots": 2})]], {"slots": 1})
