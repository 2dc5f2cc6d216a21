"""What places have to give to an order that is known, from the stock that is known: as a request would bring it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from features.instants import instant_of, micros
from features.inventory.line_states import View
from features.inventory.live.stock import LiveStock, Source
from features.inventory.numbering import THOUSANDTHS
from features.inventory.stock import TIERS
from features.timeline import NEVER
from routing.recommending.nodes import Inbound, Node
from serving.recommendations.errors import LineValueError
from serving.recommendations.ordered import Ordered
from serving.shortages.errors import TooManyLinesError, UnknownOrderError

MOST_LINES, MOST_NODES = 200, 12
"""As many as a request may bring."""


@dataclass(frozen=True, slots=True)
class Stocked:
    """An order as it is known: what of it is to be picked still, the places that could give some, and its promise."""

    lines: Sequence[Ordered]
    nodes: Sequence[Node]
    promised_at: datetime | None
    customer_tier: str | None
    ship_complete: bool


def stocked(stock: LiveStock, order_id: str, given: Sequence[Node], currency: str, now: datetime) -> Stocked:
    """Return what is known of an order and of the stock for it.

    Parameters
    ----------
    given
        Places of which the price, the risk or the cut-off are known; their stock is what is known of it.
    currency
        In which the value of a line must be.

    Raises
    ------
    UnknownOrderError, TooManyLinesError
        If no line of it is known, or more than `MOST_LINES` are open.
    LineValueError
        If the value of a line is not known in that currency: then nothing can be compared.
    """
    cutoff = micros(now)
    numbers = np.array(stock.of_order(order_id), dtype=np.int64)
    if not len(numbers):
        raise UnknownOrderError(order_id)
    view = stock.views(numbers, np.full(len(numbers), cutoff, dtype=np.int64))
    rows = [row for row, wanted in enumerate(view.needed * view.is_open * view.is_known) if wanted > 0]
    if len(rows) > MOST_LINES:
        raise TooManyLinesError(len(rows), MOST_LINES)
    lines = [_line(stock, int(numbers[row]), view, row, cutoff, currency) for row in rows]
    origins = {place for row in rows if (place := stock.place_name(int(view.place[row]))) is not None}
    sources = [
        (sku_of(stock, article), source)
        for article, unreserved in _articles(stock, numbers, view, rows, cutoff)
        for source in stock.sources(order_id, article, unreserved, cutoff)
    ]
    promised = min((int(view.promised[row]) for row in rows), default=NEVER)
    tiers = view.tier[rows]
    return Stocked(
        lines=lines,
        nodes=_nodes(sources, given, origins),
        promised_at=None if promised == NEVER else instant_of(promised),
        customer_tier=TIERS[int(tiers[0])] if len(tiers) and tiers[0] >= 0 else None,
        ship_complete=bool((view.complete[rows] > 0).any()),
    )


def sku_of(stock: LiveStock, article: int) -> str:
    """Return the sku of an article, with its unit: quantities of two units do not add up."""
    _, sku, unit = stock.article_name(article)
    return f"{sku} ({unit})"


def _line(stock: LiveStock, line: int, view: View, row: int, cutoff: int, currency: str) -> Ordered:
    order_id, line_id = stock.lines.lines[line].name
    value, found = stock.unit_value(line, cutoff)
    if value is None or found != currency:
        raise LineValueError(order_id, line_id, found if value is not None else None, currency)
    article = int(view.article[row])
    sku = stock.sku(line, cutoff) if article < 0 else sku_of(stock, article)
    return Ordered(line_id, sku, int(view.needed[row]) / THOUSANDTHS, value)


def _articles(
    stock: LiveStock, numbers: np.ndarray, view: View, rows: Sequence[int], cutoff: int
) -> Iterator[tuple[int, int]]:
    """Yield each article that is wanted, with what lines of the order have not reserved of it."""
    totals: dict[int, int] = {}
    for row in rows:
        article = int(view.article[row])
        if article >= 0:
            unreserved = stock.unreserved(int(numbers[row]), view, row, cutoff)
            totals[article] = totals.get(article, 0) + unreserved
    yield from totals.items()


def _nodes(sources: Sequence[tuple[str, Source]], given: Sequence[Node], origins: set[str]) -> list[Node]:
    """Return the places that could give some: those that were given, then those with the most."""
    free: dict[str, dict[str, float]] = {}
    coming: dict[str, list[Inbound]] = {}
    for sku, source in sources:
        free.setdefault(source.place, {})[sku] = source.free
        coming.setdefault(source.place, []).extend(
            Inbound(sku=sku, quantity=lot.quantity, due_at=lot.expected_at, late_probability=lot.late_share)
            for lot in source.lots
        )
    named = {node.place: node for node in given}
    others = sorted(set(free) - set(named), key=lambda place: (place not in origins, -sum(free[place].values()), place))
    places = [*named, *others][:MOST_NODES]
    nodes = (named.get(place) or Node(place=place, free={}, stands=place in origins) for place in places)
    return [replace(node, free=free.get(node.place, {}), inbound=coming.get(node.place, ())) for node in nodes]
