from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.branches.case import Case, Infeasible
from routing.branches.split import SplitPlan, build
from tests.routing.branches.cases import a_case

PLAN = SplitPlan(share_moved=0.5, open_shipments_below=40)
NAMING = SplitPlan(share_moved=0.5, open_shipments_below=40, name_lines=True)


def built(case: Case, plan: SplitPlan = PLAN) -> dict[str, Any]:
    payload = build(case, plan)
    assert not isinstance(payload, Infeasible)
    return payload


def places(*rows: tuple[str, float, float]) -> tuple[dict[str, object], ...]:
    return tuple({"place": name, "open_shipments": waiting, "late_share": share} for name, waiting, share in rows)


class TestPieces:
    @pytest.mark.parametrize(("pieces", "moved"), [(2, 1), (3, 2), (5, 3), (10, 5), (4.0, 2)])
    def test_the_share_that_moves_is_rounded_up(self, pieces: float, moved: int) -> None:
        found = built(a_case(pieces=pieces))
        assert (found["move_pieces"], found["stay_pieces"]) == (moved, pieces - moved)

    def test_at_least_one_stays(self) -> None:
        found = built(a_case(pieces=2), SplitPlan(share_moved=0.99, open_shipments_below=40))
        assert (found["move_pieces"], found["stay_pieces"]) == (1, 1)

    @given(pieces=st.integers(2, 2**63 - 1), share=st.floats(0.001, 0.999))
    def test_none_is_lost_and_each_place_sends_some(self, pieces: int, share: float) -> None:
        found = built(a_case(pieces=pieces), SplitPlan(share_moved=share, open_shipments_below=40))
        assert found["move_pieces"] + found["stay_pieces"] == pieces
        assert min(found["move_pieces"], found["stay_pieces"]) >= 1

    @pytest.mark.parametrize("pieces", [1, 1.9, 0, -3])
    def test_one_piece_cannot_be_parted(self, pieces: float) -> None:
        assert build(a_case(pieces=pieces), PLAN) == Infeasible("there is only one piece")

    def test_a_customer_who_takes_all_or_none_gets_all(self) -> None:
        assert build(a_case(ship_complete=True), PLAN) == Infeasible("the customer takes all of it or none")


class TestPlace:
    def test_is_the_least_late_of_those_with_room(self) -> None:
        found = built(a_case())
        assert found["from"] == "SEA"
        assert found["alternate_origin"] == {"place": "PDX", "open_shipments": 12, "late_share": 0.1}

    def test_of_equally_late_ones_it_is_the_emptier_then_the_first_by_name(self) -> None:
        for rows, chosen in (
            (places(("GEG", 9, 0.1), ("PDX", 8, 0.1)), "PDX"),
            (places(("PDX", 9, 0.1), ("GEG", 9, 0.1)), "GEG"),
        ):
            assert built(a_case(alternate_origins=rows))["alternate_origin"]["place"] == chosen

    @pytest.mark.parametrize("rows", [(), places(("SEA", 0, 0.0)), places(("PDX", 40, 0.0))])
    def test_there_must_be_another_with_room(self, rows: object) -> None:
        assert build(a_case(alternate_origins=rows), PLAN) == Infeasible(
            "no other place has fewer than 40 open shipments"
        )

    def test_one_short_of_the_limit_has_room(self) -> None:
        assert built(a_case(alternate_origins=places(("PDX", 39, 0.0))))["alternate_origin"]["place"] == "PDX"


def wanted(*rows: tuple[str, str, float, str, float]) -> tuple[dict[str, object], ...]:
    return tuple(dict(zip(("line_id", "sku", "quantity", "place", "free"), row, strict=True)) for row in rows)


class TestLines:
    def test_are_named_with_who_sends_how_much_of_each(self) -> None:
        lines = wanted(("10", "A", 6, "PDX", 4), ("20", "B", 4, "PDX", 9))
        found = built(a_case(order_lines=lines, pieces=5), NAMING)
        assert (found["lines"], found["lines_unknown_because"]) == (
            [
                {"line_id": "10", "sku": "A", "quantity": 4, "from": "PDX"},
                {"line_id": "10", "sku": "A", "quantity": 2, "from": "SEA"},
                {"line_id": "20", "sku": "B", "quantity": 1, "from": "PDX"},
                {"line_id": "20", "sku": "B", "quantity": 3, "from": "SEA"},
            ],
            None,
        )
        assert (found["move_pieces"], found["stay_pieces"]) == (3, 2), "as the lines are shared out"

    def test_lines_of_one_article_share_what_lies_free(self) -> None:
        lines = wanted(("10", "A", 3, "PDX", 4), ("20", "A", 5, "PDX", 4))
        found = built(a_case(order_lines=lines), NAMING)
        assert sum(part["quantity"] for part in found["lines"] if part["from"] == "PDX") == 4

    def test_the_place_is_the_least_late_that_has_some_of_them(self) -> None:
        rows = places(("PDX", 8, 0.1), ("GEG", 9, 0.2))
        lines = wanted(("10", "A", 6, "PDX", 0), ("10", "A", 6, "GEG", 2))
        found = built(a_case(alternate_origins=rows, order_lines=lines), NAMING)
        assert (found["alternate_origin"]["place"], found["lines"][0]["quantity"]) == ("GEG", 2)

    @pytest.mark.parametrize("lines", [wanted(("10", "A", 6, "PDX", 0)), wanted(("10", "A", 1, "PDX", 9))])
    def test_nothing_is_split_where_no_place_could_send_a_part(self, lines: tuple[dict[str, object], ...]) -> None:
        found = build(a_case(order_lines=lines), NAMING)
        assert isinstance(found, Infeasible)
        assert "no other place with room has a line of the order free" in found.reason

    def test_where_they_are_not_known_the_payload_says_why(self) -> None:
        case = a_case()._replace(why_missing=lambda name: f"{name} is unknown: the shipment names no order")
        found = built(case, NAMING)
        assert (found["lines"], found["lines_unknown_because"]) == (
            None,
            "order_lines is unknown: the shipment names no order",
        )
        assert found["move_pieces"] == built(case)["move_pieces"]

    def test_an_earlier_bundle_which_does_not_ask_for_them_gets_what_it_got(self) -> None:
        found = built(a_case(order_lines=wanted(("10", "A", 6, "PDX", 0))))
        assert found.keys() == {"from", "stay_pieces", "move_pieces", "alternate_origin"}


class TestCost:
    def test_is_what_the_alternatives_say(self) -> None:
        case = a_case()
        (alternative,) = case.costs.compare({case.branch: case.offer}, case.known)
        assert built(case, NAMING)["cost"] == {
            "fixed_minor": case.offer.fixed_minor,
            "analyst_minutes": case.offer.analyst_minutes,
            "expected_minor": alternative.expected_cost_minor,
            "expected_unknown_because": None,
            "currency": case.costs.currency,
        }

    def test_says_why_it_cannot_be_told(self) -> None:
        case = a_case()
        unpriced = case._replace(known={name: value for name, value in case.known.items() if name != "value_minor"})
        cost = built(unpriced, NAMING)["cost"]
        assert cost["expected_minor"] is None
        assert cost["expected_unknown_because"]
