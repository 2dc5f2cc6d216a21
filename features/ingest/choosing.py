"""Functions of mappings that choose, fill and translate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from features.ingest.columns import Column, chosen, judged, refuse_text, whole


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
    return chosen(judged(condition), whole(then, condition.index), otherwise)


def if_readable(column: Column) -> Column:
    """Take what could be read; what could not is missing, and its row is not rejected for it."""
    return column


def first_of(*columns: Column) -> Column:
    """Take the first value that is present, from left to right."""
    first = columns[0]
    for other in columns[1:]:
        first = chosen(first.notna(), first, other)
    return first


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
    refuse_text("greatest" if greatest else "least", *columns)
    extreme = columns[0]
    for other in columns[1:]:
        missing: Column = pd.isna(extreme) | pd.isna(other)
        if not isinstance(missing, pd.Series):
            extreme = None if missing else (max if greatest else min)(extreme, other)
            continue
        left = whole(extreme, missing.index)
        kept: Column = left >= other if greatest else left <= other
        extreme = chosen(kept, left, other).mask(missing)
    return extreme
