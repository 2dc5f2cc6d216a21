"""Whether one configuration loses less than another on the same cases: a paired interval over whole days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.tuning.losses import Losses

RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much less is lost, in units of the loss, with the 95 % interval of resampled days; positive is better."""

    value: float
    low: float
    high: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0.0


def gain(before: Mapping[Any, Losses], after: Mapping[Any, Losses], rng: np.random.Generator) -> Gain:
    """Return what the second loses less than the first, every moment counting alike.

    Days are drawn for all moments at once: what a storm does to one it does to all.

    Parameters
    ----------
    before, after
        Losses of the same cases in the same order.
    """
    every = np.unique(np.concatenate([of.days for of in before.values()]))
    drawn = rng.multinomial(len(every), np.full(len(every), 1 / len(every)), size=RESAMPLES).astype(np.float64)
    means, whole = np.zeros(RESAMPLES), 0.0
    for moment, of in before.items():
        less = of.loss - after[moment].loss
        day = np.searchsorted(every, of.days)
        sums, counts = np.bincount(day, less, len(every)), np.bincount(day, minlength=len(every))
        means += (drawn @ sums) / np.maximum(drawn @ counts, 1.0) / len(before)
        whole += float(less.mean()) / len(before)
    low, high = np.percentile(means, [2.5, 97.5])
    return Gain(whole, float(low), float(high))
