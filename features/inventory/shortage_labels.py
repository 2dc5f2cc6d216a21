"""Labels: which order lines were picked short, and why. Only training may look; all is known after the fact."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.codes import NEVER, Codes, Ints, starts_of
from features.instants import micros_of
from features.inventory.asked_lines import units
from features.inventory.features import INVENTORY_NAMES, Inventory
from features.inventory.line_moments import RELEASED
from features.inventory.line_states import OVER, PICKED, task_steps
from features.inventory.picks import is_short
from features.inventory.stock import STATUSES, Stock, Tasks
from features.tables import RecordTables
from features.vocabulary import ShortageCause, TaskKind, TaskStatus


def shortage_of(tables: RecordTables, questions: pd.DataFrame) -> pd.DataFrame:
    """Return whether the next wave found less of a line than it needed, by what is known in the end.

    The picks of a line that were released first after the cutoff, all at one instant, are its wave. One that was
    cancelled does not count; while one of them is not over there is no label.

    Parameters
    ----------
    questions
        Columns `order_id`, `line_id` and `cutoff_at` (aware).

    Returns
    -------
    DataFrame
        Indexed as the questions are: `short` (float: 1.0, 0.0, NaN without a label), `quantity_short` (units, NaN where
        the warehouse did not say what it found), `cause` (a `ShortageCause`, None where it was not short),
        `label_known_at` (when all of it was known).
    """
    stock = Stock.of_tables(tables)
    waves = _waves(stock)
    inventory = Inventory(stock)
    lines, cutoffs = inventory.lines_of(questions), micros_of(questions["cutoff_at"])
    wave = waves.next_of(lines, cutoffs)
    labelled = wave >= 0
    labelled[labelled] = (waves.n_open[wave[labelled]] == 0) & (waves.n_picks[wave[labelled]] > 0)
    short, told = np.full(len(lines), np.nan), labelled.copy()
    short[labelled] = waves.n_short[wave[labelled]] > 0
    told[labelled] = waves.n_untold[wave[labelled]] == 0
    quantity = np.full(len(lines), np.nan)
    quantity[told] = units(np.maximum(waves.needed - waves.picked, 0)[wave[told]])
    known = np.zeros(len(lines), dtype=np.int64)
    known[labelled] = waves.known[wave[labelled]]
    cause = np.full(len(lines), None, dtype=object)
    is_one = short == 1.0
    cause[is_one] = _causes(stock, waves, wave[is_one])
    return pd.DataFrame(
        {
            "short": short,
            "quantity_short": quantity,
            "cause": cause,
            "label_known_at": pd.Series(pd.to_datetime(known, unit="us", utc=True)).where(labelled).array,
        },
        index=questions.index,
    )


class _Waves(NamedTuple):
    """The picks of each line that were released together: int64 [w] each, in order of line and release."""

    line: Ints
    released: Ints
    n_picks: Ints
    n_open: Ints
    n_short: Ints
    n_untold: Ints
    needed: Ints
    picked: Ints
    ended: Ints
    known: Ints

    def next_of(self, lines: Ints, cutoffs: Ints) -> Ints:
        """Return the first wave of each line after its cutoff, -1 where there is none: int64 [q]."""
        if not len(self.line):
            return np.full(len(lines), -1, dtype=np.int64)
        codes = Codes(self.line, self.released)
        place = np.searchsorted(codes.of(self.line, self.released), codes.of(lines, cutoffs), side="right")
        inside = np.minimum(place, len(self.line) - 1)
        return np.where((place < len(self.line)) & (self.line[inside] == lines), inside, -1)


def _waves(stock: Stock) -> _Waves:
    picks = stock.tasks.of_kind(TaskKind.PICK)
    picks = Tasks(*(column[picks.line >= 0] for column in picks))
    release = np.full(int(picks.task.max(initial=-1)) + 1, NEVER, dtype=np.int64)
    begun = np.isin(picks.status, RELEASED)
    np.minimum.at(release, picks.task[begun], picks.occurred[begun])
    steps = task_steps(picks)
    row = steps.rows[(steps.until == NEVER) & (release[steps.keys] < NEVER)]
    end = Tasks(*(column[row] for column in picks))
    pairs, wave = np.unique(np.stack([end.line, release[end.task]]), axis=1, return_inverse=True)

    counts = end.status != STATUSES.index(TaskStatus.CANCELLED)
    done = np.where((end.done < 0) & (end.status == STATUSES.index(TaskStatus.DONE)), end.quantity, end.done)

    def total(amounts: NDArray[np.bool_] | Ints) -> Ints:
        return np.bincount(wave[counts], weights=amounts[counts], minlength=pairs.shape[1]).astype(np.int64)

    def newest(times: Ints) -> Ints:
        latest = np.full(pairs.shape[1], -NEVER, dtype=np.int64)
        np.maximum.at(latest, wave, times)
        return latest

    return _Waves(
        line=pairs[0],
        released=pairs[1],
        n_picks=total(counts),
        n_open=total(~np.isin(end.status, OVER)),
        n_short=total(np.isin(end.status, PICKED) & is_short(end)),
        n_untold=total((done < 0) | (end.quantity < 0)),
        needed=total(np.maximum(end.quantity, 0)),
        picked=total(np.maximum(done, 0)),
        ended=newest(end.occurred),
        known=newest(starts_of(end.occurred, end.known)),
    )


def _causes(stock: Stock, waves: _Waves, chosen: Ints) -> NDArray[np.object_]:
    """Return why waves were short, by how things stood just before they ended, whenever that was learnt."""
    as_it_was = {
        name: getattr(stock, name)._replace(known=getattr(stock, name).occurred)
        for name in ("positions", "lines", "orders", "tasks", "adjustments")
    }
    values = Inventory(replace(stock, **as_it_was)).values(waves.line[chosen], waves.ended[chosen] - 1)
    at = {name: values[:, place] for place, name in enumerate(INVENTORY_NAMES)}
    reserved = at["reserved_for_order"] + at["reserved_for_wave"]
    late = (at["inbound_overdue"] > 0) | (at["inbound_put_off"] > 0)
    return np.select(
        [units(waves.picked[chosen]) < reserved, at["on_hand"] >= units(waves.needed[chosen]), late],
        [ShortageCause.NOT_FOUND.value, ShortageCause.FOR_OTHERS.value, ShortageCause.INBOUND_LATE.value],
        ShortageCause.NOT_ENOUGH.value,
    ).astype(object)
