"""Order lines, orders and their picks, told one by one: the views of `features.inventory.line_states.LineStates`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from features.codes import Ints
from features.inventory.line_states import OVER, PICKED, View
from features.inventory.live.names import Articles, Numbers
from features.inventory.live.rising import Rising, State, start_of
from features.inventory.stock import STATUSES
from features.timeline import NEVER
from features.vocabulary import TaskStatus

Name = tuple[str, str]
"""Order and line."""

_CANCELLED = STATUSES.index(TaskStatus.CANCELLED)
NOT_TOLD = (0, -1, -1, 0, 0, 1, NEVER, NEVER, -1, -1, -1, NEVER)


class Line:
    """One order line: its states, those of its picks, and the picks by task.

    A state of a line is (occurred, known, place, sku, unit, quantity, promised, unit value, currency), "" for no place
    or currency and -1 for no value; states of picks are those of `live.past.LivePicks`.
    """

    __slots__ = ("name", "newest_pick", "order", "picks", "skus", "states")

    def __init__(self, name: Name, order: Rising) -> None:
        self.name, self.order = name, order
        self.states, self.newest_pick = Rising(), Rising()
        self.picks: list[Rising] = []
        self.skus: tuple[str, ...] = ()


class LiveLines:
    """The lines that are known, by number.

    A state of an order is (occurred, known, tier, complete, promised, customer).
    """

    def __init__(self, articles: Articles, places: Numbers[str], holders: Numbers[str]) -> None:
        self._articles, self._places, self._holders = articles, places, holders
        self.numbers = Numbers[Name]()
        self.lines: list[Line] = []
        self.orders: dict[str, Rising] = {}
        self._of_order: dict[str, list[int]] = {}
        self._picks: dict[str, tuple[Rising, set[int]]] = {}

    def add_order(self, order_id: str, state: State) -> Sequence[int] | None:
        """Take in a state of an order; return the lines that look otherwise now, None if nothing is different."""
        if not self._order(order_id).add(state)[1]:
            return None
        return self._of_order.get(order_id, ())

    def add_line(self, name: Name, state: State) -> bool:
        """Take in a state of a line; False if nothing is different from what was told before."""
        line = self.lines[self.number(name)]
        if state[3] not in line.skus:
            line.skus += (state[3],)
        return bool(line.states.add(state)[1])

    def add_pick(self, task_id: str, state: State) -> set[int]:
        """Take in a state of a pick of a line; return the lines that may look otherwise now."""
        if task_id not in self._picks:
            self._picks[task_id] = Rising(), set()
        task, whose = self._picks[task_id]
        number = state[10]
        if number not in whose:
            whose.add(number)
            self.lines[number].picks.append(task)
        task.add(state)
        self.lines[number].newest_pick.add(state)
        return whose

    def number(self, name: Name) -> int:
        """Return the number of a line, a new one if nothing was told of it."""
        number = self.numbers.of(name)
        if number == len(self.lines):
            self.lines.append(Line(name, self._order(name[0])))
            self._of_order.setdefault(name[0], []).append(number)
        return number

    def of_order(self, order_id: str) -> Sequence[int]:
        """Return the lines of an order that were told of."""
        return self._of_order.get(order_id, ())

    def wanting(self, order_id: str, sku: str) -> list[int]:
        """Return the lines of an order that ever wanted a sku."""
        return [number for number in self.of_order(order_id) if sku in self.lines[number].skus]

    def is_in(self, number: int, wave_id: str, cutoff: int) -> bool:
        """Tell whether a pick of a line that was told is in a wave, by what is known at the cutoff."""
        line = self.lines[number]
        picks = (task.at(cutoff) for task in line.picks) if line.states.states else ()
        return any(
            pick is not None and pick[10] == number and pick[6] == wave_id and pick[2] != _CANCELLED for pick in picks
        )

    def turns(self, number: int) -> Iterator[int]:
        """Yield the instants at which a line, its order or its picks change; some more than once."""
        line = self.lines[number]
        for rising in (line.states, line.order, line.newest_pick, *line.picks):
            for state in rising.states:
                yield start_of(state)

    def at(self, lines: Ints, instants: Ints) -> View:
        """Return lines, by number, at instants."""
        asked = zip(lines.tolist(), instants.tolist(), strict=True)
        rows = np.array([self._at(*one) for one in asked], dtype=np.int64).reshape(len(lines), len(NOT_TOLD))
        columns = rows.T
        return View(columns[0].astype(bool), *columns[1:])

    def _at(self, number: int, cutoff: int) -> tuple[int, ...]:
        line = self.lines[number]
        told = line.states.at(cutoff)
        if told is None:
            return NOT_TOLD
        pick, order = line.newest_pick.at(cutoff), line.order.at(cutoff)
        done, count, still = 0, 0, 0
        for task in line.picks:
            state = task.at(cutoff)
            if state is None or state[10] != number:
                continue
            count += 1
            still += state[2] not in OVER
            done += max(state[4] if state[2] in PICKED and state[3] < 0 else state[3], 0)
        place = told[2] or (pick[7] if pick else "")
        promised = told[6] if told[6] < NEVER or order is None else order[4]
        return (
            1,
            self._articles.of((place, told[3], told[4])) if place else -1,
            self._places.of(place) if place else -1,
            told[5],
            max(told[5] - done, 0),
            int(not count or still > 0),
            line.states.states[0][0],
            pick[5] if pick else NEVER,
            self._holders.of(pick[6]) if pick and pick[6] else -1,
            -1 if order is None else order[2],
            -1 if order is None else order[3],
            promised,
        )

    def _order(self, order_id: str) -> Rising:
        order = self.orders.get(order_id)
        if order is None:
            order = self.orders[order_id] = Rising()
        return order
