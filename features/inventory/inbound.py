"""What is on its way to an article, and how reliable such lots have been.

A lot is expected when its newest known state says. It has come when nothing of it is in transit any more; it was late
if that was more than `LATE_AFTER_HOURS` after it was promised *first*. Positions name no supplier, so a lot's own
earlier lots are those of its article; few of them lean on those of the place, and these on all.
"""

from __future__ import annotations

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


class Inbound:
    """Stock in transit by article and expected arrival, and the lots that came by article, place and in all."""

    def __init__(self, positions: Positions, articles: Ints) -> None:
        transit = positions.disposition == DISPOSITIONS.index(Disposition.IN_TRANSIT)
        chosen = np.flatnonzero(transit & (articles >= 0))
        positions, articles = Positions(*(column[chosen] for column in positions)), articles[chosen]
        self._told = FirstTold(positions.place, starts_of(positions.occurred, positions.known))
        steps = Steps(
            positions.identity, positions.occurred, positions.known, [positions.quantity, positions.expected, articles]
        )
        promised = _promised(steps, positions.expected)
        rows = steps.rows
        quantity, expected = positions.quantity[rows], positions.expected[rows]
        put_off = (expected < NEVER) & (promised < NEVER) & _is_late(expected, promised)
        some = quantity > 0
        self._coming = Ranked(
            articles[rows][some],
            steps.since[some],
            steps.until[some],
            expected[some],
            [quantity[some], np.where(put_off, quantity, 0)[some]],
        )
        came, row, late, minutes = _arrivals(steps, positions, promised)
        keys = (articles[row], positions.place[row], np.zeros(len(row), dtype=np.int64))
        self._lots = [RevisedTimeline(*came.under(key), (90 * DAY,), [late, minutes]) for key in keys]

    def values(self, asked: Asked) -> Floats:
        """Return the features: float64 [q, len(FEATURES)]."""
        cutoffs, articles, due = asked.cutoffs, asked.articles, asked.view.due
        never = np.full(len(cutoffs), NEVER, dtype=np.int64)
        (all_of_it, put_off), (in_time, _), (soon, _), (overdue, _) = (
            self._coming.at(articles, cutoffs, bound)[:, 1:].T for bound in (never, due, cutoffs + 72 * HOUR, cutoffs)
        )
        everywhere = np.zeros(len(cutoffs), dtype=np.int64)
        keys = (articles, asked.view.place, everywhere)
        of_article, of_place, of_all = (line.at(key, cutoffs)[:, 0] for line, key in zip(self._lots, keys, strict=True))
        share: Floats | float = PRIOR_LATE_SHARE
        delay: Floats | float = PRIOR_DELAY_HOURS
        shares = []
        for lots in (of_all, of_place, of_article):
            share = shrunk(lots[:, 1], lots[:, 0], share, PSEUDO_LOTS)
            delay = shrunk(lots[:, 2] / 60, lots[:, 0], delay, PSEUDO_LOTS)
            shares.append(share)
        in_time_units = np.where(due == NEVER, np.nan, units(in_time))
        columns = [
            units(all_of_it),
            in_time_units,
            units(soon),
            units(overdue),
            units(put_off),
            of_article[:, 0],
            share,
            delay,
            shares[1],
            in_time_units * share,
        ]
        values = np.stack(columns, axis=1).astype(np.float64)
        values[~self._told.known(asked.view.place, cutoffs) | (articles < 0)] = np.nan
        return values


def _promised(steps: Steps, expected: Ints) -> Ints:
    """Return for each step when the lot was promised first, `NEVER` before that was told: int64 [s]."""
    given = np.flatnonzero(expected[steps.rows] < NEVER)
    lots, first = np.unique(steps.keys[given], return_index=True)
    promised = np.full(len(steps.keys), NEVER, dtype=np.int64)
    if len(lots):
        place = np.minimum(np.searchsorted(lots, steps.keys), len(lots) - 1)
        step = given[first][place]
        told = (lots[place] == steps.keys) & (step <= np.arange(len(steps.keys)))
        promised[told] = expected[steps.rows[step[told]]]
    return promised


def _arrivals(steps: Steps, positions: Positions, promised: Ints) -> tuple[Facts, Ints, Ints, Ints]:
    """Return when lots had come wholly, with the row of each, whether it was late, and by how many minutes."""
    gone = positions.quantity[steps.rows] == 0
    # Of several states that say so the first tells when it came; another level in between takes it back.
    begins = runs(steps.keys, gone.astype(np.int64))
    since, row = steps.since[begins], steps.rows[begins]
    until = untils(steps.keys[begins], since)
    came = gone[begins] & (promised[begins] < NEVER) & (positions.lot[row] >= 0)
    row, promise = row[came], promised[begins][came]
    occurred = positions.occurred[row]
    minutes = np.clip((occurred - promise) // MINUTE, -MAX_DELAY_MINUTES, MAX_DELAY_MINUTES)
    facts = Facts(steps.keys[begins][came], occurred, since[came], until[came])
    return facts, row, _is_late(occurred, promise).astype(np.int64), minutes


def _is_late(time: Ints, promised: Ints) -> NDArray[np.bool_]:
    return np.asarray(np.where(promised == NEVER, 0, time - promised) > LATE_AFTER_HOURS * HOUR)
