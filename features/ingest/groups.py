"""Functions of mappings that look at several rows: those that agree in all of the keys `by`.

A row whose key is missing belongs to no group.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.ingest.columns import Column, chosen, refuse_text, whole


def row_number(column: Column) -> Column:
    """Return the number of each row in the file, from 1."""
    return whole(pd.Series(np.arange(1, len(column) + 1), index=column.index), column.index)


def typical(column: Column, *by: Column) -> Column:
    """Fill what is missing with the median of the rows that agree in all of `by`; still missing if there are none."""
    groups = [key.to_numpy() for key in by]
    return chosen(column.notna(), column, column.groupby(groups).transform("median").round())


def occurrence(*by: Column) -> Column:
    """Number the rows of each group in the order of the file, from 1: `occurrence(order) == 1` takes one an order."""
    return (_grouped(by[0], by).cumcount() + 1).where(_keyed(by)).astype("Int64")


def group_count(*by: Column) -> Column:
    """Return how many rows the group has."""
    return _grouped(whole(1, by[0].index), by).transform("sum")


def group_sum(column: Column, *by: Column) -> Column:
    """Return the sum over the group; what is missing adds nothing, with something unreadable there is no sum."""
    refuse_text("group_sum", column)
    return _grouped(column, by).transform("sum")


def group_least(column: Column, *by: Column) -> Column:
    """Return the least number or the earliest instant of the group; none if something in it is unreadable."""
    refuse_text("group_least", column)
    return _grouped(column, by).transform("min")


def group_greatest(column: Column, *by: Column) -> Column:
    """Return the greatest number or the latest instant of the group; none if something in it is unreadable."""
    refuse_text("group_greatest", column)
    return _grouped(column, by).transform("max")


def group_first(column: Column, *by: Column) -> Column:
    """Return the first value of the group that is present, in the order of the file."""
    return _grouped(column, by).transform("first")


def _grouped(column: Column, by: tuple[Column, ...]) -> Column:
    return whole(column, column.index).groupby([key.to_numpy() for key in by])


def _keyed(by: tuple[Column, ...]) -> Column:
    return pd.concat([key.notna() for key in by], axis=1).all(axis=1)
