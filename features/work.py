"""Work features: what waits on the floor of the warehouse at the origin, what is due there, and how fast it goes.

A task is told in states, of which the one told last of those that count holds (`features.succession`). It *waits*
while it is released or started and not done, for a week from its release at most, so that a report that was lost does
not leave it waiting for ever; a wave, or an order, waits while any task of it does. What it is due counts whether it
was released or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.as_known import counts_from
from features.columns import Columns
from features.declaration import Feature
from features.history import DAY, HOUR
from features.instants import micros, micros_of
from features.legs import Time
from features.stock_records import WarehouseTask
from features.succession import held_until, held_until_of_one
from features.timeline import NEVER, Ints, Spans
from features.vocabulary import TaskKind, TaskStatus

ASKED = (("origin", Time.PLANNED), ("transfer", Time.PLANNED))
"""At which end of a leg; work is asked for at the cutoff, whatever the time."""

AT_MOST = 7 * DAY
AHEAD = 8 * HOUR
PACE = 24 * HOUR

_WAITING = (TaskStatus.RELEASED, TaskStatus.STARTED)
_DONE = (TaskStatus.DONE, TaskStatus.SHORT)


class Count(Columns):
    """What is counted of a warehouse. `TOLD` is every report: when the newest one came tells how old all of it is."""

    PICKS = 0
    DOCK = 1
    INBOUND = 2
    WAVES = 3
    ORDERS = 4
    WAITING = 5
    DUE_SOON = 6
    OVERDUE = 7
    DONE = 8
    DUE = 9
    DUE_AND_DONE = 10
    TOLD = 11


_OF_DUE = (Count.DUE, Count.DUE_AND_DONE, Count.DUE_SOON, Count.OVERDUE)

UNITED: Mapping[int, str] = {Count.WAVES: "wave", Count.ORDERS: "order"}
"""What waits while any of its tasks does, each with the field of `Span` that names it."""


_WHAT_OF: Mapping[TaskKind, int] = {
    TaskKind.PICK: Count.PICKS,
    TaskKind.PACK: Count.PICKS,
    TaskKind.STAGE: Count.DOCK,
    TaskKind.LOAD: Count.DOCK,
    TaskKind.RECEIVE: Count.INBOUND,
    TaskKind.PUT_AWAY: Count.INBOUND,
}


_COLUMNS = ["warehouse_id", "wave_id", "order_id", "kind", "status", "occurred_at", "due_at"]
"""What spans are made of, beside the task and when it was known."""


def _declared(field: str) -> tuple[Feature, ...]:
    where = _WHERE[field]

    def feature(name: str, unit: str, meaning: str, window: str = "") -> Feature:
        return Feature(f"{field}_{name}", unit, meaning, "warehouse_tasks", "warehouse operations", window)

    return (
        feature("picks_waiting", "tasks", f"picking and packing that waits at {where}"),
        feature("dock_waiting", "tasks", f"staging and loading that waits at the dock of {where}"),
        feature("inbound_waiting", "tasks", f"receiving and putting away that waits at {where}"),
        feature("waves_waiting", "waves", f"waves at {where} of which a task waits"),
        feature("orders_waiting", "orders", f"orders at {where} of which a task waits"),
        feature("tasks_waiting", "tasks", f"work of any kind that waits at {where}"),
        feature("tasks_due_soon", "tasks", f"tasks at {where} that are due in the next 8 h and not done", "next 8h"),
        feature("tasks_overdue", "tasks", f"tasks at {where} that are past due and not done"),
        feature("tasks_done", "tasks", f"tasks that were done at {where}", "24h"),
        feature("due_done_share", "share", f"share of what came due at {where} that is done", "24h"),
        feature("oldest_task_hours", "hours", f"time since the release of what waits longest at {where}"),
        feature("hours_of_work", "hours", f"time that what waits at {where} takes at the pace of the last 24 h", "24h"),
        feature("work_told_age_hours", "hours", f"time since the warehouse at {where} last told of its work"),
    )


_WHERE = {"origin": "the origin", "transfer": "the hub where it is transferred"}
FEATURES = tuple(feature for field, _ in ASKED for feature in _declared(field))

WIDTH = len(FEATURES) // len(ASKED)
"""How many numbers one warehouse is answered with."""


class Span(NamedTuple):
    """Something that counts on `[start, end)`; `since` is when it was released, for what waits, then wave and order."""

    what: int
    start: int
    end: int
    since: int = NEVER
    wave: str | None = None
    order: str | None = None


def spans_of_task(told: Sequence[WarehouseTask]) -> Iterator[tuple[str, Span]]:
    """Yield warehouse and span of what one task adds to each count, but for those `UNITED`.

    Parameters
    ----------
    told
        Its states, in the order in which they were known.
    """
    since = NEVER
    starts = [micros(counts_from(task)) for task in told]
    for task, start, until in zip(told, starts, held_until_of_one(starts), strict=True):
        occurred = micros(task.occurred_at)
        waits, done = task.status in _WAITING, task.status in _DONE
        found = [Span(Count.TOLD, start, NEVER)]
        if waits:
            since = min(since, occurred)
            waiting = Span(Count.WAITING, start, min(until, since + AT_MOST), since, task.wave_id, task.order_id)
            found.append(waiting)
            if task.kind in _WHAT_OF:
                found.append(waiting._replace(what=_WHAT_OF[task.kind]))
        if done:
            found.append(Span(Count.DONE, start, min(until, occurred + PACE)))
        if task.due_at is not None and task.status is not TaskStatus.CANCELLED:
            due = micros(task.due_at)
            came = Span(Count.DUE, max(start, due), min(until, due + PACE))
            found.append(came)
            if done:
                found.append(came._replace(what=Count.DUE_AND_DONE))
            else:
                found.append(Span(Count.DUE_SOON, max(start, due - AHEAD), min(until, due)))
                found.append(Span(Count.OVERDUE, max(start, due), min(until, due + AT_MOST)))
        for span in found:
            if span.start < span.end:
                yield task.warehouse_id, span


class Lasting(NamedTuple):
    """Spans of one count: int64 [n] each; `state` is the position among the states of one that makes it."""

    state: Ints
    start: Ints
    end: Ints


def states_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the states in the table `warehouse_tasks`, with what `spans_of` makes spans of.

    Parameters
    ----------
    frame
        All states of each task in it.

    Returns
    -------
    DataFrame
        Text: subject, the warehouse, wave and order. int8: what, the count that its kind waits for, -1 for none.
        bool: waits, done. int64: start and until, when it is held; since, when it was released; occurred; due, `NEVER`
        where it is not due.
    """
    task, _ = pd.factorize(frame["task_id"])
    known = micros_of(frame["known_at"])
    order = np.lexsort((known, task))
    again = (np.diff(task[order]) == 0) & (np.diff(known[order]) == 0)
    order = order[np.append(True, ~again)[: len(order)]]
    frame, task = frame[_COLUMNS].iloc[order].reset_index(drop=True), task[order]
    occurred, due = micros_of(frame["occurred_at"]), micros_of(frame["due_at"])
    start = np.maximum(occurred, known[order])
    waits, done, cancelled = (
        frame["status"].isin([*statuses]).to_numpy() for statuses in (_WAITING, _DONE, [TaskStatus.CANCELLED])
    )
    kinds = {kind.value: int(what) for kind, what in _WHAT_OF.items()}
    return pd.DataFrame(
        {
            "subject": frame["warehouse_id"],
            "wave": frame["wave_id"],
            "order": frame["order_id"],
            "what": frame["kind"].map(kinds).fillna(-1).astype(np.int8),
            "waits": waits,
            "done": done,
            "start": start,
            "until": held_until(task, start),
            "since": pd.Series(np.where(waits, occurred, NEVER)).groupby(task).cummin().astype(np.int64),
            "occurred": occurred,
            "due": np.where(cancelled, NEVER, due),
        }
    )


def spans_of(states: pd.DataFrame, what: int) -> Lasting:
    """Return the spans of one of `Count`; where it is of `UNITED`, all states of some warehouses must be there."""
    if what in UNITED:
        return _united(states, spans_of(states, Count.WAITING), UNITED[what])
    waits, done = states["waits"].to_numpy(), states["done"].to_numpy()
    start, until, due = (states[name].to_numpy() for name in ("start", "until", "due"))
    if what == Count.TOLD:
        chosen, end = np.ones(len(states), dtype=bool), np.full(len(states), NEVER)
    elif what == Count.DONE:
        chosen, end = done, np.minimum(until, _after(states["occurred"].to_numpy(), PACE))
    elif what in (Count.DUE, Count.DUE_AND_DONE):
        chosen = done | (what == Count.DUE)
        start, end = np.maximum(start, due), np.minimum(until, _after(due, PACE))
    elif what == Count.DUE_SOON:
        chosen, start, end = ~done, np.maximum(start, due - AHEAD), np.minimum(until, due)
    elif what == Count.OVERDUE:
        chosen, start, end = ~done, np.maximum(start, due), np.minimum(until, _after(due, AT_MOST))
    else:
        chosen = waits & ((what == Count.WAITING) | (states["what"].to_numpy() == what))
        end = np.minimum(until, _after(states["since"].to_numpy(), AT_MOST))
    if what in _OF_DUE:
        chosen = chosen & (due < NEVER)
    state = np.flatnonzero(chosen & (start < end))
    return Lasting(state, start[state], end[state])


def _after(time: Ints, length: int) -> Ints:
    return np.minimum(time, NEVER - length) + length


def _united(states: pd.DataFrame, waiting: Lasting, name: str) -> Lasting:
    """Return the spans on which a wave or an order waits: while any of its tasks does."""
    named = states[["subject", name]].iloc[waiting.state]
    has_name = named[name].notna().to_numpy()
    if not has_name.any():
        return Lasting(*(column[has_name] for column in waiting))
    group = named[has_name].groupby(["subject", name], sort=False).ngroup().to_numpy()
    order = np.lexsort((waiting.start[has_name], group))
    group, (state, start, end) = group[order], (column[has_name][order] for column in waiting)
    over = pd.Series(end).groupby(group).cummax().to_numpy(dtype=np.int64)
    begins = np.flatnonzero(np.append(True, (group[1:] != group[:-1]) | (start[1:] > over[:-1])))
    return Lasting(state[begins], start[begins], np.maximum.reduceat(end, begins))


class Work:
    """What waits and is due by warehouse.

    Parameters
    ----------
    states
        What `states_of` returned, or those of some subjects.
    """

    def __init__(self, states: pd.DataFrame) -> None:
        code, warehouses = pd.factorize(states["subject"])
        self._warehouses = np.asarray(warehouses, dtype=object)
        self._counts = []
        for what in range(Count.TOLD):
            spans = spans_of(states, what)
            self._counts.append(Spans(code[spans.state].astype(np.int64), spans.start, spans.end))
        waiting, told = spans_of(states, Count.WAITING), spans_of(states, Count.TOLD)
        since = states["since"].to_numpy()
        self._oldest = [
            _oldest(waiting.start[mine], waiting.end[mine], since[waiting.state[mine]])
            for mine in self._of_each(code[waiting.state])
        ]
        self._told = [np.sort(told.start[mine]) for mine in self._of_each(code[told.state])]

    def _of_each(self, code: Ints) -> list[Ints]:
        """Return the positions of those of each warehouse."""
        order = np.argsort(code, kind="stable")
        return np.split(order, np.searchsorted(code[order], np.arange(1, len(self._warehouses))))

    def at(self, warehouses: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:  # noqa: ARG002  as every feed
        """Return the features of each warehouse at its cutoff, NaN where it had told nothing: float64 [q, width]."""
        code = pd.Index(self._warehouses).get_indexer(pd.Index(warehouses)).astype(np.int64)
        counts = np.stack([spans.at(code, cutoffs) for spans in self._counts], axis=1).astype(np.float64)
        since, told = np.full((2, len(code)), np.nan)
        for warehouse in np.unique(code[code >= 0]).tolist():
            asked = np.flatnonzero(code == warehouse)
            times, oldest = self._oldest[warehouse]
            since[asked] = oldest[np.searchsorted(times, cutoffs[asked], side="right")]
            reports = np.append(np.nan, self._told[warehouse])
            told[asked] = reports[np.searchsorted(reports[1:], cutoffs[asked], side="right")]
        due, done, waiting = counts[:, Count.DUE], counts[:, Count.DONE], counts[:, Count.WAITING]
        share = counts[:, Count.DUE_AND_DONE] / np.where(due > 0.0, due, np.nan)
        hours = waiting / np.where(done > 0.0, done, np.nan) * (PACE / HOUR)
        counted, ages = counts[:, : Count.DONE + 1], [(cutoffs - time) / HOUR for time in (since, told)]
        found = np.column_stack([counted, share, ages[0], hours, ages[1]])
        found[np.isnan(told)] = np.nan
        return found


def _oldest(start: Ints, end: Ints, since: Ints) -> tuple[Ints, NDArray[np.float64]]:
    """Return when it changes what waits longest, and since when that waits, before the first change and from each on.

    Parameters
    ----------
    start, end, since : int64 [n]

    Returns
    -------
    int64 [m], float64 [m + 1]
        NaN while nothing waits.
    """
    order = np.argsort(start, kind="stable")
    begun, over, released = (column[order].tolist() for column in (start, end, since))
    times = np.unique(np.concatenate([start, end])).astype(np.int64)
    oldest = [np.nan]
    waiting: list[tuple[int, int]] = []
    come = 0
    for time in times.tolist():
        while come < len(begun) and begun[come] <= time:
            heappush(waiting, (released[come], over[come]))
            come += 1
        while waiting and waiting[0][1] <= time:
            heappop(waiting)
        oldest.append(float(waiting[0][0]) if waiting else np.nan)
    return times, np.array(oldest)
