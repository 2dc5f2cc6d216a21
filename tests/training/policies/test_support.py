"""What a log can answer for, and how many decisions it would take."""

from __future__ import annotations

import re

import numpy as np
import pytest

from training.errors import SupportError
from training.policies.log import Log
from training.policies.support import check, effective_samples, expected_square, logged_needed


def explored(count: int, *, differs: float, share: float, branches: int, seed: int = 1) -> Log:
    """Make a log in which chance decided so often, and a candidate that takes the second branch in some cases."""
    rng = np.random.default_rng(seed)
    each = share / branches
    logged = np.full((count, branches), each)
    logged[:, 0] += 1.0 - share
    other = np.arange(count) < differs * count
    candidate = np.zeros((count, branches))
    candidate[np.arange(count), other.astype(int)] = 1.0
    taken = (rng.random(count)[:, None] > np.cumsum(logged, axis=1)).sum(axis=1)
    return Log(
        endings=tuple(f"b{place}" for place in range(branches)),
        taken=taken,
        logged=logged,
        candidate=candidate,
        cost=np.ones(count),
        predicted=np.zeros((count, branches)),
        cluster=rng.integers(0, 60, count),
    )


def test_five_per_cent_among_four_branches_and_a_fifth_otherwise_takes_about_16_800_decisions() -> None:
    needed = logged_needed(1_000, differs=0.2, share=0.05, branches=4)
    assert needed == pytest.approx(16_800, rel=0.005)
    log = explored(needed, differs=0.2, share=0.05, branches=4)
    assert len(log) / expected_square(log) == pytest.approx(1_000, rel=0.001)
    assert effective_samples(log) == pytest.approx(1_000, rel=0.15)


def test_a_small_log_in_which_chance_never_took_the_other_branch_does_not_look_large() -> None:
    logs = (explored(60, differs=0.2, share=0.05, branches=4, seed=seed) for seed in range(100))
    log = next(log for log in logs if not log.candidate[log.taken == 1, 1].any())
    weights = log.weights
    assert weights.sum() ** 2 / (weights**2).sum() > 40, "by its weights alone it looks as if it said something"
    assert effective_samples(log) == pytest.approx(60 / 16.83, rel=0.01)


def test_too_small_a_log_is_refused_with_how_many_more_are_needed() -> None:
    log = explored(10_000, differs=0.2, share=0.05, branches=4)
    with pytest.raises(SupportError, match="1,000 are asked for") as refused:
        check(log, least_effective=1_000, clusters_are="day")
    more = int(re.search(r"about ([\d,]+) more", str(refused.value))[1].replace(",", ""))  # type: ignore[index]
    assert 10_000 + more == pytest.approx(logged_needed(1_000, differs=0.2, share=0.05, branches=4), abs=2)


def test_a_branch_that_was_never_to_be_taken_is_refused_however_many_there_are() -> None:
    log = explored(40_000, differs=0.1, share=0.05, branches=3)
    never = log.logged.copy()
    never[:, 0] += never[:, 1]
    never[:, 1] = 0.0
    taken = np.where(log.taken == 1, 0, log.taken)
    with pytest.raises(SupportError) as refused:
        check(
            Log(
                endings=("none", "notify", "review"),
                taken=taken,
                logged=never,
                candidate=log.candidate,
                cost=log.cost,
                predicted=log.predicted,
                cluster=log.cluster,
            ),
            least_effective=1_000,
            clusters_are="day",
        )
    said = str(refused.value)
    assert "in 4,000 of 40,000 decisions the candidate takes what was never to be taken there" in said
    assert "notify where none was taken" in said
    assert "No number of such decisions helps" in said
    assert f"about {logged_needed(1_000, differs=0.1, share=0.05, branches=2):,} decisions" in said


def test_too_few_days_are_refused() -> None:
    log = explored(3_000, differs=0.0, share=0.05, branches=2)
    check(log, least_effective=1_000, clusters_are="day")
    few = explored(3_000, differs=0.0, share=0.05, branches=2)
    few.cluster[:] %= 29
    with pytest.raises(SupportError, match="are of 29 days, at least 30 are needed"):
        check(few, least_effective=1_000, clusters_are="day")


def test_no_outcomes_are_refused() -> None:
    with pytest.raises(SupportError, match="no decision with a known outcome is left"):
        check(explored(0, differs=0.0, share=0.05, branches=2), least_effective=1, clusters_are="day")
