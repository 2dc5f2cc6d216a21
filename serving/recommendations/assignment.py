"""Assigns the shipments of the queue to carriers, within what each carrier still takes. Nothing is decided."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from features.errors import UnknownShipmentError
from features.records import Shipment
from features.vocabulary import SubjectType
from routing.recommending.assignment import Assignment, Case, assign
from serving.errors import NoDecisionMomentError
from serving.recommendations.carriers import CarrierService
from serving.recommendations.wanted import NOTHING
from serving.reviews.repository import Which
from serving.reviews.service import ReviewService
from serving.scores.service import Question

AT_MOST = 200
"""Shipments in one call; each takes some milliseconds, between which others get their turn."""


class Per(StrEnum):
    """What capacities are counted in."""

    SHIPMENT = "shipment"
    PIECES = "pieces"
    WEIGHT_KG = "weight_kg"


@dataclass(frozen=True, slots=True)
class AssignedQueue:
    """The assignment, and what had no part in it, with the reason."""

    assignment: Assignment
    left_out: Mapping[str, str]
    currency: str


@dataclass(frozen=True, slots=True)
class AssignmentService:
    """Assigns shipments to carriers."""

    carriers: CarrierService
    reviews: ReviewService

    async def assign(self, asked: Sequence[str] | None, capacity: Mapping[str, float], per: Per) -> AssignedQueue:
        """Assign shipments, or, if none are named, those of the items that wait in the queue, in its order.

        Raises
        ------
        NoContractsError
            If no contract is on file.
        """
        names = list(dict.fromkeys(self._waiting() if asked is None else asked))
        cases: list[Case] = []
        left_out: dict[str, str] = {}
        for name in names:
            found = self._case(name, per)
            if isinstance(found, str):
                left_out[name] = found
            else:
                cases.append(found)
            await asyncio.sleep(0)
        with self.carriers.reads() as session:
            currency = self.carriers.bundles.live(session).costs.currency
        return AssignedQueue(assign(cases, capacity), left_out, currency)

    def _waiting(self) -> list[str]:
        items = self.reviews.page(which=Which.WAITING, kind=SubjectType.SHIPMENT, limit=AT_MOST).items
        return [item.key.id for item in items]

    def _case(self, shipment_id: str, per: Per) -> Case | str:
        """Return the case of a shipment, or why it has no part."""
        try:
            found = self.carriers.recommend(Question(shipment_id), NOTHING)
        except (UnknownShipmentError, NoDecisionMomentError) as error:
            return str(error)
        if found.has_left:
            return "it has left"
        options = [option for option, _ in found.options]
        if not any(option.rank is not None and option.way.stands for option in options):
            against = next(option for option in options if option.way.stands).way.infeasible_because
            return f"what it costs to leave it as it is cannot be told: {'; '.join(against)}"
        size = _size(found.subject.shipment, per)
        if size is None:
            return f"its {per.value} is not known"
        carrier_of = {option.way.name: known.carrier.carrier_id for option, known in found.options}
        return Case(name=shipment_id, options=options, carrier_of=carrier_of, size=size)


def _size(shipment: Shipment, per: Per) -> float | None:
    match per:
        case Per.SHIPMENT:
            return 1.0
        case Per.PIECES:
            return shipment.pieces
        case Per.WEIGHT_KG:
            return shipment.weight_kg
