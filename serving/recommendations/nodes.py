"""Recommends places to send an order from: the request brings lines and stock, or names an order that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from features.as_if import as_if_sent_from
from features.records import Shipment
from features.vocabulary import Moment
from routing.facts import Unknown
from routing.loss import Loss, Terms, loss_if_late
from routing.policy import Policy
from routing.recommending.nodes import Line, Node, Plan, order_options
from routing.recommending.ranking import Option
from serving.errors import NoPromiseError
from serving.recommendations.carriers import CarrierService, asking_of
from serving.recommendations.known import Known, Sources
from serving.recommendations.ordered import Ordered
from serving.recommendations.stocked import stocked
from serving.recommendations.wanted import NOTHING
from serving.scores.service import Question, Subject
from serving.shortages.errors import NoShortageModelError
from serving.shortages.ports import KnowsStock


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesAsked:
    """An order, the places that may send it with their stock, and, if there is one, the shipment that is planned now.

    With a shipment, places without a price or a risk are priced by the contracts and judged by the delay model as if
    they sent it, with the carrier that is cheapest from there. With an `order_id`, lines, stock, tier and what ships
    complete are those that are known.
    """

    lines: Sequence[Ordered]
    nodes: Sequence[Node]
    promised_at: datetime | None
    customer_tier: str
    ship_complete: bool
    shipment: Question | None = None
    handling_minor: int | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class NodesFound:
    """Ways to send an order, ranked, and for each line the places that could send all it wants by themselves."""

    as_of: datetime
    promised_at: datetime
    policy: Policy
    options: tuple[tuple[Option, Plan], ...]
    by_line: tuple[tuple[str, tuple[tuple[Option, Plan], ...]], ...]
    carriers: dict[str, str]


@dataclass(frozen=True, slots=True)
class NodeRanking:
    """Ranks places: by contracts, the delay model and, for an order that is known, the stock that is known."""

    sources: Sources
    known: KnowsStock

    def ranked(self, asked: NodesAsked, subject: Subject | None, policy: Policy, now: datetime) -> NodesFound:
        """Rank the ways to send an order, as of an instant.

        Parameters
        ----------
        subject
            The shipment that is planned now, if there is one.

        Raises
        ------
        NoPromiseError
            If neither the request nor the shipment nor the order says when it is promised.
        NoShortageModelError
            If an order is named, and no stock is learnt.
        UnknownOrderError, TooManyLinesError, LineValueError
            As `stocked`.
        """
        if asked.order_id is not None:
            asked = self._stocked(asked, asked.order_id, policy, subject, now)
        promised_at = asked.promised_at or (None if subject is None else subject.shipment.promised_at)
        if promised_at is None:
            raise NoPromiseError
        nodes, carriers = list(asked.nodes), dict[str, str]()
        if subject is not None:
            loss = loss_if_late(policy.costs, Terms.of(subject.shipment))
            for place, node in enumerate(nodes):
                nodes[place], carrier = self._completed(node, subject, loss)
                if carrier is not None:
                    carriers[node.place] = carrier
        lines = [_line(each, policy, asked.customer_tier) for each in asked.lines]
        handling = asking_of(policy, NOTHING).handling_minor if asked.handling_minor is None else asked.handling_minor

        def ways(wanted: Sequence[Line]) -> tuple[tuple[Option, Plan], ...]:
            return order_options(
                wanted,
                nodes,
                promised_at=promised_at,
                now=now,
                ship_complete=asked.ship_complete,
                handling_minor=handling,
            )

        by_line = tuple((line.line_id, ways([line])) for line in lines)
        return NodesFound(now, promised_at, policy, ways(lines), by_line, carriers)

    def _stocked(
        self, asked: NodesAsked, order_id: str, policy: Policy, subject: Subject | None, now: datetime
    ) -> NodesAsked:
        """Return what is asked, with what is known of lines and stock; a cut-off that nobody names is the departure."""
        if self.known.stock is None:
            raise NoShortageModelError
        found = stocked(self.known.stock, order_id, asked.nodes, policy.costs.currency, now)
        leaves = None if subject is None else subject.shipment.planned_departure_at
        return replace(
            asked,
            lines=found.lines,
            nodes=[replace(node, cut_off_at=node.cut_off_at or leaves) for node in found.nodes],
            promised_at=asked.promised_at or found.promised_at,
            customer_tier=found.customer_tier or asked.customer_tier,
            ship_complete=found.ship_complete,
        )

    def _completed(self, node: Node, subject: Subject, loss: Loss | Unknown) -> tuple[Node, str | None]:
        """Return a place with price and risk of the carrier that is cheapest from there, and who that is."""
        shipment = subject.shipment
        stands = node.stands or node.place == shipment.origin
        leaves = node.leaves_at or shipment.planned_departure_at
        node = replace(node, stands=stands, leaves_at=leaves)
        if node.ship_minor is not None and node.late_probability is not None:
            return node, None
        plan = shipment if node.place == shipment.origin else as_if_sent_from(shipment, node.place)
        best = self._cheapest(plan, subject.moment, subject.as_of, loss)
        if best is None:
            why = f"no carrier with a contract and a history from {node.place} is known"
            return replace(node, infeasible_because=(*node.infeasible_because, why)), None
        known = best.carrier
        return replace(
            node,
            ship_minor=known.rate_minor if node.ship_minor is None else node.ship_minor,
            late_probability=known.late_probability if node.late_probability is None else node.late_probability,
        ), known.name

    def _cheapest(self, plan: Shipment, moment: Moment, now: datetime, loss: Loss | Unknown) -> Known | None:
        at_stake = 0 if isinstance(loss, Unknown) else loss.minor
        priced = [
            ((known.carrier.rate_minor + known.carrier.late_probability * at_stake, known.carrier.name), known)
            for known in self.sources.of(Subject(plan, moment, now, inline=True), NOTHING)
            if known.carrier.rate_minor is not None and known.carrier.late_probability is not None
        ]
        return min(priced, key=lambda each: each[0])[1] if priced else None


@dataclass(frozen=True, slots=True)
class NodeService:
    """Recommends places, with the contracts and models that `carriers` has."""

    carriers: CarrierService
    known: KnowsStock

    def recommend(self, asked: NodesAsked) -> NodesFound:
        """Rank the ways to send an order, as of now.

        Raises
        ------
        UnknownShipmentError, NoDecisionMomentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError
            As `ScoreService.subject`.
        NoPromiseError, NoShortageModelError, UnknownOrderError, TooManyLinesError, LineValueError
            As `NodeRanking.ranked`.
        """
        own = self.carriers
        now = own.clock.now()
        subject = None if asked.shipment is None else own.scores.subject(asked.shipment, now)
        with own.reads() as session:
            bundles = own.bundles.in_force(session)
        policy = bundles.live if subject is None else bundles.for_subject(subject.shipment.shipment_id)
        sources = Sources(own.scores.state, own.scores.model, own.contracts)
        return NodeRanking(sources, self.known).ranked(asked, subject, policy, now)


def _line(ordered: Ordered, policy: Policy, tier: str) -> Line:
    loss = ordered.loss_minor_per_unit
    if loss is None:
        loss = (ordered.unit_value_minor or 0) * policy.costs.lateness_share.get(tier, 0.0)
    return Line(line_id=ordered.line_id, sku=ordered.sku, quantity=ordered.quantity, loss_minor_per_unit=loss)
