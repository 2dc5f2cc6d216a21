"""Who else wants an article: the open lines that compete with a line, and how much is usually ordered.

A line competes while it is open (`line_states`). *Unreserved* is what it needs beyond what is reserved for its
order. Ahead of a line stand those of a higher tier of customer, and of its own tier those due earlier; a tier that is
not known counts as the lowest. No record carries a forecast of demand, so what was to be expected is the mean of the
weeks before.
"""

from __future__ import annotations

import numpy as np

from features.codes import NEVER, Ints
from features.history import DAY
from features.inventory.asked_lines import UNITS, Asked, Floats, declared, share, units
from features.inventory.books import Books
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
_WINDOWS = tuple(days * DAY for days in (7, 14, 21, 28, 90))
_TIERS = len(CustomerTier)
_DUE_BITS = 52


class Demand:
    """Open lines by article, and what was ordered.

    Parameters
    ----------
    lines, instants : int64 [n]
        Each line at every instant at which it or what is reserved for it may change, in order.
    view
        The lines at these instants.
    """

    def __init__(self, lines: Ints, instants: Ints, view: View, orders: Ints, articles: Ints, books: Books) -> None:
        reserved, _ = books.reserved(orders, articles, instants)
        needed, unreserved = _wanted(view, reserved)
        rank = _rank(view)
        begins = runs(lines, articles, needed, unreserved, view.due, rank)
        since, until = instants[begins], untils(lines[begins], instants[begins])
        counts = (needed[begins] > 0) & (articles[begins] >= 0)
        chosen, since, until = begins[counts], since[counts], until[counts]
        amounts = [needed[chosen], unreserved[chosen]]
        self._all = Levels(articles[chosen], since, until, amounts)
        self._by_due = Ranked(articles[chosen], since, until, view.due[chosen], amounts[:1])
        self._by_rank = Ranked(articles[chosen], since, until, rank[chosen], amounts)

        begins = runs(lines, articles, view.quantity)
        since, until = instants[begins], untils(lines[begins], instants[begins])
        counts = (view.quantity[begins] > 0) & (articles[begins] >= 0)
        chosen = begins[counts]
        self._ordered = RevisedTimeline(
            articles[chosen], view.first[chosen], since[counts], until[counts], _WINDOWS, [view.quantity[chosen]]
        )

    def unreserved(self, articles: Ints, instants: Ints) -> Ints:
        """Return what open lines for an article need and have not reserved: int64 [q]."""
        return np.asarray(self._all.at(articles, instants)[:, 2])

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
        count, competing, competing_unreserved = self._all.at(articles, cutoffs).T
        due_first = self._by_due.at(articles, cutoffs, view.due)[:, 1] - needed
        ahead, ahead_unreserved = self._by_rank.at(articles, cutoffs, _rank(view) - 1)[:, 1:].T
        ordered = self._ordered.at(articles, cutoffs)[:, :, 1]
        in_7, in_14, in_21, in_28, in_90 = ordered.T
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


def _wanted(view: View, reserved: Ints) -> tuple[Ints, Ints]:
    """Return what open lines need, and what of it is not reserved: both int64 [n]."""
    needed = view.needed * view.is_open
    return needed, np.maximum(needed - reserved, 0)


def _rank(view: View) -> Ints:
    """Return the place in line: by tier, the highest first, then by due time."""
    return (_TIERS - 1 - np.maximum(view.tier, 0) << _DUE_BITS) + np.minimum(view.due, (1 << _DUE_BITS) - 1)
