"""Shapes of `POST /v1/score/delay`, and the question that `POST /v1/triage` shares with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from features.vocabulary import Moment, Verdict
from models.contracts import Explanation, Reason
from models.customer_words import OF_DELAY, Ways, customer_reasons
from serving.scores.service import Question, Scored, features_digest
from serving.shapes import NO_NUL

ShipmentId = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL, examples=["SH-1001"])]
InlineShipment = Annotated[
    dict[str, Any],
    WithJsonSchema({"$ref": "#/components/schemas/Shipment"}),
    Field(description="a shipment that was not announced, or another plan for one; without `known_at`"),
]


class ShipmentAsked(BaseModel):
    """A shipment by its id, or inline: exactly one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shipment_id: ShipmentId | None = None
    shipment: InlineShipment | None = None
    moment: Moment | None = Field(default=None, description="the moment to judge it at; else the one that holds now")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.shipment_id is None) == (self.shipment is None):
            raise ValueError("give either shipment_id or shipment, and not both")
        return self

    def question(self) -> Question:
        """Return what the service is asked."""
        return Question(self.shipment_id, self.shipment, self.moment)


class ShipmentQuestion(ShipmentAsked):
    """A shipment by its id, or inline: exactly one of the two; and whether reasons are wanted."""

    explain: bool = Field(default=False, description="explain the score even if nobody is going to act on it")


class ReasonShape(BaseModel):
    """One reason of a score; `log_odds` is what it adds to or takes from the log odds of what is predicted."""

    feature: str
    value: float | None
    log_odds: float
    words: str

    @classmethod
    def of(cls, reason: Reason) -> ReasonShape:
        """Shape a model's reason."""
        return cls(feature=reason.feature, value=reason.value, log_odds=reason.log_odds, words=reason.words)


class CustomerReasonShape(BaseModel):
    """One reason as a customer may read it; `part` is what it adds, as of the reasons for staff."""

    part: float
    words: str

    @classmethod
    def all_of(cls, contributions: Iterable[tuple[str, float]], ways: Ways) -> list[CustomerReasonShape]:
        """Shape the contributions of a model for customers."""
        return [cls(part=each.part, words=each.words) for each in customer_reasons(contributions, ways)]


class ExplanationShape(BaseModel):
    """All that adds up to a score: `base_log_odds` and the contributions of all features sum to `log_odds`."""

    base_log_odds: float
    log_odds: float
    contributions: dict[str, float]

    @classmethod
    def of(cls, explanation: Explanation) -> ExplanationShape:
        """Shape a model's explanation."""
        contributions = dict(explanation.contributions)
        return cls(base_log_odds=explanation.base_log_odds, log_odds=explanation.log_odds, contributions=contributions)


class ModelShape(BaseModel):
    """Which model spoke."""

    name: str
    version: str


class ScoreAnswer(BaseModel):
    """A score. `probability` is null when the model abstains; then `abstained_because` says why."""

    shipment_id: str
    moment: Moment
    as_of: datetime
    probability: float | None
    verdict: Verdict
    verdict_scale: Annotated[int, Field(ge=0, le=4)] = Field(
        description="0 cannot determine, 1 on time, 2 behind, 3 cannot make it, 4 already past"
    )
    expected_hours_late: float | None = Field(
        description="expected hours after the promise, one in time counting as 0; null when the model abstains"
    )
    abstained_because: list[str]
    reasons: list[ReasonShape] | None = Field(description="null unless asked for")
    customer_reasons: list[CustomerReasonShape] | None = Field(
        description="the same in words for a customer, by subject; with the base they add up too; null unless asked for"
    )
    explanation: ExplanationShape | None = Field(description="null unless asked for")
    model: ModelShape
    features_digest: str = Field(description="SHA-256 of the feature values")


def score_answer(
    scored: Scored, hours_late: float | None, explanation: Explanation | None, model: ModelShape
) -> ScoreAnswer:
    """Shape a score."""
    return ScoreAnswer(
        shipment_id=scored.subject.shipment.shipment_id,
        moment=scored.subject.moment,
        as_of=scored.subject.as_of,
        probability=scored.score.probability,
        verdict=scored.score.verdict,
        verdict_scale=scored.score.verdict.scale,
        expected_hours_late=hours_late,
        abstained_because=list(scored.score.abstained_because),
        reasons=None if explanation is None else [ReasonShape.of(reason) for reason in explanation.reasons],
        customer_reasons=(
            None if explanation is None else CustomerReasonShape.all_of(explanation.contributions, OF_DELAY)
        ),
        explanation=None if explanation is None else ExplanationShape.of(explanation),
        model=model,
        features_digest=features_digest(scored.row),
    )
