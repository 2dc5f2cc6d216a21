from __future__ import annotations

from itertools import product
from random import Random

import pytest

from routing.errors import AllocationError
from routing.recommending.assignment import Assignment, Case, assign
from routing.recommending.ranking import Option, Way, ranked


def case(name: str, size: float = 1.0, **costs: int) -> Case:
    """Return a case whose options cost so and so much; the one called NWX stands."""
    ways = [Way(name=each, rate_minor=cost, delay_minor=0, stands=each == "NWX") for each, cost in costs.items()]
    return Case(name=name, options=ranked(ways), carrier_of={each: each for each in costs}, size=size)


def taken(found: Assignment) -> dict[str, str]:
    return {each.name: each.taken.way.name for each in found.cases}


class TestAssign:
    def test_gives_a_scarce_carrier_to_whoever_saves_most_by_it(self) -> None:
        cases = [case("A", NWX=100, ACE=60), case("B", NWX=100, ACE=20)]
        found = assign(cases, {"ACE": 1})
        assert taken(found) == {"A": "NWX", "B": "ACE"}
        assert (found.allocation.cost, found.alone_minor) == (120, 80)
        assert found.allocation.used == {"ACE": 1}

    def test_prices_the_capacity_by_what_one_more_would_save(self) -> None:
        cases = [case(str(number), NWX=100, ACE=100 - saved) for number, saved in enumerate((10, 20, 30, 40))]
        found = assign(cases, {"ACE": 2})
        one_more = assign(cases, {"ACE": 3})
        assert found.allocation.cost - one_more.allocation.cost == 20
        assert found.allocation.shadow_prices["ACE"] in (20, 30)  # between the last one in and the first one out

    def test_takes_what_stands_without_anybodys_room(self) -> None:
        assert taken(assign([case("A", NWX=10, ACE=20)], {"NWX": 0, "ACE": 0})) == {"A": "NWX"}

    def test_counts_sizes(self) -> None:
        cases = [case("A", 3, NWX=100, ACE=0), case("B", 2, NWX=80, ACE=0), case("C", 2, NWX=70, ACE=0)]
        assert taken(assign(cases, {"ACE": 4})) == {"A": "NWX", "B": "ACE", "C": "ACE"}

    def test_of_nothing_is_nothing(self) -> None:
        assert assign([], {"ACE": 1}).cases == ()

    def test_says_so_if_no_choice_stays_within(self) -> None:
        with pytest.raises(AllocationError, match="no choice stays within"):
            assign([case("A", ACE=1), case("B", ACE=1)], {"ACE": 1})


def test_equals_brute_force_and_never_exceeds_a_capacity() -> None:
    random = Random(11)
    for _ in range(25):
        carriers = ("ACE", "BEE", "NWX")
        cases = [
            case(str(number), random.choice([1.0, 2.0, 3.0]), **{each: random.randrange(200) for each in carriers})
            for number in range(random.randrange(1, 6))
        ]
        capacity = {each: float(random.randrange(0, 6)) for each in ("ACE", "BEE")}
        found = assign(cases, capacity)
        best = min(
            sum(option.expected_cost_minor or 0 for option in choice)
            for choice in product(*(each.options for each in cases))
            if _fits(cases, choice, capacity)
        )
        assert found.allocation.cost == best
        assert found.allocation.bound <= best + 1e-6
        assert _fits(cases, [each.taken for each in found.cases], capacity)


def _fits(cases: list[Case], choice: object, capacity: dict[str, float]) -> bool:
    used = dict.fromkeys(capacity, 0.0)
    chosen: list[Option] = list(choice)  # type: ignore[call-overload]
    for each, option in zip(cases, chosen, strict=True):
        if option.way.name in used:
            used[option.way.name] += each.size
    return all(used[name] <= limit for name, limit in capacity.items())
