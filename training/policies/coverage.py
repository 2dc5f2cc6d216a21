"""Whether intervals of off-policy estimates hold the truth as often as they say, in a generated network.

Each run draws whole days of a world with replacement, and each shipment's branch by the hash that the engine draws by,
under a salt of its own. The truth is what the candidate costs over all days, which the world knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.vocabulary import Branch
from models.missed import bound_missed
from routing.context import Context
from routing.engine import Choice, decide
from routing.exploration import draw
from routing.facts import Unknown
from routing.policy import Policy
from training.policies import estimators, support
from training.policies.log import Floats, Log
from training.policies.world import World

RUNS = 200
DAYS = 120
ALPHA, DELTA = 0.1, 0.05
"""The bound on misses that is tried: at most a tenth of the late ones, with 95 % confidence."""
_MILLIONTHS = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A world as a logging bundle and a candidate would decide about it, and what each ending comes to.

    `choices` are those of the logging bundle; `logged`, `candidate`, `cost` and `predicted` are float64 [n, m] over the
    m branches.
    """

    world: World
    branches: tuple[Branch, ...]
    choices: Sequence[Choice]
    share: float
    logged: Floats
    candidate: Floats
    cost: Floats
    predicted: Floats

    @property
    def truth(self) -> float:
        """What the candidate costs per shipment, in minor units."""
        return float((self.candidate * self.cost).sum() / len(self.world))

    @property
    def truth_of_logged(self) -> float:
        """What the logging bundle costs per shipment, in minor units."""
        return float((self.logged * self.cost).sum() / len(self.world))

    @property
    def differs(self) -> float:
        """In which share of the shipments the candidate takes another branch than the logging bundle's rules."""
        likeliest = self.logged.argmax(axis=1)
        return float((self.candidate.argmax(axis=1) != likeliest).mean())


def weigh(logging: Policy, candidate: Policy, world: World) -> Weighed:
    """Decide about all shipments of a world under both bundles, with nothing used up."""
    branches = tuple(branch for branch in Branch if branch in logging.offers)
    choices = [_decide(logging, world, place) for place in range(len(world))]
    others = [_decide(candidate, world, place) for place in range(len(world))]
    return Weighed(
        world=world,
        branches=branches,
        choices=choices,
        share=0.0 if logging.exploration is None else logging.exploration.share,
        logged=np.array([_chances(choice, branches) for choice in choices]),
        candidate=np.array([_chances(choice, branches) for choice in others]),
        cost=np.stack([world.costs[branch] for branch in branches], axis=1),
        predicted=np.array([_predicted(candidate, facts, branches) for facts in world.facts]),
    )


def draw_log(weighed: Weighed, rng: np.random.Generator, *, days: int, salt: str) -> Log:
    """Draw days with replacement, and what chance takes in them."""
    every = int(weighed.world.day.max()) + 1
    drawn = rng.integers(0, every, days)
    of_day = np.split(np.argsort(weighed.world.day, kind="stable"), np.cumsum(np.bincount(weighed.world.day))[:-1])
    places = np.concatenate([of_day[day] for day in drawn])
    cluster = np.repeat(np.arange(days), [len(of_day[day]) for day in drawn])
    taken = np.array([_taken(weighed, place, f"{salt} {day}") for place, day in zip(places, cluster, strict=True)])
    return Log(
        endings=tuple(branch.value for branch in weighed.branches),
        taken=taken,
        logged=weighed.logged[places],
        candidate=weighed.candidate[places],
        cost=weighed.cost[places, taken],
        predicted=weighed.predicted[places],
        cluster=cluster,
    )


def coverage(weighed: Weighed, seed: int, *, runs: int = RUNS, days: int = DAYS) -> dict[str, Any]:
    """Return how often the 95 % intervals held the truth, how far off the estimates were, and what they rested on.

    Returns
    -------
    dict
        Money in minor units a shipment. For each estimator, of what the candidate costs and of how much more than what
        was logged: `truth`, `covered`, `bias`, `root_mean_square_error` and `mean_width`. `effective_samples` of a run
        and those that the propensities promise.
    """
    truth = weighed.truth
    found: dict[str, list[estimators.Estimate]] = {name: [] for name in estimators.NAMES}
    more: dict[str, list[estimators.Estimate]] = {name: [] for name in estimators.NAMES}
    effective, cases, squares = [], [], []
    for run, rng in enumerate(np.random.default_rng(seed).spawn(runs)):
        log = draw_log(weighed, rng, days=days, salt=f"run {run}")
        made = estimators.estimate(log, rng=rng)
        for name, kept in found.items():
            kept.append(getattr(made, name))
            more[name].append(made.more[name])
        effective.append(support.effective_samples(log))
        squares.append(support.expected_square(log))
        cases.append(len(log))
    return {
        "seed": seed,
        "runs": runs,
        "days": days,
        "nominal": 0.95,
        "differs": weighed.differs,
        "decisions": float(np.mean(cases)),
        "effective_samples": float(np.mean(effective)),
        "expected_effective_samples": float(np.mean(np.array(cases) / np.array(squares))),
        "estimators": {name: _judged(kept, truth) for name, kept in found.items()},
        "more_than_logged": {name: _judged(kept, truth - weighed.truth_of_logged) for name, kept in more.items()},
    }


def _judged(kept: Sequence[estimators.Estimate], truth: float) -> dict[str, float]:
    errors = np.array([each.value - truth for each in kept])
    return {
        "truth": truth,
        "covered": float(np.mean([each.covers(truth) for each in kept])),
        "bias": float(errors.mean()),
        "root_mean_square_error": float(np.sqrt((errors**2).mean())),
        "mean_width": float(np.mean([each.high - each.low for each in kept])),
    }


def broken_bounds(world: World, seed: int, *, runs: int = RUNS, days: int = DAYS) -> dict[str, Any]:
    """Return how often the bound on misses lets more pass than it promises, over drawn days of a world.

    Returns
    -------
    dict
        `broken_share` of the runs in which more than alpha of all late shipments of the world score less than the
        threshold, where the promise allows delta; `refused_share` in which no threshold qualified.
    """
    of_late, day_of = world.risk[world.late], world.day[world.late]
    every = int(world.day.max()) + 1
    broken = refused = 0
    missed = []
    for rng in np.random.default_rng(seed).spawn(runs):
        places = [np.flatnonzero(day_of == day) for day in rng.integers(0, every, days)]
        scores, labels = of_late[np.concatenate(places)], np.repeat(np.arange(days), [len(each) for each in places])
        bound = bound_missed(scores, ALPHA, DELTA, labels)
        if bound is None:
            refused += 1
            continue
        missed.append(float((of_late < bound.threshold).mean()))
        broken += missed[-1] > ALPHA
    return {
        "alpha": ALPHA,
        "delta": DELTA,
        "runs": runs,
        "broken_share": broken / runs,
        "refused_share": refused / runs,
        "missed_share": float(np.mean(missed)) if missed else None,
    }


def _decide(policy: Policy, world: World, place: int) -> Choice:
    context = Context(subject_id=world.shipment_ids[place])
    return decide(policy, world.facts[place], world.decided_at[place], context)


def _chances(choice: Choice, branches: Sequence[Branch]) -> list[float]:
    chances: Mapping[Branch, float] = {choice.branch: 1.0}
    if choice.explored is not None:
        chances = choice.explored.propensities
    return [chances.get(branch, 0.0) for branch in branches]


def _predicted(policy: Policy, facts: Mapping[str, Any], branches: Sequence[Branch]) -> list[float]:
    known = policy.reader.read(facts).known
    costs = [policy.costs.exact_cost(policy.offers[branch], known) for branch in branches]
    return [0.0 if isinstance(cost, Unknown) else cost / _MILLIONTHS for cost in costs]


def _taken(weighed: Weighed, place: int, salt: str) -> int:
    choice = weighed.choices[place]
    branch = choice.branch
    if choice.explored is not None:
        among = list(choice.explored.propensities)
        subject = weighed.world.shipment_ids[place]
        branch = draw(among, choice.explored.without, weighed.share, salt=salt, subject_id=subject)
    return weighed.branches.index(branch)
