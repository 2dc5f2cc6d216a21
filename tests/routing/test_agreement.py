"""How many answers it takes before a branch may act by itself."""

from __future__ import annotations

from math import comb

import pytest
from scipy.stats import beta

from features.vocabulary import Branch
from routing.agreement import AGAINST_AT_MOST, AGAINST_AT_MOST_FOR_MONEY, Agreement, against_at_most, is_more_than
from routing.policy import Policy


@pytest.mark.parametrize(
    ("at_most", "against", "answers"),
    [(0.05, 0, 59), (0.05, 1, 93), (0.05, 3, 153), (0.05, 5, 208), (0.02, 0, 149), (0.02, 1, 236), (0.02, 3, 386)],
)
class TestAnswersNeeded:
    def test_are_those_of_the_exact_bound(self, at_most: float, against: int, answers: int) -> None:
        assert Agreement(answers=0, against=against).answers_needed(at_most) == answers
        assert Agreement(answers=answers, against=against).shows(at_most)
        assert not Agreement(answers=answers - 1, against=against).shows(at_most)

    def test_agree_with_the_beta_distribution(self, at_most: float, against: int, answers: int) -> None:
        upper = beta.ppf(0.95, against + 1, answers - against)
        assert upper <= at_most < beta.ppf(0.95, against + 1, answers - 1 - against)


def test_answers_that_are_there_already_are_enough_if_they_show_it() -> None:
    assert Agreement(answers=400, against=2).answers_needed(0.05) == 400


def test_thousands_of_answers_are_no_trouble() -> None:
    assert Agreement(answers=20_000, against=900).shows(0.05)
    assert not Agreement(answers=20_000, against=1_000).shows(0.05)


def test_money_asks_for_more(policy: Policy) -> None:
    assert against_at_most(policy.branches[Branch.NOTIFY]) == AGAINST_AT_MOST
    assert against_at_most(policy.branches[Branch.REBOOK]) == AGAINST_AT_MOST_FOR_MONEY


class TestIsMoreThan:
    @pytest.mark.parametrize(
        ("failed", "tried", "told"),
        [(0, 0, False), (1, 1, False), (2, 2, True), (2, 7, True), (2, 8, False), (3, 16, True), (3, 17, False)],
    )
    def test_tells_by_the_exact_binomial(self, failed: int, tried: int, told: bool) -> None:
        by_chance = sum(comb(tried, k) * 0.05**k * 0.95 ** (tried - k) for k in range(failed, tried + 1))
        assert is_more_than(0.05, failed, tried) is told
        assert told is (failed > 1 and by_chance <= 0.05)
