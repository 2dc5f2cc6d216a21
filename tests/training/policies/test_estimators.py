"""Off-policy estimates, against every log that chance could have made."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from training.policies.estimators import NAMES, cluster_sums, estimate
from training.policies.log import Log

LOGGED = np.array([[0.7, 0.3, 0.0], [0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.1, 0.0, 0.9]])
CANDIDATE = np.array([[0.0, 1.0, 0.0], [0.2, 0.0, 0.8], [1.0, 0.0, 0.0], [0.5, 0.0, 0.5]])
COST = np.array([[10.0, 4.0, 7.0], [3.0, 8.0, 1.0], [6.0, 2.0, 2.0], [40.0, 5.0, 0.0]])
WRONG = np.array([[1.0, 9.0, 2.0], [30.0, 1.0, 5.0], [0.0, 3.0, 4.0], [2.0, 1.0, 8.0]])
TRUTH = float((CANDIDATE * COST).sum(axis=1).mean())


def log(taken: tuple[int, ...], predicted: np.ndarray = WRONG) -> Log:
    places = np.array(taken, dtype=np.int64)
    return Log(
        endings=("none", "notify", "review"),
        taken=places,
        logged=LOGGED,
        candidate=CANDIDATE,
        cost=COST[np.arange(4), places],
        predicted=predicted,
        cluster=np.arange(4),
    )


def every_log() -> list[tuple[float, Log]]:
    """Return every log that the logging policy could have made, with its probability."""
    made = []
    for taken in product(range(3), repeat=4):
        chance = float(np.prod(LOGGED[np.arange(4), taken]))
        if chance > 0.0:
            made.append((chance, log(taken)))
    return made


@pytest.mark.parametrize("column", [pytest.param(3, id="IPS"), pytest.param(4, id="doubly robust, with a wrong model")])
def test_an_estimate_is_right_on_the_average_of_all_logs(column: int) -> None:
    assert sum(chance for chance, _ in every_log()) == pytest.approx(1.0)
    mean = sum(chance * cluster_sums(made)[:, column].sum() / len(made) for chance, made in every_log())
    assert mean == pytest.approx(TRUTH)


def test_weights_are_one_on_the_average_of_all_logs() -> None:
    assert sum(chance * made.weights.mean() for chance, made in every_log()) == pytest.approx(1.0)


def test_a_model_that_is_right_leaves_nothing_to_chance() -> None:
    for _, made in every_log():
        perfect = log(tuple(made.taken), predicted=COST)
        assert cluster_sums(perfect)[:, 4].sum() / 4 == pytest.approx(TRUTH)


def test_a_candidate_that_does_the_same_costs_what_was_logged(rng: np.random.Generator) -> None:
    count = 400
    taken = rng.integers(0, 2, count)
    same = np.eye(2)[taken]
    cost = rng.exponential(100.0, count)
    made = Log(
        endings=("none", "notify"),
        taken=taken,
        logged=same,
        candidate=same,
        cost=cost,
        predicted=np.zeros((count, 2)),
        cluster=np.arange(count) // 10,
    )
    found = estimate(made, rng=rng)
    for name in NAMES:
        assert getattr(found, name).value == pytest.approx(cost.mean())
        assert found.more[name].value == pytest.approx(0.0, abs=1e-9)
        assert getattr(found, name).low < cost.mean() < getattr(found, name).high


def test_an_interval_is_as_wide_as_the_clusters_vary_not_the_cases(rng: np.random.Generator) -> None:
    days, a_day = 60, 25
    of_day = np.repeat(rng.normal(100.0, 30.0, days), a_day)
    always = np.ones((days * a_day, 1))
    given = {"endings": ("none",), "taken": np.zeros(days * a_day, dtype=np.int64), "logged": always}
    given |= {"candidate": always, "cost": of_day, "predicted": always * 0.0}
    by_day, by_case = (
        estimate(Log(**given, cluster=cluster), rng=rng).ips
        for cluster in (np.repeat(np.arange(days), a_day), np.arange(days * a_day))
    )
    expected = 2 * 2.0 * of_day.std() / days**0.5
    assert by_day.high - by_day.low == pytest.approx(expected, rel=0.2)
    assert by_case.high - by_case.low == pytest.approx(expected / a_day**0.5, rel=0.2)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)
