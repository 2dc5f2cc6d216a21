"""Columns of a source, as the functions of mappings see them."""

from __future__ import annotations

from typing import Any

import pandas as pd

Column = Any
"""A Series, or a constant that stands for a whole column."""


def whole(value: Column, index: pd.Index) -> pd.Series:
    """Return a column as it is, a constant as a column of it."""
    return value if isinstance(value, pd.Series) else pd.Series(value, index=index)
