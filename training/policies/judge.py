"""Judges a policy: from decisions that were logged, or in generated networks whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from routing.policy import Policy
from training.policies import coverage, estimators, support
from training.policies.bundles import candidate_bundle, logging_bundle
from training.policies.contest import TOGETHER, Contest, hold
from training.policies.records import Clusters, log_of, read_costs, read_decisions
from training.policies.world import make_world


def from_log(
    policy: Policy, decisions: Path, outcomes: Path, *, clusters: Clusters, least_effective: float, seed: int = 0
) -> dict[str, Any]:
    """Estimate what a candidate would have cost, from sealed decisions and what came of them.

    Returns
    -------
    dict
        Money in minor units a decision, with 95 % intervals.

    Raises
    ------
    DecisionLogError
        If the decisions or outcomes cannot be read, or say nothing of chance.
    SupportError
        If they cannot answer for the candidate.
    """
    log = log_of(policy, read_decisions(decisions), read_costs(outcomes), clusters)
    effective = support.check(log, least_effective=least_effective, clusters_are=clusters.value)
    found = estimators.estimate(log, rng=np.random.default_rng(seed))
    return {
        "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
        "currency": policy.costs.currency,
        "decisions": len(log),
        "effective_samples": effective,
        "clusters": {"are": clusters.value, "count": len(np.unique(log.cluster))},
        "otherwise_share": float((log.weights != 1.0).mean()),
        "cost_minor_a_decision": found.as_json(),
    }


def in_generated_networks(
    policy: Policy, networks: int, *, runs: int = coverage.RUNS, progress: Callable[[int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Let a policy decide in generated networks, and judge the judges by their truth.

    Parameters
    ----------
    networks
        How many are generated, with the seeds from 1.
    runs
        Draws of days by which the intervals and the bound on misses are tried.
    """
    contests = []
    for seed in range(1, networks + 1):
        contests.append(hold(policy, make_world(policy, seed), seed))
        progress(seed, networks)
    logging = logging_bundle()
    world = make_world(logging, 1)
    return {
        "policy": {"name": policy.name, "version": policy.version, "digest": policy.digest},
        "data": "generated",
        "currency": policy.costs.currency,
        "saved_of_doing_nothing": over_networks(contests),
        "networks": [each.as_json() for each in contests],
        "off_policy": coverage.coverage(coverage.weigh(logging, candidate_bundle(), world), 1, runs=runs),
        "missed": coverage.broken_bounds(world, 1, runs=runs),
    }


def over_networks(contests: Sequence[Contest]) -> dict[str, dict[str, Any]]:
    """Return how much cheaper the bundle was than each other way, as a share of what doing nothing costs.

    Returns
    -------
    dict
        By the other way: the mean over the networks with Student's 95 % interval, since networks are independent, and
        in how many of them the interval of their own days lies above 0.
    """
    told = {}
    for other in contests[0].cost_by_day:
        if other == TOGETHER:
            continue
        saved = [each.saved(TOGETHER, other) for each in contests]
        values = np.array([value for value, _, _ in saved])
        count = len(values)
        reach = float(stdtrit(count - 1, 0.975)) * float(values.std(ddof=1)) / count**0.5 if count > 1 else None
        told[other] = {
            "value": float(values.mean()),
            "low": None if reach is None else float(values.mean()) - reach,
            "high": None if reach is None else float(values.mean()) + reach,
            "networks": count,
            "networks_above_zero": sum(low > 0.0 for _, low, _ in saved),
        }
    return told
