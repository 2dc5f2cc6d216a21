"""Stock in transit, told position by position: the numbers of `features.inventory.inbound.Inbound`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Ints
from features.instants import instant_of
from features.inventory.asked_lines import Asked
from features.inventory.inbound import LOT_WINDOW, ReadInbound, late_shares, transit_of
from features.inventory.live.lasting import Lasting
from features.inventory.live.names import First, gathered
from features.inventory.live.rising import Rising, State, start_of
from features.inventory.numbering import THOUSANDTHS
from features.live_timeline import LiveTimeline

Identity = tuple[str, str, str | None, str | None]
"""What the states of stock in transit have in common: place, sku, lot and holder."""
_Coming = tuple[int, int, int, int, int, int]
"""Article; since when, until when; when it is expected, how much, and how much of it put off."""
_Came = tuple[int, int, int, int, int, int]
"""Article; when it came, since and until when that is held to be so; whether late, and by how many minutes."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Stock in transit: units, when they are expected, and the share of such lots that came late."""

    quantity: float
    expected_at: datetime
    late_share: float


class LiveInbound(ReadInbound):
    """What is in transit to each article, and the lots that came. States are those of `live.books`."""

    def __init__(self) -> None:
        self._lots: dict[Identity, _Lot] = {}
        self._coming: dict[int, Lasting] = {}
        self._came = LiveTimeline((LOT_WINDOW,))
        self._told = First()

    def add(self, identity: Identity, place: int, state: State) -> bool:
        """Take in a state of what is in transit: False if nothing is different."""
        self._told.note(place, start_of(state))
        lot = self._lots.setdefault(identity, _Lot(has_name=identity[2] is not None))
        if not lot.states.add(state)[1]:
            return False
        before, after = (lot.coming, lot.came), lot.tell()
        for one in set(before[0]).difference(after[0]):
            self._coming[one[0]].remove(*one[1:])
        for one in set(after[0]).difference(before[0]):
            if one[0] not in self._coming:
                self._coming[one[0]] = Lasting(3)
            self._coming[one[0]].add(*one[1:])
        for had_come in set(before[1]).difference(after[1]):
            for key in _keys(had_come[0], place):
                self._came.remove(key, (*had_come[1:4], had_come[4:]))
        for has_come in set(after[1]).difference(before[1]):
            for key in _keys(has_come[0], place):
                self._came.add(key, (*has_come[1:4], has_come[4:]))
        return True

    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether anything had been told in transit to each place by its cutoff."""
        return self._told.told(places, cutoffs)

    def coming(self, articles: Ints, cutoffs: Ints, bounds: Ints) -> Ints:
        """Return what is in transit and expected by a bound."""
        return gathered(3, self._due, articles, cutoffs, bounds)

    def lots(self, asked: Asked) -> tuple[Ints, Ints, Ints]:
        """Return the lots that came in 90 days, of all, of the place and of the article."""
        found = gathered(9, self._lots_of, asked.view.place, asked.articles, asked.cutoffs)
        return found[:, :3], found[:, 3:6], found[:, 6:]

    def lots_coming(self, place: int, article: int, cutoff: int) -> list[Lot]:
        """Return what is in transit to an article and expected later than the cutoff, the first first.

        What should have come already, and what nobody expects at a time, is not reckoned with.
        """
        lasting = self._coming.get(article)
        if lasting is None:
            return []
        came = np.array([self._lots_of(place, article, cutoff)], dtype=np.int64)
        share = float(late_shares((came[:, :3], came[:, 3:6], came[:, 6:]))[1][0])
        rows = lasting.at(cutoff).tolist()
        found = sorted((expected, quantity) for expected, quantity, _ in rows if cutoff < expected < NEVER)
        return [Lot(quantity / THOUSANDTHS, instant_of(expected), share) for expected, quantity in found]

    def _due(self, article: int, cutoff: int, bound: int) -> Sequence[int]:
        lasting = self._coming.get(article)
        if lasting is None:
            return 0, 0, 0
        rows = lasting.at(cutoff)
        due = rows[rows[:, 0] <= bound]
        return len(due), *due[:, 1:].sum(axis=0).tolist()

    def _lots_of(self, place: int, article: int, cutoff: int) -> Sequence[int]:
        of_all, of_place, of_article = (self._came.at(key, cutoff) for key in _keys(article, place))
        return *map(int, of_all), *map(int, of_place), *map(int, of_article)


class _Lot:
    """What is in transit under one name: its states, and what follows from them."""

    __slots__ = ("_has_name", "came", "coming", "states")

    def __init__(self, *, has_name: bool) -> None:
        self._has_name = has_name
        self.states = Rising()
        self.coming: list[_Coming] = []
        self.came: list[_Came] = []

    def tell(self) -> tuple[list[_Coming], list[_Came]]:
        """Work out anew what follows from the states."""
        since, until, states = zip(*self.states.spans(), strict=True)
        occurred, _, quantity, expected, _, article = (np.array(column) for column in zip(*states, strict=True))
        starts, alike = np.array(since), np.zeros(len(since), dtype=np.int64)
        transit = transit_of(alike, starts, occurred, quantity, expected, alike if self._has_name else alike - 1)
        articles = article.tolist()
        rows = zip(articles, since, until, *(column.tolist() for column in transit[:3]), strict=True)
        self.coming = [_coming_of(*row) for row in rows if row[3] > 0]
        step, *facts = (column.tolist() for column in transit.arrivals)
        self.came = [(articles[place], *fact) for place, *fact in zip(step, *facts, strict=True)]
        return self.coming, self.came


def _coming_of(article: int, since: int, until: int, quantity: int, expected: int, put_off: int) -> _Coming:
    return article, since, until, expected, quantity, put_off


def _keys(article: int, place: int) -> tuple[tuple[()], tuple[str, int], int]:
    """Return the keys of all lots, of those of the place, and of the article."""
    return (), ("place", place), article
