"""Order lines a shortage model learns from: one row a labelled line and moment, features as known at its cutoff."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from features.instants import micros_of
from features.inventory.around import Around
from features.inventory.features import Inventory
from features.inventory.line_moments import line_questions_of
from features.inventory.shortage_labels import shortage_of
from features.inventory.stock import Stock
from features.tables import RecordTables
from features.vocabulary import LineMoment
from training.dataset import Dataset, fingerprint_of
from training.shortage.config import ShortageConfig
from training.splits import periods_of


def make_shortage_dataset(folder: Path, config: ShortageConfig) -> Dataset:
    """Read canonical tables and build features and labels of all lines, in order of cutoff.

    Returns
    -------
    Dataset
        Its `cases` have columns order_id, line_id, moment, cutoff_at, short (bool, the outcome), quantity_short, cause,
        label_known_at, planned_at (first release of the order), news_hours, free_elsewhere (units that the best other
        place could give, NaN for none), period, warehouse (where the line was to be picked when it was told of first).
        An order is on the side of the first release of a line of it; lines that never came to a wave have no label.
    """
    tables = RecordTables.read(folder)
    cases = line_questions_of(tables)
    released = cases[cases["moment"] == LineMoment.BEFORE_WAVE.value].groupby("order_id")["cutoff_at"].min()
    cases = cases.join(shortage_of(tables, cases))
    cases["planned_at"] = cases["order_id"].map(released)
    cases["period"] = periods_of(cases["planned_at"], cases["label_known_at"], config.split)
    wanted = cases["moment"].isin([moment.value for moment in config.moments])
    cases = cases[wanted & cases["short"].notna() & cases["period"].notna()]
    cases = cases.sort_values(["cutoff_at", "order_id", "line_id"], kind="stable").reset_index(drop=True)
    cases["short"] = cases["short"].astype(bool)
    told = tables.order_lines.drop_duplicates(["order_id", "line_id"]).set_index(["order_id", "line_id"])
    cases = cases.join(told["warehouse_id"].rename("warehouse"), on=["order_id", "line_id"])

    stock = Stock.of_tables(tables)
    inventory = Inventory(stock)
    around = Around(stock, inventory)
    lines, cutoffs = inventory.lines_of(cases), micros_of(cases["cutoff_at"])
    cases["news_hours"] = around.news_hours(lines, cutoffs)
    cases["free_elsewhere"] = pd.DataFrame(around.free_elsewhere(lines, cutoffs)).max(axis=1).to_numpy(dtype=np.float64)
    return Dataset(cases, inventory.values(lines, cutoffs), fingerprint_of(folder), outcome="short")
