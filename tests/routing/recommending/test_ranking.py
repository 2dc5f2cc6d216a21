from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from routing.recommending.ranking import Option, Way, ranked


def way(name: str, rate: int | None = 100, delay: int | None = 0, **more: object) -> Way:
    return Way(name=name, rate_minor=rate, delay_minor=delay, **more)  # type: ignore[arg-type]


def names(options: tuple[Option, ...]) -> list[str]:
    return [each.way.name for each in options]


class TestCost:
    def test_is_the_sum_where_the_answer_is_certain(self) -> None:
        (only,) = ranked([way("A", 100, 20, handling_minor=3)])
        assert only.expected_cost_minor == 123

    def test_of_a_no_is_the_refusal_and_what_stands(self) -> None:
        found = {each.way.name: each for each in ranked([way("S", 500, stands=True), way("A", 100, accepted=0.25)],
                                                        refusal_minor=40)}  # fmt: skip
        assert found["A"].expected_cost_minor == round(0.25 * 100 + 0.75 * (500 + 40))

    def test_of_a_no_is_the_dearest_where_nothing_stands(self) -> None:
        found = {each.way.name: each for each in ranked([way("B", 300), way("A", 100, accepted=0.5)])}
        assert found["A"].expected_cost_minor == 200

    def test_of_a_sure_no_is_never_below_what_stands(self) -> None:
        found = {each.way.name: each for each in ranked([way("S", 500, stands=True), way("A", 1, accepted=0.0)])}
        assert found["A"].expected_cost_minor == 500


class TestOrder:
    def test_is_by_expected_cost_and_does_not_hang_on_the_order_given(self) -> None:
        ways = [way("A", 100, 50), way("B", 120, 10), way("C", 90, 90, stands=True)]
        assert {tuple(names(ranked(each))) for each in permutations(ways)} == {("B", "A", "C")}

    def test_of_equal_costs_is_by_the_surer_yes_then_by_name(self) -> None:
        ways = [way("Z", 100, stands=True), way("B", 100, accepted=0.5), way("A", 100, accepted=0.5)]
        assert names(ranked(ways)) == ["Z", "A", "B"]

    def test_leaves_what_cannot_be_taken_to_the_end_without_a_rank(self) -> None:
        ways = [way("X", 1, infeasible_because=("it has left",)), way("Y", None), way("A")]
        options = ranked(ways)
        assert names(options) == ["A", "X", "Y"]
        assert [each.rank for each in options] == [1, None, None]
        assert all(each.expected_cost_minor is None for each in options[1:])

    def test_writes_down_with_which_probability_each_was_chosen(self) -> None:
        assert [each.propensity for each in ranked([way("A"), way("B", 101), way("C", None)])] == [1.0, 0.0, 0.0]

    def test_of_nothing_is_nothing(self) -> None:
        assert ranked([]) == ()


class TestDominance:
    def test_names_who_is_no_worse_in_anything_and_better_in_something(self) -> None:
        worse = ranked([way("A", 100, 10), way("B", 100, 20)])[1]
        assert worse.dominated_by == "A"

    @pytest.mark.parametrize("other", [way("B", 99, 90), way("B", 140, 9), way("B", 200, 10, accepted=1.0)])
    def test_does_not_hold_where_anything_is_better(self, other: Way) -> None:
        options = {each.way.name: each for each in ranked([way("A", 100, 10, accepted=0.9), other])}
        assert options["B"].dominated_by is None

    def test_of_equals_does_not_hold(self) -> None:
        assert {each.dominated_by for each in ranked([way("A"), way("B")])} == {None}

    def test_by_what_cannot_be_taken_does_not_hold(self) -> None:
        (first, _) = ranked([way("A", 1, infeasible_because=("silent",)), way("B", 2)])
        assert first.dominated_by is None

    def test_never_falls_on_the_first_whatever_the_ways(self) -> None:
        random = Random(4)
        for _ in range(300):
            ways = [
                way(str(number), random.randrange(5), random.randrange(5), handling_minor=random.randrange(2),
                    accepted=1.0 if number == 0 else random.random(), stands=number == 0)
                for number in range(random.randrange(2, 6))
            ]  # fmt: skip
            options = ranked(ways)
            by_name = {each.way.name: each for each in options}
            for each in options:
                if each.dominated_by is not None:
                    other = by_name[each.dominated_by].way
                    assert other.taken_minor is not None
                    assert each.way.taken_minor is not None
                    assert other.taken_minor <= each.way.taken_minor
                    assert other.accepted >= each.way.accepted
