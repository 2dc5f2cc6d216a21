"""What a data set may set about its features. Part of the feature fingerprint: another setting, other numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from features.fields import Currency


class FeatureSettings(BaseModel):
    """Settings of the feature pipeline.

    Attributes
    ----------
    late_after_minutes
        A departure or an arrival counts as late when it is more than this many minutes after plan or promise.
    currency
        ISO 4217 code: amounts in any other one are missing. Without it each is in units of its own, and those of a
        column that holds several cannot be compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    late_after_minutes: Annotated[int, Field(ge=0, le=10_080)] = 0
    currency: Currency | None = None
