from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest

from routing.facts import Unknown
from routing.recommending.nodes import Inbound, Line, Node, Plan, late_probability, order_options
from routing.recommending.ranking import Option

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROMISED = NOW + 48 * HOUR


def node(place: str, free: float = 10, **given: Any) -> Node:
    usual: dict[str, Any] = {"late_probability": 0.1, "ship_minor": 1_000, "cut_off_at": NOW + 8 * HOUR}
    return Node(place=place, free={"X": free}, **{**usual, **given})


def line(quantity: float = 10, line_id: str = "1", sku: str = "X", loss: float = 100) -> Line:
    return Line(line_id=line_id, sku=sku, quantity=quantity, loss_minor_per_unit=loss)


def options(nodes: list[Node], lines: list[Line] | None = None, **given: Any) -> dict[str, tuple[Option, Plan]]:
    found = order_options(lines or [line()], nodes, promised_at=PROMISED, now=NOW, **given)
    return {option.way.name: (option, plan) for option, plan in found}


class TestCost:
    def test_of_one_place_is_sending_and_the_risk_of_what_it_sends(self) -> None:
        option, plan = options([node("A", ship_minor_per_unit=3)])["A"]
        assert option.expected_cost_minor == 1_000 + 10 * 3 + round(0.1 * 10 * 100)
        assert [(part.place, part.quantity) for part in plan.parts] == [("A", 10)]

    def test_of_what_stays_short_is_that_of_being_late_for_sure(self) -> None:
        option, plan = options([node("A", 4)])["A"]
        assert plan.short == {"1": 6}
        assert option.expected_cost_minor == 1_000 + round(0.1 * 4 * 100) + 600

    def test_of_two_places_has_both_parcels_and_the_time_of_people(self) -> None:
        found = options([node("A", 4, stands=True), node("B", 9)], handling_minor=50)
        option, plan = found["A + B"]
        assert plan.short == {}
        assert option.expected_cost_minor == 2_000 + 100 + 50
        assert found["A"][0].way.stands


class TestStock:
    def test_on_its_way_counts_if_it_comes_before_the_cut_off_with_its_own_risk(self) -> None:
        lot = Inbound(sku="X", quantity=10, due_at=NOW + 8 * HOUR, late_probability=0.5)
        option, plan = options([node("A", 4, inbound=[lot])])["A"]
        assert [(part.quantity, part.inbound, round(part.late_probability, 6)) for part in plan.parts] == [
            (4, 0, 0.1), (6, 6, 0.55)
        ]  # fmt: skip
        assert option.way.delay_minor == round(0.1 * 400 + 0.55 * 600)

    def test_that_comes_after_the_cut_off_does_not(self) -> None:
        lot = Inbound(sku="X", quantity=10, due_at=NOW + 9 * HOUR)
        assert options([node("A", 4, inbound=[lot])])["A"][1].short == {"1": 6}

    def test_is_given_once_where_two_lines_want_it(self) -> None:
        _, plan = options([node("A", 12)], [line(10, "1"), line(10, "2")])["A"]
        assert plan.short == {"2": 8}

    def test_of_nothing_wanted_rules_a_place_out(self) -> None:
        option, _ = options([node("A", 0)])["A"]
        assert option.way.infeasible_because == ("it has nothing of what is wanted",)


class TestShipComplete:
    def test_lets_one_place_alone_send_and_only_all_of_it(self) -> None:
        found = options([node("A", 4), node("B", 10)], ship_complete=True)
        assert found.keys() == {"A", "B"}
        assert found["A"][0].way.infeasible_because == ("the customer takes all of it or none, and it cannot give all",)
        assert found["B"][0].rank == 1

    def test_makes_all_of_it_wait_for_the_part_that_comes_last(self) -> None:
        lot = Inbound(sku="X", quantity=6, due_at=NOW, late_probability=0.5)
        option, _ = options([node("A", 4, inbound=[lot])], ship_complete=True)["A"]
        assert option.way.delay_minor == round(0.55 * 1_000)


class TestReasons:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"ship_minor": None}, "what sending from there costs is not known"),
            ({"late_probability": None}, "its risk cannot be told"),
            ({"cut_off_at": NOW - HOUR}, "its cut-off is past, 2026-03-02 05:00 UTC"),
            ({"infeasible_because": ("it is shut",)}, "it is shut"),
        ],
    )
    def test_are_said_in_words(self, given: dict[str, Any], words: str) -> None:
        option, _ = options([node("A", **given)])["A"]
        assert option.rank is None
        assert words in option.way.infeasible_because[0]


class TestRiskOfTheLane:
    @pytest.mark.parametrize(("hours_left", "risk"), [(20.0, 0.5), (30.0, 0.1)])
    def test_is_one_half_at_the_usual_transit_and_a_tenth_at_the_slow_one(self, hours_left: float, risk: float) -> None:
        lane = node("A", late_probability=None, leaves_at=PROMISED - hours_left * HOUR, usual_hours=20, slow_hours=30)
        found = late_probability(lane, PROMISED)
        assert not isinstance(found, Unknown)
        assert found == pytest.approx(risk)

    def test_is_certain_if_it_leaves_after_the_promise(self) -> None:
        assert late_probability(
            node("A", late_probability=None, leaves_at=PROMISED, usual_hours=20, slow_hours=30), PROMISED
        ) == 1.0  # fmt: skip


def test_no_way_to_share_out_a_line_is_cheaper_than_the_first() -> None:
    random = Random(8)
    for _ in range(60):
        nodes = [
            node(place, random.randrange(0, 5), late_probability=random.random(), ship_minor=random.randrange(0, 300),
                 ship_minor_per_unit=random.randrange(0, 40), stands=place == "A")
            for place in "ABC"
        ]  # fmt: skip
        wanted = random.randrange(1, 7)
        ranks = [option for option, _ in options(nodes, [line(wanted)]).values() if option.rank == 1]
        costs = []
        for taken in product(*(range(int(each.free["X"]) + 1) for each in nodes)):
            used = [(each, amount) for each, amount in zip(nodes, taken, strict=True) if amount]
            can_give = sum(each.free["X"] for each, _ in used)
            if used and sum(taken) == min(wanted, can_give):  # who sends, sends what is wanted as far as it goes
                cost = sum(each.ship_minor or 0 for each, _ in used) + 100 * (wanted - sum(taken))
                cost += sum(n * (each.ship_minor_per_unit + (each.late_probability or 0) * 100) for each, n in used)
                costs.append(cost)
        if costs:
            assert ranks[0].expected_cost_minor == pytest.approx(min(costs), abs=1.1)
