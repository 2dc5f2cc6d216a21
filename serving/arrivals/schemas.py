"""Shapes of `POST /v1/score/eta`."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from features.vocabulary import Moment
from models.contracts import ArrivalExplanation
from models.customer_words import NEWEST_OUTCOMES, OF_ARRIVAL
from models.eta import LEVELS
from serving.arrivals.service import Arrival
from serving.scores.schemas import CustomerReasonShape, ModelShape
from serving.scores.service import features_digest

STATED_COVERAGE = round(LEVELS[-1] - LEVELS[0], 9)
"""The share of arrivals that the interval is stated to hold."""


class ArrivalReasonShape(BaseModel):
    """One reason of the middle of an arrival; `hours` is what it adds to the delay against the promise."""

    feature: str
    value: float | None
    hours: float
    words: str


class ArrivalExplanationShape(BaseModel):
    """All that adds up to the middle of an arrival, in hours after the promise: base, contributions and correction.

    Base and reasons add up to it too; so do base and what customers read.
    """

    base_hours: float
    correction_hours: float = Field(
        description="what came of such shipments lately, and, of one that is overdue, that it has not come by now"
    )
    hours: float = Field(description="the median less the promise")
    reasons: list[ArrivalReasonShape]
    customer_reasons: list[CustomerReasonShape]
    contributions: dict[str, float]

    @classmethod
    def of(cls, found: ArrivalExplanation) -> ArrivalExplanationShape:
        """Shape a model's explanation."""
        reasons = [
            ArrivalReasonShape(feature=each.feature, value=each.value, hours=each.hours, words=each.words)
            for each in found.reasons
        ]
        parts = (*found.contributions, (NEWEST_OUTCOMES, found.correction_hours))
        return cls(
            base_hours=found.base_hours,
            correction_hours=found.correction_hours,
            hours=found.hours,
            reasons=reasons,
            customer_reasons=CustomerReasonShape.all_of(parts, OF_ARRIVAL),
            contributions=dict(found.contributions),
        )


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
    explanation: ArrivalExplanationShape | None = Field(description="null unless asked for")
    model: ModelShape
    features_digest: str = Field(description="SHA-256 of the feature values")


def arrival_answer(arrival: Arrival, explanation: ArrivalExplanation | None, model: ModelShape) -> ArrivalAnswer:
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
        explanation=None if explanation is None else ArrivalExplanationShape.of(explanation),
        model=model,
        features_digest=features_digest(arrival.row),
    )
