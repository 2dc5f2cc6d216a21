"""Numbers for names, and for names in combination, so that columns of different tables can be compared as integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.codes import Ints
from features.fields import MOST_UNITS

THOUSANDTHS = 1_000
"""Quantities are reckoned in whole thousandths of their unit, so that sums are exact in any order."""


def numbered(columns: Sequence[pd.Series]) -> tuple[Ints, ...]:
    """Return the number of each name, the same in all columns, from 0; -1 where it is missing: int64 [n] a column.

    Numbers go by the names in order, so that what is decided by them does not depend on the order of rows.
    """
    return numbered_names(columns)[0]


def numbered_names(columns: Sequence[pd.Series]) -> tuple[tuple[Ints, ...], tuple[str, ...]]:
    """Return what `numbered` does, and the names by their number."""
    joined = pd.concat([column.astype(object) for column in columns], ignore_index=True)
    codes, names = pd.factorize(joined, sort=True)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return tuple(np.split(codes.astype(np.int64), ends)), tuple(str(name) for name in names)


def combined(first: Ints, second: Ints, size: int) -> Ints:
    """Return one number for two, of which the second is below `size`; -1 where either is missing."""
    return np.where((first < 0) | (second < 0), -1, first * size + second)


class Dense:
    """Small numbers, from 0, for those of a large range that occur at all."""

    __slots__ = ("_found",)

    def __init__(self, *numbers: Ints) -> None:
        found = np.unique(np.concatenate(numbers))
        self._found = found[found >= 0]

    def __len__(self) -> int:
        return len(self._found)

    def of(self, numbers: Ints) -> Ints:
        """Return the small number of each, -1 for one that does not occur or is missing."""
        if not len(self._found):
            return np.full(len(numbers), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self._found, numbers), len(self._found) - 1)
        return np.where(self._found[place] == numbers, place, -1)


def thousandths(quantities: pd.Series, missing: int = 0) -> Ints:
    """Return quantities in whole thousandths: int64 [n].

    More than `MOST_UNITS` is taken for that, so that sums stay within 64 bits.
    """
    values: NDArray[np.float64] = quantities.to_numpy(dtype=np.float64, na_value=np.nan)
    told = np.clip(np.nan_to_num(values), -MOST_UNITS, MOST_UNITS)
    return np.where(np.isnan(values), missing, np.rint(told * THOUSANDTHS)).astype(np.int64)


def in_thousandths(quantity: float) -> int:
    """Return one quantity in whole thousandths, as `thousandths` does."""
    return round(min(max(quantity, -MOST_UNITS), MOST_UNITS) * THOUSANDTHS)
