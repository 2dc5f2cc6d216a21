"""`POST /v1/triage` and the sealed decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response

from serving.decisions.deciding import Decided
from serving.decisions.schemas import (
    CounterfactualList,
    CounterfactualShape,
    DecisionAnswer,
    DecisionList,
    DecisionsAsked,
    TriageAnswer,
)
from serving.decisions.service import Request
from serving.dependencies import ActorOrSystem, Decisions, Key, require_json
from serving.replies import keyed_by, respond
from serving.scores.documentation import SCORE_EXAMPLES
from serving.scores.schemas import ShipmentQuestion
from serving.shapes import PathId

router = APIRouter(prefix="/v1", tags=["decisions"])
_PATH = "/v1/triage"


@router.post("/triage", response_model=TriageAnswer, dependencies=[Depends(require_json)])
async def triage(
    body: Annotated[ShipmentQuestion, Body(openapi_examples=SCORE_EXAMPLES)],
    decisions: Decisions,
    actor: ActorOrSystem,
    key: Key,
) -> Response:
    """Score a shipment, decide under the policy, seal the decision, and set in motion what it says.

    A branch that acts by itself enqueues its call to the orchestrator; one that needs a person becomes an item of the
    review queue. All of it is one transaction: what cannot be recorded is not done.

    The same `Idempotency-Key` with the same payload gets the first answer again, with `Idempotent-Replayed: true`; with
    another payload 422; while the first request is running 409; without a key 400. A version of a shipment (its plan,
    its moment, the number of its events known) is decided once, whatever the key.
    """
    request = Request(body.question(), keyed_by(_PATH, body, key), actor, explain=body.explain)
    return respond(decisions.triage(request, _render))


@router.get("/decisions/{decision_id}")
async def get_decision(decision_id: PathId, decisions: Decisions) -> DecisionAnswer:
    """Return a sealed decision as it was recorded, and how far its calls have come."""
    return DecisionAnswer.of(*decisions.decision(decision_id))


@router.get("/decisions/{decision_id}/counterfactuals")
def get_counterfactuals(decision_id: PathId, decisions: Decisions) -> CounterfactualList:
    """Return the nearest values of single facts and thresholds with which the decision would have ended otherwise.

    Each answer was decided anew under the bundle of the decision and did end otherwise. The bundle is the one that is
    kept with the decision, whatever is in force now.
    """
    found = decisions.counterfactuals(decision_id)
    return CounterfactualList(decision_id=decision_id, counterfactuals=list(map(CounterfactualShape.of, found)))


@router.get("/decisions")
async def list_decisions(
    asked: Annotated[DecisionsAsked, Query()],
    decisions: Decisions,
) -> DecisionList:
    """List the decisions about a shipment, an invoice or an order line, newest first."""
    return DecisionList.of(decisions.of_subject(asked.key, before=asked.before, limit=asked.limit), asked.limit)


def _render(decided: Decided) -> str:
    return TriageAnswer.of(decided.sealed, already_decided=not decided.is_new).model_dump_json()
