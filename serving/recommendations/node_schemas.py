"""Shapes of `POST /v1/recommend/nodes`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from features.vocabulary import CustomerTier
from routing.recommending.nodes import Inbound, Node, Plan
from routing.recommending.ranking import Option
from serving.recommendations.nodes import NodesAsked, NodesFound
from serving.recommendations.ordered import Ordered
from serving.recommendations.schemas import Minor, Name, OptionShape
from serving.scores.schemas import InlineShipment, ShipmentId
from serving.scores.service import Question
from serving.shapes import Body

Quantity = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
TransitHours = Annotated[float, Field(gt=0, le=24 * 365)]
MOST_NODES = 12
"""With three places at most in an order, that is 298 sets to price."""


class OrderedLine(Body):
    """A line of the order. What lateness of a unit costs follows from its value, unless it is given."""

    line_id: Name
    sku: Name
    quantity: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
    unit_value_minor: Minor | None = None
    loss_minor_per_unit: Quantity | None = None

    @model_validator(mode="after")
    def _says_what_lateness_costs(self) -> Self:
        if self.unit_value_minor is None and self.loss_minor_per_unit is None:
            raise ValueError("give unit_value_minor, or loss_minor_per_unit; else nothing can be compared")
        return self


class PositionBody(Body):
    """What of an article lies at a place: free is what is on hand, less reserved, less held."""

    sku: Name
    on_hand: Quantity
    reserved: Quantity = 0.0
    held: Quantity = 0.0


class InboundBody(Body):
    """What of an article is on its way to a place."""

    sku: Name
    quantity: Quantity
    due_at: AwareDatetime
    late_probability: Share = Field(default=0.0, description="that it misses `due_at`")


class NodeBody(Body):
    """A place that may send. Give a price and a risk, or a shipment: then contracts and model fill what is left out."""

    place: Name
    positions: Annotated[list[PositionBody], Field(max_length=2000)] = Field(default=[])
    inbound: Annotated[list[InboundBody], Field(max_length=2000)] = Field(default=[])
    cut_off_at: AwareDatetime | None = Field(default=None, description="without it nothing on its way counts")
    leaves_at: AwareDatetime | None = None
    late_probability: Share | None = Field(default=None, description="that what leaves in time comes late")
    usual_hours: TransitHours | None = Field(default=None, description="transit that half of the runs keep")
    slow_hours: TransitHours | None = Field(default=None, description="transit that nine in ten runs keep")
    ship_minor: Minor | None = Field(default=None, description="what a parcel from there costs")
    ship_minor_per_unit: Quantity = 0.0
    stands: bool = Field(default=False, description="it is to be sent from there now")

    def node(self) -> Node:
        """Return the place."""
        free: dict[str, float] = {}
        for each in self.positions:
            free[each.sku] = free.get(each.sku, 0.0) + max(each.on_hand - each.reserved - each.held, 0.0)
        inbound = [
            Inbound(sku=lot.sku, quantity=lot.quantity, due_at=lot.due_at, late_probability=lot.late_probability)
            for lot in self.inbound
        ]
        return Node(
            place=self.place,
            free=free,
            inbound=inbound,
            cut_off_at=self.cut_off_at,
            leaves_at=self.leaves_at,
            late_probability=self.late_probability,
            usual_hours=self.usual_hours,
            slow_hours=self.slow_hours,
            ship_minor=self.ship_minor,
            ship_minor_per_unit=self.ship_minor_per_unit,
            stands=self.stands,
        )


class NodesQuestion(Body):
    """An order with the places that may send it and their stock; and the shipment that is planned now, if there is.

    Or an order that was sent, by its id: then lines and stock are those that are known, and `nodes` need say only what
    is known of places beside their stock.
    """

    order_id: Name | None = Field(default=None, description="an order that was sent, in place of lines and stock")
    lines: Annotated[list[OrderedLine], Field(max_length=200)] = Field(default=[])
    nodes: Annotated[list[NodeBody], Field(max_length=MOST_NODES)] = Field(default=[])
    promised_at: AwareDatetime | None = Field(default=None, description="else as the shipment says")
    customer_tier: CustomerTier = CustomerTier.STANDARD
    ship_complete: bool = Field(default=False, description="the customer takes all of it at once or none")
    shipment_id: ShipmentId | None = None
    shipment: InlineShipment | None = None
    handling_minor: Minor | None = Field(default=None, description="for each other place; else as for a rebooking")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if self.shipment_id is not None and self.shipment is not None:
            raise ValueError("give shipment_id or shipment, and not both")
        if self.order_id is None and not (self.lines and self.nodes):
            raise ValueError("give lines and nodes, at least one of each, or order_id")
        if self.order_id is not None and (self.lines or any(node.positions or node.inbound for node in self.nodes)):
            raise ValueError("with order_id lines and stock are those that are known; leave them out")
        for what, names in (("line", [each.line_id for each in self.lines]), ("place", [n.place for n in self.nodes])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what} '{twice[0]}' is given twice; give each once")
        return self

    def asked(self) -> NodesAsked:
        """Return what the service is asked."""
        is_planned = self.shipment_id is not None or self.shipment is not None
        return NodesAsked(
            lines=[
                Ordered(each.line_id, each.sku, each.quantity, each.unit_value_minor, each.loss_minor_per_unit)
                for each in self.lines
            ],
            nodes=[each.node() for each in self.nodes],
            promised_at=self.promised_at,
            customer_tier=self.customer_tier.value,
            ship_complete=self.ship_complete,
            shipment=Question(self.shipment_id, self.shipment) if is_planned else None,
            handling_minor=self.handling_minor,
            order_id=self.order_id,
        )


class PartShape(Body):
    """How much of a line a place sends."""

    line_id: str
    place: str
    quantity: float
    inbound: float = Field(description="of that, from what is still on its way there")
    late_probability: float


class NodeOptionShape(OptionShape):
    """One way to send it: the places, the parts, and what no place can give."""

    places: list[str]
    parts: list[PartShape]
    short: dict[str, float] = Field(description="what of each line stays unsent; counts as late for sure")

    @classmethod
    def of(cls, option: Option, plan: Plan) -> NodeOptionShape:
        """Shape one way."""
        parts = [
            PartShape(
                line_id=part.line_id,
                place=part.place,
                quantity=part.quantity,
                inbound=part.inbound,
                late_probability=part.late_probability,
            )
            for part in plan.parts
        ]
        places = list(plan.places) or [option.way.name]
        return cls.model_validate(
            {**OptionShape.shared(option), "places": places, "parts": parts, "short": dict(plan.short)}
        )


class LineOptions(Body):
    """The ways to send one line as if it stood alone."""

    line_id: str
    options: list[NodeOptionShape]


class NodesAnswer(Body):
    """Ways to send an order, the cheapest first, and the same for each line alone."""

    as_of: datetime
    promised_at: datetime
    currency: str
    recommended: list[str] | None = Field(description="the places of rank 1; null if there is no way")
    options: list[NodeOptionShape]
    lines: list[LineOptions]
    carriers: dict[str, str] = Field(description="by whose contract and risk a place was priced")
    policy: str

    @classmethod
    def of(cls, found: NodesFound) -> NodesAnswer:
        """Shape a recommendation."""
        options = [NodeOptionShape.of(*each) for each in found.options]
        return cls(
            as_of=found.as_of,
            promised_at=found.promised_at,
            currency=found.policy.costs.currency,
            recommended=next((each.places for each in options if each.rank == 1), None),
            options=options,
            lines=[
                LineOptions(line_id=line_id, options=[NodeOptionShape.of(*each) for each in ways])
                for line_id, ways in found.by_line
            ],
            carriers=found.carriers,
            policy=f"{found.policy.name} {found.policy.version}",
        )
