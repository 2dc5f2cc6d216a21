"""Who else wants an article: the open lines that compete with a line, and how much is usually ordered.

A line competes while it is open (`line_states`). *Unreserved* is what it needs beyond what is reserved for its
order. Ahead of a line stand those of a higher tier of customer, and of its own tier those due earlier; a tier that is
not known counts as the lowest. No record carries a forecast of demand, so what was to be expected is the mean of the
weeks before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from features.codes import NEVER, Ints
from features.history import DAY
from features.inventory.asked_lines import UNITS, Asked, Floats, declared, share, units
from features.inventory.books import ReadBooks
from features.inventory.line_states import View
from features.levels import Levels, Ranked
from features.revisions import RevisedTimeline
from features.steps import runs, untils
from features.vocabulary import CustomerTier

_SOURCE = "order_lines, warehouse_tasks"
_RESERVED = "order_lines, warehouse_tasks, inventory_positions"
_PAST = "order_lines"

_TIERED = f"{_RESERVED}, orders"

FEATURES = (
    declared("competing_lines", "lines", "other open lines for the article", _SOURCE),
    declared("competing_demand", UNITS, "what other open lines for the article need", _SOURCE),
    declared("competing_unreserved", UNITS, "what other open lines need and have not reserved", _RESERVED),
    declared("demand_due_first", UNITS, "what other open lines need that are due no later", _SOURCE),
    declared("demand_ahead", UNITS, "what other open lines need that come first by tier and due time", _TIERED),
    declared("unreserved_ahead", UNITS, "what lines that come first need and have not reserved", _TIERED),
    declared(
        "free_after_ahead", UNITS, "free stock less what lines that come first need and have not reserved", _TIERED
    ),
    declared("ordered_7d", UNITS, "ordered in the last 7 days", _PAST, "7d"),
    declared("ordered_28d", UNITS, "ordered in the last 28 days", _PAST, "28d"),
    declared("ordered_90d", UNITS, "ordered in the last 90 days", _PAST, "90d"),
    declared(
        "forecast_error_7d", "ratio", "orders of the last 7 days above the mean of the 3 weeks before", _PAST, "28d"
    ),
    declared(
        "weekly_variation_28d", "ratio", "standard deviation of the last 4 weeks' orders to their mean", _PAST, "28d"
    ),
    declared("days_of_cover", "days", "days that free stock lasts at the pace of the last 28 days", _RESERVED, "28d"),
)
WINDOWS = tuple(days * DAY for days in (7, 14, 21, 28, 90))
_TIERS = len(CustomerTier)
_DUE_BITS = 52


class ReadDemand(ABC):
    """What is asked of open lines and of what was ordered, and the features that follow from it."""

    @abstractmethod
    def wanted(self, articles: Ints, instants: Ints) -> Ints:
        """Return the open lines for each article: int64 [q, 3], how many, what they need, and have not reserved."""

    @abstractmethod
    def due_by(self, articles: Ints, instants: Ints, bounds: Ints) -> Ints:
        """Return what open lines need that are due by a bound: int64 [q]."""

    @abstractmethod
    def ranked_to(self, articles: Ints, instants: Ints, bounds: Ints) -> Ints:
        """Return what open lines up to a rank need, and have not reserved: int64 [q, 2]."""

    @abstractmethod
    def ordered(self, articles: Ints, instants: Ints) -> Ints:
        """Return what was ordered of each article in each of `WINDOWS`: int64 [q, len(WINDOWS)]."""

    def unreserved(self, articles: Ints, instants: Ints) -> Ints:
        """Return what open lines for an article need and have not reserved: int64 [q]."""
        return np.asarray(self.wanted(articles, instants)[:, 2])

    def values(self, asked: Asked, reserved: Ints, free: Floats) -> Floats:
        """Return the features: float64 [q, len(FEATURES)].

        Parameters
        ----------
        reserved : int64 [q]
            What is reserved for the order of each line.
        free : float64 [q]
            Free stock of `books`.
        """
        cutoffs, articles, view = asked.cutoffs, asked.articles, asked.view
        needed, unreserved = _wanted(view, reserved)
        count, competing, competing_unreserved = self.wanted(articles, cutoffs).T
        due_first = self.due_by(articles, cutoffs, view.due) - needed
        ahead, ahead_unreserved = self.ranked_to(articles, cutoffs, _rank(view) - 1).T
        in_7, in_14, in_21, in_28, in_90 = self.ordered(articles, cutoffs).T
        weeks = np.stack([in_7, in_14 - in_7, in_21 - in_14, in_28 - in_21], axis=1).astype(np.float64)
        columns = [
            count - (needed > 0),
            units(competing - needed),
            units(competing_unreserved - unreserved),
            np.where(view.due == NEVER, np.nan, units(due_first)),
            units(ahead),
            units(ahead_unreserved),
            free - units(ahead_unreserved),
            units(in_7),
            units(in_28),
            units(in_90),
            share(3 * in_7 - (in_28 - in_7), in_28 - in_7),
            share(np.sqrt(np.square(weeks - in_28[:, None] / 4).mean(axis=1)), in_28 / 4),
            share(free, units(in_28) / 28),
        ]
        values = np.stack(columns, axis=1).astype(np.float64)
        values[articles < 0] = np.nan
        return values


class Demand(ReadDemand):
    """Open lines by article, and what was ordered.

    Parameters
    ----------
    lines, instants : int64 [n]
        Each line at every instant at which it or what is reserved for it may change, in order.
    view
        The lines at these instants.
    """

    def __init__(self, lines: Ints, instants: Ints, view: View, orders: Ints, articles: Ints, books: ReadBooks) -> None:
        reserved, _ = books.reserved(orders, articles, instants)
        wants = wants_of(lines, instants, view, reserved, articles)
        amounts = [wants.needed, wants.unreserved]
        self._all = Levels(wants.articles, wants.since, wants.until, amounts)
        self._by_due = Ranked(wants.articles, wants.since, wants.until, wants.due, amounts[:1])
        self._by_rank = Ranked(wants.articles, wants.since, wants.until, wants.rank, amounts)
        placed = orders_of(lines, instants, view, articles)
        self._ordered = RevisedTimeline(
            placed.articles, placed.first, placed.since, placed.until, WINDOWS, [placed.quantity]
        )

    def wanted(self, articles: Ints, instants: Ints) -> Ints:
        """Return the open lines for each article."""
        return self._all.at(articles, instants)

    def due_by(self, articles: Ints, instants: Ints, bounds: Ints) -> Ints:
        """Return what open lines need that are due by a bound."""
        return np.asarray(self._by_due.at(articles, instants, bounds)[:, 1])

    def ranked_to(self, articles: Ints, instants: Ints, bounds: Ints) -> Ints:
        """Return what open lines up to a rank need, and have not reserved."""
        return np.asarray(self._by_rank.at(articles, instants, bounds)[:, 1:])

    def ordered(self, articles: Ints, instants: Ints) -> Ints:
        """Return what was ordered of each article in each of `WINDOWS`."""
        return np.asarray(self._ordered.at(articles, instants)[:, :, 1])


class Wants(NamedTuple):
    """What open lines want of articles, each on `[since, until)`: int64 [w] each."""

    lines: Ints
    articles: Ints
    since: Ints
    until: Ints
    needed: Ints
    unreserved: Ints
    due: Ints
    rank: Ints


class Placed(NamedTuple):
    """What was ordered of articles, `first` when, each held to be so on `[since, until)`: int64 [p] each."""

    lines: Ints
    articles: Ints
    first: Ints
    since: Ints
    until: Ints
    quantity: Ints


def wants_of(lines: Ints, instants: Ints, view: View, reserved: Ints, articles: Ints) -> Wants:
    """Return what lines want, of their views at every instant at which these may change, in order: int64 [n] each."""
    needed, unreserved = _wanted(view, reserved)
    rank = _rank(view)
    begins = runs(lines, articles, needed, unreserved, view.due, rank)
    until = untils(lines[begins], instants[begins])
    counts = (needed[begins] > 0) & (articles[begins] >= 0)
    chosen = begins[counts]
    columns = (column[chosen] for column in (needed, unreserved, view.due, rank))
    return Wants(lines[chosen], articles[chosen], instants[chosen], until[counts], *columns)


def orders_of(lines: Ints, instants: Ints, view: View, articles: Ints) -> Placed:
    """Return what was ordered, of the same views as `wants_of`."""
    begins = runs(lines, articles, view.quantity)
    until = untils(lines[begins], instants[begins])
    counts = (view.quantity[begins] > 0) & (articles[begins] >= 0)
    chosen = begins[counts]
    columns = (articles[chosen], view.first[chosen], instants[chosen], until[counts], view.quantity[chosen])
    return Placed(lines[chosen], *columns)


def _wanted(view: View, reserved: Ints) -> tuple[Ints, Ints]:
    """Return what open lines need, and what of it is not reserved: both int64 [n]."""
    needed = view.needed * view.is_open
    return needed, np.maximum(needed - reserved, 0)


def _rank(view: View) -> Ints:
    """Return the place in line: by tier, the highest first, then by due time."""
    return (_TIERS - 1 - np.maximum(view.tier, 0) << _DUE_BITS) + np.minimum(view.due, (1 << _DUE_BITS) - 1)
