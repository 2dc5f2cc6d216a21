"""Random processes that more than one part of the network needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def autoregressive(series: int, steps: int, memory: float, rng: np.random.Generator) -> Floats:
    """Return stationary AR(1) series of mean 0 and variance 1: float64 [series, steps].

    Parameters
    ----------
    memory : float
        Correlation of one step with the next, 0 <= memory < 1.
    """
    shocks = rng.standard_normal((series, steps))
    values = np.empty_like(shocks)
    values[:, 0] = shocks[:, 0]
    scale = np.sqrt(1 - memory**2)
    for step in range(1, steps):
        values[:, step] = memory * values[:, step - 1] + scale * shocks[:, step]
    return values


def bad_spells(series: int, days: int, rng: np.random.Generator) -> Floats:
    """Return how bad each day is, 0 on most: float64 [series, days].

    The hidden state is an AR(1) with a memory of two weeks; only its high side does harm, so bad days come in
    bad weeks. Nobody is told of it: recent results are its only trace.
    """
    state = autoregressive(series, days, float(np.exp(-1 / 14)), rng)
    # Brought to mean 0 and variance 1 in this very run, so that one seed's half year is about as bad as another's.
    state = (state - state.mean(axis=1, keepdims=True)) / state.std(axis=1, keepdims=True)
    return np.asarray(np.maximum(state - 0.5, 0.0), dtype=np.float64)
