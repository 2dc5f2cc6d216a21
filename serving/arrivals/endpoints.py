"""`POST /v1/score/eta`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from serving.arrivals.documentation import ARRIVAL_EXAMPLES
from serving.arrivals.schemas import ArrivalAnswer, arrival_answer
from serving.dependencies import Arrivals, require_json
from serving.scores.schemas import ModelShape, ShipmentQuestion

router = APIRouter(prefix="/v1", tags=["scores"])


@router.post("/score/eta", dependencies=[Depends(require_json)])
async def score_eta(
    body: Annotated[ShipmentQuestion, Body(openapi_examples=ARRIVAL_EXAMPLES)], arrivals: Arrivals
) -> ArrivalAnswer:
    """Return when a shipment will arrive, as of now: an interval and the middle of it. Nothing is decided or recorded.

    The instants are corrected by the newest outcomes known now. Asked again later, the answer is another, even if
    nothing was told meanwhile: that nothing was is information too, and none of the instants lies before now as long as
    no arrival is told. Where something the model cannot do without is missing, out of date or out of range, or
    too few outcomes are known of late, it abstains: the instants are null and `abstained_because` says why. Reasons are
    computed on `explain: true`, and add up to the median.
    """
    found = arrivals.arrival(body.question(), arrivals.clock.now())
    explanation = arrivals.explain(found) if body.explain else None
    return arrival_answer(found, explanation, ModelShape(name=arrivals.model_name, version=arrivals.model_version))
