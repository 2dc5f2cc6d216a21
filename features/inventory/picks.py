"""How often picks of an article found too little, and at its place.

A pick is short if the warehouse says so, or if it took less than was asked for. The share of an article leans on that
of its place, and that on all picks, as long as they are few.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from features.codes import Ints, starts_of
from features.history import DAY
from features.inventory.adjustments import Newest
from features.inventory.asked_lines import Asked, FirstTold, Floats, declared, shrunk
from features.inventory.line_states import PICKED, task_steps
from features.inventory.stock import STATUSES, Tasks
from features.revisions import RevisedTimeline
from features.steps import Facts, runs, untils
from features.vocabulary import TaskStatus

PSEUDO_PICKS, PRIOR_SHORT_SHARE = 20.0, 0.04
WINDOW_DAYS = (7, 28, 90)
WINDOWS = tuple(days * DAY for days in WINDOW_DAYS)
_SOURCE = "warehouse_tasks"

FEATURES = (
    *(
        declared(f"{whose}{name}_{days}d", unit, f"{meaning} {words} in the last {days} days", _SOURCE, f"{days}d")
        for whose, words in (("", "of the article"), ("place_", "at the place"))
        for days in WINDOW_DAYS
        for name, unit, meaning in (
            ("picks", "picks", "picks"),
            ("short_share", "share", "share short of the picks"),
        )
    ),
    declared("days_since_short_pick", "days", "time since a pick of the article was short", _SOURCE),
    declared("days_since_full_pick", "days", "time since a pick of the article was not short", _SOURCE),
)


def done_tasks(tasks: Tasks, articles: Ints) -> tuple[Facts, Ints, Ints]:
    """Return when tasks were done, by article, with the row of each and whether it was short (0 or 1)."""
    steps = task_steps(tasks)
    short = is_short(tasks)
    is_done = np.isin(tasks.status, PICKED)
    content = (is_done, short, tasks.occurred, tasks.place, articles)
    begins = runs(steps.keys, *(column[steps.rows].astype(np.int64) for column in content))
    row, since = steps.rows[begins], steps.since[begins]
    until = untils(steps.keys[begins], since)
    chosen = is_done[row]
    row = row[chosen]
    facts = Facts(articles[row], tasks.occurred[row], since[chosen], until[chosen])
    return facts, row, short[row].astype(np.int64)


def is_short(tasks: Tasks) -> NDArray[np.bool_]:
    """Tell which tasks the warehouse calls short, or took less than was asked for: bool [n]."""
    took_less = (tasks.done >= 0) & (tasks.done < tasks.quantity)
    return np.asarray((tasks.status == STATUSES.index(TaskStatus.SHORT)) | took_less)


class ReadPicks(ABC):
    """What is asked of picks that were done, and the features that follow from it."""

    @abstractmethod
    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether any pick had been told at each place by its cutoff: bool [q]."""

    @abstractmethod
    def done(self, asked: Asked) -> tuple[Ints, Ints, Ints]:
        """Return the picks of all, of the place and of the article: int64 [q, len(WINDOW_DAYS), 2] each.

        How many were done, and how many of them were short.
        """

    @abstractmethod
    def hours_since(self, asked: Asked) -> tuple[Floats, Floats]:
        """Return the hours since a pick of the article was short, and since one was not: float64 [q] each."""

    def values(self, asked: Asked) -> Floats:
        """Return the features: float64 [q, len(FEATURES)]."""
        shares: Floats | float = PRIOR_SHORT_SHARE
        families = []
        for done in self.done(asked):
            count, short = np.moveaxis(done.astype(np.float64), 2, 0)
            shares = shrunk(short, count, shares, PSEUDO_PICKS)
            families.append(np.stack([count, shares], axis=2).reshape(len(done), 2 * len(WINDOW_DAYS)))
        _, of_place, of_article = families
        values = np.column_stack([of_article, of_place, *(hours / 24 for hours in self.hours_since(asked))])
        values[~self.told(asked.view.place, asked.cutoffs)] = np.nan
        return values


class Picks(ReadPicks):
    """Picks that were done, by article, place and in all.

    Parameters
    ----------
    articles : int64 [n]
        Of the tasks.
    """

    def __init__(self, tasks: Tasks, articles: Ints) -> None:
        self._told = FirstTold(tasks.place, starts_of(tasks.occurred, tasks.known))
        facts, row, short = done_tasks(tasks, articles)
        self._lines = []
        for keys in (np.zeros(len(row), dtype=np.int64), tasks.place[row], facts.keys):
            told = keys >= 0
            self._lines.append(RevisedTimeline(*facts.under(keys).where(told), WINDOWS, [short[told]]))
        self._newest = [Newest(facts.where(short == one)) for one in (1, 0)]

    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether any pick had been told at each place by its cutoff."""
        return self._told.known(places, cutoffs)

    def done(self, asked: Asked) -> tuple[Ints, Ints, Ints]:
        """Return the picks of all, of the place and of the article."""
        everywhere = np.zeros(len(asked.cutoffs), dtype=np.int64)
        keys = (everywhere, asked.view.place, asked.articles)
        of_all, of_place, of_article = (
            line.at(key, asked.cutoffs) for line, key in zip(self._lines, keys, strict=True)
        )
        return of_all, of_place, of_article

    def hours_since(self, asked: Asked) -> tuple[Floats, Floats]:
        """Return the hours since a pick of the article was short, and since one was not."""
        short, full = (newest.hours(asked.articles, asked.cutoffs) for newest in self._newest)
        return short, full
