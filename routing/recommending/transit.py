"""How likely a transit takes longer than there is time, from how long half and nine in ten of such runs take."""

from __future__ import annotations

from math import erf, log, sqrt

_NINE_IN_TEN = 1.2815515655446004
"""How many standard deviations above the middle nine in ten of a normal distribution lie."""
_LEAST_SPREAD = 1e-6


def late_by_transit(left_hours: float, usual_hours: float, slow_hours: float) -> float:
    """Return the probability that a run takes longer than is left, taking transits to be log-normal.

    Parameters
    ----------
    left_hours
        From the departure to the promise.
    usual_hours, slow_hours
        What half, and what nine in ten, of the runs keep; both positive.
    """
    if left_hours <= 0:
        return 1.0
    spread = max(log(max(slow_hours / usual_hours, 1.0)) / _NINE_IN_TEN, _LEAST_SPREAD)
    return 0.5 * (1 - erf(log(left_hours / usual_hours) / spread / sqrt(2)))
