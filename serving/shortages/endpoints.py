"""`POST /v1/score/shortage` judges order lines, `POST /v1/triage/shortages` decides about each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Body, Depends, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, model_validator

from models.shortage import ShortageModel
from serving.dependencies import ActorOrSystem, Key, ShortageDecider, Shortages, require_json
from serving.replies import keyed_by, respond
from serving.shapes import NO_NUL
from serving.shapes import Body as Shape
from serving.shortages.deciding import DecidedLines, Request
from serving.shortages.decision_schemas import LineDecision, LinesDecided
from serving.shortages.documentation import LINE_EXAMPLES, TRIAGE_EXAMPLES
from serving.shortages.facts import Substitute
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


class LinesChosen(Shape):
    """Order lines by name, those of an order, of a wave, or those that wait at a place: exactly one of the four."""

    lines: Annotated[list[LineNamed], Field(min_length=1, max_length=MOST_LINES)] | None = None
    order_id: Name | None = None
    wave_id: Name | None = None
    place: Name | None = Field(default=None, description="all lines that wait to be picked there")

    @model_validator(mode="after")
    def _one_of_four(self) -> Self:
        if [self.lines, self.order_id, self.wave_id, self.place].count(None) != 3:
            raise ValueError("give exactly one of lines, order_id, wave_id and place")
        return self

    def question(self, *, explain: bool = True) -> LineQuestion:
        """Return what the service is asked."""
        lines = [(line.order_id, line.line_id) for line in self.lines or ()]
        return LineQuestion(lines, self.order_id, self.wave_id, self.place, explain)


class LinesAsked(LinesChosen):
    """Order lines by name, those of an order, of a wave, or those that wait at a place: exactly one of the four."""

    explain: bool = Field(default=True, description="give the reasons of each probability")


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
    found = await shortages.answer_in_turn(body.question(explain=body.explain))
    return await run_in_threadpool(lines_answer, found, shortages.model)


class SubstituteNamed(Shape):
    """An article that could go instead of another; how much of it is free is known from stock."""

    sku: Name
    instead: Name
    is_accepted: bool = Field(default=False, description="the customers of the lines have said that it will do")

    @model_validator(mode="after")
    def _is_another(self) -> Self:
        if self.sku == self.instead:
            raise ValueError(f"instead is '{self.sku}' itself; name another article")
        return self


class LinesToDecide(LinesChosen):
    """Order lines, and the articles that could go instead of theirs."""

    substitutes: list[SubstituteNamed] | None = Field(
        default=None,
        max_length=MOST_LINES,
        description="all there are; null: nobody says, so more is left to a person",
    )

    def named(self) -> list[Substitute] | None:
        """Return the articles that could go instead; None if nobody says."""
        if self.substitutes is None:
            return None
        return [Substitute(each.sku, each.instead, each.is_accepted) for each in self.substitutes]


@router.post("/triage/shortages", response_model=LinesDecided, tags=["decisions"], dependencies=[Depends(require_json)])
async def triage_shortages(
    body: Annotated[LinesToDecide, Body(openapi_examples=TRIAGE_EXAMPLES)],
    decider: ShortageDecider,
    actor: ActorOrSystem,
    key: Key,
) -> Response:
    """Judge order lines, decide about each under the policy on shortages, seal it, and set in motion what it says.

    All lines are judged as of now and decided about in one transaction, the one with most at stake first: stock of
    another place that one line is handed is not handed to the next. A branch that acts by itself is a call that is
    enqueued; what needs a person becomes an item of the review queue. A line of which nothing else is known, and about
    which the rules say the same, is decided once, whatever the key. One that is covered by now withdraws what waits for
    it; what went out is undone, or a person is asked.
    """
    keyed = keyed_by("/v1/triage/shortages", body, key)
    request = Request(body.question(), body.named(), keyed, actor)
    looked = await decider.look(request)
    if looked is None:
        return respond(decider.triage(request, _render))
    return respond(await run_in_threadpool(decider.triage, request, _render, looked))


def _render(decided: DecidedLines) -> str:
    lines = [LineDecision.of(each.sealed, already_decided=not each.is_new) for each in decided.lines]
    return LinesDecided.of(decided.as_of, lines).model_dump_json()


def lines_answer(found: JudgedLines, model: ShortageModel | None) -> LinesAnswer:
    """Shape what was found."""
    lines, currency, expected_loss = [], None, 0.0
    spoke = model_shape(model)
    for case in found.lines:
        answer, stake = line_answer(case.judged, spoke), case.stake
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
