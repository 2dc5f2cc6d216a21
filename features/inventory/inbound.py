"""What is on its way to an article, and how reliable such lots have been.

A lot is expected when its newest known state says. It has come when nothing of it is in transit any more; it was late
if that was more than `LATE_AFTER_HOURS` after it was promised *first*. Positions name no supplier, so a lot's own
earlier lots are those of its article; few of them lean on those of the place, and these on all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Ints, starts_of
from features.history import DAY, HOUR
from features.instants import MINUTE
from features.inventory.asked_lines import UNITS, Asked, FirstTold, Floats, declared, shrunk, units
from features.inventory.stock import DISPOSITIONS, Positions
from features.levels import Ranked
from features.revisions import RevisedTimeline
from features.steps import Facts, Steps, runs, untils
from features.vocabulary import Disposition

LATE_AFTER_HOURS = 4
PSEUDO_LOTS, PRIOR_LATE_SHARE, PRIOR_DELAY_HOURS = 5.0, 0.2, 0.0
MAX_DELAY_MINUTES = 60 * 24 * 60
LOT_WINDOW = 90 * DAY
_SOURCE = "inventory_positions"
_DUE = "inventory_positions, warehouse_tasks"

FEATURES = (
    declared("inbound", UNITS, "stock in transit to the place", _SOURCE),
    declared("inbound_due", UNITS, "stock in transit that is expected before the line is due", _DUE),
    declared("inbound_72h", UNITS, "stock in transit that is expected within 72 hours", _SOURCE, "next 72h"),
    declared("inbound_overdue", UNITS, "stock in transit that should have come", _SOURCE),
    declared("inbound_put_off", UNITS, "stock in transit whose arrival was put off", _SOURCE),
    declared("lots_90d", "lots", "lots of the article that came in the last 90 days", _SOURCE, "90d"),
    declared("lots_late_share_90d", "share", "share late of the lots of the article", _SOURCE, "90d"),
    declared("lots_delay_hours_90d", "hours", "mean delay of the lots of the article", _SOURCE, "90d"),
    declared("place_lots_late_share_90d", "share", "share late of the lots that came to the place", _SOURCE, "90d"),
    declared("inbound_due_at_risk", UNITS, "stock expected in time times the share of lots that came late", _DUE),
)


class ReadInbound(ABC):
    """What is asked of the stock in transit, and the features that follow from it."""

    @abstractmethod
    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether anything had been told in transit to each place by its cutoff: bool [q]."""

    @abstractmethod
    def coming(self, articles: Ints, cutoffs: Ints, bounds: Ints) -> Ints:
        """Return what is in transit and expected by a bound: int64 [q, 3], count, quantity, quantity put off."""

    @abstractmethod
    def lots(self, asked: Asked) -> tuple[Ints, Ints, Ints]:
        """Return the lots that came in 90 days, of all, of the place and of the article.

        int64 [q, 3] each: how many, how many of them late, and their minutes of delay.
        """

    def values(self, asked: Asked) -> Floats:
        """Return the features: float64 [q, len(FEATURES)]."""
        cutoffs, articles, due = asked.cutoffs, asked.articles, asked.view.due
        never = np.full(len(cutoffs), NEVER, dtype=np.int64)
        (all_of_it, put_off), (in_time, _), (soon, _), (overdue, _) = (
            self.coming(articles, cutoffs, bound)[:, 1:].T for bound in (never, due, cutoffs + 72 * HOUR, cutoffs)
        )
        delay: Floats | float = PRIOR_DELAY_HOURS
        came = self.lots(asked)
        for lots in came:
            delay = shrunk(lots[:, 2] / 60, lots[:, 0], delay, PSEUDO_LOTS)
        of_place, share = late_shares(came)
        in_time_units = np.where(due == NEVER, np.nan, units(in_time))
        columns = [
            units(all_of_it),
            in_time_units,
            units(soon),
            units(overdue),
            units(put_off),
            came[-1][:, 0],
            share,
            delay,
            of_place,
            in_time_units * share,
        ]
        values = np.stack(columns, axis=1).astype(np.float64)
        values[~self.told(asked.view.place, cutoffs) | (articles < 0)] = np.nan
        return values


def late_shares(came: Sequence[Ints]) -> tuple[Floats, Floats]:
    """Return the share late of lots to the place, and of those of the article, from what `ReadInbound.lots` counts."""
    share: Floats | float = PRIOR_LATE_SHARE
    shares = []
    for lots in came:
        share = shrunk(lots[:, 1], lots[:, 0], share, PSEUDO_LOTS)
        shares.append(share)
    _, of_place, of_article = shares
    return of_place, of_article


class Inbound(ReadInbound):
    """Stock in transit by article and expected arrival, and the lots that came by article, place and in all."""

    def __init__(self, positions: Positions, articles: Ints) -> None:
        transit = positions.disposition == DISPOSITIONS.index(Disposition.IN_TRANSIT)
        chosen = np.flatnonzero(transit & (articles >= 0))
        positions, articles = Positions(*(column[chosen] for column in positions)), articles[chosen]
        self._told = FirstTold(positions.place, starts_of(positions.occurred, positions.known))
        steps = Steps(
            positions.identity, positions.occurred, positions.known, [positions.quantity, positions.expected, articles]
        )
        transit_steps = transit_of(
            steps.keys,
            steps.since,
            *(
                column[steps.rows]
                for column in (positions.occurred, positions.quantity, positions.expected, positions.lot)
            ),
        )
        rows, some = steps.rows, transit_steps.quantity > 0
        self._coming = Ranked(
            articles[rows][some],
            steps.since[some],
            steps.until[some],
            transit_steps.expected[some],
            [transit_steps.quantity[some], transit_steps.put_off[some]],
        )
        arrivals = transit_steps.arrivals
        row = rows[arrivals.step]
        facts = Facts(steps.keys[arrivals.step], arrivals.occurred, arrivals.since, arrivals.until)
        keys = (np.zeros(len(row), dtype=np.int64), positions.place[row], articles[row])
        self._lots = [
            RevisedTimeline(*facts.under(key), (LOT_WINDOW,), [arrivals.late, arrivals.minutes]) for key in keys
        ]

    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether anything had been told in transit to each place by its cutoff."""
        return self._told.known(places, cutoffs)

    def coming(self, articles: Ints, cutoffs: Ints, bounds: Ints) -> Ints:
        """Return what is in transit and expected by a bound."""
        return self._coming.at(articles, cutoffs, bounds)

    def lots(self, asked: Asked) -> tuple[Ints, Ints, Ints]:
        """Return the lots that came in 90 days, of all, of the place and of the article."""
        everywhere = np.zeros(len(asked.cutoffs), dtype=np.int64)
        keys = (everywhere, asked.view.place, asked.articles)
        of_all, of_place, of_article = (
            line.at(key, asked.cutoffs)[:, 0] for line, key in zip(self._lots, keys, strict=True)
        )
        return of_all, of_place, of_article


class Arrivals(NamedTuple):
    """Lots that had come wholly: int64 [a] each.

    The `step` that told of it first; when that `occurred`; between which instants it is held to be so; whether it was
    late (0 or 1), and by how many minutes.
    """

    step: Ints
    occurred: Ints
    since: Ints
    until: Ints
    late: Ints
    minutes: Ints


class Transit(NamedTuple):
    """States of stock in transit: int64 [s] each; and the lots that came."""

    quantity: Ints
    expected: Ints
    put_off: Ints
    arrivals: Arrivals


def transit_of(keys: Ints, since: Ints, occurred: Ints, quantity: Ints, expected: Ints, lot: Ints) -> Transit:
    """Return what states of stock in transit say, in order of identity and time: int64 [s] each; `lot` -1 for none."""
    promised = _promised(keys, expected)
    put_off = (expected < NEVER) & (promised < NEVER) & _is_late(expected, promised)
    gone = quantity == 0
    # Of several states that say so the first tells when it came; another level in between takes it back.
    begins = runs(keys, gone.astype(np.int64))
    until = untils(keys[begins], since[begins])
    came = gone[begins] & (promised[begins] < NEVER) & (lot[begins] >= 0)
    step, until = begins[came], until[came]
    promise = promised[step]
    minutes = np.clip((occurred[step] - promise) // MINUTE, -MAX_DELAY_MINUTES, MAX_DELAY_MINUTES)
    late = _is_late(occurred[step], promise).astype(np.int64)
    arrivals = Arrivals(step, occurred[step], since[step], until, late, minutes)
    return Transit(quantity, expected, np.where(put_off, quantity, 0), arrivals)


def _promised(keys: Ints, expected: Ints) -> Ints:
    """Return for each step when the lot was promised first, `NEVER` before that was told: int64 [s]."""
    given = np.flatnonzero(expected < NEVER)
    lots, first = np.unique(keys[given], return_index=True)
    promised = np.full(len(keys), NEVER, dtype=np.int64)
    if len(lots):
        place = np.minimum(np.searchsorted(lots, keys), len(lots) - 1)
        step = given[first][place]
        told = (lots[place] == keys) & (step <= np.arange(len(keys)))
        promised[told] = expected[step[told]]
    return promised


def _is_late(time: Ints, promised: Ints) -> NDArray[np.bool_]:
    return np.asarray(np.where(promised == NEVER, 0, time - promised) > LATE_AFTER_HOURS * HOUR)
