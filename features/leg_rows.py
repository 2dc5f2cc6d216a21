"""Where on the board a leg is asked, and what is told there: all its keys in one look at one table.

First come the rows of facts that are seen through windows, as `LiveTimeline.rows` has them: what lives in a window is
what has started less what has ceased. Then come rows that say by themselves how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from features import claims, labour, news, rests, tenders, work
from features.board import COUNT, SINCE, WIDTH, Rows
from features.definitions import HISTORY, QUEUES, RATES
from features.history import seen_of
from features.live import LegKeys, LiveFacts
from features.live_labour import SUMMED
from features.live_work import COUNTED
from features.timeline import Ints


class Told(NamedTuple):
    """What is told of a leg at a cutoff.

    Attributes
    ----------
    lives : int64 [RATES.width]
        Of streams, of tenders and of rests.
    claimed
        What `claims.values_of_one` takes.
    laboured
        What `LiveLabour.values` takes.
    newest, heard
        What `news.values_of_one` takes.
    queued
        How many there are in each of `QUEUES`.
    working
        What `LiveWork.values` takes, for each of `work.ASKED`.
    """

    lives: Ints
    claimed: list[int]
    laboured: list[int]
    newest: int
    heard: list[int]
    queued: list[int]
    working: list[list[int]]


class _Column(NamedTuple):
    """The rows of what has started to live in a window and of what has ceased, and which of their sums count."""

    started: int
    ceased: int
    sums: tuple[int, ...] = (0, 1)


def _columns() -> tuple[list[_Column], int, int]:
    """Return what is asked of facts, in the order in which it is told; which rows are of rests, and which of news."""
    columns: list[_Column] = []
    first, end = {}, 0
    seen = seen_of(HISTORY.streams)
    for facts, (windows, _) in seen.items():
        first[facts] = end
        end += 1 + len(windows)
    for stream in HISTORY.streams:
        facts = stream.fact, stream.key
        for length in stream.window_lengths:
            ceased = first[facts] + 1 + seen[facts].windows.index(length)
            columns.append(_Column(first[facts], ceased, stream.sums))
    rested = end + (1 + len(tenders.SEEN)) * len(tenders.ASKED)
    counted = (
        (tenders.ASKED, len(tenders.SEEN)),
        (rests.LEVELS, 1),
        (claims.ASKED, len(claims.SEEN)),
        (SUMMED, 1),
    )
    for keys, number in counted:
        for _ in keys:
            columns += [_Column(end, end + 1 + window) for window in range(number)]
            end += 1 + number
    columns.append(_Column(end, end + 1, tuple(range(len(news.SUMS)))))
    return columns, rested, end


_COLUMNS, _RESTED, _HEARD = _columns()
_SINGLE = _HEARD + 2
RESTED = slice(_RESTED, _RESTED + 2 * len(rests.LEVELS))
"""Which of the rows of a leg are those of `LiveRests.rows`, of what was reported of it last."""


def _numbers(rows: Iterable[int]) -> Ints:
    """Return where among the numbers of all rows the count and the sums of each column stand."""
    places = [
        WIDTH * row + number
        for row, column in zip(rows, _COLUMNS, strict=True)
        for number in (COUNT, *(COUNT + 1 + place for place in column.sums))
    ]
    return np.array(places, dtype=np.int64)


_STARTED = _numbers(column.started for column in _COLUMNS)
_CEASED = _numbers(column.ceased for column in _COLUMNS)

_CLAIMED = 3 * len(claims.SEEN) * len(claims.ASKED)
_LABOURED = _CLAIMED + 3 * len(SUMMED)
_WORK = [len(QUEUES) + place * len(COUNTED) for place in range(len(work.ASKED))]


def rows_of(live: LiveFacts, leg: LegKeys, *, lasting: bool) -> Rows:
    """Return the rows in which a leg is asked, of which nothing was reported yet: in half the room, as there are many.

    Parameters
    ----------
    lasting
        Whether it is kept; if not, nothing is made ready for keys of which nothing is known.
    """
    keys, key_of = leg.fields, leg.of
    carrier, lane = keys["carrier"], (keys["origin"], keys["destination"])
    rows: list[int] = []
    for (_, key), timeline in live.timelines.items():
        rows += timeline.rows(key_of[key], lasting=lasting)
    rows += live.tenders.rows(carrier, lane, lasting=lasting)
    rows += live.rests.rows(None, lasting=lasting)
    rows += live.claims.rows(carrier, lasting=lasting)
    rows += live.labour.rows(keys[labour.AT], lasting=lasting)
    rows += live.news.rows(carrier, lasting=lasting)
    rows += [line.row(key_of[queue.key], lasting=lasting) for queue, line in live.queues]
    for place, _ in work.ASKED:
        rows += live.work.rows(keys[place], lasting=lasting)
    return np.array(rows, dtype=np.int32)


def told_at(live: LiveFacts, rows: Rows, cutoff: int) -> Told:
    """Return what is told in the rows of a leg at the cutoff."""
    told = live.board.at(rows, cutoff)
    numbers = told.take(_STARTED)
    numbers -= told.take(_CEASED)
    others = numbers[RATES.width :].tolist()
    single = told[_SINGLE:, COUNT].tolist()
    working = [single[begin : begin + len(COUNTED)] for begin in _WORK]
    return Told(
        numbers[: RATES.width],
        others[:_CLAIMED],
        others[_CLAIMED:_LABOURED],
        told.item(_HEARD, SINCE),
        others[_LABOURED:],
        single[: len(QUEUES)],
        working,
    )
