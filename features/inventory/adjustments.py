"""How far books and shelves have drifted apart: adjustments and counts of an article, and of its place.

What an adjustment adds is what it adds to the stock that may be picked: goods found damaged are taken from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Ints, starts_of
from features.history import DAY
from features.inventory.asked_lines import UNITS, Asked, FirstTold, Floats, declared, hours_between, share, units
from features.inventory.stock import Adjustments
from features.revisions import RevisedTimeline
from features.steps import Facts, Steps
from features.timeline import Latest

_SOURCE = "inventory_adjustments"
_COUNTED = "inventory_adjustments, warehouse_tasks"
WINDOW_DAYS = (7, 28, 90)
WINDOWS = tuple(days * DAY for days in WINDOW_DAYS)

_KINDS = (
    ("count", "adjustments", "adjustments"),
    ("net", UNITS, "net change of stock by adjustments"),
    ("absolute", UNITS, "changes of stock by adjustments, whatever their sign,"),
    ("negative_share", "share", "share of adjustments that take stock away"),
)

FEATURES = (
    *(
        declared(
            f"{whose}adjustment_{name}_{days}d", unit, f"{what} {words} in the last {days} days", _SOURCE, f"{days}d"
        )
        for whose, words in (("", "of the article"), ("place_", "at the place"))
        for days in WINDOW_DAYS
        for name, unit, what in _KINDS
    ),
    declared("days_since_adjustment", "days", "time since the newest adjustment of the article", _SOURCE),
    declared("days_since_count", "days", "time since the article was counted last", _COUNTED),
)


class ReadCorrections(ABC):
    """What is asked of adjustments and counts, and the features that follow from it."""

    @abstractmethod
    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether any adjustment had been told at each place by its cutoff: bool [q]."""

    @abstractmethod
    def changes(self, asked: Asked) -> tuple[Ints, Ints]:
        """Return the adjustments of the article and of the place: int64 [q, len(WINDOW_DAYS), 4] each.

        How many, what they add, whatever their sign, and how many take stock away.
        """

    @abstractmethod
    def hours_since(self, asked: Asked) -> tuple[Floats, Floats]:
        """Return the hours since the article was adjusted, and since it was counted: float64 [q] each."""

    def values(self, asked: Asked) -> Floats:
        """Return the features: float64 [q, len(FEATURES)]."""
        columns: list[Floats] = []
        for answers in self.changes(asked):
            for place in range(len(WINDOW_DAYS)):
                count, net, absolute, negative = answers[:, place].T
                columns += [count.astype(np.float64), units(net), units(absolute), share(negative, count)]
        columns += [hours / 24 for hours in self.hours_since(asked)]
        values = np.stack(columns, axis=1)
        values[~self.told(asked.view.place, asked.cutoffs)] = np.nan
        return values


class Corrections(ReadCorrections):
    """Adjustments by article and by place, and when the article was counted.

    Parameters
    ----------
    articles : int64 [n]
        Of the adjustments.
    counted
        Counts by article that were told as tasks.
    """

    def __init__(self, adjustments: Adjustments, articles: Ints, counted: Facts) -> None:
        self._told = FirstTold(adjustments.place, starts_of(adjustments.occurred, adjustments.known))
        content = [adjustments.effect, adjustments.is_count, articles, adjustments.place]
        steps = Steps(adjustments.identity, adjustments.occurred, adjustments.known, content)
        row = steps.rows
        effect, is_count = adjustments.effect[row], adjustments.is_count[row] > 0
        facts = Facts(articles[row], adjustments.occurred[row], steps.since, steps.until)
        values = [effect, np.abs(effect), (effect < 0).astype(np.int64)]
        self._lines = []
        for keys in (facts.keys, adjustments.place[row]):
            told = keys >= 0
            columns = [column[told] for column in values]
            self._lines.append(RevisedTimeline(*facts.under(keys).where(told), WINDOWS, columns))
        counts = zip(facts.where(is_count), counted.where(counted.keys >= 0), strict=True)
        self._adjusted = Newest(facts)
        self._counted = Newest(Facts(*(np.concatenate(pair) for pair in counts)))

    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether any adjustment had been told at each place by its cutoff."""
        return self._told.known(places, cutoffs)

    def changes(self, asked: Asked) -> tuple[Ints, Ints]:
        """Return the adjustments of the article and of the place."""
        of_article, of_place = (
            line.at(key, asked.cutoffs)
            for line, key in zip(self._lines, (asked.articles, asked.view.place), strict=True)
        )
        return of_article, of_place

    def hours_since(self, asked: Asked) -> tuple[Floats, Floats]:
        """Return the hours since the article was adjusted, and since it was counted."""
        return self._adjusted.hours(asked.articles, asked.cutoffs), self._counted.hours(asked.articles, asked.cutoffs)


class Newest:
    """When something happened last, by key, of what is known and held to be so."""

    __slots__ = ("_latest", "_occurred")

    def __init__(self, facts: Facts) -> None:
        facts = facts.where(facts.keys >= 0)
        self._occurred = np.append(facts.occurred, NEVER)
        self._latest = Latest(*facts)

    def hours(self, keys: Ints, cutoffs: Ints) -> Floats:
        """Return the hours since then, NaN where it never happened: float64 [q]."""
        return hours_between(self._occurred[self._latest.at(keys, cutoffs)], cutoffs)
