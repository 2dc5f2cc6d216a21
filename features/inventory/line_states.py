"""Order lines as known at an instant: what is wanted, where, until when, and how much of it is picked.

A line is told by the order system, its picking by the warehouse. Where the line names no warehouse, that of its newest
pick holds. A line is *open* while it has no pick yet, or one that is not over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Ints
from features.inventory.stock import STATUSES, Stock, Tasks
from features.levels import Levels
from features.steps import Steps
from features.vocabulary import TaskKind, TaskStatus

OVER = tuple(STATUSES.index(status.value) for status in (TaskStatus.DONE, TaskStatus.SHORT, TaskStatus.CANCELLED))
"""Statuses after which a task is no longer worked on."""
PICKED = OVER[:2]
"""And those in which it was done, in full or not."""


class View(NamedTuple):
    """Lines at instants: int64 [n] each; `NEVER` and -1 for what is not known.

    `needed` is what was ordered and is not picked yet, `is_open` 0 or 1, `first` when the line was ordered first.
    """

    is_known: NDArray[np.bool_]
    article: Ints
    place: Ints
    quantity: Ints
    needed: Ints
    is_open: Ints
    first: Ints
    due: Ints
    wave: Ints
    tier: Ints
    complete: Ints
    promised: Ints


class LineStates:
    """The states of lines, their orders and their picks, made once, asked at any instants."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        lines, orders = stock.lines, stock.orders
        self.lines = Steps(lines.line, lines.occurred, lines.known, lines[2:7])
        self.orders = Steps(orders.order, orders.occurred, orders.known, orders[1:4])
        self._first = np.full(len(stock.order_of), NEVER, dtype=np.int64)
        begins = np.flatnonzero(np.append(True, self.lines.keys[1:] != self.lines.keys[:-1])[: len(self.lines.keys)])
        self._first[self.lines.keys[begins]] = lines.occurred[self.lines.rows[begins]]

        picks = stock.tasks.of_kind(TaskKind.PICK)
        self._picks = picks = Tasks(*(column[picks.line >= 0] for column in picks))
        self._newest = Steps(picks.line, picks.occurred, picks.known, _content(picks))
        self.picks = task_steps(picks)
        row = self.picks.rows
        done = np.where(np.isin(picks.status, PICKED) & (picks.done < 0), picks.quantity, picks.done)
        self._progress = Levels(
            picks.line[row],
            self.picks.since,
            self.picks.until,
            [(~np.isin(picks.status[row], OVER)).astype(np.int64), np.maximum(done, 0)[row]],
        )

    @property
    def pick_turns(self) -> tuple[Ints, Ints]:
        """Line and instant of each change of a pick, also when it went over to another line."""
        line, over = self._picks.line[self.picks.rows], self.picks.until < NEVER
        newest = self._newest
        lines, instants = (line, line[over], newest.keys), (self.picks.since, self.picks.until[over], newest.since)
        return np.concatenate(lines), np.concatenate(instants)

    def at(self, lines: Ints, instants: Ints) -> View:
        """Return lines, by number, at instants."""
        told, stock = self._stock.lines, self._stock
        row, pick = self.lines.at(lines, instants), self._newest.at(lines, instants)
        order = self.orders.at(stock.order_of[lines], instants)
        count, still, done = self._progress.at(lines, instants).T
        is_known = row >= 0
        place = _take(told.place, row)
        place = np.where(place < 0, _take(self._picks.place, pick), place)
        quantity = np.where(is_known, _take(told.quantity, row), 0)
        promised = _take(told.promised, row, NEVER)
        return View(
            is_known=is_known,
            article=stock.article(place, _take(told.sku, row), _take(told.unit, row)),
            place=place,
            quantity=quantity,
            needed=np.maximum(quantity - done, 0),
            is_open=(is_known & ((count == 0) | (still > 0))).astype(np.int64),
            first=self._first[lines],
            due=_take(self._picks.due, pick, NEVER),
            wave=_take(self._picks.wave, pick),
            tier=_take(stock.orders.tier, order),
            complete=_take(stock.orders.complete, order),
            promised=np.where(promised == NEVER, _take(stock.orders.promised, order, NEVER), promised),
        )


def task_steps(tasks: Tasks) -> Steps:
    """Return the states of tasks through time."""
    return Steps(tasks.task, tasks.occurred, tasks.known, _content(tasks))


def _content(tasks: Tasks) -> list[Ints]:
    return [tasks.status, tasks.done, tasks.quantity, tasks.due, tasks.wave, tasks.place, tasks.article, tasks.task]


def _take(column: Ints, rows: Ints, missing: int = -1) -> Ints:
    """Return what stands in the rows; `missing` for row -1."""
    if not len(column):
        return np.full(len(rows), missing, dtype=np.int64)
    return np.where(rows < 0, missing, column[rows])
