from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from models.conformal import Outcomes, ranks_of

LEVELS = (0.1, 0.5, 0.9)


def random_outcomes(n: int = 300, seed: int = 3) -> Outcomes:
    rng = np.random.default_rng(seed)
    groups = rng.choice(np.array(["A", "B", "C"], dtype=object), n, p=[0.6, 0.37, 0.03])
    return Outcomes(groups, rng.integers(0, 200, n), rng.normal(size=(n, 3)))


def brute_force(told: Outcomes, group: str, at: int, window: int, least: int) -> list[float]:
    """Return the quantiles by looking at every outcome."""
    inside = [known <= at < known + window for known in told.known.tolist()]
    mine = [seen and each == group for seen, each in zip(inside, told.groups, strict=True)]
    chosen = told.values[mine] if sum(mine) >= least else told.values[inside]
    if len(chosen) < least:
        return [np.nan] * 3
    return [sorted(chosen[:, j].tolist())[rank] for j, rank in enumerate(ranks_of(LEVELS, len(chosen)))]


class TestQuantiles:
    def test_they_equal_those_found_by_looking_at_every_outcome(self) -> None:
        told = random_outcomes()
        rng = np.random.default_rng(4)
        groups = rng.choice(np.array(["A", "B", "C", "new"], dtype=object), 400)
        at = rng.integers(-20, 260, 400)
        found = told.quantiles(groups, at, window=40, levels=LEVELS, least=20)
        expected = [brute_force(told, *each, 40, 20) for each in zip(groups, at.tolist(), strict=True)]
        assert np.isnan(found).any()
        assert np.array_equal(found, np.array(expected), equal_nan=True)

    def test_an_outcome_known_later_changes_nothing(self) -> None:
        told = random_outcomes()
        earlier = told.known <= 100
        cut = Outcomes(told.groups[earlier], told.known[earlier], told.values[earlier])
        asked = (np.array(["A", "C"], dtype=object), np.array([100, 100]))
        both = [each.quantiles(*asked, window=60, levels=LEVELS, least=20) for each in (told, cut)]
        assert np.array_equal(*both)

    def test_it_counts_from_when_it_is_known_until_the_window_has_passed(self) -> None:
        told = Outcomes(np.array(["A"], dtype=object), np.array([50]), np.array([[1.0, 2.0, 3.0]]))
        at = np.array([49, 50, 59, 60])
        found = told.quantiles(np.array(["A"] * 4, dtype=object), at, window=10, levels=LEVELS, least=1)
        assert np.isnan(found[:, 0]).tolist() == [True, False, False, True]

    def test_joining_is_knowing_both(self) -> None:
        told = random_outcomes()
        parts = [
            Outcomes(told.groups[rows], told.known[rows], told.values[rows]) for rows in (slice(120), slice(120, None))
        ]
        asked = (np.array(["A", "B"], dtype=object), np.array([150, 190]))
        joined = parts[1].joined(parts[0]).quantiles(*asked, window=60, levels=LEVELS, least=20)
        assert np.array_equal(joined, told.quantiles(*asked, window=60, levels=LEVELS, least=20))


class TestRanksOf:
    @pytest.mark.parametrize("n", [9, 19, 20, 57, 100, 1001])
    def test_a_new_exchangeable_value_is_outside_each_side_at_most_as_often_as_stated(self, n: int) -> None:
        low, _, high = ranks_of(LEVELS, n)
        # The new one of n + 1 exchangeable values lies below the k-th of the others with probability k / (n + 1).
        assert (low + 1) / (n + 1) <= 0.1 + 1e-12
        assert 1 - (high + 1) / (n + 1) <= 0.1 + 1e-12

    def test_they_rise_with_the_level(self) -> None:
        assert all(one <= other for one, other in pairwise(ranks_of((0.05, 0.1, 0.5, 0.9, 0.95), 40)))

    def test_too_few_values_give_the_outermost(self) -> None:
        assert ranks_of(LEVELS, 3) == [0, 1, 2]


@pytest.mark.slow
def test_under_drift_the_window_covers_what_a_fixed_calibration_misses() -> None:
    """Noise whose spread doubles over time: known truth, 6 seeds, 80 % intervals."""
    coverage: dict[str, list[float]] = {"window": [], "fixed": []}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = 20_000
        value = rng.normal(size=n) * np.linspace(1.0, 2.0, n)
        known = np.arange(n) + 50  # each is known fifty steps after it was predicted
        groups = np.full(n, "A", dtype=object)
        told = Outcomes(groups, known, np.repeat(value[:, None], 3, axis=1))
        later = slice(5_000, None)
        moved = told.quantiles(groups[later], np.arange(n)[later], window=2_000, levels=LEVELS, least=100)
        coverage["window"].append(((moved[:, 0] <= value[later]) & (value[later] <= moved[:, 2])).mean())
        low, high = np.quantile(value[:5_000], [0.1, 0.9])
        coverage["fixed"].append(((low <= value[later]) & (value[later] <= high)).mean())
    assert abs(np.mean(coverage["window"]) - 0.8) < 0.02
    assert np.mean(coverage["fixed"]) < 0.76
