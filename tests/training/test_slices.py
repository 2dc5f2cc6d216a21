"""Slices of probabilities: which are listed, and what is said of them."""

from __future__ import annotations

import numpy as np

from training.slices import AT_MOST, LEAST_CASES, LEAST_DAYS, slices

N = 6_000
RNG = np.random.default_rng(4)
PROBABILITY = RNG.beta(2.0, 5.0, N)
LATE = RNG.random(N) < PROBABILITY
DAYS = np.arange(N) // 20


def of_carriers(late: np.ndarray) -> list[dict[str, object]]:
    carriers = np.array(["A", "B", None], dtype=object)[np.arange(N) % 3]
    return slices({"carrier": carriers}, late, PROBABILITY, DAYS, seed=1)["carrier"]


def test_a_carrier_later_than_predicted_is_told_by_an_interval_without_zero() -> None:
    later = np.where(np.arange(N) % 3 == 1, RNG.random(N) < PROBABILITY + 0.1, LATE)
    fair, worse = of_carriers(later)
    assert (fair["name"], worse["name"], fair["n"]) == ("A", "B", N // 3)
    low, high = fair["more_late_interval_95"]
    assert low < 0.0 < high
    low, high = worse["more_late_interval_95"]
    assert 0.05 < low < worse["late"] - worse["predicted"] < high < 0.15
    low, high = worse["auc_interval_95"]
    assert low < worse["auc"] < high


def test_few_days_are_not_listed() -> None:
    names = np.where(np.arange(N) < N // 2, "few", "many").astype(object)
    days = np.where(np.arange(N) < N // 2, DAYS % (LEAST_DAYS - 1), DAYS)
    listed = slices({"month": names}, LATE, PROBABILITY, days, seed=1)["month"]
    assert [row["name"] for row in listed] == ["many"]


def test_few_cases_are_not_listed_and_few_late_ones_have_no_auc() -> None:
    names = np.array(["many"] * (N - LEAST_CASES + 1) + ["few"] * (LEAST_CASES - 1), dtype=object)
    (row,) = slices({"lane": names}, np.arange(N) < 9, PROBABILITY, DAYS, seed=1)["lane"]
    assert (row["name"], row["auc"], row["auc_interval_95"]) == ("many", None, None)


def test_the_largest_are_listed_first_and_no_more_than_can_be_read() -> None:
    names = np.sort(RNG.integers(0, 40, N).astype(str).astype(object))
    listed = slices({"lane": names}, np.zeros(N, dtype=bool), PROBABILITY, DAYS, seed=1)["lane"]
    sizes = [row["n"] for row in listed]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == AT_MOST
