"""The closed loop: effects that are known, budgets that are kept, and what choosing by expected cost saves."""

from __future__ import annotations

from datetime import date
from itertools import product

import numpy as np
import pytest

from features.vocabulary import Branch
from routing.loader import lint_policy, load_policy
from routing.policy import Policy
from training.policies import contest, coverage
from training.policies.bundles import BY_COST, candidate_bundle, logging_bundle
from training.policies.deciding import one_after_the_other, those_of_a_day_together
from training.policies.effects import Effects, price_minor
from training.policies.judge import in_generated_networks
from training.policies.report import table_of_networks
from training.policies.thresholds import ALL_TIERS, BY_TIER, Candidates, Ladder, best_ladder
from training.policies.world import World, make_world
from training.simulate.settings import SimulationSettings

A_DAY = {Branch.ESCALATE: 3.0, Branch.REBOOK: 2.0}


class TestEffects:
    def test_each_branch_leaves_what_is_declared(self) -> None:
        rng, delay = np.random.default_rng(1), np.full(200_000, 8.0)
        left = {branch: Effects().lateness_left(branch, delay, rng).mean() for branch in Branch}
        assert left[Branch.NONE] == 1.0
        assert left[Branch.NOTIFY] == pytest.approx(0.7)
        assert left[Branch.REVIEW] == pytest.approx(0.8, abs=0.005)
        assert left[Branch.SPLIT] == 0.5
        assert left[Branch.REBOOK] == pytest.approx(1 - np.exp(-8 / 8), abs=0.005)
        assert left[Branch.ESCALATE] == pytest.approx(1 - np.exp(-8 / 5), abs=0.005)

    def test_who_is_in_time_stays_in_time(self) -> None:
        rng = np.random.default_rng(1)
        for branch in Branch:
            assert not Effects().lateness_left(branch, np.array([-5.0, 0.0]), rng).any()

    def test_a_price_is_that_of_the_table(self, by_cost: Policy) -> None:
        (rebooked,) = price_minor(by_cost.offers[Branch.REBOOK], np.array([1_000_000.0]), 90)
        assert rebooked == 9_000 + 2_000 + 4 * 90
        assert price_minor(by_cost.offers[Branch.NONE], np.array([1_000_000.0]), 90) == 0


class TestWorld:
    def test_the_same_seed_gives_the_same_world(self, by_cost: Policy, small_world: World) -> None:
        settings = SimulationSettings(days=60, shipments=1_500)
        again = make_world(by_cost, 3, settings=settings)
        np.testing.assert_array_equal(again.costs[Branch.REBOOK], small_world.costs[Branch.REBOOK])
        assert again.facts == small_world.facts

    def test_the_risk_means_what_it_says(self, small_world: World) -> None:
        assert small_world.risk.mean() == pytest.approx(small_world.late.mean(), abs=0.06)
        high = small_world.risk > 0.6
        assert small_world.late[high].mean() > 0.55

    def test_the_bundle_has_no_finding(self) -> None:
        assert lint_policy(BY_COST.read_text(), today=date(2026, 12, 1)) == ()


class TestDeciding:
    def test_no_day_uses_more_than_there_is(self, by_cost: Policy, small_world: World) -> None:
        for taken in (
            one_after_the_other(by_cost, small_world),
            those_of_a_day_together(by_cost, small_world).taken,
        ):
            for branch, most in A_DAY.items():
                used = np.bincount(small_world.day, weights=taken == branch)
                assert used.max() == most, "it binds, and is kept to"

    def test_together_is_expected_to_cost_no_more_than_one_after_the_other(
        self, by_cost: Policy, small_world: World
    ) -> None:
        def expected(taken: np.ndarray) -> float:
            offers, costs = by_cost.offers, by_cost.costs
            known = [by_cost.reader.read(facts).known for facts in small_world.facts]
            prices = [costs.exact_cost(offers[Branch(branch)], each) for branch, each in zip(taken, known, strict=True)]
            return float(sum(price for price in prices if isinstance(price, int)))

        together = those_of_a_day_together(by_cost, small_world)
        assert expected(together.taken) <= expected(one_after_the_other(by_cost, small_world))
        assert (together.shadow_prices["bookings"][together.used["bookings"] < 2] == 0).all()
        assert together.shadow_prices["bookings"].max() > 0


class TestLadders:
    def test_the_best_one_is_found_by_trying_all(self, small_world: World) -> None:
        steps = [*np.unique(np.quantile(small_world.risk, np.linspace(0.0, 1.0, 41))).tolist(), np.inf]
        _, taken = best_ladder(small_world, small_world.risk, A_DAY)
        cheapest = small_world.cost_of(taken).sum()
        candidates = Candidates.of(small_world, small_world.risk, ALL_TIERS, A_DAY)
        for low, middle, high in product(steps[::8], repeat=3):
            if low <= middle <= high:
                other = candidates.take(
                    Ladder(notify_from=low, escalate_from=middle, rebook_from=high, tiers=ALL_TIERS)
                )
                assert small_world.cost_of(other).sum() >= cheapest - 1e-6
        for branch, most in A_DAY.items():
            assert np.bincount(small_world.day, weights=taken == branch).max() <= most
        by_tier, _ = best_ladder(small_world, small_world.risk, A_DAY, BY_TIER)
        assert by_tier.tiers in BY_TIER


def test_intervals_hold_the_truth_in_most_of_a_few_runs() -> None:
    """The number of runs that tells 95 % from 90 % is in the slow tier."""
    world = make_world(logging_bundle(), 1, settings=SimulationSettings(days=90, shipments=2_500))
    weighed = coverage.weigh(logging_bundle(), candidate_bundle(), world)
    found = coverage.coverage(weighed, 1, runs=20, days=40)
    assert found["effective_samples"] == pytest.approx(found["expected_effective_samples"], rel=0.1)
    for part in ("estimators", "more_than_logged"):
        for name, told in found[part].items():
            assert told["covered"] >= 0.8, (part, name)
            assert abs(told["bias"]) < 4 * told["root_mean_square_error"] / 20**0.5, (part, name)


@pytest.mark.slow
def test_expected_cost_under_capacity_beats_the_best_thresholds_and_intervals_hold() -> None:
    """In twelve generated networks, thresholds chosen with hindsight; intervals and the bound over 200 runs."""
    result = in_generated_networks(load_policy(BY_COST), 12)
    saved = result["saved_of_doing_nothing"]
    assert saved[contest.BY_RISK]["low"] > 0.0
    assert saved[contest.BY_RISK]["networks_above_zero"] >= 8
    assert saved[contest.BY_RISK_AND_TIER]["low"] > 0.0
    for network in result["networks"]:
        assert network["budgets"]["bookings"]["most_used_a_day"] <= 2
        assert network["budgets"]["calls"]["most_used_a_day"] <= 3
    off_policy = result["off_policy"]
    assert off_policy["runs"] == 200
    for part in ("estimators", "more_than_logged"):
        for told in off_policy[part].values():
            assert told["covered"] >= 0.95 - 3 * (0.95 * 0.05 / 200) ** 0.5
    missed = result["missed"]
    assert missed["broken_share"] <= missed["delta"] + 2 * (0.05 * 0.95 / 200) ** 0.5
    assert table_of_networks(result).row_count == 9
