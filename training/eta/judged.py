"""Predicted arrivals beside what came of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import DAY
from features.instants import micros_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class JudgedArrivals:
    """Test cases, each with quantiles of its delay from the model and from the baselines.

    Attributes
    ----------
    cases
        Rows of `Dataset.cases`; n rows.
    hours_to_promise : float64 [n]
        From the decision to the promised arrival.
    delay_hours : float64 [n]
    hours : float64 [n, len(LEVELS)]
        The model's quantiles, corrected.
    baselines : float64 [n, len(LEVELS)] each
    abstained
        How many further cases the model or a baseline had no answer to.
    """

    cases: pd.DataFrame
    hours_to_promise: Floats
    delay_hours: Floats
    hours: Floats
    baselines: dict[str, Floats]
    abstained: int

    @property
    def days(self) -> Ints:
        """Day of each cutoff: int64 [n]."""
        return micros_of(self.cases["cutoff_at"]) // DAY

    def of(self, rows: Ints) -> JudgedArrivals:
        """Return some of the cases, by position."""
        return JudgedArrivals(
            self.cases.iloc[rows],
            self.hours_to_promise[rows],
            self.delay_hours[rows],
            self.hours[rows],
            {name: hours[rows] for name, hours in self.baselines.items()},
            0,
        )


def together(parts: Iterable[JudgedArrivals]) -> JudgedArrivals:
    """Return the cases of several as one."""
    parts = list(parts)
    return JudgedArrivals(
        pd.concat([part.cases for part in parts]),
        np.concatenate([part.hours_to_promise for part in parts]),
        np.concatenate([part.delay_hours for part in parts]),
        np.concatenate([part.hours for part in parts]),
        {name: np.concatenate([part.baselines[name] for part in parts]) for name in parts[0].baselines},
        sum(part.abstained for part in parts),
    )
