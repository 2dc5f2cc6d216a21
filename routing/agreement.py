"""What people's answers to suggestions show about a branch that would act by itself.

A branch may act when the share of its suggestions that people would turn down is at most a stated share, with 95 %
confidence: of n answers k were against, and so few would come about by chance in less than 5 % of cases if the share
were larger. That is the exact one-sided bound of Clopper and Pearson (Biometrika 26, 1934).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from routing.policy import BranchTerms

CONFIDENCE = 0.95
AGAINST_AT_MOST = 0.05
"""Share of suggestions that may be turned down of a branch that spends no money."""
AGAINST_AT_MOST_FOR_MONEY = 0.02
"""The same of a branch that commits money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How people answered what a branch suggested: how many answered, how many of them were against."""

    answers: int
    against: int

    def shows(self, at_most: float) -> bool:
        """Tell whether the share of suggestions turned down is at most that, with the stated confidence."""
        return _chance_of_so_few(self.answers, self.against, at_most) <= 1 - CONFIDENCE

    def answers_needed(self, at_most: float) -> int:
        """Return how many answers would be enough if none of those to come were against."""

        def enough(answers: int) -> bool:
            return Agreement(answers=answers, against=self.against).shows(at_most)

        least = max(self.answers, self.against)
        ceiling = max(least, 1)
        while not enough(ceiling):
            ceiling *= 2
        return bisect_left(range(ceiling), True, lo=least, key=enough)


def against_at_most(terms: BranchTerms) -> float:
    """Return which share of a branch's suggestions people may turn down for it to act by itself."""
    return AGAINST_AT_MOST_FOR_MONEY if terms.spends_money else AGAINST_AT_MOST


def is_more_than(at_most: float, failed: int, tried: int) -> bool:
    """Tell whether more than a share fail, with the stated confidence: so many would else come about by chance.

    A single failure says nothing: where one alone was tried, it happens as often as the share allows.
    """
    return failed > 1 and 1 - _chance_of_so_few(tried, failed - 1, at_most) <= 1 - CONFIDENCE


def _chance_of_so_few(answers: int, against: int, share: float) -> float:
    """Return P(X <= against) of a binomial, by logarithms: the coefficients of thousands of answers are no floats."""
    ways = (lgamma(answers + 1) - lgamma(k + 1) - lgamma(answers - k + 1) for k in range(against + 1))
    return sum(exp(way + k * log(share) + (answers - k) * log1p(-share)) for k, way in enumerate(ways))
