"""`POST /v1/recommend/…`: options, ranked. Nothing is decided or recorded."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from serving.dependencies import Assignments, Carriers, Nodes, require_json
from serving.recommendations.assignment_schemas import AssignmentAnswer, AssignmentQuestion
from serving.recommendations.documentation import ASSIGNMENT_EXAMPLES, CARRIERS_EXAMPLES, NODES_EXAMPLES
from serving.recommendations.node_schemas import NodesAnswer, NodesQuestion
from serving.recommendations.schemas import CarriersAnswer, CarriersQuestion
from serving.scores.schemas import ModelShape

router = APIRouter(prefix="/v1/recommend", tags=["recommendations"])


@router.post("/carriers", dependencies=[Depends(require_json)])
async def recommend_carriers(
    body: Annotated[CarriersQuestion, Body(openapi_examples=CARRIERS_EXAMPLES)], carriers: Carriers
) -> CarriersAnswer:
    """Return the carriers that a shipment could go with, the least expected total cost first, as of now.

    Candidates are the carrier that has it, all with a rate in force for its lane on the day it leaves, and all seen on
    the lane of late. Each is priced by its contract; its risk is the delay model's, asked as if it had the shipment:
    a prediction for such shipments of that carrier, not the effect of a change. Who cannot take it is listed last, with
    every reason; who is worse in everything than another, with the name of that one. Without contracts on file: 409.
    """
    found = carriers.recommend(body.question(), body.wanted())
    model = carriers.scores.model
    return CarriersAnswer.of(found, ModelShape(name=model.name, version=model.version))


@router.post("/nodes", dependencies=[Depends(require_json)])
async def recommend_nodes(
    body: Annotated[NodesQuestion, Body(openapi_examples=NODES_EXAMPLES)], nodes: Nodes
) -> NodesAnswer:
    """Return from which place, or places, to send an order or parts of it, the least expected total cost first.

    Lines and positions are part of the request; or `order_id` names an order that was sent, and what is known of stock
    counts. Up to three places share an order; one alone where the customer takes all or none. Stock on its way counts
    where it is due before the place's cut-off, with its own risk. With a shipment, a place without a price is priced by
    the cheapest contract from there, and one without a risk by the delay model, asked as if that place sent it.
    """
    return NodesAnswer.of(nodes.recommend(body.asked()))


@router.post("/assignment", dependencies=[Depends(require_json)])
async def recommend_assignment(
    body: Annotated[AssignmentQuestion, Body(openapi_examples=ASSIGNMENT_EXAMPLES)], assignments: Assignments
) -> AssignmentAnswer:
    """Return which carrier each waiting shipment is given so that all together cost least within what carriers take.

    Costs are those of `POST /v1/recommend/carriers`. What stays with the carrier that has it takes nobody's room. The
    choice is exact, and no capacity is exceeded; what one more unit of each would save is its shadow price.
    """
    return AssignmentAnswer.of(await assignments.assign(body.shipment_ids, body.capacity, body.per))
