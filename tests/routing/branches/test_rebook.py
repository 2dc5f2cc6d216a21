from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from routing.branches.case import Case, Infeasible
from routing.branches.rebook import RebookPlan, build
from routing.cost import Offer
from tests.routing.branches.cases import NOW, a_case

PLAN = RebookPlan(tender_window_hours=2, carriers_at_most=2, late_share_below=0.2)


def built(case: Case, plan: RebookPlan = PLAN) -> dict[str, Any]:
    payload = build(case, plan)
    assert not isinstance(payload, Infeasible)
    return payload


def carriers(*rows: tuple[str, float]) -> tuple[dict[str, object], ...]:
    return tuple({"carrier_id": carrier, "late_share": share} for carrier, share in rows)


class TestCarriers:
    def test_are_ranked_least_late_first(self) -> None:
        assert built(a_case())["carriers"] == [
            {"rank": 1, "carrier_id": "BEE", "late_share": 0.05},
            {"rank": 2, "carrier_id": "ACE", "late_share": 0.15},
        ]

    def test_equally_late_ones_come_in_the_order_of_their_names_however_they_were_given(self) -> None:
        for rows in (carriers(("COG", 0.1), ("ACE", 0.1)), carriers(("ACE", 0.1), ("COG", 0.1))):
            found = built(a_case(alternate_carriers=rows))["carriers"]
            assert [carrier["carrier_id"] for carrier in found] == ["ACE", "COG"]

    def test_never_include_the_one_that_has_it(self) -> None:
        rows = carriers(("NWX", 0.0), ("ACE", 0.1))
        found = built(a_case(alternate_carriers=rows))
        assert found["instead_of"] == "NWX"
        assert [carrier["carrier_id"] for carrier in found["carriers"]] == ["ACE"]

    def test_late_on_exactly_the_limit_are_no_remedy(self) -> None:
        rows = carriers(("ACE", 0.2), ("BEE", 0.19))
        assert [carrier["carrier_id"] for carrier in built(a_case(alternate_carriers=rows))["carriers"]] == ["BEE"]

    def test_are_no_more_than_the_plan_allows(self) -> None:
        rows = carriers(("ACE", 0.1), ("BEE", 0.11), ("COG", 0.12))
        assert len(built(a_case(alternate_carriers=rows))["carriers"]) == 2

    @pytest.mark.parametrize("rows", [(), carriers(("NWX", 0.0)), carriers(("ACE", 0.2))])
    def test_none_at_all_makes_it_infeasible(self, rows: object) -> None:
        assert build(a_case(alternate_carriers=rows), PLAN) == Infeasible(
            "no other carrier was late on less than 20 % of its legs"
        )


class TestPriceLimit:
    def test_is_the_lateness_cost_that_rebooking_prevents_in_the_currency_of_the_policy(self) -> None:
        found = built(a_case())
        assert found["price_limit_minor"] == 75_000  # 0.5 × 20,000.00 × 10 %, of which a quarter is left
        assert found["currency"] == "EUR"

    def test_is_rounded_down(self) -> None:
        assert built(a_case(value_minor=50))["price_limit_minor"] == 1  # 0.75 of 2.5, rounded to 2: 1.5

    @pytest.mark.parametrize("changes", [{"value_minor": 0}, {"late_probability": 0.0}, {"value_minor": 10}])
    def test_of_nothing_makes_it_infeasible(self, changes: dict[str, object]) -> None:
        assert build(a_case(**changes), PLAN) == Infeasible("it would prevent less cost than the smallest price")

    def test_of_a_branch_that_prevents_nothing_makes_it_infeasible(self) -> None:
        assert isinstance(build(a_case(offer=Offer(lateness_left=1.0)), PLAN), Infeasible)

    @pytest.mark.parametrize("fact", ["value_minor", "late_probability", "customer_tier"])
    def test_that_cannot_be_told_makes_it_infeasible(self, fact: str) -> None:
        assert build(a_case(**{fact: None}), PLAN) == Infeasible(f"there is no price limit, as {fact} is unknown")

    def test_of_a_tier_the_cost_table_does_not_know_makes_it_infeasible(self) -> None:
        assert build(a_case(customer_tier="gold"), PLAN) == Infeasible(
            "there is no price limit, as the cost table has no lateness share for tier 'gold'"
        )


class TestWorthIt:
    PLAN = PLAN.model_copy(update={"price_limit": "worth_it"})

    def test_is_what_is_prevented_less_peoples_time(self) -> None:
        offer = Offer(lateness_left=0.25, fixed_minor=9_000, share_of_value=0.01, analyst_minutes=4)
        assert built(a_case(offer=offer), self.PLAN)["price_limit_minor"] == 75_000 - 4 * 90

    def test_is_never_above_what_a_person_need_not_approve(self) -> None:
        assert built(a_case(approval_above_minor=10_000), self.PLAN)["price_limit_minor"] == 10_000

    def test_that_peoples_time_eats_up_makes_it_infeasible(self) -> None:
        offer = Offer(lateness_left=0.25, analyst_minutes=900)
        assert build(a_case(offer=offer), self.PLAN) == Infeasible("it would cost people more time than it prevents")

    @pytest.mark.parametrize("accepted", [0.25, 0.9, 1.0])
    def test_of_a_carrier_is_the_rate_at_which_it_costs_as_much_as_what_stands(self, accepted: float) -> None:
        stands, delay, handling = 90_000, 4_000, 360

        def cost(rate: int) -> float:
            return accepted * (rate + delay + handling) + (1 - accepted) * (stands + handling)

        row = {"rate_minor": 50_000, "late_probability": 0.1, "accepted_share": accepted}
        known = (
            {"carrier_id": "NWX", "is_current": True, "expected_cost_minor": stands, **row, "rate_minor": 40_000},
            {"carrier_id": "ACE", "is_current": False, "expected_cost_minor": cost(50_000), **row},
        )
        (asked,) = built(a_case(rebook_options=known), self.PLAN)["carriers"]
        limit = asked["rate_limit_minor"]
        assert cost(limit) <= stands < cost(limit + 1)

    def test_of_a_carrier_is_no_more_above_what_stands_than_a_person_need_not_approve(self) -> None:
        case = a_case(rebook_options=options(("ACE", 700), ("NWX", 9_000)), approval_above_minor=120)
        assert [row["rate_limit_minor"] for row in built(case, self.PLAN)["carriers"]] == [620]

    def test_leaves_out_a_carrier_that_asks_for_more_than_that(self) -> None:
        dear = {"carrier_id": "BEE", "is_current": False, "expected_cost_minor": 600, "rate_minor": 700}
        more = {"late_probability": 0.0, "accepted_share": 0.9}
        known = (*options(("NWX", 9_000)), {**dear, **more})
        assert build(a_case(rebook_options=known, approval_above_minor=120), self.PLAN) == Infeasible(
            "each carrier worth asking asks for more than may be paid without a person"
        )


class TestTenderWindow:
    def test_is_open_from_now_for_as_long_as_planned(self) -> None:
        assert built(a_case())["tender_window"] == {
            "opens_at": "2026-03-01T12:00:00Z",
            "closes_at": "2026-03-01T14:00:00Z",
        }

    @pytest.mark.parametrize(("hours", "closes_at"), [(1, "2026-03-01T13:00:00Z"), (3, "2026-03-01T14:00:00Z")])
    def test_closes_no_later_than_it_is_of_use(self, hours: int, closes_at: str) -> None:
        found = built(a_case(latest_useful_at=NOW + timedelta(hours=hours)))
        assert found["tender_window"]["closes_at"] == closes_at


def options(*rows: tuple[str, int]) -> tuple[dict[str, object], ...]:
    """Return options with their expected costs; the current carrier is NWX."""
    more = {"rate_minor": 500, "late_probability": 0.1, "accepted_share": 0.9}
    return tuple(
        {"carrier_id": name, "is_current": name == "NWX", "expected_cost_minor": cost, **more} for name, cost in rows
    )


class TestExpectedCosts:
    def test_rank_the_carriers_where_they_are_known(self) -> None:
        found = built(a_case(rebook_options=options(("BEE", 800), ("ACE", 700), ("NWX", 900))))["carriers"]
        assert [(row["rank"], row["carrier_id"], row["expected_cost_minor"]) for row in found] == [
            (1, "ACE", 700),
            (2, "BEE", 800),
        ]
        assert found[0]["late_share"] == 0.15

    def test_leave_out_whoever_does_not_cost_less_than_what_stands(self) -> None:
        found = built(a_case(rebook_options=options(("ACE", 700), ("NWX", 800), ("BEE", 800))))["carriers"]
        assert [row["carrier_id"] for row in found] == ["ACE"]

    def test_that_nobody_undercuts_make_it_infeasible(self) -> None:
        rows = options(("NWX", 600), ("ACE", 700), ("BEE", 800))
        assert build(a_case(rebook_options=rows), PLAN) == Infeasible(
            "no other carrier is expected to cost less than leaving it with NWX"
        )

    def test_do_not_bring_in_a_carrier_that_is_late_too_often(self) -> None:
        late = carriers(("ACE", 0.5), ("BEE", 0.05))
        found = built(a_case(alternate_carriers=late, rebook_options=options(("ACE", 1), ("BEE", 2))))["carriers"]
        assert [row["carrier_id"] for row in found] == ["BEE"]
