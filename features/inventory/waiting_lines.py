"""Which order lines wait to be picked: all that are open at an instant, or those of one wave."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.codes import NEVER, Ints, starts_of
from features.inventory.features import Inventory
from features.inventory.line_moments import RELEASED
from features.inventory.line_states import task_steps
from features.inventory.stock import STATUSES, Stock, Tasks
from features.tables import RecordTables
from features.vocabulary import TaskKind, TaskStatus

TABLES = ("inventory_positions", "order_lines", "warehouse_tasks")


def newest_stock_news(tables: RecordTables) -> pd.Timestamp | None:
    """Return when the newest record of lines, tasks or stock became known; None without any."""
    known = [getattr(tables, table)["known_at"].max() for table in TABLES]
    told = [instant for instant in known if not pd.isna(instant)]
    return max(told) if told else None


def waiting_at(stock: Stock, inventory: Inventory, instant: int) -> Ints:
    """Return the lines that are known and open at an instant, need something, and are not known to be released."""
    lines = np.unique(stock.line_numbers)
    view = inventory.views(lines, np.full(len(lines), instant, dtype=np.int64))
    released = _known_releases(stock)[lines] <= instant
    return lines[view.is_known & (view.is_open > 0) & (view.needed > 0) & ~released]


def released_at(stock: Stock, wave: str) -> int | None:
    """Return when the first pick of a wave was released, `NEVER` if none was; None if no pick of a line names it."""
    picks, chosen = _of_wave(stock, wave)
    if not chosen.any():
        return None
    return int(picks.occurred[chosen & np.isin(picks.status, RELEASED)].min(initial=NEVER))


def of_wave(stock: Stock, wave: str, instant: int) -> Ints:
    """Return the lines of which a pick is in a wave, by what is known then: one that moved on is in another."""
    picks, chosen = _of_wave(stock, wave)
    tasks = np.unique(picks.task[chosen])
    placed = Tasks(*(column[picks.line >= 0] for column in picks))
    row = task_steps(placed).at(tasks, np.full(len(tasks), instant, dtype=np.int64))
    row = row[row >= 0]
    number = stock.holders.index(wave) if wave in stock.holders else -1
    stands = (placed.wave[row] == number) & (placed.status[row] != STATUSES.index(TaskStatus.CANCELLED))
    return np.intersect1d(placed.line[row][stands], stock.line_numbers)


def _of_wave(stock: Stock, wave: str) -> tuple[Tasks, NDArray[np.bool_]]:
    """Return all picks, and which of their states name a line and the wave."""
    picks = stock.tasks.of_kind(TaskKind.PICK)
    number = stock.holders.index(wave) if wave in stock.holders else -1
    return picks, (picks.wave == number) & (picks.wave >= 0) & (picks.line >= 0)


def _known_releases(stock: Stock) -> Ints:
    """Return from when on a pick of each line was known to be released: int64 [lines], `NEVER` for none."""
    picks = stock.tasks.of_kind(TaskKind.PICK)
    chosen = np.isin(picks.status, RELEASED) & (picks.line >= 0)
    since = np.full(len(stock.order_of), NEVER, dtype=np.int64)
    np.minimum.at(since, picks.line[chosen], starts_of(picks.occurred[chosen], picks.known[chosen]))
    return since
