"""A log of decisions in which chance had its part, as arrays: what was taken, how likely that was, what came of it.

Every judgement of a policy from what another one did begins here. Costs are in minor units of one currency, and less is
better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Decisions that were logged, beside what a candidate would do about them.

    Attributes
    ----------
    endings
        The m ways in which a case may end, by name.
    taken : int64 [n]
        Place of the ending that each case came to.
    logged, candidate : float64 [n, m]
        The probability with which each case was to come to each ending, and with which the candidate would have it
        come to that.
    cost : float64 [n]
        What came of each case.
    predicted : float64 [n, m]
        What a model expects each ending to cost. Wherever it is right, less is left to chance; where it is wrong, no
        estimate is biased by it.
    cluster : int64 [n]
        The day, or the shipment, of each case: what happens within one is not independent.
    """

    endings: tuple[str, ...]
    taken: Ints
    logged: Floats
    candidate: Floats
    cost: Floats
    predicted: Floats
    cluster: Ints

    def __len__(self) -> int:
        return len(self.taken)

    @property
    def weights(self) -> Floats:
        """How much more likely the candidate would have taken what was taken: float64 [n]."""
        return self._of_taken(self.candidate) / self._of_taken(self.logged)

    @property
    def predicted_of_taken(self) -> Floats:
        """What the model expected of what was taken: float64 [n]."""
        return self._of_taken(self.predicted)

    @property
    def unsupported(self) -> NDArray[np.bool_]:
        """Where the candidate may take what was never taken there: bool [n, m]."""
        return (self.candidate > 0.0) & (self.logged <= 0.0)

    def _of_taken(self, values: Floats) -> Floats:
        found: Floats = np.take_along_axis(values, self.taken[:, None], axis=1)[:, 0]
        return found
