"""Whether a log can answer for a candidate at all, and how many decisions it would take.

A log answers only where its policy might have done what the candidate does. Where it might, but seldom, few decisions
carry all the weight: n of them say as much as n / E[w²] of the candidate's own would (Kish, 1965).
"""

from __future__ import annotations

from collections import Counter
from math import ceil

import numpy as np

from training.errors import SupportError
from training.policies.log import Log

LEAST_EFFECTIVE = 1_000.0
"""So many effective decisions are asked for, if nothing else is said."""
LEAST_CLUSTERS = 30
"""With fewer days or shipments a bootstrap says nothing of their spread."""


def expected_square(log: Log) -> float:
    """Return what E[w²] is by the propensities of all branches, those that chance did not take included.

    It is not seen in the weights of a small log: until chance has once taken what the candidate takes, all look alike.
    """
    shares = np.divide(log.candidate**2, log.logged, out=np.zeros_like(log.candidate), where=log.logged > 0.0)
    return float(shares.sum(axis=1).mean())


def effective_samples(log: Log) -> float:
    """Return how many of the candidate's own decisions a log is worth, by its weights or propensities, the fewer."""
    weights = log.weights
    total = float(weights.sum())
    seen = total**2 / float((weights**2).sum()) if total > 0.0 else 0.0
    return min(seen, len(log) / expected_square(log))


def logged_needed(effective: float, *, differs: float, share: float, branches: int) -> int:
    """Return how many decisions must be logged for so many effective ones, before anything is logged.

    Parameters
    ----------
    effective
        Decisions that the log shall be worth.
    differs
        Share of the cases in which the candidate takes another branch than the logging policy would.
    share, branches
        Of the exploration: how often chance decides, and among how many branches.
    """
    other = share / branches
    return ceil(effective * ((1.0 - differs) / (1.0 - share + other) + differs / other))


def check(log: Log, *, least_effective: float, clusters_are: str) -> float:
    """Return how many effective decisions a log holds.

    Raises
    ------
    SupportError
        If it cannot answer for the candidate, or not well enough.
    """
    if len(log) == 0:
        raise SupportError("no decision with a known outcome is left", "Give decisions and what came of them.")
    _check_branches(log, least_effective)
    effective, needed = effective_samples(log), ceil(least_effective * expected_square(log))
    if effective < least_effective:
        more = max(needed - len(log), 0) or ceil(len(log) * (least_effective / max(effective, 1.0) - 1.0))
        raise SupportError(
            f"{len(log):,} logged decisions are worth {effective:,.0f} of the candidate's own, {least_effective:,.0f} "
            "are asked for",
            f"Log about {more:,} more under the same exploration, let chance decide more often, or ask for less.",
        )
    clusters = len(np.unique(log.cluster))
    if clusters < LEAST_CLUSTERS:
        raise SupportError(
            f"the decisions are of {clusters} {clusters_are}s, at least {LEAST_CLUSTERS} are needed for an interval",
            "Log for longer, or let shipments stand for themselves (--clusters shipment).",
        )
    return effective


def _check_branches(log: Log, least_effective: float) -> None:
    never = log.unsupported
    if not never.any():
        return
    cases, endings = np.nonzero(never)
    pairs = Counter(
        (log.endings[log.taken[case]], log.endings[ending]) for case, ending in zip(cases, endings, strict=True)
    )
    told = "; ".join(f"{other} where {taken} was taken: {count:,}" for (taken, other), count in pairs.most_common(5))
    affected = int(never.any(axis=1).sum())
    differs = affected / len(log)
    needed = logged_needed(least_effective, differs=differs, share=0.05, branches=2)
    raise SupportError(
        f"in {affected:,} of {len(log):,} decisions the candidate takes what was never to be taken there ({told})",
        "No number of such decisions helps. Where those branches are equally safe, let chance decide among them: with "
        f"5 % exploration among 2 branches about {needed:,} decisions, {max(needed - len(log), 0):,} more than these, "
        f"would be worth {least_effective:,.0f} of the candidate's own. Else try it in a rollout.",
    )
