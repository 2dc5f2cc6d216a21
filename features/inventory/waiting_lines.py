"""Which order lines wait to be picked: all that are open at an instant, or those of one wave."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.codes import NEVER, Ints, starts_of
from features.inventory.features import Inventory
from features.inventory.line_moments import RELEASED, releases_of
from features.inventory.stock import Stock
from features.tables import RecordTables
from features.vocabulary import TaskKind

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


def of_wave(stock: Stock, wave: str) -> tuple[Ints, int]:
    """Return the lines that have a pick in a wave, and when the wave was released (`NEVER` if it was not).

    No lines are returned for a wave that no pick names.
    """
    picks = stock.tasks.of_kind(TaskKind.PICK)
    number = stock.holders.index(wave) if wave in stock.holders else -1
    chosen = (picks.wave == number) & (picks.wave >= 0) & (picks.line >= 0)
    lines = np.intersect1d(picks.line[chosen], stock.line_numbers)
    return lines, int(releases_of(stock)[lines].min(initial=NEVER))


def _known_releases(stock: Stock) -> Ints:
    """Return from when on a pick of each line was known to be released: int64 [lines], `NEVER` for none."""
    picks = stock.tasks.of_kind(TaskKind.PICK)
    chosen = np.isin(picks.status, RELEASED) & (picks.line >= 0)
    since = np.full(len(stock.order_of), NEVER, dtype=np.int64)
    np.minimum.at(since, picks.line[chosen], starts_of(picks.occurred[chosen], picks.known[chosen]))
    return since
