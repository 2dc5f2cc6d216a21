"""What a data set may set about its features. Part of the feature fingerprint: another setting, other numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class FeatureSettings(BaseModel):
    """Settings of the feature pipeline.

    Attributes
    ----------
    late_after_minutes
        A departure or an arrival counts as late when it is more than this many minutes after plan or promise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    late_after_minutes: Annotated[int, Field(ge=0, le=10_080)] = 0
