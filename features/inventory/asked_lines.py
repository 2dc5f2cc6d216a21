"""What is asked of a stock family: order lines at their cutoffs, and how its answers become numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.codes import NEVER, Ints
from features.declaration import Feature
from features.history import HOUR
from features.inventory.line_states import View
from features.inventory.numbering import THOUSANDTHS

Floats = NDArray[np.float64]
OWNER = "inventory planning"
UNITS = "units"


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions about q order lines.

    Attributes
    ----------
    cutoffs, orders, articles : int64 [q]
        The article is numbered from 0 among those that occur, -1 where it is not known.
    view
        The lines as known at their cutoffs.
    """

    cutoffs: Ints
    orders: Ints
    articles: Ints
    view: View


def declared(name: str, unit: str, meaning: str, source: str, window: str = "") -> Feature:
    """Declare a feature of the stock families."""
    return Feature(name, unit, meaning, source, OWNER, window)


def units(thousandths: Ints) -> Floats:
    """Return quantities in units."""
    return np.asarray(thousandths / THOUSANDTHS, dtype=np.float64)


def hours_between(start: Ints, end: Ints) -> Floats:
    """Return hours from start to end, NaN where either never comes."""
    missing = (start == NEVER) | (end == NEVER)
    return np.where(missing, np.nan, (np.where(missing, 0, end) - np.where(missing, 0, start)) / HOUR)


def share(part: Ints | Floats, whole: Ints | Floats) -> Floats:
    """Return part / whole, NaN where there is no whole."""
    empty = np.full(np.shape(part), np.nan)
    return np.divide(part, whole, out=empty, where=np.asarray(whole) > 0)


def shrunk(part: Ints | Floats, count: Ints | Floats, parent: Floats | float, pseudo: float) -> Floats:
    """Return part / count as if the parent had contributed `pseudo` cases: few cases say little."""
    return np.asarray((part + pseudo * parent) / (count + pseudo), dtype=np.float64)


class FirstTold:
    """From when on anything has been told at a place: before that nothing is known there, which is not zero.

    Parameters
    ----------
    places : int64 [n]
        Negative where it is not told of which.
    starts : int64 [n]
        From when each record counts.
    """

    __slots__ = ("_first",)

    def __init__(self, places: Ints, starts: Ints) -> None:
        told = places >= 0
        self._first = np.full(int(places.max(initial=-1)) + 2, NEVER, dtype=np.int64)
        np.minimum.at(self._first, places[told], starts[told])

    def known(self, places: Ints, cutoffs: Ints) -> NDArray[np.bool_]:
        """Tell whether anything had been told of each place by its cutoff: bool [q]."""
        inside = np.where((places < 0) | (places >= len(self._first)), len(self._first) - 1, places)
        return self._first[inside] <= cutoffs
