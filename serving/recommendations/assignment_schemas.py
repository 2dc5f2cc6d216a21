"""Shapes of `POST /v1/recommend/assignment`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from serving.recommendations.assignment import AT_MOST, AssignedQueue, Per
from serving.recommendations.schemas import Name
from serving.scores.schemas import ShipmentId
from serving.shapes import Body

Room = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class AssignmentQuestion(Body):
    """What each carrier still takes; and which shipments, if not those that wait in the queue."""

    capacity: Annotated[dict[Name, Room], Field(max_length=200)] = Field(
        description="by carrier_id; a carrier that is not named is without limit"
    )
    per: Per = Field(default=Per.SHIPMENT, description="what capacities are counted in")
    shipment_ids: Annotated[list[ShipmentId], Field(max_length=AT_MOST)] | None = Field(
        default=None, description=f"else the first {AT_MOST} of the queue, in its order"
    )


class AssignedShape(BaseModel):
    """What one shipment takes, and what it would take if nobody else wanted the room."""

    shipment_id: str
    taken: str
    stands: bool = Field(description="it stays with the carrier that has it")
    expected_cost_minor: int
    alone: str
    alone_cost_minor: int


class AssignmentAnswer(BaseModel):
    """Who carries what. Amounts are minor units of `currency`."""

    currency: str
    cases: list[AssignedShape]
    cost_minor: int
    alone_minor: int = Field(description="what it would cost if no capacity were limited")
    bound_minor: float = Field(description="below which no choice can get")
    used: dict[str, float]
    shadow_prices_minor: dict[str, float] = Field(description="what one more unit of each capacity would save")
    left_out: dict[str, str] = Field(description="shipments that had no part, each with the reason")

    @classmethod
    def of(cls, found: AssignedQueue) -> AssignmentAnswer:
        """Shape an assignment."""
        allocation = found.assignment.allocation
        return cls(
            currency=found.currency,
            cases=[
                AssignedShape(
                    shipment_id=each.name,
                    taken=each.taken.way.name,
                    stands=each.taken.way.stands,
                    expected_cost_minor=each.taken.expected_cost_minor or 0,
                    alone=each.alone.way.name,
                    alone_cost_minor=each.alone.expected_cost_minor or 0,
                )
                for each in found.assignment.cases
            ],
            cost_minor=round(allocation.cost),
            alone_minor=found.assignment.alone_minor,
            bound_minor=allocation.bound,
            used=dict(allocation.used),
            shadow_prices_minor=dict(allocation.shadow_prices),
            left_out=dict(found.left_out),
        )
