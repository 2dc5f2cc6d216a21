"""`POST /v1/score/shortage`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field, model_validator

from models.shortage import ShortageModel
from serving.dependencies import Shortages, require_json
from serving.shapes import NO_NUL
from serving.shapes import Body as Shape
from serving.shortages.documentation import LINE_EXAMPLES
from serving.shortages.judging import line_answer, model_shape
from serving.shortages.schemas import LineAnswer, StakeShape
from serving.shortages.service import MOST_LINES, JudgedLines, LineQuestion
from serving.shortages.stake import Stake

router = APIRouter(prefix="/v1", tags=["scores"])

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


class LineNamed(Shape):
    """An order line by its names."""

    order_id: Name
    line_id: Name


class LinesAsked(Shape):
    """Order lines by name, those of an order, or those of a wave: exactly one of the three."""

    lines: Annotated[list[LineNamed], Field(min_length=1, max_length=MOST_LINES)] | None = None
    order_id: Name | None = None
    wave_id: Name | None = None
    explain: bool = Field(default=True, description="give the reasons of each probability")

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if [self.lines, self.order_id, self.wave_id].count(None) != 2:
            raise ValueError("give exactly one of lines, order_id and wave_id")
        return self

    def question(self) -> LineQuestion:
        """Return what the service is asked."""
        lines = [(line.order_id, line.line_id) for line in self.lines or ()]
        return LineQuestion(lines, self.order_id, self.wave_id, self.explain)


class LinesAnswer(BaseModel):
    """Order lines, judged by what was known at `as_of`, the likeliest short first."""

    as_of: datetime
    released_at: datetime | None = Field(description="when the wave was released; it is judged as of just before then")
    expected_short: float = Field(description="lines expected to be picked short: the sum of the probabilities")
    abstained: int = Field(description="lines without a probability")
    currency: str | None = Field(description="of the bundle in force; null where nothing at stake can be told")
    expected_loss_minor: float = Field(description="expected to be lost in all, of the lines whose stake is known")
    lines: list[LineAnswer]


@router.post("/score/shortage", dependencies=[Depends(require_json)])
async def score_shortage(
    body: Annotated[LinesAsked, Body(openapi_examples=LINE_EXAMPLES)], shortages: Shortages
) -> LinesAnswer:
    """Return how likely order lines are to be picked short, why, and who could cover them. Nothing is recorded by it.

    Lines are judged as of now, as if their wave were released now; those of a wave that was released as of just before.
    `verdict` is what the books say, `probability` what is to be made of it. A line whose stock is not on record, or
    lies at a place that has fallen silent, has no probability, and says why.
    """
    return lines_answer(shortages.answer(body.question()), shortages.model)


def lines_answer(found: JudgedLines, model: ShortageModel | None) -> LinesAnswer:
    """Shape what was found."""
    lines, currency, expected_loss = [], None, 0.0
    spoke = model_shape(model)
    for judged, stake in found.lines:
        answer = line_answer(judged, spoke)
        if isinstance(stake, Stake):
            answer.stake = StakeShape.of(stake)
            currency = stake.currency
            expected_loss += stake.matter.expected_loss_minor
        else:
            answer.stake_unknown_because = stake.reason
        lines.append(answer)
    probabilities = [answer.probability for answer in lines if answer.probability is not None]
    return LinesAnswer(
        as_of=found.as_of,
        released_at=found.released_at,
        expected_short=sum(probabilities),
        abstained=len(lines) - len(probabilities),
        currency=currency,
        expected_loss_minor=expected_loss,
        lines=lines,
    )
