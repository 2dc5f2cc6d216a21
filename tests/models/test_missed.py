"""The bound on what is missed: refused where too little is known, and kept as often as it says."""

from __future__ import annotations

import numpy as np

from models.missed import bound_missed, least_labels, upper_bound


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


class TestDays:
    """Days that hang together: on a bad one the scores of all late cases are low."""

    rng = np.random.default_rng(7)
    each, days = 12, 4000
    scores = np.repeat(rng.normal(0.0, 1.0, days), each) + rng.normal(0.0, 0.5, days * each) + 10.0

    def broken(self, *, by_day: bool) -> int:
        rng, count = np.random.default_rng(8), 0
        for _ in range(200):
            drawn = rng.integers(0, self.days, 30)
            rows = (drawn[:, None] * self.each + np.arange(self.each)).ravel()
            labels = np.repeat(np.arange(30), self.each)
            found = bound_missed(self.scores[rows], 0.1, 0.1, labels if by_day else None)
            count += found is not None and bool((self.scores < found.threshold).mean() > 0.1)
        return count

    def test_the_promise_is_kept_over_200_draws_of_days(self) -> None:
        assert self.broken(by_day=True) <= 0.1 * 200 + 8  # two standard deviations of the count

    def test_without_the_days_it_would_be_broken(self) -> None:
        assert self.broken(by_day=False) > 0.2 * 200

    def test_a_few_days_give_no_bound(self) -> None:
        assert bound_missed(self.scores[:48], 0.1, 0.1, np.repeat(np.arange(4), 12)) is None
