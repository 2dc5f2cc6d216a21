"""The lines of the order that a shipment carries, as a decision is given them: what is wanted, and who could send it.

They are asked of the orders and the stock that are told to the service; without them a split names pieces alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from features.instants import micros
from features.inventory.line_states import View
from features.inventory.live.stock import LiveStock
from features.inventory.numbering import THOUSANDTHS
from routing.branches.split import LINES
from routing.facts import Fact, Unknown
from routing.policy import Policy
from serving.scores.ports import FeatureState
from serving.scores.service import Scored
from serving.shortages.ports import KnowsStock

MOST_LINES = 200
"""An order with more open lines is looked at by a person."""


@dataclass(frozen=True, slots=True)
class OrderLines:
    """Gathers facts about the order of a shipment, by what is known of orders and stock."""

    state: FeatureState
    known: KnowsStock

    def facts(self, policy: Policy, scored: Scored) -> Mapping[str, object]:
        """Return the lines of the order, or why they are not known; nothing under a bundle that does not ask for them.

        Where the order is taken as a whole or not at all, so is the shipment.
        """
        if LINES not in policy.facts:
            return {}
        shipment, stock = scored.subject.shipment, self.known.stock
        if shipment.order_id is None:
            return {LINES: Unknown("the shipment names no order")}
        if stock is None:
            return {LINES: Unknown("no orders are learnt: the service runs without --shortage-model")}
        places = [each.place for each in self.state.alternate_origins(shipment, scored.subject.as_of)]
        return _of_order(stock, shipment.order_id, places, micros(scored.subject.as_of))


def _of_order(stock: LiveStock, order_id: str, places: list[str], cutoff: int) -> dict[str, Fact]:
    numbers = np.array(stock.of_order(order_id), dtype=np.int64)
    if not len(numbers):
        return {LINES: Unknown(f"no line of order {order_id} is known")}
    view = stock.views(numbers, np.full(len(numbers), cutoff, dtype=np.int64))
    rows = [row for row, wanted in enumerate(view.needed * view.is_open * view.is_known) if wanted > 0]
    if not rows:
        return {LINES: Unknown(f"nothing of order {order_id} is to be picked any more")}
    if len(rows) > MOST_LINES:
        return {LINES: Unknown(f"order {order_id} has {len(rows)} open lines, more than {MOST_LINES}")}
    whole: dict[str, Fact] = {"ship_complete": True} if bool((view.complete[rows] > 0).any()) else {}
    found = [each for row in rows for each in _rows(stock, order_id, int(numbers[row]), view, row, places, cutoff)]
    return {LINES: tuple(found), **whole}


def _rows(
    stock: LiveStock, order_id: str, line: int, view: View, row: int, places: list[str], cutoff: int
) -> Iterator[dict[str, str | float]]:
    """Yield what a line wants, for each place with what lies free there."""
    article = int(view.article[row])
    unreserved = stock.unreserved(line, view, row, cutoff)
    sources = stock.sources(order_id, article, unreserved, cutoff) if article >= 0 else []
    free = {source.place: source.free for source in sources}
    _, line_id = stock.lines.lines[line].name
    wanted = int(view.needed[row]) / THOUSANDTHS
    for place in places:
        named = {"line_id": line_id, "sku": stock.sku(line, cutoff), "place": place}
        yield {**named, "quantity": wanted, "free": free.get(place, 0.0)}
