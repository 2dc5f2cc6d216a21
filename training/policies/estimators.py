"""What a policy would have cost, estimated from what another one did: IPS, SNIPS and doubly robust.

Inverse propensity scoring (Horvitz and Thompson, 1952) weighs what was taken by how much more likely the candidate
would have taken it. Self-normalised (Swaminathan and Joachims, 2015) it divides by the weights it has instead of those
it should have. Doubly robust (Dudik, Langford and Li, 2011) lets a model say what the candidate costs, and corrects it
by what came otherwise. Propensities are sealed with each decision and so known, hence IPS and the doubly robust
estimate are unbiased whatever the model says.

Intervals come from a bootstrap of whole clusters, days or shipments, since what happens within one is not independent.
It is studentised (Efron, 1981), since costs are skewed: a few late shipments weigh as much as all the rest. Where few
clusters make the bootstrap too sure, Student's interval with the error between clusters reaches further, and counts.
How often both together hold the truth is measured (`training.policies.coverage`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from training.policies.log import Floats, Log

RESAMPLES = 2_000
_CASES, _COST, _WEIGHT, _WEIGHTED, _ROBUST = range(5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A cost per case in minor units, with its interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Return it in plain JSON types."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def covers(self, truth: float) -> bool:
        """Tell whether the interval holds a value."""
        return self.low <= truth <= self.high


@dataclass(frozen=True, slots=True)
class Estimates:
    """What a candidate would cost per case, by each estimator, and how much more than what was logged (`more`)."""

    logged: Estimate
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    more: dict[str, Estimate]

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {
            "logged": self.logged.as_json(),
            **{name: getattr(self, name).as_json() for name in NAMES},
            "more_than_logged": {name: found.as_json() for name, found in self.more.items()},
        }


NAMES = ("ips", "snips", "doubly_robust")


def estimate(log: Log, *, confidence: float = 0.95, rng: np.random.Generator) -> Estimates:
    """Estimate what the candidate of a log would have cost per case.

    Support is not asked for here: see `training.policies.support`.
    """
    sums = cluster_sums(log)
    count = len(sums)
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES).astype(np.float64)
    products = (sums[:, :, None] * sums[:, None, :]).reshape(count, -1)
    here = _Sample.of(sums.sum(axis=0), products.sum(axis=0), count)
    there = _Sample.of(drawn @ sums, drawn @ products, count)
    found = {name: _interval(here, there, name, None, confidence) for name in ("logged", *NAMES)}
    return Estimates(**found, more={name: _interval(here, there, name, "logged", confidence) for name in NAMES})


def cluster_sums(log: Log) -> Floats:
    """Add up over each cluster all that the estimators need: float64 [clusters, 5]."""
    weights, predicted = log.weights, log.predicted
    expected = (log.candidate * predicted).sum(axis=1)
    robust = expected + weights * (log.cost - log.predicted_of_taken)
    columns = (np.ones(len(log)), log.cost, weights, weights * log.cost, robust)
    every, place = np.unique(log.cluster, return_inverse=True)
    return np.stack([np.bincount(place, weights=column, minlength=len(every)) for column in columns], axis=1)


_RATIOS = {
    "logged": (_COST, _CASES),
    "ips": (_WEIGHTED, _CASES),
    "snips": (_WEIGHTED, _WEIGHT),
    "doubly_robust": (_ROBUST, _CASES),
}
"""Every estimate is a ratio of two sums over the clusters."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """Sums over the clusters of one sample or of many, and how they vary from cluster to cluster."""

    sums: Floats
    spread: Floats
    clusters: int

    @classmethod
    def of(cls, sums: Floats, products: Floats, count: int) -> _Sample:
        outer = sums[..., :, None] * sums[..., None, :]
        return cls(sums, products.reshape(outer.shape) - outer / count, count)

    def value(self, name: str) -> Floats:
        above, below = _RATIOS[name]
        value: Floats = self.sums[..., above] / self.sums[..., below]
        return value

    def gradient(self, name: str) -> Floats:
        """Return how a ratio changes with the sums that it is made of."""
        above, below = _RATIOS[name]
        gradient = np.zeros_like(self.sums)
        gradient[..., above] = 1.0 / self.sums[..., below]
        gradient[..., below] = -self.value(name) / self.sums[..., below]
        return gradient

    def told(self, name: str, less: str | None) -> tuple[Floats, Floats]:
        """Return an estimate, or how much more it is than another, and its standard error (delta method)."""
        value, gradient = self.value(name), self.gradient(name)
        if less is not None:
            value, gradient = value - self.value(less), gradient - self.gradient(less)
        variance = np.einsum("...i,...ij,...j->...", gradient, self.spread, gradient)
        return value, np.sqrt(np.maximum(variance, 0.0))


def _interval(here: _Sample, there: _Sample, name: str, less: str | None, confidence: float) -> Estimate:
    """Return an estimate with its interval: the studentised or Student's, whichever reaches further on a side."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample in which the candidate agrees with nothing
        (value, error), (others, errors) = here.told(name, less), there.told(name, less)
        ratios = (others - value) / errors
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) == 0:
        return Estimate(float(value), float(value), float(value))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(ratios, [tail, 1.0 - tail])
    reach = float(stdtrit(here.clusters - 1, 1.0 - tail))
    return Estimate(float(value), float(value - max(high, reach) * error), float(value - min(low, -reach) * error))
