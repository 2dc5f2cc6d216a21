"""What stands in for a model when none is loaded: it abstains, so that every case goes to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from features.moments import IN_TURN
from features.state import FeatureRow
from features.vocabulary import Moment, Verdict
from models.contracts import DelayScore, Explanation

NO_MODEL = "none"
"""What a model is called that is not there."""


@dataclass(frozen=True, slots=True)
class AbsentModel:
    """A model that never knows.

    Attributes
    ----------
    is_meant
        Whether the service was started to judge no shipments; otherwise something is missing.
    """

    is_meant: bool = False

    name: ClassVar[str] = NO_MODEL
    version: ClassVar[str] = "0"
    fingerprints: ClassVar[Mapping[str, str]] = MappingProxyType({})
    moments: ClassVar[tuple[Moment, ...]] = IN_TURN

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        """Abstain."""
        return DelayScore(None, Verdict.CANNOT_DETERMINE, moment, (*row.missing, "no model is loaded"))

    def hours_late(self, values: NDArray[np.float64], moment: Moment) -> NDArray[np.float64]:  # noqa: ARG002  likewise
        """Know nothing."""
        return np.full(len(values), np.nan)

    def explain(self, row: FeatureRow, moment: Moment) -> Explanation:  # noqa: ARG002  as the port has it
        """Explain nothing: no feature adds anything."""
        return Explanation(base_log_odds=0.0, contributions=(), log_odds=0.0, reasons=())
