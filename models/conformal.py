"""Conformal recalibration from the newest outcomes: what was wrong of late is set right in what is said now.

Each predicted quantile is moved by the same quantile of its own latest residuals (conformalised quantile regression,
Romano et al., 2019, each side apart), over a trailing window (as Gibbs and Candès, 2021, and Barber et al., 2023, treat
distributions that drift), group by group (Mondrian; Vovk, 2003). An outcome counts from the instant at which it was
known, so what a decision is corrected by is what could have been known then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

ALL = ""
"""Group that every outcome belongs to."""


@dataclass(frozen=True)
class Outcomes:
    """Values that became known one after the other.

    Attributes
    ----------
    groups : text [n]
    known : int64 [n]
        Microseconds at which each became known, in any order.
    values : float64 [n, k]
        One column a level.
    """

    groups: Texts
    known: Ints
    values: Floats

    def known_before(self, instant: int) -> Outcomes:
        """Return those that became known before an instant (microseconds)."""
        rows = self.known < instant
        return Outcomes(self.groups[rows], self.known[rows], self.values[rows])

    def known_from(self, instant: int) -> Outcomes:
        """Return those that became known at an instant (microseconds) or later."""
        rows = self.known >= instant
        return Outcomes(self.groups[rows], self.known[rows], self.values[rows])

    def joined(self, other: Outcomes) -> Outcomes:
        """Return both."""
        return Outcomes(
            np.concatenate([self.groups, other.groups]),
            np.concatenate([self.known, other.known]),
            np.concatenate([self.values, other.values]),
        )

    @cached_property
    def _members(self) -> dict[str, tuple[Ints, Floats]]:
        """Known and values of each group and of `ALL`, in order of when they were known."""
        order = np.argsort(self.known, kind="stable")
        groups = self.groups[order]
        rows = {str(group): order[groups == group] for group in np.unique(groups)} | {ALL: order}
        return {group: (self.known[each], self.values[each]) for group, each in rows.items()}

    def quantiles(self, groups: Texts, at: Ints, *, window: int, levels: tuple[float, ...], least: int) -> Floats:
        """Return the quantiles of what became known in the window before each instant.

        Parameters
        ----------
        groups : text [q]
            Group of each question.
        at : int64 [q]
            Its instant; an outcome counts on `[known, known + window)`.
        least
            A group with fewer outcomes in the window answers with those of `ALL`.

        Returns
        -------
        float64 [q, k]
            The j-th column holds the quantile `levels[j]` of the j-th value; NaN with fewer than `least` of all.
        """
        found = np.full((len(at), len(levels)), np.nan)
        for group in np.unique(groups):
            asked = np.flatnonzero(groups == group)
            self._fill(found, asked, str(group), at, window, levels, least)
        short = np.flatnonzero(np.isnan(found[:, 0]))
        self._fill(found, short, ALL, at, window, levels, least)
        return found

    def quantiles_above(
        self, groups: Texts, at: Ints, above: Floats, *, column: int, window: int, levels: tuple[float, ...], least: int
    ) -> Floats:
        """Return the quantiles of those values of one column that are higher than something, in the same window.

        Whoever is known to lie above a value is exchangeable with the others that did.

        Parameters
        ----------
        groups : text [q]
        at : int64 [q]
        above : float64 [q]
        least
            A group with fewer values above answers with those of `ALL`.

        Returns
        -------
        float64 [q, k]
            NaN with fewer than `least` of all.
        """
        found = np.full((len(at), len(levels)), np.nan)
        for row, (group, instant, floor_) in enumerate(zip(groups, at, above, strict=True)):
            for each in (str(group), ALL):
                if each in self._members:
                    known, values = self._members[each]
                    start, end = np.searchsorted(known, [instant - window, instant], side="right")
                    higher = np.sort(values[start:end, column][values[start:end, column] > floor_])
                    if len(higher) >= least:
                        found[row] = higher[ranks_of(levels, len(higher))]
                        break
        return found

    def _fill(
        self, found: Floats, asked: Ints, group: str, at: Ints, window: int, levels: tuple[float, ...], least: int
    ) -> None:
        if group not in self._members:
            return
        known, values = self._members[group]
        starts = np.searchsorted(known, at[asked] - window, side="right")
        ends = np.searchsorted(known, at[asked], side="right")
        enough = ends - starts >= least
        for start, end, rows in _alike(starts[enough], ends[enough], asked[enough]):
            ranks = ranks_of(levels, end - start)
            latest = np.partition(values[start:end], np.unique(ranks), axis=0)
            found[rows] = latest[ranks, np.arange(len(levels))]


def ranks_of(levels: tuple[float, ...], n: int) -> list[int]:
    """Return the place (from 0) of each level's quantile among n ordered values, with the conformal correction.

    Levels below one half are rounded down and those above up, in (n + 1) x level, so that a new value exchangeable
    with the n lies outside each side with no more than the stated probability.
    """
    places = [(n + 1) * level for level in levels]
    exact = [
        floor(place) if level < 0.5 else ceil(place) if level > 0.5 else round(place)
        for place, level in zip(places, levels, strict=True)
    ]
    return [min(max(place, 1), n) - 1 for place in exact]


def _alike(starts: Ints, ends: Ints, rows: Ints) -> Iterator[tuple[int, int, Ints]]:
    """Yield each distinct window once, with the questions that see it."""
    pairs, which = np.unique(np.stack([starts, ends], axis=1), axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    cuts = np.searchsorted(which[order], np.arange(len(pairs) + 1))
    for place, (start, end) in enumerate(pairs.tolist()):
        yield start, end, rows[order[cuts[place] : cuts[place + 1]]]
