"""Choosing by expected cost under capacity beside the best fixed thresholds, in generated networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.vocabulary import Branch
from routing.policy import Policy
from training.policies.deciding import Branches, one_after_the_other, those_of_a_day_together
from training.policies.log import Floats
from training.policies.thresholds import ALL_TIERS, BY_TIER, Ladder, best_ladder
from training.policies.world import World

RESAMPLES = 2_000
TOGETHER, ONE_BY_ONE, NOTHING = "together", "one_by_one", "nothing"
BY_RISK, BY_RISK_AND_TIER, BY_STAKE = "risk_ladder", "risk_ladder_by_tier", "stake_ladder_by_tier"
"""Names of what is compared: the bundle with a day's shipments together or one by one, and the ladders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What each way to decide cost in one generated network, by day.

    Attributes
    ----------
    cost_by_day
        By name, in minor units: float64 [days].
    taken
        By name, how often each branch was taken.
    ladders
        The best ladders, chosen with hindsight.
    shadow_prices, used
        What one more unit of each budget would have been expected to save on each day, in minor units, and what was
        used: float64 [days].
    """

    seed: int
    world: World
    cost_by_day: Mapping[str, Floats]
    taken: Mapping[str, Mapping[str, int]]
    ladders: Mapping[str, Ladder]
    shadow_prices: Mapping[str, Floats]
    used: Mapping[str, Floats]

    def as_json(self) -> dict[str, Any]:
        """Return it in plain JSON types; money in minor units."""
        return {
            "seed": self.seed,
            "shipments": len(self.world),
            "days": len(self.cost_by_day[NOTHING]),
            "late_share": float(self.world.late.mean()),
            "lateness_left": {branch.value: left for branch, left in self.world.lateness_left.items()},
            "ways": {
                name: {"cost_minor": round(float(cost.sum())), "branches": dict(self.taken[name])}
                for name, cost in self.cost_by_day.items()
            },
            "saved_by_together_of_doing_nothing": {
                name: dict(zip(("value", "low", "high"), self.saved(TOGETHER, name), strict=True))
                for name in self.cost_by_day
                if name != TOGETHER
            },
            "ladders": {
                name: {
                    "notify_from": each.notify_from,
                    "escalate_from": _or_never(each.escalate_from),
                    "rebook_from": _or_never(each.rebook_from),
                    "tiers": list(each.tiers),
                }
                for name, each in self.ladders.items()
            },
            "budgets": {
                name: {
                    "shadow_price_minor": float(prices.mean()),
                    "most_used_a_day": float(self.used[name].max()),
                }
                for name, prices in self.shadow_prices.items()
            },
        }

    def saved(self, one: str, other: str) -> tuple[float, float, float]:
        """Return how much cheaper one way was than another, as a share of what doing nothing costs, with its interval.

        The interval is the 95 % one of a bootstrap of whole days.
        """
        nothing = float(self.cost_by_day[NOTHING].sum())
        saved = self.cost_by_day[other] - self.cost_by_day[one]
        days = len(saved)
        rng = np.random.default_rng(self.seed)
        resampled = rng.multinomial(days, np.full(days, 1.0 / days), size=RESAMPLES) @ saved
        low, high = np.quantile(resampled, [0.025, 0.975])
        return float(saved.sum()) / nothing, float(low) / nothing, float(high) / nothing


def hold(policy: Policy, world: World, seed: int) -> Contest:
    """Let a bundle decide about all shipments of a world, and beside it the best ladders within the same budgets."""
    together = those_of_a_day_together(policy, world)
    stake = np.array([facts["value_at_stake_minor"] for facts in world.facts], dtype=np.float64)
    a_day = {branch: _a_day(policy, branch) for branch in (Branch.ESCALATE, Branch.REBOOK)}
    chosen = {
        BY_RISK: best_ladder(world, world.risk, a_day, (ALL_TIERS,)),
        BY_RISK_AND_TIER: best_ladder(world, world.risk, a_day, BY_TIER),
        BY_STAKE: best_ladder(world, stake, a_day, BY_TIER),
    }
    ways: dict[str, Branches] = {
        NOTHING: np.full(len(world), Branch.NONE, dtype=object),
        TOGETHER: together.taken,
        ONE_BY_ONE: one_after_the_other(policy, world),
        **{name: taken for name, (_, taken) in chosen.items()},
    }
    return Contest(
        seed=seed,
        world=world,
        cost_by_day={name: world.by_day(world.cost_of(taken)) for name, taken in ways.items()},
        taken={name: Counter(str(branch) for branch in taken) for name, taken in ways.items()},
        ladders={name: ladder for name, (ladder, _) in chosen.items()},
        shadow_prices=together.shadow_prices,
        used=together.used,
    )


def _a_day(policy: Policy, branch: Branch) -> float:
    """Return how often a branch can be taken on a day."""
    terms = policy.branches.get(branch)
    if terms is None:
        return 0.0
    return min((policy.budgets[name].amount // amount for name, amount in terms.uses.items()), default=float("inf"))


def _or_never(threshold: float) -> float | None:
    return threshold if np.isfinite(threshold) else None
