"""The best that fixed thresholds can do, chosen with hindsight on the very shipments that they are judged on.

From one score on customers are told, from a higher one on somebody calls, from a still higher one on the shipment is
rebooked; calls and bookings go to the greatest scores of a day, as far as they reach. Of all such ladders, with fewer
rungs too, the one is taken with which the known outcome was cheapest, so what is reported of it is better than
anybody could have chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import Branch
from training.policies.deciding import Branches
from training.policies.log import Floats
from training.policies.world import World

_STEPS = 40
ALL_TIERS = ("standard", "priority", "critical")
BY_TIER = (ALL_TIERS, ("priority", "critical"), ("critical",))
"""Whom calls and bookings may be kept for, where that is chosen with hindsight too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """From which score on each branch is taken; infinite: never. Calls and bookings are for these tiers."""

    notify_from: float
    escalate_from: float
    rebook_from: float
    tiers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The shipments of a world by a score: who may be called about or rebooked, and who goes first on each day.

    Attributes
    ----------
    may, can : bool [n]
        Whether a shipment is of the tiers asked for, and whether another carrier serves its lane.
    rank : int64 [n]
        How many of those that may go before it on its day.
    a_day
        How many calls and bookings there are on a day.
    """

    world: World
    score: Floats
    may: NDArray[np.bool_]
    can: NDArray[np.bool_]
    rank: NDArray[np.int64]
    a_day: Mapping[Branch, float]

    @classmethod
    def of(cls, world: World, score: Floats, tiers: Sequence[str], a_day: Mapping[Branch, float]) -> Candidates:
        """Look at the shipments of a world by a score: float64 [n]."""
        may = np.array([facts["customer_tier"] in tiers for facts in world.facts])
        can = np.array([bool(facts["alternate_carriers"]) for facts in world.facts])
        return cls(world=world, score=score, may=may, can=can, rank=_rank(world.day, score, may), a_day=a_day)

    def rebooked(self, threshold: float) -> NDArray[np.bool_]:
        """Return which shipments are rebooked: bool [n]."""
        return self.may & self.can & (self.rank < self.a_day[Branch.REBOOK]) & (self.score >= threshold)

    def called_about(self, threshold: float, rebooked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return about which of the others somebody calls: bool [n]."""
        before = np.bincount(self.world.day, weights=rebooked)[self.world.day]
        served = self.rank < self.a_day[Branch.ESCALATE] + before
        return self.may & ~rebooked & served & (self.score >= threshold)

    def take(self, ladder: Ladder) -> Branches:
        """Return what is taken for each shipment: Branch [n]."""
        rebooked = self.rebooked(ladder.rebook_from)
        taken = np.full(len(self.score), Branch.NONE, dtype=object)
        taken[self.score >= ladder.notify_from] = Branch.NOTIFY
        taken[self.called_about(ladder.escalate_from, rebooked)] = Branch.ESCALATE
        taken[rebooked] = Branch.REBOOK
        return taken


def best_ladder(
    world: World, score: Floats, a_day: Mapping[Branch, float], tiers: Sequence[tuple[str, ...]] = (ALL_TIERS,)
) -> tuple[Ladder, Branches]:
    """Return the ladder on a score with which all shipments together were cheapest, and what it takes.

    Parameters
    ----------
    score : float64 [n]
        The risk, say.
    tiers
        The groups of tiers that calls and bookings may be kept for.
    """
    steps = [*np.unique(np.quantile(score, np.linspace(0.0, 1.0, _STEPS + 1))).tolist(), np.inf]
    descending = np.argsort(-score, kind="stable")
    told = np.searchsorted(-score[descending], -np.array(steps), side="right")
    more = {branch: cost - world.costs[Branch.NONE] for branch, cost in world.costs.items()}
    best, cheapest = None, np.inf
    for group in tiers:
        candidates = Candidates.of(world, score, group, a_day)
        for high, rebook_from in enumerate(steps):
            rebooked = candidates.rebooked(rebook_from)
            for middle in range(high + 1):
                called = candidates.called_about(steps[middle], rebooked)
                rest = np.where(rebooked | called, 0.0, more[Branch.NOTIFY])[descending]
                acted = more[Branch.REBOOK][rebooked].sum() + more[Branch.ESCALATE][called].sum()
                totals = acted + np.concatenate([[0.0], np.cumsum(rest)])[told[: middle + 1]]
                low = int(np.argmin(totals))
                if totals[low] < cheapest:
                    cheapest = float(totals[low])
                    best = Ladder(
                        notify_from=steps[low], escalate_from=steps[middle], rebook_from=rebook_from, tiers=group
                    )
    assert best is not None  # noqa: S101  for the type checker: doing nothing is among the ladders
    return best, Candidates.of(world, score, best.tiers, a_day).take(best)


def _rank(day: NDArray[np.int64], score: Floats, may: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many shipments that may go before each on its day, by score, ties in the order of time."""
    order = np.lexsort((np.arange(len(score)), np.where(may, -score, np.inf), day))
    first = np.searchsorted(day[order], np.arange(int(day.max()) + 1))
    rank = np.empty(len(score), dtype=np.int64)
    rank[order] = np.arange(len(score)) - first[day[order]]
    return rank
