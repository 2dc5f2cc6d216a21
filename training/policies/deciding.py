"""A bundle decides about all shipments of a closed loop: one after the other, or those of a day together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import Branch
from routing.allocation import allocate
from routing.buckets import bucket_of, whole_buckets
from routing.context import Context
from routing.engine import decide
from routing.options import options_of
from routing.policy import Policy
from training.policies.log import Floats
from training.policies.world import World

Branches = NDArray[np.object_]


def one_after_the_other(policy: Policy, world: World) -> Branches:
    """Decide as the service does, in the order of time, within what is left of each day's budgets: Branch [n]."""
    taken = np.empty(len(world), dtype=object)
    left: dict[str, float] = {}
    day = -1
    for place, (facts, now) in enumerate(zip(world.facts, world.decided_at, strict=True)):
        if world.day[place] != day:
            day = int(world.day[place])
            left = {}
        known = policy.reader.read(facts).known if policy.budgets else {}
        buckets = {name: str(bucket_of(budget, known, policy.digest)) for name, budget in policy.budgets.items()}
        capacity = {name: left.get(bucket, policy.budgets[name].amount) for name, bucket in buckets.items()}
        choice = decide(policy, facts, now, Context(capacity=capacity))
        for name, amount in choice.uses.items():
            left[buckets[name]] = capacity[name] - amount
        taken[place] = choice.branch
    return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What is taken when the shipments of a day are decided together.

    Attributes
    ----------
    taken : Branch [n]
    shadow_prices
        What one more unit of each budget, or of each part that is kept apart, would be expected to save on each day, in
        minor units: float64 [days].
    used
        What each day used of each: float64 [days].
    """

    taken: Branches
    shadow_prices: dict[str, Floats]
    used: dict[str, Floats]


def those_of_a_day_together(policy: Policy, world: World) -> Together:
    """Share out each day's budgets among its shipments at the least expected cost (`routing.allocation`)."""
    days = int(world.day.max()) + 1
    capacity = whole_buckets(policy, (policy.reader.read(facts).known for facts in world.facts))
    taken = np.empty(len(world), dtype=object)
    prices = {name: np.zeros(days) for name in capacity}
    used = {name: np.zeros(days) for name in capacity}
    for day in range(days):
        places = np.flatnonzero(world.day == day)
        options = [options_of(policy, world.facts[place], world.decided_at[place]) for place in places]
        found = allocate(options, capacity)
        taken[places] = [Branch(option.name) for option in found.chosen]
        for name in capacity:
            prices[name][day], used[name][day] = found.shadow_prices[name], found.used[name]
    return Together(taken=taken, shadow_prices=prices, used=used)
