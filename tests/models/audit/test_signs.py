"""Scales, weights of signs and the bound on what is missed, against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.audit.expected import ALL, Scale
from models.audit.risk import PRIOR_WEIGHT, SignWeights

SCORES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


class TestScale:
    @given(SCORES, SCORES)
    def test_a_p_value_is_the_share_at_least_as_high_itself_counted_in(
        self, usual: list[float], asked: list[float]
    ) -> None:
        found = Scale.fit(np.array(usual)).p_values(np.array(asked))
        by_hand = [(1 + sum(one >= score for one in usual)) / (1 + len(usual)) for score in asked]
        assert found.tolist() == by_hand

    def test_what_is_not_told_is_quite_usual(self) -> None:
        assert Scale.fit(np.array([1.0, 2.0])).p_values(np.array([-np.inf])).tolist() == [1.0]

    def test_p_values_of_usual_bills_are_uniform_or_larger(self) -> None:
        rng = np.random.default_rng(1)
        for level in (0.05, 0.2):
            rejected = [
                (Scale.fit(rng.normal(size=60)).p_values(rng.normal(size=20)) <= level).mean() for _ in range(400)
            ]
            assert np.mean(rejected) <= level + 0.01

    def test_a_group_with_enough_scores_has_its_own_scale_and_others_that_of_all(self) -> None:
        scores, groups = np.arange(200.0), np.array(["low"] * 100 + ["few"] * 5 + ["high"] * 95)
        scale = Scale.fit(scores, groups)
        assert set(scale.scores) == {ALL, "low", "high"}
        found = scale.p_values(np.full(4, 99.0), np.array(["low", "few", "new", "high"]))
        assert found.tolist() == [2 / 101, 102 / 201, 102 / 201, 102 / 201]
        assert scale.bound(0.9, 3, np.array(["low", "few", "high"])).tolist() == [90.0, 180.0, 191.0]

    def test_a_bound_is_exceeded_no_more_often_than_it_says(self) -> None:
        rng = np.random.default_rng(2)
        over = [(rng.normal(size=50) > Scale.fit(rng.normal(size=79)).bound(0.9, 1)[0]).mean() for _ in range(400)]
        assert 0.08 < np.mean(over) < 0.105

    def test_too_few_scores_bound_nothing(self) -> None:
        assert Scale.fit(np.arange(5.0)).bound(0.9, 2).tolist() == [np.inf, np.inf]


class TestSignWeights:
    def made(self, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(3)
        surprise = np.column_stack([rng.exponential(size=n), rng.exponential(size=n), np.zeros(n)])
        odds = -4 + 1.2 * surprise[:, 0] - 0.5 * surprise[:, 1]
        return surprise, rng.random(n) < 1 / (1 + np.exp(-odds))

    def test_it_learns_what_speaks_loudly_and_lets_no_sign_speak_for_a_bill(self) -> None:
        weights = SignWeights.fit(*self.made())
        assert 0.9 < weights.weights[0] < 1.3
        assert weights.weights[1] == 0.0

    def test_a_sign_that_nobody_has_seen_keeps_its_weight(self) -> None:
        assert SignWeights.fit(*self.made()).weights[2] == pytest.approx(PRIOR_WEIGHT)

    def test_shares_divide_the_suspicion(self) -> None:
        weights = SignWeights(-1.0, (1.0, 0.5))
        shares = weights.shares(np.array([[1.0, 2.0], [0.0, 0.0]]))
        assert shares.tolist() == [[0.5, 0.5], [0.0, 0.0]]
        assert weights.log_odds(np.array([[1.0, 2.0]])).tolist() == [1.0]
