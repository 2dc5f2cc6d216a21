"""Backlog features: what waits at a place, and what is scheduled to leave it soon.

A shipment is *open* at its origin from its planned departure until its departure (or cancellation) is known, for a
week at most, so that a lost scan does not stay open for ever. It is *ahead* during the hours before its planned
departure. Each version of a leg counts while it is in force. `features.customer` counts what is past its promise, and
what has an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np

from features.declaration import Feature
from features.history import DAY, HOUR
from features.legs import Row, Time
from features.timeline import NEVER, Ints

_OWNER = "warehouse operations"
_OPEN_AT_MOST = 7 * DAY


@dataclass(frozen=True)
class Queue:
    """A count of shipments in one state.

    Attributes
    ----------
    key
        Fields of the leg that say which shipments are counted together.
    ahead
        Look-ahead in microseconds before `due`; 0 counts what is open: past `due` and not known to be over.
    due, over
        Time from which one is open, and those any of which ends it when it comes.
    """

    feature: Feature
    key: tuple[str, ...]
    ahead: int
    due: int = Time.PLANNED
    over: tuple[int, ...] = (Time.DEPARTED_KNOWN, Time.DELIVERED_KNOWN, Time.CLOSED_KNOWN)

    @cached_property
    def times_of(self) -> Callable[[Row], tuple[int, ...]]:
        """Takes from the times of a leg those that the queue goes by."""
        further = () if self.ahead else (Time.KNOWN, *self.over)
        return itemgetter(self.due, Time.SINCE, Time.UNTIL, *further)

    @property
    def rule(self) -> tuple[int, int, tuple[int, ...]]:
        """When a leg counts in it: the same as in any other queue with this rule."""
        return self.ahead, self.due, self.over


def _queue(name: str, key: tuple[str, ...], ahead_hours: int, meaning: str) -> Queue:
    window = f"next {ahead_hours}h" if ahead_hours else ""
    return Queue(
        Feature(name, "shipments", meaning, "shipments, stops, events", _OWNER, window), key, ahead_hours * HOUR
    )


QUEUES = (
    _queue(
        "origin_open", ("origin",), 0, "shipments past their planned departure and not known to have left this origin"
    ),
    _queue(
        "carrier_origin_open",
        ("carrier", "origin"),
        0,
        "shipments of this carrier past their planned departure and not known to have left this origin",
    ),
    _queue("origin_ahead_3h", ("origin",), 3, "shipments planned to leave this origin in the next 3 h"),
    _queue("origin_ahead_24h", ("origin",), 24, "shipments planned to leave this origin in the next 24 h"),
    _queue(
        "destination_ahead_24h",
        ("destination",),
        24,
        "shipments planned to leave for this destination in the next 24 h",
    ),
)
"""The queues that are counted."""


def span_of(queue: Queue, times: Ints) -> tuple[Ints, Ints]:
    """Return on which `[start, end)` each version of a leg counts in the queue; start == end where it never does.

    Parameters
    ----------
    times : int64 [n, len(Time)]
    """
    due, known = times[:, queue.due], times[:, Time.KNOWN]
    if queue.ahead:
        # NEVER minus a look-ahead would be a time like any other: a leg without a plan must not count.
        start = np.where(due == NEVER, NEVER, due - queue.ahead)
        return _in_force(start, due, times)
    start = np.maximum(due, known)
    over = times[:, queue.over].min(axis=1)
    at_most = np.where(start == NEVER, NEVER, np.minimum(start, NEVER - _OPEN_AT_MOST) + _OPEN_AT_MOST)
    return _in_force(start, np.minimum(over, at_most), times)


def _in_force(start: Ints, end: Ints, times: Ints) -> tuple[Ints, Ints]:
    start = np.maximum(start, times[:, Time.SINCE])
    return start, np.maximum(start, np.minimum(end, times[:, Time.UNTIL]))


def span_of_one(queue: Queue, row: Row) -> tuple[int, int] | None:
    """Return `span_of` one version of a leg, None where it never counts in the queue."""
    due, since, until, *further = queue.times_of(row)
    if due == NEVER:
        return None
    if queue.ahead:
        start, end = max(due - queue.ahead, since), min(due, until)
    else:
        known, *over = further
        start = max(due, known)
        end = min(*over, until, start + _OPEN_AT_MOST if start < NEVER - _OPEN_AT_MOST else NEVER)
        start = max(start, since)
    return (start, end) if start < end else None
