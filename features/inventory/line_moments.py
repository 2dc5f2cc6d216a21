"""When an order line is judged: when it was ordered, and just before its wave is released."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.codes import NEVER, Ints, starts_of
from features.inventory.stock import STATUSES, Stock
from features.tables import RecordTables
from features.vocabulary import LineMoment, TaskKind, TaskStatus

RELEASED = tuple(
    STATUSES.index(status.value)
    for status in (TaskStatus.RELEASED, TaskStatus.STARTED, TaskStatus.DONE, TaskStatus.SHORT)
)
"""Statuses that a pick comes to only once it is released."""


def line_questions_of(tables: RecordTables) -> pd.DataFrame:
    """Return one row for each order line and moment at which it could have been judged.

    At its order a line is judged once it is known; before its wave a microsecond before its first pick is released, if
    it was known by then. The release is our own doing, so when it happened is no knowledge of the future.

    Returns
    -------
    DataFrame
        Columns order_id, line_id, moment, cutoff_at, ordered by moment and line.
    """
    stock = Stock.of_tables(tables)
    known = np.full(len(stock.order_of), NEVER, dtype=np.int64)
    np.minimum.at(known, stock.lines.line, starts_of(stock.lines.occurred, stock.lines.known))
    released = releases_of(stock)
    parts = []
    for moment, cutoffs in (
        (LineMoment.AT_ORDER, known),
        (LineMoment.BEFORE_WAVE, np.where(released == NEVER, NEVER, released - 1)),
    ):
        own = cutoffs[stock.line_numbers]
        exists = (own < NEVER) & (known[stock.line_numbers] <= own)
        part = stock.ids[exists].to_frame(index=False)
        parts.append(part.assign(moment=moment.value, cutoff_at=pd.to_datetime(own[exists], unit="us", utc=True)))
    return pd.concat(parts, ignore_index=True)


def releases_of(stock: Stock) -> Ints:
    """Return when the first pick of each line was released, by what is known in the end: int64 [lines]."""
    picks = stock.tasks.of_kind(TaskKind.PICK)
    chosen = np.isin(picks.status, RELEASED) & (picks.line >= 0)
    released = np.full(len(stock.order_of), NEVER, dtype=np.int64)
    np.minimum.at(released, picks.line[chosen], picks.occurred[chosen])
    return released
