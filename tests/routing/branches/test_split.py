from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.branches.case import Case, Infeasible
from routing.branches.split import SplitPlan, build
from tests.routing.branches.cases import a_case

PLAN = SplitPlan(share_moved=0.5, open_shipments_below=40)


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
