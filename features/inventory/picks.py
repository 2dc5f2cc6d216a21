"""How often picks of an article found too little, and at its place.

A pick is short if the warehouse says so, or if it took less than was asked for. The share of an article leans on that
of its place, and that on all picks, as long as they are few.
"""

from __future__ import annotations

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


class Picks:
    """Picks that were done, by article, place and in all.

    Parameters
    ----------
    articles : int64 [n]
        Of the tasks.
    """

    def __init__(self, tasks: Tasks, articles: Ints) -> None:
        self._told = FirstTold(tasks.place, starts_of(tasks.occurred, tasks.known))
        facts, row, short = done_tasks(tasks, articles)
        windows = [days * DAY for days in WINDOW_DAYS]
        self._lines = []
        for keys in (np.zeros(len(row), dtype=np.int64), tasks.place[row], facts.keys):
            told = keys >= 0
            self._lines.append(RevisedTimeline(*facts.under(keys).where(told), windows, [short[told]]))
        self._newest = [Newest(facts.where(short == one)) for one in (1, 0)]

    def values(self, asked: Asked) -> Floats:
        """Return the features: float64 [q, len(FEATURES)]."""
        cutoffs, place = asked.cutoffs, asked.view.place
        everywhere = np.zeros(len(cutoffs), dtype=np.int64)
        shares: Floats | float = PRIOR_SHORT_SHARE
        families = []
        for line, key in zip(self._lines, (everywhere, place, asked.articles), strict=True):
            count, short = np.moveaxis(line.at(key, cutoffs).astype(np.float64), 2, 0)
            shares = shrunk(short, count, shares, PSEUDO_PICKS)
            families.append(np.stack([count, shares], axis=2).reshape(len(cutoffs), 2 * len(WINDOW_DAYS)))
        _, of_place, of_article = families
        ages = [newest.hours(asked.articles, cutoffs) / 24 for newest in self._newest]
        values = np.column_stack([of_article, of_place, *ages])
        values[~self._told.known(place, cutoffs)] = np.nan
        return values
