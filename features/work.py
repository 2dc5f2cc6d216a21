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


def spans_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the spans in the table `warehouse_tasks`: `subject`, the warehouse, and the fields of `Span`.

    All states of a task must be in it. Waves and orders are added by `with_united`.
    """
    frame = frame.sort_values(["task_id", "known_at"], kind="stable").drop_duplicates(["task_id", "known_at"])
    task, _ = pd.factorize(frame["task_id"])
    known, occurred = micros_of(frame["known_at"]), micros_of(frame["occurred_at"])
    start = np.maximum(occurred, known)
    until = held_until(task, start)
    waits, done, cancelled = (
        frame["status"].isin([*statuses]).to_numpy() for statuses in (_WAITING, _DONE, [TaskStatus.CANCELLED])
    )
    first = pd.Series(np.where(waits, occurred, NEVER)).groupby(task).cummin()
    released = np.asarray(first, dtype=np.int64)
    due, has_due = np.full(len(frame), NEVER, dtype=np.int64), frame["due_at"].notna().to_numpy()
    due[has_due] = micros_of(frame["due_at"][has_due])
    counts = has_due & ~cancelled
    kinds = {kind.value: int(what) for kind, what in _WHAT_OF.items()}
    by_kind = np.asarray(frame["kind"].map(kinds).fillna(-1), dtype=np.int64)
    told = pd.DataFrame(
        {
            "subject": frame["warehouse_id"].to_numpy(dtype=object),
            "wave": frame["wave_id"].to_numpy(dtype=object),
            "order": frame["order_id"].to_numpy(dtype=object),
            "since": NEVER,
        }
    )
    waiting, came = told.assign(since=released), np.maximum(start, due)
    week = np.minimum(until, _after(released, AT_MOST))
    spans = [
        _chosen(waiting, waits, Count.WAITING, start, week),
        _chosen(waiting, waits & (by_kind >= 0), by_kind, start, week),
        _chosen(told, done, Count.DONE, start, np.minimum(until, _after(occurred, PACE))),
        _chosen(told, counts, Count.DUE, came, np.minimum(until, _after(due, PACE))),
        _chosen(told, counts & done, Count.DUE_AND_DONE, came, np.minimum(until, _after(due, PACE))),
        _chosen(told, counts & ~done, Count.DUE_SOON, np.maximum(start, due - AHEAD), np.minimum(until, due)),
        _chosen(told, counts & ~done, Count.OVERDUE, came, np.minimum(until, _after(due, AT_MOST))),
        _chosen(told, np.ones(len(frame), dtype=bool), Count.TOLD, start, np.full(len(frame), NEVER)),
    ]
    return pd.concat(spans, ignore_index=True)[["subject", *Span._fields]]


def _after(time: Ints, length: int) -> Ints:
    return np.minimum(time, NEVER - length) + length


def _chosen(told: pd.DataFrame, chosen: NDArray[np.bool_], what: int | Ints, start: Ints, end: Ints) -> pd.DataFrame:
    return told.assign(what=what, start=start, end=end)[chosen & (start < end)]


def with_united(spans: pd.DataFrame) -> pd.DataFrame:
    """Return all spans of some warehouses with those on which a wave or an order waits: while any of its tasks does."""
    return pd.concat([spans, *(_united(spans, what, name) for what, name in UNITED.items())], ignore_index=True)


def _united(spans: pd.DataFrame, what: int, name: str) -> pd.DataFrame:
    waiting = spans[spans["what"].eq(int(Count.WAITING)) & spans[name].notna()].sort_values("start", kind="stable")
    group = waiting.groupby(["subject", name], sort=False).ngroup().rename("group")
    so_far = waiting.groupby(group)["end"].cummax().groupby(group).shift(fill_value=-NEVER)
    number = (waiting["start"] > so_far).groupby(group).cumsum().rename("number")
    found = waiting.groupby([group, number], sort=False).agg(
        subject=("subject", "first"), start=("start", "min"), end=("end", "max")
    )
    return found.reset_index(drop=True).assign(what=what, since=NEVER, wave=None, order=None)[spans.columns]


class Work:
    """What waits and is due by warehouse.

    Parameters
    ----------
    spans
        What `spans_of` returned, or those of some subjects.
    """

    def __init__(self, spans: pd.DataFrame) -> None:
        spans = with_united(spans)
        code, self._warehouses = pd.factorize(spans["subject"].to_numpy(dtype=object))
        code = code.astype(np.int64)
        what, start, end, since = (spans[name].to_numpy(dtype=np.int64) for name in ("what", "start", "end", "since"))
        self._counts = [Spans(code[what == one], start[what == one], end[what == one]) for one in Count]
        self._oldest, self._told = [], []
        for warehouse in range(len(self._warehouses)):
            mine = code == warehouse
            waiting, told = (np.flatnonzero(mine & (what == one)) for one in (Count.WAITING, Count.TOLD))
            self._oldest.append(_oldest(start[waiting], end[waiting], since[waiting]))
            self._told.append(np.sort(start[told]))

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
