"""Shapes of `POST /v1/score/eta`."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from features.vocabulary import Moment
from models.eta import LEVELS
from serving.arrivals.service import Arrival
from serving.scores.schemas import ModelShape
from serving.scores.service import features_digest

STATED_COVERAGE = round(LEVELS[-1] - LEVELS[0], 9)
"""The share of arrivals that the interval is stated to hold."""


class ArrivalAnswer(BaseModel):
    """When a shipment arrives. The three instants are null when the model abstains; `abstained_because` says why."""

    shipment_id: str
    moment: Moment
    as_of: datetime
    early: datetime | None = Field(description="one in ten such shipments has arrived by then")
    median: datetime | None = Field(description="half of such shipments have arrived by then")
    late: datetime | None = Field(description="nine in ten such shipments have arrived by then")
    stated_coverage: float = Field(description="the share of arrivals that `early` to `late` is stated to hold")
    abstained_because: list[str]
    model: ModelShape
    features_digest: str = Field(description="SHA-256 of the feature values")


def arrival_answer(arrival: Arrival, model: ModelShape) -> ArrivalAnswer:
    """Shape an arrival."""
    subject, score = arrival.subject, arrival.score
    return ArrivalAnswer(
        shipment_id=subject.shipment.shipment_id,
        moment=subject.moment,
        as_of=subject.as_of,
        early=score.early,
        median=score.median,
        late=score.late,
        stated_coverage=STATED_COVERAGE,
        abstained_because=list(score.abstained_because),
        model=model,
        features_digest=features_digest(arrival.row),
    )
