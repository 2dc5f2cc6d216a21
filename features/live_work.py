"""Work features for one task and one question at a time: the numbers of `features.work`."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import pandas as pd

from features.archive import Shelf
from features.board import Board
from features.errors import RecordError
from features.history import HOUR
from features.live_timeline import LiveSpans
from features.stock_records import WarehouseTask
from features.tables import RecordTables, assembled, frame_of, records_of
from features.timeline import NEVER, Ints
from features.work import AT_MOST, PACE, UNITED, WIDTH, Count, Lasting, Span, spans_of, spans_of_task, states_of

COUNTED = tuple(count for count in Count if count != Count.TOLD)
"""What is asked how many there are of."""

_NOTHING = (np.nan,) * WIDTH


class LiveWork:
    """What waits and is due by warehouse.

    Parameters
    ----------
    board
        Where it is asked how many there are.
    """

    def __init__(self, board: Board) -> None:
        self._told: dict[str, list[WarehouseTask]] = {}
        self._history = _no_history()
        self._counts = [LiveSpans(board) for _ in Count]
        self._united: dict[tuple[int, str, str], Counter[tuple[int, int]]] = {}
        self._waiting: dict[str, _Waiting] = {}

    def check(self, record: WarehouseTask) -> None:
        """Raise if a task is told twice in one instant, with other contents."""
        for other in self._of_task(record.task_id):
            if other.known_at == record.known_at and other != record:
                raise RecordError(
                    f"Task '{record.task_id}' is told twice at {record.known_at.isoformat()}, so neither is the newer "
                    f"one. Give the changed one the `known_at` at which it was learnt."
                )

    def add(self, record: WarehouseTask) -> bool:
        """Take a state of a task in; False if it was there already."""
        told = self._of_task(record.task_id)
        if record in told:
            return False
        before = Counter(spans_of_task(told))
        insort(told, record, key=lambda task: task.known_at)
        after = Counter(spans_of_task(told))
        for warehouse, span in (before - after).elements():
            self._counts[span.what].remove(warehouse, span.start, span.end)
            if span.what is Count.WAITING:
                self._waiting[warehouse].remove(span)
                self._change_united(warehouse, span, -1)
        for warehouse, span in (after - before).elements():
            if warehouse not in self._waiting:
                self._waiting[warehouse] = _Waiting(_NOTHING_YET, _NOTHING_YET, _NOTHING_YET)
            self._counts[span.what].add(warehouse, span.start, span.end)
            if span.what is Count.WAITING:
                self._waiting[warehouse].add(span)
                self._change_united(warehouse, span, 1)
        return True

    def add_tables(self, tables: RecordTables) -> None:
        """Take in the tasks of canonical tables: in bulk where nothing is held yet."""
        if self._told or len(self._history):
            for task in records_of(tables, WarehouseTask):
                self.check(task)
                self.add(task)
            return
        frame = tables.warehouse_tasks
        states = states_of(frame)
        code, warehouses = pd.factorize(states["subject"])
        names = [*warehouses]
        for count, line in zip(Count, self._counts, strict=True):
            spans = spans_of(states, count)
            line.add_many(names, code[spans.state].astype(np.int64), spans.start, spans.end)
        waiting = spans_of(states, Count.WAITING)
        self._history = _History(frame, states, waiting)
        since = states["since"].to_numpy()[waiting.state]
        for number, warehouse in enumerate(names):
            mine = code[waiting.state] == number
            self._waiting[warehouse] = _Waiting(since[mine], waiting.start[mine], waiting.end[mine])

    def _of_task(self, task_id: str) -> list[WarehouseTask]:
        """Return the states of a task, in the order in which they were known, to be added to."""
        if task_id not in self._told:
            self._told[task_id] = self._history.take(task_id)
        return self._told[task_id]

    def _change_united(self, warehouse: str, span: Span, by: int) -> None:
        """Let what a task belongs to wait when it waits, or no longer (`by` -1)."""
        lasts = span.start, span.end
        for what, field in UNITED.items():
            name = getattr(span, field)
            if name is None:
                continue
            group = what, warehouse, name
            if group not in self._united:
                self._united[group] = Counter(self._history.lasting(group))
            spans, line = self._united[group], self._counts[what]
            for start, end in _united(spans):
                line.remove(warehouse, start, end)
            spans[lasts] += by
            if not spans[lasts]:
                del spans[lasts]
            for start, end in _united(spans):
                line.add(warehouse, start, end)

    def rows(self, warehouse: str | None, *, lasting: bool) -> list[int]:
        """Return where each of `COUNTED` is asked of a warehouse (`LiveSpans.row`)."""
        return [self._counts[count].row(warehouse, lasting=lasting) for count in COUNTED]

    def values(self, warehouse: str | None, counts: Sequence[int], cutoff: int) -> Sequence[float]:
        """Return the features of a warehouse at the cutoff, from how many there are of each of `COUNTED`."""
        told = NEVER if warehouse is None else self._counts[Count.TOLD].last_start(warehouse, cutoff)
        if warehouse is None or told == NEVER:
            return _NOTHING
        since = self._waiting[warehouse].oldest(cutoff)
        age = np.nan if since == NEVER else (cutoff - since) / HOUR
        due, done = counts[Count.DUE], counts[Count.DONE]
        share = counts[Count.DUE_AND_DONE] / due if due > 0 else np.nan
        hours = counts[Count.WAITING] / done * (PACE / HOUR) if done > 0 else np.nan
        return (*map(float, counts[: Count.DONE + 1]), share, age, hours, (cutoff - told) / HOUR)


def _united(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the union of spans, in order."""
    begun, until = NEVER, -NEVER
    for start, end in sorted(spans):
        if begun < NEVER and start > until:
            yield begun, until
            begun, until = start, end
        else:
            begun, until = min(begun, start), max(until, end)
    if begun < NEVER:
        yield begun, until


@cache
def _no_history() -> _History:
    """Return the history of no task: it is made once, as there is nothing to take from it."""
    nothing = frame_of("warehouse_tasks", [])
    states = states_of(nothing)
    return _History(nothing, states, spans_of(states, Count.WAITING))


class _History:
    """Tasks of a table that nothing new was told of yet, and the spans on which those of each wave and order waited."""

    def __init__(self, tasks: pd.DataFrame, states: pd.DataFrame, waiting: Lasting) -> None:
        ordered = tasks.sort_values("known_at", kind="stable").drop_duplicates(["task_id", "known_at"])
        number, names = pd.factorize(ordered["task_id"].to_numpy(dtype=object))
        self._number = {name: place for place, name in enumerate(names)}
        self._shelf = Shelf("warehouse_tasks", ordered, number.astype(np.int64), len(names))
        _, self._start, self._end = waiting
        placed = states[["subject", *UNITED.values()]].iloc[waiting.state].reset_index(drop=True)
        self._places = {what: placed.groupby(["subject", name]).indices for what, name in UNITED.items()}

    def __len__(self) -> int:
        return len(self._number)

    def take(self, task_id: str) -> list[WarehouseTask]:
        """Take out the states of a task, in the order in which they were known; none if it is not there."""
        number = self._number.pop(task_id, None)
        return [] if number is None else [*assembled(WarehouseTask, self._shelf.rows(number), {})]

    def lasting(self, group: tuple[int, str, str]) -> Iterator[tuple[int, int]]:
        """Yield on which spans the tasks of a wave or an order waited, one for each."""
        what, warehouse, name = group
        for place in self._places[what].get((warehouse, name), ()):
            yield int(self._start[place]), int(self._end[place])


_NOTHING_YET = np.empty(0, dtype=np.int64)


_Lasts = tuple[int, int, int]
"""Since when something waits, and on which span it is known to: start and end."""


class _Waiting:
    """What waits in one warehouse, in order of its release.

    What was not over at `asked` is kept apart: who asks about the present, or later, looks at nothing else.
    """

    __slots__ = ("_asked", "_ends", "_open", "_since", "_starts")

    def __init__(self, since: Ints, starts: Ints, ends: Ints) -> None:
        order = np.argsort(since, kind="stable")
        self._since, self._starts, self._ends = (array("q", times[order].tobytes()) for times in (since, starts, ends))
        self._asked = NEVER  # nobody has asked yet
        self._open: list[_Lasts] = []

    def add(self, span: Span) -> None:
        place = bisect_left(self._since, span.since)
        for times, time in ((self._since, span.since), (self._starts, span.start), (self._ends, span.end)):
            times.insert(place, time)
        if span.end > self._asked:
            insort(self._open, (span.since, span.start, span.end))

    def remove(self, span: Span) -> None:
        lasts = span.since, span.start, span.end
        place = bisect_left(self._since, span.since)
        while (self._since[place], self._starts[place], self._ends[place]) != lasts:
            place += 1
        for times in (self._since, self._starts, self._ends):
            del times[place]
        if span.end > self._asked:
            self._open.remove(lasts)

    def oldest(self, cutoff: int) -> int:
        """Return since when what waits longest at the cutoff has waited; `NEVER` if nothing does."""
        if cutoff < self._asked < NEVER:
            return next((since for since, start, end in self._from(cutoff) if start <= cutoff < end), NEVER)
        if self._asked == NEVER:
            self._keep_open(self._from(cutoff), cutoff)
        found, some_are_over = NEVER, False
        for since, start, end in self._open:
            if start <= cutoff < end:
                found = since
                break
            some_are_over = some_are_over or end <= cutoff
        if some_are_over:
            self._keep_open(self._open, cutoff)
        return found

    def _from(self, cutoff: int) -> Iterator[_Lasts]:
        """Yield what may wait at the cutoff: what was released longer before is over, as nothing waits for longer."""
        for place in range(bisect_left(self._since, cutoff - AT_MOST), len(self._since)):
            yield self._since[place], self._starts[place], self._ends[place]

    def _keep_open(self, spans: Iterable[_Lasts], cutoff: int) -> None:
        self._open = sorted(lasts for lasts in spans if lasts[2] > cutoff)
        self._asked = cutoff
