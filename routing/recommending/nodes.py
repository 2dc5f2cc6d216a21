"""Places that could send an order, or parts of it: who has what, by when, and what each way to share it out costs.

A place can give a line what lies there free (on hand, less reserved, less held), and what is on its way there and comes
before its cut-off; the latter may come late, and then so does what waits for it. Every set of up to `PLACES_AT_MOST`
places is tried. Within a set each line takes first from where a unit costs least, so that for each set nothing cheaper
is left out as long as no two lines share an article. What no place can give stays short, and counts as late for sure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

from routing.facts import Unknown
from routing.recommending.ranking import Option, Way, ranked
from routing.recommending.transit import late_by_transit

PLACES_AT_MOST = 3
"""More parcels of one order than that nobody sends."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the order: how much of which article is wanted, and what lateness of a unit costs, in minor units."""

    line_id: str
    sku: str
    quantity: float
    loss_minor_per_unit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Stock on its way to a place: when it is due, and how likely it is to miss that."""

    sku: str
    quantity: float
    due_at: datetime
    late_probability: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place that may send.

    Attributes
    ----------
    free
        What it can give of each article: on hand, less reserved, less held.
    cut_off_at
        By when goods must lie there to leave in time; None: what is on its way does not count.
    leaves_at
        When what is sent from there leaves.
    late_probability
        That what leaves in time comes late; where None, it follows from the transit.
    usual_hours, slow_hours
        Transit to the customer that half, and nine in ten, of the lane's runs keep.
    ship_minor, ship_minor_per_unit
        What a parcel from there costs, and each unit in it; None: not known.
    stands
        It is where the order is to be sent from now.
    """

    place: str
    free: Mapping[str, float]
    inbound: Sequence[Inbound] = ()
    cut_off_at: datetime | None = None
    leaves_at: datetime | None = None
    late_probability: float | None = None
    usual_hours: float | None = None
    slow_hours: float | None = None
    ship_minor: int | None = None
    ship_minor_per_unit: float = 0.0
    stands: bool = False
    infeasible_because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a line a place sends, and of that how much from what is still on its way there."""

    line_id: str
    place: str
    quantity: float
    inbound: float
    late_probability: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to send the order: the parts, and what of each line stays short."""

    parts: tuple[Part, ...]
    short: Mapping[str, float] = field(default_factory=dict)

    @property
    def places(self) -> tuple[str, ...]:
        """The places that send, by name."""
        return tuple(sorted({part.place for part in self.parts}))


def late_probability(node: Node, promised_at: datetime) -> float | Unknown:
    """Return how likely what leaves a place in time comes after the promise.

    By what a model says, where that is known; else by the transit of the lane, taken to be log-normal with the middle
    and the slow transit that are known.
    """
    if node.late_probability is not None:
        return node.late_probability
    if node.leaves_at is None or node.usual_hours is None or node.slow_hours is None:
        return Unknown("neither a risk nor departure and transit of the lane are known")
    return late_by_transit((promised_at - node.leaves_at) / _HOUR, node.usual_hours, node.slow_hours)


def order_options(
    lines: Sequence[Line],
    nodes: Sequence[Node],
    *,
    promised_at: datetime,
    now: datetime,
    ship_complete: bool = False,
    handling_minor: int = 0,
) -> tuple[tuple[Option, Plan], ...]:
    """Rank the ways to send an order, those that are not possible last with the reasons.

    Parameters
    ----------
    ship_complete
        The customer takes all of it at once or none: one place sends everything, from what it has or will have.
    handling_minor
        People's time for each place beside the one that sends it now.
    """
    against = {node.place: _reasons_against(node, promised_at, now) for node in nodes}
    able = [node for node in nodes if not against[node.place]]
    found: dict[str, tuple[Way, Plan]] = {
        node.place: (_barred(node, against[node.place]), Plan((), {line.line_id: line.quantity for line in lines}))
        for node in nodes
        if against[node.place]
    }
    for chosen in _sets(able, 1 if ship_complete else PLACES_AT_MOST):
        plan = share_out(lines, chosen, promised_at)
        if set(plan.places) != {node.place for node in chosen}:
            if len(chosen) == 1:
                name = chosen[0].place
                found[name] = (_barred(chosen[0], ("it has nothing of what is wanted",)), plan)
            continue
        way = _way(plan, lines, chosen, handling_minor, ship_complete=ship_complete)
        found[way.name] = (way, plan)
    options = ranked([way for way, _ in found.values()])
    return tuple((option, found[option.way.name][1]) for option in options)


def share_out(lines: Sequence[Line], nodes: Sequence[Node], promised_at: datetime) -> Plan:
    """Give each line what it lacks from where a unit costs least: sending it, and the expected cost of its lateness."""
    left = {(node.place, sku): amount for node in nodes for sku, amount in node.free.items()}
    coming = {node.place: [*_in_time(node)] for node in nodes}
    parts: list[Part] = []
    short: dict[str, float] = {}
    for line in lines:
        wanted = line.quantity
        for source in sorted(_sources(line, nodes, left, coming, promised_at), key=lambda each: each[:2]):
            _, _, node, inbound, risk = source
            there = left.get((node.place, line.sku), 0.0) if inbound is None else coming[node.place][inbound].quantity
            taken = min(wanted, there)
            if taken <= 0:
                continue
            if inbound is None:
                left[node.place, line.sku] = there - taken
            else:
                lot = coming[node.place][inbound]
                coming[node.place][inbound] = Inbound(
                    sku=lot.sku, quantity=there - taken, due_at=lot.due_at, late_probability=lot.late_probability
                )
            parts.append(Part(line.line_id, node.place, taken, 0.0 if inbound is None else taken, risk))
            wanted -= taken
        if wanted > 0:
            short[line.line_id] = wanted
    return Plan(tuple(parts), short)


_Source = tuple[float, str, Node, int | None, float]
"""What a unit costs from there, the place's name, the place, the number of the lot on its way, and the risk."""


def _sources(
    line: Line,
    nodes: Sequence[Node],
    left: Mapping[tuple[str, str], float],
    coming: Mapping[str, Sequence[Inbound]],
    promised_at: datetime,
) -> Iterator[_Source]:
    for node in nodes:
        risk = late_probability(node, promised_at)
        if isinstance(risk, Unknown):
            continue
        if left.get((node.place, line.sku), 0.0) > 0:
            yield node.ship_minor_per_unit + risk * line.loss_minor_per_unit, node.place, node, None, risk
        for number, lot in enumerate(coming[node.place]):
            if lot.sku == line.sku and lot.quantity > 0:
                both = 1 - (1 - risk) * (1 - lot.late_probability)
                yield node.ship_minor_per_unit + both * line.loss_minor_per_unit, node.place, node, number, both


def _in_time(node: Node) -> Iterator[Inbound]:
    for lot in node.inbound:
        if node.cut_off_at is not None and lot.due_at <= node.cut_off_at:
            yield lot


def _reasons_against(node: Node, promised_at: datetime, now: datetime) -> tuple[str, ...]:
    reasons = [*node.infeasible_because]
    if node.ship_minor is None:
        reasons.append("what sending from there costs is not known")
    risk = late_probability(node, promised_at)
    if isinstance(risk, Unknown):
        reasons.append(f"its risk cannot be told: {risk.reason}")
    if node.cut_off_at is not None and node.cut_off_at < now:
        reasons.append(f"its cut-off is past, {node.cut_off_at:%Y-%m-%d %H:%M} UTC")
    return tuple(reasons)


def _sets(nodes: Sequence[Node], at_most: int) -> Iterator[tuple[Node, ...]]:
    for size in range(1, min(at_most, len(nodes)) + 1):
        yield from combinations(nodes, size)


def _barred(node: Node, reasons: tuple[str, ...]) -> Way:
    return Way(
        name=node.place,
        rate_minor=node.ship_minor,
        delay_minor=None,
        stands=node.stands,
        infeasible_because=reasons,
    )


def _way(plan: Plan, lines: Sequence[Line], chosen: Sequence[Node], handling_minor: int, *, ship_complete: bool) -> Way:
    unit_loss = {line.line_id: line.loss_minor_per_unit for line in lines}
    by_place = {node.place: node for node in chosen}
    rate = sum(node.ship_minor or 0 for node in chosen)
    rate += round(sum(part.quantity * by_place[part.place].ship_minor_per_unit for part in plan.parts))
    if ship_complete:  # all of it waits for the latest part
        worst = max(part.late_probability for part in plan.parts)
        delay = worst * sum(line.quantity * line.loss_minor_per_unit for line in lines)
    else:
        delay = sum(part.late_probability * part.quantity * unit_loss[part.line_id] for part in plan.parts)
        delay += sum(quantity * unit_loss[line_id] for line_id, quantity in plan.short.items())
    lacking = ship_complete and bool(plan.short)
    others = [node for node in chosen if not node.stands]
    return Way(
        name=" + ".join(plan.places),
        rate_minor=rate,
        delay_minor=round(delay),
        handling_minor=handling_minor * len(others),
        stands=len(chosen) == 1 and chosen[0].stands,
        infeasible_because=("the customer takes all of it or none, and it cannot give all",) if lacking else (),
    )
