"""Expected charges with conformal bounds, learnt from bills alone: no contract, no label.

The median and an upper quantile are boosted trees; how far a bill lies above the median, in units of the spread that
loads of its kind have, is its score. Scores of a later period, which the trees have not seen, say how unusual a score
is: the p-value is the share of those at least as high (split conformal prediction, Vovk et al., 2005, with a scaled
score after Romano et al., 2019), by carrier where it has enough bills (Mondrian).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

UPPER = 0.9
ALL = ""
LEAST_FOR_BOUND, LEAST_FOR_P = 30, 100
"""How many scores of its own a group needs to be bounded, or called unusual, by them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How usual scores are: those of the calibration period in order, by group, and of all under `ALL`."""

    scores: Mapping[str, Floats]

    @classmethod
    def fit(cls, scores: Floats, groups: Texts | None = None, least: int = LEAST_FOR_BOUND) -> Scale:
        """Keep the scores, those of a group apart if it has at least `least`."""
        kept: dict[str, Floats] = {ALL: np.sort(scores)}
        for group in np.unique(groups) if groups is not None else ():
            own = scores[groups == group]
            if len(own) >= least:
                kept[str(group)] = np.sort(own)
        return cls(kept)

    def p_values(self, scores: Floats, groups: Texts | None = None) -> Floats:
        """Return for each score the share of usual ones at least as high, itself counted in: in (0, 1].

        A group with fewer than `LEAST_FOR_P` is judged by all: its least p-value would say nothing.
        """
        found = np.empty(len(scores))
        for group, rows in self._rows(len(scores), groups, LEAST_FOR_P):
            usual = self.scores[group]
            above = len(usual) - np.searchsorted(usual, scores[rows], side="left")
            found[rows] = (1 + above) / (1 + len(usual))
        return found

    def bound(self, level: float, n: int, groups: Texts | None = None) -> Floats:
        """Return the score that a usual one exceeds with probability 1 − level at most: float64 [n], or infinite."""
        found = np.empty(n)
        for group, rows in self._rows(n, groups, 0):
            usual = self.scores[group]
            rank = int(np.ceil((len(usual) + 1) * level))
            found[rows] = usual[rank - 1] if rank <= len(usual) else np.inf
        return found

    def _rows(self, n: int, groups: Texts | None, least: int) -> list[tuple[str, NDArray[np.intp]]]:
        own = [group for group, scores in self.scores.items() if len(scores) >= least]
        named = np.full(n, ALL) if groups is None else np.where(np.isin(groups, own), groups, ALL)
        return [(str(group), np.flatnonzero(named == group)) for group in np.unique(named)]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a quantity usually is, given facts.

    Attributes
    ----------
    median, upper
        Boosters of the 0.5 and the `UPPER` quantile.
    least_spread
        Added to the distance of both, so that a difference of rounding is never unusual.
    """

    median: lgb.Booster
    upper: lgb.Booster
    least_spread: float

    def middle(self, facts: Floats) -> Floats:
        """Return the expected value: float64 [n] from float64 [n, k]."""
        return np.asarray(self.median.predict(facts, num_threads=1), dtype=np.float64)

    def spread(self, facts: Floats) -> Floats:
        """Return the unit in which a distance from it is measured."""
        upper = np.asarray(self.upper.predict(facts, num_threads=1), dtype=np.float64)
        return np.asarray(np.maximum(upper - self.middle(facts), 0.0) + self.least_spread)

    def score(self, facts: Floats, observed: Floats) -> Floats:
        """Return how far what is observed lies above what is expected; minus infinity where it is not observed."""
        score = (observed - self.middle(facts)) / self.spread(facts)
        return np.where(np.isfinite(score), score, -np.inf)
