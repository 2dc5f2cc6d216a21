"""The facts of one key: when they start to live in each window and when they cease, and what lives at a cutoff."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from operator import add

import numpy as np

from features.board import COUNT, NOTHING, SINCE, UNTIL, WIDTH, Board
from features.errors import TimelineError
from features.timeline import NEVER, Ints

Values = tuple[int, ...]
"""The numbers that each fact carries: what is summed."""

Fact = tuple[int, int, int, Values]
"""When it occurred, from when it was known, from when it was no longer held to be so, and its values."""

AT_MOST_WAITING = 256
"""So many facts wait to be put in order; with one more all of them are, together."""

_LATELY = 16
"""Among so many of those that came last it is looked for first."""

_FEW = 4
"""So few facts are put in order one by one."""


class KeyFacts:
    """The facts of one key.

    What has started to live stands in one row of a board, and what has ceased in each window in a row of its own: how
    many facts, and the sums of their values. What lives is the difference.

    A new fact *waits* outside the order, and is counted on the board as started. Until the first of those that wait
    leaves the shortest window they all live in every window; who asks about another instant has them put in order.

    Parameters
    ----------
    windows : sequence of w positive ints, the shortest first
        Lengths in microseconds.
    board
        Where it has its rows, from when it is asked.
    width
        How many values a fact carries.
    """

    __slots__ = ("_board", "_held", "_row", "_steps", "_waiting", "_windows")

    def __init__(self, windows: Sequence[int], board: Board, width: int = 2) -> None:
        self._windows, self._board, self._row = windows, board, NOTHING
        self._steps = tuple([_Steps(width) for _ in range(1 + len(windows))])
        self._waiting: list[Fact] | None = None
        self._held = _NOTHING_HELD

    def add(self, fact: Fact) -> None:
        """Add a fact."""
        self._held = _NOTHING_HELD
        occurred, known, withdrawn, values = fact
        start, end = known if known > occurred else occurred, occurred + self._windows[0]
        if end > withdrawn:
            end = withdrawn
        if end <= start:  # it is over in the shortest window before it starts to live
            if self._row:
                self._board.add(self._row, start, 1, values)
            self._insert(fact)
            return
        if self._row:
            self._board.begin(self._row, start, end, values)
        if self._waiting is None:
            self._waiting = [fact]
        else:
            self._waiting.append(fact)
            if len(self._waiting) > AT_MOST_WAITING:
                self._settle()

    def remove(self, fact: Fact) -> None:
        """Take out a fact that was added."""
        self._held = _NOTHING_HELD
        values, taken = fact[3], [-value for value in fact[3]]
        life = self._life(fact)
        if self._waits_no_more(fact):
            del life[1:]  # where it ceases is not written yet
        else:
            for steps, time in zip(self._steps, life, strict=True):
                steps.delete(time, values)
        if self._row:
            for place, time in enumerate(life):
                self._board.add(self._row + place, time, -1, taken)

    def revise(self, fact: Fact, until: int) -> None:
        """Let a fact that was added be held to be so until another instant."""
        self._held = _NOTHING_HELD
        occurred, known, _, values = fact
        if self._waits_no_more(fact):
            self._insert((occurred, known, until, values))
            return
        lives = zip(self._steps, self._life(fact), self._life((occurred, known, until, values)), strict=True)
        for row, (steps, was, now) in enumerate(lives, self._row):
            if was != now:
                steps.delete(was, values)
                steps.insert(now, values)
                if self._row:
                    self._board.add(row, was, -1, [-value for value in values])
                    self._board.add(row, now, 1, values)

    def forget(self) -> None:
        """Let what has started hold on the board at no instant."""
        if self._row:
            self._board.forget(self._row)

    def merge(self, occurred: Ints, known: Ints, until: Ints, values: Ints) -> None:
        """Add many facts, at least one."""
        self._held = _NOTHING_HELD
        starts, last = np.maximum(occurred, known), np.maximum(occurred, until)
        ends = [np.maximum(starts, np.minimum(occurred + window, last)) for window in self._windows]
        for place, times in enumerate((starts, *ends)):
            self._steps[place].merge(times, values)
            if self._row:
                self._board.turn(self._row + place, int(times.min()))

    def rows(self) -> range:
        """Return its rows on the board: of what has started to live, then of what has ceased in each window."""
        if not self._row:
            self._row = self._board.put(self)
            for steps in self._steps[1:]:
                self._board.put(steps)
        return range(self._row, self._row + len(self._steps))

    def at(self, cutoff: int) -> Sequence[int]:
        """Return count and sums of what lives at the cutoff, window after window; the last answer is held."""
        since, until, alive = self._held
        if since <= cutoff < until:
            return alive
        told, width = self._board.of(self.rows(), cutoff), 1 + self._steps[0].width
        started = told[COUNT : COUNT + width]
        alive = [
            number - ceased
            for begin in range(WIDTH + COUNT, len(told), WIDTH)
            for number, ceased in zip(started, told[begin : begin + width], strict=True)
        ]
        self._held = max(told[SINCE::WIDTH]), min(told[UNTIL::WIDTH]), alive
        return alive

    def write(self, cutoff: int, cells: memoryview[int], begin: int) -> bool:
        """Write on the board what has started to live by the cutoff."""
        is_news = self._waiting is not None
        self._settle()
        self._steps[0].write(cutoff, cells, begin)
        return is_news

    def _waits_no_more(self, fact: Fact) -> bool:
        """Take a fact out of those that wait; False if it is not among them."""
        waiting = self._waiting or []
        for place in range(len(waiting) - 1, max(-1, len(waiting) - 1 - _LATELY), -1):
            if waiting[place] == fact:
                del waiting[place]
                return True
        if fact not in waiting:
            return False
        waiting.remove(fact)
        return True

    def _settle(self) -> None:
        """Put in order what waits."""
        waiting, self._waiting = self._waiting or (), None
        if len(waiting) <= _FEW:
            for fact in waiting:
                self._insert(fact)
        else:
            occurred, known, until, values = zip(*waiting, strict=True)
            columns = [np.array(column, dtype=np.int64) for column in (occurred, known, until, values)]
            self.merge(columns[0], columns[1], columns[2], columns[3])

    def _insert(self, fact: Fact) -> None:
        """Put in order one that is on the board as started."""
        _, known, until, values = fact
        for place, time in enumerate(self._life(fact)):
            self._steps[place].insert(time, values)
            if not (place and self._row):
                continue
            if time in (until, known):  # it ceases as something becomes known: about now
                self._board.add(self._row + place, time, 1, values)
            else:
                self._board.turn(self._row + place, time)

    def _life(self, fact: Fact) -> list[int]:
        """Return when a fact starts to live and, for each window, when it ceases; at once if it never lives there."""
        occurred, known, until, _ = fact
        start = known if known > occurred else occurred
        last = until if until > occurred else occurred
        life = [start]
        for window in self._windows:
            end = occurred + window
            if end > last:
                end = last
            life.append(end if end > start else start)
        return life

    def __len__(self) -> int:
        return len(self._steps[0]) + len(self._waiting or ())


_NOTHING_HELD: tuple[int, int, Sequence[int]] = (NEVER, NEVER, ())
_NEAR = 8
"""So few instants beyond what was written last are stepped over; farther ones are searched for."""
_FAR = 2_000
"""What would be put in before more than so many instants stands beside them."""
_SOME = 100
"""More than so many are put in together, wherever they belong."""


class _Steps:
    """Instants in order, each with the values of a fact, and the running sums of the values.

    After the first i instants the sums are the `width` numbers from `sums[i * width]` on: side by side, for one look at
    memory. Instants far from the end, which would shift many sums, stand in steps of their own beside these.
    """

    __slots__ = ("beside", "sums", "times", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.times, self.sums = array("q"), array("q", [0]) * width
        self.beside: _Steps | None = None

    def write(self, cutoff: int, cells: memoryview[int], begin: int) -> bool:
        """Write on the board how many instants have passed at the cutoff, and their sums."""
        times, passed = self.times, 0
        end = len(times)
        if self.beside is None and cells[begin + SINCE] <= cutoff:
            passed = cells[begin + COUNT]
            near = passed + _NEAR
            while passed < end and times[passed] <= cutoff and passed < near:
                passed += 1
        if passed < end and times[passed] <= cutoff:
            passed = bisect_right(times, cutoff, passed)
        cells[begin + SINCE] = times[passed - 1] if passed else -NEVER
        cells[begin + UNTIL] = times[passed] if passed < end else NEVER
        cells[begin + COUNT] = passed
        first, width = begin + COUNT + 1, self.width
        cells[first : first + width] = self.sums[passed * width : (passed + 1) * width]
        if self.beside is not None:
            own = cells[begin : first + width].tolist()
            cells[begin + SINCE] = NEVER  # it is no hint to the others
            self.beside.write(cutoff, cells, begin)
            cells[begin + SINCE] = max(cells[begin + SINCE], own[SINCE])
            cells[begin + UNTIL] = min(cells[begin + UNTIL], own[UNTIL])
            for place in range(COUNT, COUNT + 1 + width):
                cells[begin + place] += own[place]
        return False

    def insert(self, time: int, values: Values) -> None:
        """Put in an instant."""
        times, sums, width = self.times, self.sums, self.width
        if not times or time >= times[-1]:
            times.append(time)
            sums.extend(map(add, sums[-width:], values))
        elif len(times) > _FAR and time < times[-_FAR]:
            if self.beside is None:
                self.beside = _Steps(width)
            self.beside.insert(time, values)
        else:
            position = bisect_right(times, time)
            times.insert(position, time)
            begin = position * width
            sums[begin:begin] = sums[begin : begin + width]
            self._shift(position + 1, values)

    def delete(self, time: int, values: Values) -> None:
        """Take out an instant that was put in."""
        # Which of several facts of the same instant goes does not matter: a search never stops between them.
        if self.beside is not None and time in self.beside:
            passed = bisect_right(self.times, time)
            if passed and self.times[passed - 1] == time:  # what goes beside may carry what another one here carries
                carried = self.beside.carried(time)
                self._shift(passed, [other - value for other, value in zip(carried, values, strict=True)])
                values = carried
            self.beside.delete(time, values)
            return
        position = bisect_right(self.times, time) - 1
        if position < 0 or self.times[position] != time:
            raise TimelineError(f"No fact at {time} was added, so none can be taken back.")
        del self.times[position]
        del self.sums[position * self.width : (position + 1) * self.width]
        self._shift(position, [-value for value in values])

    def carried(self, time: int) -> Values:
        """Return the values by which the sums grow at the instant that `delete` would take out."""
        if self.beside is not None and time in self.beside:
            return self.beside.carried(time)
        end = bisect_right(self.times, time) * self.width
        before, after = self.sums[end - self.width : end], self.sums[end : end + self.width]
        return tuple([value - last for last, value in zip(before, after, strict=True)])

    def merge(self, times: Ints, values: Ints) -> None:
        """Put in many."""
        if len(self.times) > _FAR and len(times) <= _SOME:
            far = times < self.times[-_FAR]
            if far.any():
                for time, carried in zip(times[far].tolist(), values[far].tolist(), strict=True):
                    self.insert(time, carried)
                times, values = times[~far], values[~far]
                if not len(times):
                    return
        width = self.width
        position = bisect_right(self.times, int(times.min()))
        sums = np.array(self.sums[position * width :], dtype=np.int64).reshape(-1, width)
        if position < len(self.times):
            times = np.concatenate([np.array(self.times[position:], dtype=np.int64), times])
            values = np.concatenate([sums[1:] - sums[:-1], values])
        order = times.argsort(kind="stable")
        found = values[order].cumsum(axis=0)
        found += sums[0]
        self.times[position:] = array("q", times[order].tobytes())
        self.sums[(position + 1) * width :] = array("q", found.tobytes())

    def _shift(self, start: int, values: Sequence[int]) -> None:
        """Add to the sums from `start` on."""
        tail = np.frombuffer(self.sums, dtype=np.int64)[start * self.width :]
        for place, value in enumerate(values):
            if value:
                tail[place :: self.width] += value

    def __contains__(self, time: int) -> bool:
        position = bisect_right(self.times, time) - 1
        here = position >= 0 and self.times[position] == time
        return here or (self.beside is not None and time in self.beside)

    def __len__(self) -> int:
        return len(self.times) + (0 if self.beside is None else len(self.beside))
