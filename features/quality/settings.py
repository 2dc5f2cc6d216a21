"""From when on data counts as bad. One object, so that a network with other habits sets its own limits."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class QualitySettings(BaseModel):
    """Thresholds of data quality.

    Attributes
    ----------
    recent_days, usual_days
        What is judged, and the time before it that says what is usual.
    least_records
        Fewer say nothing, recent or usual ones.
    silence_times_usual, silence_least_hours
        A feed is stale after so many times its usual longest silence, but not before so many hours.
    ended_after_days
        A feed that has been silent for longer was given up, and is no longer reported.
    missing_share, missing_rise
        Share of records that may lack a field no model can do without; and by how much the share may rise of those
        that lack any other.
    unit_tolerance
        How far, as a factor, a jump may be from that between two units and still be taken for it; more where there are
        too few records to tell.
    skew_seconds, early_share
        How far a sender's clock may be ahead, and the share of records that may be.
    lag_rise_minutes
        By how much the usual delay of news may rise.
    duplicate_share
        Share of records that may repeat an earlier one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recent_days: Positive = 7
    usual_days: Positive = 28
    least_records: Annotated[int, Field(ge=2)] = 20
    silence_times_usual: Positive = 2.0
    silence_least_hours: Positive = 1.0
    ended_after_days: Positive = 90
    missing_share: Share = 0.05
    missing_rise: Share = 0.10
    unit_tolerance: Annotated[float, Field(gt=1, lt=1.5)] = 1.25
    skew_seconds: Annotated[float, Field(ge=0)] = 60
    early_share: Share = 0.01
    lag_rise_minutes: Positive = 30
    duplicate_share: Share = 0.05
