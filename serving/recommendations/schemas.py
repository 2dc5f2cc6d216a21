"""Shapes of `POST /v1/recommend/carriers`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from features.vocabulary import Mode, Moment
from routing.facts import Unknown
from routing.recommending.carriers import Load, risk_of
from routing.recommending.ranking import Option
from serving.recommendations.carriers import Recommended
from serving.recommendations.known import Known
from serving.recommendations.wanted import Ability, Wanted
from serving.scores.schemas import ModelShape, ShipmentAsked
from serving.shapes import NO_NUL, Body

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Minor = Annotated[int, Field(ge=0, le=2**53)]
Hours = Annotated[float, Field(ge=0, le=24 * 365)]


class AbilityBody(Body):
    """What a carrier can do. What is left out is not known, and never taken for yes."""

    carrier_id: Name
    equipment: Annotated[list[Name], Field(max_length=50)] | None = None
    takes_dangerous_goods: bool | None = None


class CarriersQuestion(ShipmentAsked):
    """A shipment by its id, or inline; what it needs of a carrier, and what is known of the carriers' abilities."""

    equipment: Annotated[list[Name], Field(max_length=50)] = Field(default=[], description="what it needs")
    dangerous_goods: bool = False
    carriers: Annotated[list[AbilityBody], Field(max_length=200)] = Field(
        default=[], description="abilities that no record holds; needed only for what the shipment needs"
    )
    handling_minor: Minor | None = Field(
        default=None, description="what a change costs beside the rate; else the policy's analyst minutes of rebook"
    )
    refusal_minor: Minor | None = Field(default=None, description="what a no costs; else the same")
    answer_hours: Hours = Field(default=2.0, description="how long a carrier has to answer")
    silent_hours: Hours = Field(default=12.0, description="from when on a carrier that says nothing is ruled out")
    days_late: Annotated[float, Field(ge=0, le=365)] = Field(
        default=1.0, description="how late it is if it is: so often a penalty for each day counts"
    )

    def wanted(self) -> Wanted:
        """Return what the service is asked for."""
        return Wanted(
            equipment=frozenset(self.equipment),
            dangerous_goods=self.dangerous_goods,
            abilities={
                each.carrier_id: Ability(
                    None if each.equipment is None else frozenset(each.equipment), each.takes_dangerous_goods
                )
                for each in self.carriers
            },
            handling_minor=self.handling_minor,
            refusal_minor=self.refusal_minor,
            window=timedelta(hours=self.answer_hours),
            silent_after=timedelta(hours=self.silent_hours),
            days_late=self.days_late,
        )


class OptionShape(BaseModel):
    """One way to do it. Amounts are minor units of the answer's `currency`."""

    rank: int | None = Field(description="1 is recommended; null for what cannot be taken")
    stands: bool = Field(description="what happens if nothing is done")
    expected_cost_minor: int | None = Field(
        description="accepted × (rate + delay + handling) + (1 − accepted) × (refusal + what stands)"
    )
    rate_minor: int | None
    delay_minor: int | None = Field(description="late_probability × loss_if_late_minor")
    handling_minor: int
    accepted: float = Field(description="probability that whoever is asked says yes")
    dominated_by: str | None = Field(description="who is no worse in anything and better in something")
    propensity: float = Field(description="probability with which it was chosen; the choice is not random: 1 or 0")
    infeasible_because: list[str]

    @classmethod
    def shared(cls, option: Option) -> dict[str, object]:
        """Return the fields that every option has."""
        way = option.way
        return {
            "rank": option.rank,
            "stands": way.stands,
            "expected_cost_minor": option.expected_cost_minor,
            "rate_minor": way.rate_minor,
            "delay_minor": way.delay_minor,
            "handling_minor": way.handling_minor,
            "accepted": way.accepted,
            "dominated_by": option.dominated_by,
            "propensity": option.propensity,
            "infeasible_because": list(way.infeasible_because),
        }


class ChargeShape(BaseModel):
    """One charge of a rate, with the clause it follows from."""

    kind: str
    amount_minor: int
    clause: str
    words: str


class CarrierShape(OptionShape):
    """One carrier. The first who is not booked already is the one to ask."""

    name: str
    carrier_id: str
    service_id: str | None
    mode: Mode
    late_probability: float | None = Field(
        description="as if it had the shipment, no effect of a change; no less than its transits say"
    )
    model_probability: float | None = Field(description="what the model says, before the transits of the lane")
    usual_transit_hours: float | None = Field(description="what half of its runs on the lane keep")
    slow_transit_hours: float | None = Field(description="what nine in ten of its runs on the lane keep")
    tenders: int = Field(description="offers to it on this lane in 28 days on which `accepted` rests")
    hours_silent: float | None
    charges: list[ChargeShape]

    @classmethod
    def of(cls, option: Option, known: Known, load: Load) -> CarrierShape:
        """Shape one carrier."""
        carrier = known.carrier
        charges = [
            ChargeShape(
                kind=charge.kind.value,
                amount_minor=charge.amount_minor,
                clause=charge.clause.record_id,
                words=charge.clause.words,
            )
            for charge in known.expected.charges
        ]
        return cls.model_validate(
            {
                **OptionShape.shared(option),
                "name": carrier.name,
                "carrier_id": carrier.carrier_id,
                "service_id": known.shipment.service_id,
                "mode": known.shipment.mode,
                "late_probability": risk_of(carrier, load),
                "model_probability": carrier.late_probability,
                "usual_transit_hours": carrier.usual_hours,
                "slow_transit_hours": carrier.slow_hours,
                "tenders": carrier.tenders,
                "hours_silent": carrier.hours_silent,
                "charges": charges,
            }
        )


class CarriersAnswer(BaseModel):
    """Carriers of a shipment, the cheapest first, those that cannot take it last, each with the reasons."""

    shipment_id: str
    moment: Moment
    as_of: datetime
    currency: str
    loss_if_late_minor: int | None = Field(description="the higher of what the tier costs and what the terms say")
    loss_unknown_because: str | None
    recommended: str | None = Field(description="name of the option of rank 1; null if none can be taken")
    options: list[CarrierShape]
    model: ModelShape
    policy: str

    @classmethod
    def of(cls, found: Recommended, model: ModelShape) -> CarriersAnswer:
        """Shape a recommendation."""
        options = [CarrierShape.of(option, known, found.load) for option, known in found.options]
        loss = found.loss
        return cls(
            shipment_id=found.subject.shipment.shipment_id,
            moment=found.subject.moment,
            as_of=found.subject.as_of,
            currency=found.asking.currency,
            loss_if_late_minor=None if isinstance(loss, Unknown) else loss.minor,
            loss_unknown_because=loss.reason if isinstance(loss, Unknown) else None,
            recommended=next((each.name for each in options if each.rank == 1), None),
            options=options,
            model=model,
            policy=f"{found.policy.name} {found.policy.version}",
        )
