"""The bound on what is missed: refused where too little is known, and kept as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.missed import bound_missed, least_days, least_labels, upper_bound, upper_bounds_over_days

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class TestOneByOne:
    def test_too_few_labels_give_no_bound(self) -> None:
        assert least_labels(0.1, 0.1) == 22
        assert bound_missed(np.arange(21.0), 0.1, 0.1) is None
        assert bound_missed(np.arange(22.0), 0.1, 0.1) is not None

    def test_it_misses_as_many_as_the_bound_allows(self) -> None:
        found = bound_missed(np.arange(200.0), 0.1, 0.1)
        assert found is not None
        assert found.missed == found.threshold
        assert upper_bound(found.missed / 200, 200, 0.1) == found.bound <= 0.1
        assert upper_bound((found.missed + 1) / 200, 200, 0.1) > 0.1

    def test_it_agrees_with_the_published_table(self) -> None:
        """At most 5 % missed with confidence 95 %: 59 labels with none missed, 93 with one, 153 with three."""
        for missed, labels in ((0, 59), (1, 93), (3, 153), (5, 208)):
            assert upper_bound(missed / labels, labels, 0.05) <= 0.05
            assert upper_bound(missed / (labels - 1), labels - 1, 0.05) > 0.05

    def test_what_is_proven_is_never_missed(self) -> None:
        found = bound_missed(np.array([np.inf] * 97 + [1.0, 2.0, 3.0]), 0.1, 0.1)
        assert found is not None
        assert (found.threshold, found.missed) == (3.0, 2)

    def test_the_promise_is_kept_in_so_many_draws_as_it_says(self) -> None:
        rng = np.random.default_rng(4)
        worth = np.where(rng.random(20_000) < 0.6, np.inf, rng.gamma(0.5, 5.0, size=20_000))
        broken = 0
        for _ in range(200):
            found = bound_missed(rng.choice(worth, size=120), 0.1, 0.1)
            assert found is not None
            broken += (worth < found.threshold).mean() > 0.1
        assert 0 < broken <= 0.1 * 200 + 6  # two standard deviations of the count


class TestOverDays:
    def test_with_one_case_a_day_it_is_the_bound_of_single_cases(self) -> None:
        for missed, cases in ((0, 60), (3, 60), (20, 200)):
            flags = (np.arange(cases) < missed).astype(np.float64)[:, None]
            (found,) = upper_bounds_over_days(flags, np.ones(cases), 0.1, 0.1)
            assert found == pytest.approx(upper_bound(missed / cases, cases, 0.1), abs=0.003)

    def test_a_day_of_which_all_is_missed_counts_for_more_than_as_many_cases_apart(self) -> None:
        spread, heaped = np.full((30, 1), 1.0), np.zeros((30, 1))
        heaped[0] = 30.0
        for of, at_least, at_most in ((spread, 0.02, 0.03), (heaped, 0.08, 0.14)):
            (found,) = upper_bounds_over_days(of, np.full(30, 50.0), 0.1, 0.1)
            assert at_least < found < at_most

    def test_the_largest_day_missed_whole_is_the_worst_that_is_reckoned_with(self) -> None:
        all_missed = np.zeros((30, 1))
        all_missed[0] = 50.0
        (found,) = upper_bounds_over_days(all_missed, np.full(30, 50.0), 0.1, 0.1)
        assert found == pytest.approx(upper_bound(1 / 30, 30, 0.1), abs=0.005)

    def test_a_few_days_give_no_bound(self) -> None:
        scores = np.random.default_rng(1).random(600)
        assert least_days(0.1) == 10
        assert bound_missed(scores, 0.1, 0.1, np.arange(600) % 9) is None
        assert bound_missed(scores, 0.1, 0.1, np.arange(600) % 10) is not None

    def test_too_few_labels_give_none_however_many_days(self) -> None:
        assert bound_missed(np.arange(21.0), 0.1, 0.1, np.arange(21)) is None


def days_like(kind: str) -> tuple[Floats, Ints]:
    """Return scores of late cases over thousands of days of a known kind, and their day."""
    rng = np.random.default_rng(7)
    count = 4000
    size, level = np.full(count, 12), np.zeros(count)
    if kind == "days that differ":
        level = rng.normal(0.0, 1.0, count)
    elif kind == "storms":  # one day in ten has three times as many late ones, and of low risk
        storm = rng.random(count) < 0.1
        size, level = np.where(storm, 40, 12), np.where(storm, -1.0, 0.0)
    elif kind == "sizes":
        size = np.maximum(1, np.round(np.exp(rng.normal(2.2, 0.8, count)))).astype(int)
        level = rng.normal(0.0, 0.4, count)
    elif kind == "long tail":
        level = -np.minimum(4.0, 0.5 * rng.pareto(3.0, count))
    day = np.repeat(np.arange(count), size)
    return 10.0 + level[day] + rng.normal(0.0, 0.7, len(day)), day


def draws(scores: Floats, day: Ints, days: int, rounds: int, *, by_day: bool = True) -> Floats:
    """Return what share of all is missed by each of many bounds, each learnt from so many days drawn."""
    rng, ends = np.random.default_rng(8), np.append(0, np.cumsum(np.bincount(day)))
    shares = []
    for _ in range(rounds):
        drawn = rng.integers(0, len(ends) - 1, days)
        rows = np.concatenate([np.arange(ends[each], ends[each + 1]) for each in drawn])
        labels = np.repeat(np.arange(days), ends[drawn + 1] - ends[drawn])
        found = bound_missed(scores[rows], 0.1, 0.1, labels if by_day else None)
        assert found is not None
        shares.append(float((scores < found.threshold).mean()))
    return np.array(shares)


ALLOWED = 0.1 + 2 * (0.1 * 0.9 / 200) ** 0.5
"""Two standard deviations above one in ten, of 200."""


class TestDraws:
    def test_where_days_mean_nothing_the_promise_is_kept_and_still_of_use(self) -> None:
        shares = draws(*days_like("alike"), days=30, rounds=60)
        assert (shares > 0.1).mean() < 0.1
        assert shares.mean() > 0.06

    def test_without_the_days_it_would_be_broken(self) -> None:
        assert (draws(*days_like("days that differ"), days=30, rounds=60, by_day=False) > 0.1).mean() > 0.2

    @pytest.mark.slow
    @pytest.mark.parametrize("days", [30, 92])
    @pytest.mark.parametrize("kind", ["alike", "days that differ", "storms", "sizes", "long tail"])
    def test_the_promise_is_kept_over_200_draws_of_days(self, kind: str, days: int) -> None:
        shares = draws(*days_like(kind), days=days, rounds=200)
        assert (shares > 0.1).mean() <= ALLOWED
        assert shares.mean() > 0.03
