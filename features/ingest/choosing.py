"""Functions of mappings that choose, fill and translate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from features.ingest.columns import Column, whole


def present(column: Column) -> Column:
    """Tell where there is a value."""
    return pd.notna(column)


def missing(column: Column) -> Column:
    """Tell where there is none."""
    return pd.isna(column)


def if_else(condition: Column, then: Column, otherwise: Column) -> Column:
    """Take `then` where the condition holds, `otherwise` where it does not."""
    if not isinstance(condition, pd.Series):
        return then if condition else otherwise
    first = then if isinstance(then, pd.Series) else pd.Series([then] * len(condition), index=condition.index)
    return first.where(condition, otherwise)


def first_of(*columns: Column) -> Column:
    """Take the first value that is present, from left to right."""
    chosen = columns[0]
    for other in columns[1:]:
        chosen = chosen.where(chosen.notna(), other)
    return chosen


def translate(column: Column, words: Mapping[Any, Any], default: Column = None) -> Column:
    """Replace each value by its word; one without a word becomes the default (missing if there is none)."""
    keys = column.astype("string") if isinstance(next(iter(words), None), str) else column
    translated = keys.map(dict(words)).astype(object)
    return translated if default is None else translated.where(translated.notna() | column.isna(), default)


def one_of(column: Column, *values: Column) -> Column:
    """Tell where the column holds one of the values; the values are constants."""
    return column.isin(values)


def greatest(*columns: Column) -> Column:
    """Take the greatest number or the latest instant; missing if any is missing."""
    return _extreme(columns, greatest=True)


def least(*columns: Column) -> Column:
    """Take the least number or the earliest instant; missing if any is missing."""
    return _extreme(columns, greatest=False)


def _extreme(columns: tuple[Column, ...], *, greatest: bool) -> Column:
    chosen = columns[0]
    for other in columns[1:]:
        missing: Column = pd.isna(chosen) | pd.isna(other)
        if not isinstance(missing, pd.Series):
            chosen = None if missing else (max if greatest else min)(chosen, other)
            continue
        left = whole(chosen, missing.index)
        taken: Column = left < other if greatest else left > other
        chosen = left.mask(taken, other).mask(missing)
    return chosen
