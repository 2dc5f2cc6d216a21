"""What stands around an order line: who holds its article, which other places have some, and how fresh the news is.

Of the same records and the same cutoffs as the features, so that what is told of a line agrees with its score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from features.codes import Ints
from features.inventory.adjustments import Newest
from features.inventory.asked_lines import Floats, units
from features.inventory.features import Inventory
from features.inventory.numbering import THOUSANDTHS
from features.inventory.stock import DISPOSITIONS, Stock
from features.steps import Facts, Steps
from features.timeline import NEVER
from features.vocabulary import Disposition

NOT_NAMED = "nobody named"
_RESERVED = DISPOSITIONS.index(Disposition.RESERVED)


@dataclass(frozen=True, slots=True)
class Holder:
    """An order, wave or person that has reserved some of an article; `quantity` in its units."""

    name: str
    quantity: float


@dataclass(frozen=True, slots=True)
class Node:
    """Another place that has some of an article to give, in units."""

    place: str
    free: float


class Around:
    """What stands around order lines, made once, asked often."""

    def __init__(self, stock: Stock, inventory: Inventory) -> None:
        self._stock, self._inventory = stock, inventory
        positions = stock.positions
        content = [positions.quantity, positions.article]
        self._steps = Steps(positions.identity, positions.occurred, positions.known, content)
        told = Facts(positions.place, positions.occurred, positions.known, np.full(len(positions.place), NEVER))
        self._news = Newest(told)

    def news_hours(self, lines: Ints, cutoffs: Ints) -> Floats:
        """Return the hours since the newest known change of any stock at the place of each line, NaN for none."""
        return self._news.hours(self._inventory.views(lines, cutoffs).place, cutoffs)

    def free_elsewhere(self, lines: Ints, cutoffs: Ints) -> Floats:
        """Return what each place could give to each line: float64 [q, len(stock.places)], units.

        What lies there available, less what open lines there need and have not reserved. NaN at the line's own place,
        and where no stock of the article was told.
        """
        view = self._inventory.views(lines, cutoffs)
        free = np.full((len(lines), len(self._stock.places)), np.nan)
        for place in range(len(self._stock.places)):
            found = self._inventory.free_for_more(self._stock.elsewhere(view.article, place), cutoffs)
            free[:, place] = np.where((found < 0) | (view.place == place), np.nan, units(found))
        return free

    def nodes(self, line: int, cutoff: int) -> tuple[Node, ...]:
        """Return the other places that could give some to a line, the most first."""
        free = self.free_elsewhere(np.array([line]), np.array([cutoff]))[0]
        return nodes_of(zip(self._stock.places, free.tolist(), strict=True))

    def holders(self, line: int, cutoff: int) -> tuple[Holder, ...]:
        """Return who else has reserved some of a line's article at its place, the most first."""
        view = self._inventory.views(np.array([line]), np.array([cutoff]))
        positions, steps = self._stock.positions, self._steps
        row = steps.rows[(steps.since <= cutoff) & (cutoff < steps.until)]
        held = (positions.disposition[row] == _RESERVED) & (positions.quantity[row] > 0)
        row = row[held & (positions.article[row] == view.article[0]) & (view.article[0] >= 0)]
        others = (
            (NOT_NAMED if holder < 0 else self._stock.holders[holder], quantity)
            for holder, quantity in zip(positions.holder[row].tolist(), positions.quantity[row].tolist(), strict=True)
            if holder < 0 or holder not in (self._stock.order_of[line], view.wave[0])
        )
        return holders_of(others)


def nodes_of(free: Iterable[tuple[str, float]]) -> tuple[Node, ...]:
    """Return the places that could give some, by what each could give in units, the most first."""
    found = [Node(place, some) for place, some in free if some > 0]
    return tuple(sorted(found, key=lambda node: (-node.free, node.place)))


def holders_of(held: Iterable[tuple[str, int]]) -> tuple[Holder, ...]:
    """Return who holds how much, of the thousandths that stand in each reservation, the most first."""
    totals: dict[str, int] = {}
    for name, quantity in held:
        totals[name] = totals.get(name, 0) + quantity
    found = [Holder(name, quantity / THOUSANDTHS) for name, quantity in totals.items()]
    return tuple(sorted(found, key=lambda holder: (-holder.quantity, holder.name)))
