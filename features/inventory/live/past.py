"""Adjustments, counts and picks, told one by one: the numbers of `Corrections` and `Picks` of `features.inventory`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Ints
from features.inventory import adjustments, picks
from features.inventory.adjustments import ReadCorrections
from features.inventory.asked_lines import Asked, Floats, hours_between
from features.inventory.line_states import PICKED
from features.inventory.live.names import First, gathered
from features.inventory.live.rising import Rising, Span, State, start_of
from features.inventory.picks import ReadPicks
from features.inventory.stock import STATUSES
from features.live_latest import LiveLatest
from features.live_timeline import LiveTimeline
from features.vocabulary import TaskStatus

_SHORT = STATUSES.index(TaskStatus.SHORT)


class LiveCorrections(ReadCorrections):
    """Adjustments by article and place, and when an article was counted.

    A state of an adjustment is (occurred, known, effect, whether it is a count, name of the article, article, place).
    """

    def __init__(self) -> None:
        self._adjustments: dict[str, Rising] = {}
        self._sums, self._negative = (LiveTimeline(adjustments.WINDOWS) for _ in range(2))
        self._adjusted, self.counted = LiveLatest(), LiveLatest()
        self._told = First()

    def add(self, adjustment_id: str, state: State) -> bool:
        """Take in a state of an adjustment; False if nothing is different from what was told before."""
        self._told.note(state[6], start_of(state))
        gone, come = self._adjustments.setdefault(adjustment_id, Rising()).add(state)
        for span in gone:
            self._change(span, take_back=True)
        for span in come:
            self._change(span, take_back=False)
        return bool(come)

    def _change(self, span: Span, *, take_back: bool) -> None:
        since, until, (occurred, _, effect, is_count, _, article, place) = span
        for key in (article, ("place", place)):
            for line, values in ((self._sums, (effect, abs(effect))), (self._negative, (int(effect < 0), 0))):
                (line.remove if take_back else line.add)(key, (occurred, since, until, values))
        for latest in (self._adjusted, self.counted) if is_count else (self._adjusted,):
            (latest.remove if take_back else latest.add)(article, occurred, since, (occurred,), until)

    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether any adjustment had been told at each place by its cutoff."""
        return self._told.told(places, cutoffs)

    def changes(self, asked: Asked) -> tuple[Ints, Ints]:
        """Return the adjustments of the article and of the place."""
        shape = (len(asked.cutoffs), len(adjustments.WINDOWS), 4)
        of_article = gathered(4 * len(adjustments.WINDOWS), self._of, asked.articles, asked.cutoffs)
        of_place = gathered(
            4 * len(adjustments.WINDOWS),
            lambda place, at: self._of(("place", place), at),
            asked.view.place,
            asked.cutoffs,
        )
        return of_article.reshape(shape), of_place.reshape(shape)

    def hours_since(self, asked: Asked) -> tuple[Floats, Floats]:
        """Return the hours since the article was adjusted, and since it was counted."""
        return hours_of(self._adjusted, asked), hours_of(self.counted, asked)

    def _of(self, key: Hashable, cutoff: int) -> Sequence[int]:
        sums, negative = self._sums.at(key, cutoff), self._negative.at(key, cutoff)
        found: list[int] = []
        for place in range(0, len(sums), 3):
            found += [*map(int, sums[place : place + 3]), int(negative[place + 1])]
        return found


class LivePicks(ReadPicks):
    """Picks that were done, by article, place and in all; and counts, which `LiveCorrections` is told of.

    A state of a task is (occurred, known, status, done, quantity, due, name of the wave, name of the place, name of the
    article, task, line, article, place): statuses by rank, quantities in thousandths, -1 and `NEVER` for what is
    missing.
    """

    def __init__(self, counted: LiveLatest) -> None:
        self._picks: dict[str, Rising] = {}
        self._counts: dict[str, Rising] = {}
        self._counted = counted
        self._done = LiveTimeline(picks.WINDOWS)
        self._newest = {True: LiveLatest(), False: LiveLatest()}
        self._told = First()

    def add(self, task_id: str, state: State) -> bool:
        """Take in a state of a pick; False if nothing is different from what was told before."""
        self._told.note(state[12], start_of(state))
        gone, come = self._picks.setdefault(task_id, Rising()).add(state)
        for span in gone:
            self._change(span, take_back=True)
        for span in come:
            self._change(span, take_back=False)
        return bool(come)

    def add_count(self, task_id: str, state: State) -> bool:
        """Take in a state of a count; False if nothing is different from what was told before."""
        gone, come = self._counts.setdefault(task_id, Rising()).add(state)
        for spans, note in ((gone, self._counted.remove), (come, self._counted.add)):
            for since, until, told in spans:
                if told[2] in PICKED and told[11] >= 0:
                    note(told[11], told[0], since, (told[0],), until)
        return bool(come)

    def _change(self, span: Span, *, take_back: bool) -> None:
        since, until, state = span
        occurred, article, place = state[0], state[11], state[12]
        if state[2] not in PICKED:
            return
        short = is_short(state)
        for key in ((), ("place", place), *((article,) if article >= 0 else ())):
            (self._done.remove if take_back else self._done.add)(key, (occurred, since, until, (int(short), 0)))
        if article >= 0:
            latest = self._newest[short]
            (latest.remove if take_back else latest.add)(article, occurred, since, (occurred,), until)

    def told(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether any pick had been told at each place by its cutoff."""
        return self._told.told(places, cutoffs)

    def done(self, asked: Asked) -> tuple[Ints, Ints, Ints]:
        """Return the picks of all, of the place and of the article."""
        shape, width = (len(asked.cutoffs), len(picks.WINDOWS), 3), 3 * len(picks.WINDOWS)
        of_all = gathered(width, lambda at: self._of((), at), asked.cutoffs)
        of_place = gathered(width, lambda place, at: self._of(("place", place), at), asked.view.place, asked.cutoffs)
        of_article = gathered(width, self._of, asked.articles, asked.cutoffs)
        found = (each.reshape(shape)[:, :, :2] for each in (of_all, of_place, of_article))
        everything, there, itself = found
        return everything, there, itself

    def hours_since(self, asked: Asked) -> tuple[Floats, Floats]:
        """Return the hours since a pick of the article was short, and since one was not."""
        return hours_of(self._newest[True], asked), hours_of(self._newest[False], asked)

    def _of(self, key: Hashable, cutoff: int) -> Sequence[int]:
        return tuple(map(int, self._done.at(key, cutoff)))


def is_short(state: State) -> bool:
    """Tell whether a task is called short, or took less than was asked for."""
    return bool(state[2] == _SHORT or 0 <= state[3] < state[4])


def hours_of(latest: LiveLatest, asked: Asked) -> Floats:
    """Return the hours since something happened last to each article, NaN where it never did: float64 [q]."""

    def since(article: int, cutoff: int) -> Sequence[int]:
        found = latest.at(article, cutoff)
        return (NEVER if found is None else int(found[0]),)

    return hours_between(gathered(1, since, asked.articles, asked.cutoffs)[:, 0], asked.cutoffs)
