"""`POST /v1/score/delay`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from serving.dependencies import Scores, require_json
from serving.scores.documentation import SCORE_EXAMPLES
from serving.scores.schemas import ModelShape, ScoreAnswer, ShipmentQuestion, score_answer

router = APIRouter(prefix="/v1", tags=["scores"])


@router.post("/score/delay", dependencies=[Depends(require_json)])
async def score_delay(
    body: Annotated[ShipmentQuestion, Body(openapi_examples=SCORE_EXAMPLES)], scores: Scores
) -> ScoreAnswer:
    """Return the calibrated probability that a shipment will be late, as of now. Nothing is decided or recorded.

    What the model cannot do without and does not have (a promise, a planned departure, any history of the carrier),
    what is far out of the range that it has learnt from, and a carrier that has told nothing for far longer than ever
    make it abstain: `probability` is null and `abstained_because` says why. Reasons, in words for staff and for the
    customer, are computed on `explain: true`.
    """
    scores.require_model()
    subject = scores.subject(body.question(), scores.clock.now())
    scored = scores.score(subject)
    explanation = scores.explain(scored) if body.explain else None
    model = ModelShape(name=scores.model.name, version=scores.model.version)
    return score_answer(scored, scores.hours_late(scored), explanation, model)
