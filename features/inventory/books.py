"""What the books say of an article: what lies at the place, what of it is free, and who holds the rest.

On hand is all that lies there: available, reserved, held and damaged. *Free* for a line is what lies there less what is
held, damaged, or reserved for others; what its own order or its wave has reserved is within its reach.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from features.codes import NEVER, Ints
from features.inventory.asked_lines import UNITS, Asked, Floats, declared, hours_between, share, units
from features.inventory.numbering import Dense, combined
from features.inventory.stock import DISPOSITIONS, Positions
from features.levels import Levels
from features.steps import Steps
from features.vocabulary import Disposition

_SOURCE = "inventory_positions"
_LINES = "inventory_positions, order_lines, warehouse_tasks"

FEATURES = (
    declared("on_hand", UNITS, "stock at the place, whatever may be done with it", _SOURCE),
    declared("reserved_for_others", UNITS, "stock reserved for other orders, waves or persons", _LINES),
    declared("holders", "reservations", "reservations of others, each lot by itself", _LINES),
    declared("reserved_for_order", UNITS, "stock reserved for its own order", _LINES),
    declared("reserved_for_wave", UNITS, "stock reserved for its wave", _LINES),
    declared("held", UNITS, "stock held, for example for inspection", _SOURCE),
    declared("damaged", UNITS, "damaged stock", _SOURCE),
    declared("free", UNITS, "stock on hand less what is held, damaged or reserved for others", _LINES),
    declared("free_to_needed", "ratio", "free stock to what the line still needs", _LINES),
    declared("shortfall", UNITS, "what the line still needs beyond free stock", _LINES),
    declared("lacks_on_hand", "flag", "whether less lies at the place than the line needs", _LINES),
    declared("lacks_for_others", "flag", "whether enough lies there, but too little is free", _LINES),
    declared("books_age_hours", "hours", "time since the newest known change of the article's stock", _SOURCE),
)
ON_SITE = (Disposition.AVAILABLE, Disposition.RESERVED, Disposition.HELD, Disposition.DAMAGED)
"""Dispositions of what lies at a place."""


class ReadBooks(ABC):
    """What is asked of the books, and the features that follow from it."""

    @abstractmethod
    def levels(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return what lies there of each article: int64 [q, 6].

        How many positions are told, the quantity in each disposition of `ON_SITE`, and how many positions are reserved.
        """

    @abstractmethod
    def reserved(self, holders: Ints, articles: Ints, instants: Ints) -> tuple[Ints, Ints]:
        """Return what of an article is reserved for a holder, and how many positions that is: both int64 [q]."""

    @abstractmethod
    def changed(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return when the stock of each article changed last, as known at its cutoff, `NEVER` if never: int64 [q]."""

    def available(self, articles: Ints, instants: Ints) -> Ints:
        """Return what of an article nobody has reserved and nothing keeps, -1 where it is not told: int64 [q]."""
        count, available = self.levels(articles, instants)[:, :2].T
        return np.where(count == 0, -1, available)

    def values(self, asked: Asked) -> Floats:
        """Return the features: float64 [q, len(FEATURES)]."""
        cutoffs, articles = asked.cutoffs, asked.articles
        count, available, reserved, held, damaged, holding = self.levels(articles, cutoffs).T
        own, own_count = self.reserved(asked.orders, articles, cutoffs)
        wave, wave_count = self.reserved(asked.view.wave, articles, cutoffs)
        needed = asked.view.needed
        on_hand, others = available + reserved + held + damaged, reserved - own - wave
        free = available + own + wave
        columns = [
            units(on_hand),
            units(others),
            holding - own_count - wave_count,
            units(own),
            units(wave),
            units(held),
            units(damaged),
            units(free),
            share(free, needed),
            units(np.maximum(needed - free, 0)),
            on_hand < needed,
            (on_hand >= needed) & (free < needed),
        ]
        told = np.stack(columns, axis=1).astype(np.float64)
        told[count == 0] = np.nan
        return np.column_stack([told, hours_between(self.changed(articles, cutoffs), cutoffs)])


class Books(ReadBooks):
    """Levels of stock by article, and of what is reserved by holder and article."""

    def __init__(self, positions: Positions, articles: Ints, n_articles: int, steps: Steps) -> None:
        rows = steps.rows
        article, quantity = articles[rows], positions.quantity[rows]
        is_at = {one: positions.disposition[rows] == DISPOSITIONS.index(one.value) for one in ON_SITE}
        on_site = np.logical_or.reduce(list(is_at.values())) & (article >= 0)
        amounts = [np.where(is_at[one], quantity, 0)[on_site] for one in ON_SITE]
        holding = (is_at[Disposition.RESERVED] & (quantity > 0)).astype(np.int64)[on_site]
        self._levels = Levels(article[on_site], steps.since[on_site], steps.until[on_site], [*amounts, holding])

        held = on_site & is_at[Disposition.RESERVED] & (positions.holder[rows] >= 0)
        self._n_articles = n_articles
        pairs = combined(positions.holder[rows][held], article[held], n_articles)
        self._pairs = Dense(pairs)
        self._reserved = Levels(
            self._pairs.of(pairs),
            steps.since[held],
            steps.until[held],
            [quantity[held], (quantity[held] > 0).astype(np.int64)],
        )
        told = np.flatnonzero((articles >= 0) & (positions.disposition != DISPOSITIONS.index(Disposition.IN_TRANSIT)))
        self._occurred = np.append(positions.occurred[told], NEVER)
        self._newest = Steps(articles[told], positions.occurred[told], positions.known[told])

    def levels(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return what lies there of each article."""
        return self._levels.at(articles, cutoffs)

    def reserved(self, holders: Ints, articles: Ints, instants: Ints) -> tuple[Ints, Ints]:
        """Return what of an article is reserved for a holder, and how many positions that is."""
        pairs = self._pairs.of(combined(holders, articles, self._n_articles))
        _, quantity, count = self._reserved.at(pairs, instants).T
        return quantity, count

    def changed(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return when the stock of each article changed last."""
        return np.asarray(self._occurred[self._newest.at(articles, cutoffs)])
