"""The things of one key that last, each from a start to an end of its own, and how many last at a cutoff."""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort_right

import numpy as np

from features.board import COUNT, NOTHING, SINCE, UNTIL, Board
from features.errors import TimelineError
from features.timeline import NEVER, Ints


class KeySpans:
    """When the things of one key start and when they end; from when it is asked, a row of a board says how many last.

    Parameters
    ----------
    board
        Where it has its row.
    """

    __slots__ = ("_board", "_row", "ends", "starts")

    def __init__(self, board: Board) -> None:
        self._board, self._row = board, NOTHING
        self.starts, self.ends = array("q"), array("q")

    def add(self, start: int, end: int) -> None:
        """Add one that lasts on `[start, end)`."""
        _put(self.starts, start)
        _put(self.ends, end)
        if self._row:
            self._board.add(self._row, start, 1)
            self._board.turn(self._row, end)

    def remove(self, start: int, end: int) -> None:
        """Take back one that was added with the same arguments."""
        _take(self.starts, start)
        _take(self.ends, end)
        if self._row:
            self._board.add(self._row, start, -1)
            self._board.add(self._row, end, 1)

    def change(self, was: tuple[int, int], now: tuple[int, int]) -> None:
        """Let one that was added last otherwise: what stays of its span stays where it is."""
        if was[0] != now[0]:
            self._move(self.starts, was[0], now[0], 1)
        if was[1] != now[1]:
            self._move(self.ends, was[1], now[1], -1)

    def _move(self, times: array[int], was: int, now: int, count: int) -> None:
        """Let a start, which counts 1, or an end, which counts -1, be at another instant."""
        position = bisect_right(times, was)
        if not position or times[position - 1] != was:
            raise _not_added(was)
        del times[position - 1]
        if now < was:
            insort_right(times, now, 0, position - 1)
        else:
            insort_right(times, now, position - 1)
        if self._row:
            self._board.add(self._row, was, -count)
            self._board.add(self._row, now, count)

    def merge(self, starts: Ints, ends: Ints) -> None:
        """Add many."""
        self.starts, self.ends = (
            array("q", np.sort(np.concatenate([held, times]).astype(np.int64)).tobytes())
            for held, times in ((self.starts, starts), (self.ends, ends))
        )
        if self._row:
            self._board.forget(self._row)

    def row(self) -> int:
        """Return its row on the board."""
        if not self._row:
            self._row = self._board.put(self)
        return self._row

    def at(self, cutoff: int) -> int:
        """Return how many last at the cutoff."""
        return bisect_right(self.starts, cutoff) - bisect_right(self.ends, cutoff)

    def write(self, cutoff: int, cells: memoryview[int], begin: int) -> bool:
        """Write on the board how many last at the cutoff."""
        starts, ends = self.starts, self.ends
        started, ended = bisect_right(starts, cutoff), bisect_right(ends, cutoff)
        since, until = -NEVER, NEVER
        if started:
            since = starts[started - 1]
        if started < len(starts):
            until = starts[started]
        if ended and ends[ended - 1] > since:
            since = ends[ended - 1]
        if ended < len(ends) and ends[ended] < until:
            until = ends[ended]
        cells[begin + SINCE], cells[begin + UNTIL], cells[begin + COUNT] = since, until, started - ended
        return False

    def last_start(self, cutoff: int) -> int:
        """Return when the newest that had started by the cutoff started; `NEVER` if none had."""
        starts = self.starts
        if not starts:
            return NEVER
        if starts[-1] <= cutoff:
            return starts[-1]
        started = bisect_right(starts, cutoff)
        return starts[started - 1] if started else NEVER


def _put(times: array[int], time: int) -> None:
    if not times or time >= times[-1]:
        times.append(time)
    else:
        insort_right(times, time)


def _take(times: array[int], time: int) -> None:
    position = bisect_right(times, time) - 1
    if position < 0 or times[position] != time:
        raise _not_added(time)
    del times[position]


def _not_added(time: int) -> TimelineError:
    return TimelineError(f"Nothing that starts or ends at {time} was added, so none can be taken back.")
