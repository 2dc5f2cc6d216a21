"""Labour features: who is at work in the warehouse at the origin, and how that compares with what waits there.

A shift is told in states, each of which holds until the next one of the same shift is known: as planned, and with how
many came. The labour of a stretch of time is that of all shifts for as long as they lie in it, by the newest state of
each; who came counts where that is told, else who was to come.

The labour that is left after an instant, R, is the sum over the beginnings and ends of shifts that lie after it, of
heads x (time until then): ends count, beginnings are taken off. Between two instants lies the difference of their R, so
a running sum answers for any cutoff (`features.levels`). Times of shifts are whole seconds, so sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.as_known import counts_from
from features.declaration import Feature
from features.history import HOUR
from features.instants import micros, micros_of
from features.legs import Time
from features.levels import Levels
from features.stock_records import LabourShift
from features.succession import held_until, held_until_of_one
from features.timeline import NEVER, Ints
from features.work import AHEAD, PACE, Count

AT = "origin"
ASKED = ((AT, Time.PLANNED),)
"""At which end of a leg; labour is asked for at the cutoff, whatever the time."""

SECOND = 1_000_000
HOUR_IN_SECONDS = 3600.0

LEFT_AFTER = (-PACE, 0, AHEAD)
"""Instants, from the cutoff, after which the labour that is left is asked for."""
ATTENDED, TOLD = len(LEFT_AFTER), len(LEFT_AFTER) + 1
"""What else is summed: who came and who was to come at the time; and that anything was told."""
TERMS = TOLD + 1

_OWNER = "warehouse operations"


def _declared(name: str, unit: str, meaning: str, source: str = "labour_shifts", window: str = "") -> Feature:
    return Feature(f"origin_{name}", unit, meaning, source, _OWNER, window)


_BOTH = "labour_shifts, warehouse_tasks"
FEATURES = (
    _declared("heads", "people", "people at work at the origin"),
    _declared("attendance_share", "share", "share that came of those who were to be at work at the origin"),
    _declared("labour_hours", "hours", "hours of labour at the origin in the last 24 h", window="24h"),
    _declared("labour_hours_ahead", "hours", "hours of labour at the origin in the next 8 h", window="next 8h"),
    _declared("tasks_per_head", "tasks", "work that waits at the origin for each of those at work", _BOTH),
    _declared("tasks_per_labour_hour", "tasks", "tasks done at the origin in an hour of labour", _BOTH, "24h"),
    _declared(
        "work_to_labour",
        "ratio",
        "hours of labour that what waits at the origin takes, to those of the next 8 h",
        _BOTH,
        "next 8h",
    ),
    _declared("labour_told_age_hours", "hours", "time since the warehouse at the origin last told of its labour"),
)

WIDTH = 6
"""Heads, those who came and were to come, seconds of labour of the last 24 h and the next 8 h, age in hours."""


class Amount(NamedTuple):
    """What counts towards a term on `[start, end)`; `first` and `second` are what is summed."""

    term: int
    start: int
    end: int
    first: int = 0
    second: int = 0


def amounts_of_shift(told: Sequence[LabourShift]) -> Iterator[tuple[str, Amount]]:
    """Yield warehouse and amount of all that one shift adds to the sums.

    Parameters
    ----------
    told
        Its states, in the order in which they were known.
    """
    starts = [micros(counts_from(shift)) for shift in told]
    for shift, start, until in zip(told, starts, held_until_of_one(starts), strict=True):
        begins, ends = (micros(time) // SECOND for time in (shift.starts_at, shift.ends_at))
        heads = shift.planned_heads if shift.present_heads is None else shift.present_heads
        found = [Amount(TOLD, start, NEVER)]
        for term, offset in enumerate(LEFT_AFTER):
            for edge, signed in ((ends, heads), (begins, -heads)):
                found.append(
                    Amount(term, start, min(until, edge * SECOND - offset), signed * (edge - offset // SECOND), signed)
                )
        if shift.present_heads is not None:
            both = shift.present_heads, shift.planned_heads
            found.append(Amount(ATTENDED, max(start, begins * SECOND), min(until, ends * SECOND), *both))
        for amount in found:
            if amount.start < amount.end:
                yield shift.warehouse_id, amount


def amounts_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the amounts in the whole table `labour_shifts`: `subject`, the warehouse, and the fields of `Amount`."""
    frame = frame.sort_values(["shift_id", "known_at"], kind="stable").drop_duplicates(["shift_id", "known_at"])
    shift, _ = pd.factorize(frame["shift_id"])
    known, occurred = micros_of(frame["known_at"]), micros_of(frame["occurred_at"])
    start = np.maximum(known, occurred)
    until = held_until(shift, start)
    begins, ends = (micros_of(frame[column]) // SECOND for column in ("starts_at", "ends_at"))
    planned, came = frame["planned_heads"].to_numpy(dtype=np.int64), frame["present_heads"].notna().to_numpy()
    present = frame["present_heads"].fillna(-1).to_numpy(dtype=np.int64)
    heads = np.where(came, present, planned)
    none, never = np.zeros(len(frame), dtype=np.int64), np.full(len(frame), NEVER)
    columns = [(np.full(len(frame), TOLD), start, never, none, none)]
    for term, offset in enumerate(LEFT_AFTER):
        for edge, signed in ((ends, heads), (begins, -heads)):
            end = np.minimum(until, edge * SECOND - offset)
            columns.append((np.full(len(frame), term), start, end, signed * (edge - offset // SECOND), signed))
    under_way = np.where(came, np.minimum(until, ends * SECOND), -NEVER)
    columns.append((np.full(len(frame), ATTENDED), np.maximum(start, begins * SECOND), under_way, present, planned))
    subject = frame["warehouse_id"].to_numpy(dtype=object)
    amounts = [
        pd.DataFrame({"subject": subject, **dict(zip(Amount._fields, each, strict=True))})[each[1] < each[2]]
        for each in columns
    ]
    return pd.concat(amounts, ignore_index=True)


class Labour:
    """The labour of each warehouse.

    Parameters
    ----------
    amounts
        What `amounts_of` returned, or those of some subjects.
    """

    def __init__(self, amounts: pd.DataFrame) -> None:
        code, self._warehouses = pd.factorize(amounts["subject"].to_numpy(dtype=object))
        term, start, end, first, second = (amounts[name].to_numpy(dtype=np.int64) for name in Amount._fields)
        self._sums = Levels(code.astype(np.int64) * TERMS + term, start, end, [first, second])
        told = term == TOLD
        self._told = [np.sort(start[told & (code == warehouse)]) for warehouse in range(len(self._warehouses))]

    def at(self, warehouses: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:  # noqa: ARG002  as every feed
        """Return what is known of each warehouse at its cutoff, NaN where it had told nothing: float64 [q, WIDTH]."""
        code = pd.Index(self._warehouses).get_indexer(pd.Index(warehouses)).astype(np.int64)
        now = cutoffs // SECOND

        def summed(term: int) -> tuple[Ints, Ints]:
            _, first, second = self._sums.at(np.where(code < 0, -1, code * TERMS + term), cutoffs).T
            return first, second

        sums = [summed(term) for term in range(len(LEFT_AFTER))]
        before, after, later = (moments - now * heads for moments, heads in sums)
        told = np.full(len(code), np.nan)
        for warehouse in np.unique(code[code >= 0]).tolist():
            asked = np.flatnonzero(code == warehouse)
            reports = np.append(np.nan, self._told[warehouse])
            told[asked] = reports[np.searchsorted(reports[1:], cutoffs[asked], side="right")]
        columns = [sums[LEFT_AFTER.index(0)][1], *summed(ATTENDED), before - after, after - later]
        found = np.column_stack([*(column.astype(np.float64) for column in columns), (cutoffs - told) / HOUR])
        found[np.isnan(told)] = np.nan
        return found


def values(known: NDArray[np.float64], work: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the features: float64 [q, len(FEATURES)].

    Parameters
    ----------
    known : float64 [q, WIDTH]
        What `Labour.at` returned.
    work : float64 [q, work.WIDTH]
        What waits at the same warehouses.
    """
    heads, came, planned, seconds, seconds_ahead, age = known.T
    hours, ahead = seconds / HOUR_IN_SECONDS, seconds_ahead / HOUR_IN_SECONDS
    waiting, done = work[:, Count.WAITING], work[:, Count.DONE]
    pace = done / _positive(hours)
    columns = [
        heads,
        came / _positive(planned),
        hours,
        ahead,
        waiting / _positive(heads),
        pace,
        waiting / _positive(pace) / _positive(ahead),
        age,
    ]
    return np.stack(columns, axis=1)


def values_of_one(known: Sequence[float], work: Sequence[float]) -> list[float]:
    """Return `values` of one row: the same operations, so the same bits."""
    heads, came, planned, seconds, seconds_ahead, age = known
    hours, ahead = seconds / HOUR_IN_SECONDS, seconds_ahead / HOUR_IN_SECONDS
    waiting, done = work[Count.WAITING], work[Count.DONE]
    share = came / planned if planned > 0.0 else np.nan
    each = waiting / heads if heads > 0.0 else np.nan
    pace = done / hours if hours > 0.0 else np.nan
    ratio = waiting / pace / ahead if pace > 0.0 and ahead > 0.0 else np.nan
    return [heads, share, hours, ahead, each, pace, ratio, age]


def _positive(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(numbers > 0.0, numbers, np.nan)
