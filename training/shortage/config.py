"""How the shortage model is trained: one YAML file, read once, kept inside the model's bundle."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from features.vocabulary import LineMoment
from training.config import BoostedConfig


class ShortageConfig(BoostedConfig):
    """Configuration of the shortage model; its split goes by the release of an order's first wave.

    Attributes
    ----------
    stale_after_hours
        For how long a place may be silent about its stock until that counts as unknown.
    """

    name: str = "shortage"
    moments: tuple[LineMoment, ...] = tuple(LineMoment)
    stale_after_hours: Annotated[float, Field(gt=0)] = 72.0
