"""Rates and means over past legs: how a stream of facts, seen through windows, becomes features.

A *stream* is one kind of fact seen by one kind of key: departures by carrier, arrivals by lane. Each of its windows
gives a count, a late share and a mean delay. A share or mean of few legs is shrunk towards that of its parent stream
(carrier x lane -> lane -> all) as if the parent had contributed `PSEUDO_LEGS` legs: empirical Bayes with a fixed
weight, so a new carrier starts from its lane and not from zero. A spread is that of the same legs together: the root
of their mean square less the square of their mean.

Only operations that are rounded one way are used, element by element, so one row and a million give the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature

PSEUDO_LEGS = 10.0
PRIOR_LATE_SHARE = 0.2
PRIOR_DELAY_MINUTES = 5.0
PRIOR_DELAY_SPREAD_MINUTES = 30.0
MAX_DELAY_MINUTES = 7 * 24 * 60
MAX_TRANSIT_MINUTES = 366 * 24 * 60

HOUR = 3_600_000_000
DAY = 24 * HOUR
WINDOWS: Mapping[str, int] = {
    "2h": 2 * HOUR,
    "6h": 6 * HOUR,
    "24h": DAY,
    "7d": 7 * DAY,
    "28d": 28 * DAY,
    "90d": 90 * DAY,
}


class Fact(StrEnum):
    """What happened to legs; delays are in whole minutes, early ones negative. Streams count all but runs."""

    DEPARTURE = "departure"
    """A leg left; delay against the planned departure."""
    ARRIVAL = "arrival"
    """A leg was delivered; delay against the promise."""
    TRANSIT = "transit"
    """A leg was delivered whose departure was known; delay gained on the way (arrival less departure delay)."""
    SPREAD = "spread"
    """A leg was delivered, as `ARRIVAL` has it; the square of its delay stands in place of whether it was late."""
    RUN = "run"
    """The same leg from end to end: how long it was on the way, and its delay against the promise."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Facts of one kind by one kind of key.

    Attributes
    ----------
    name
        Prefix of the features it gives.
    key
        Fields of the leg that make the key; none for all legs.
    windows
        Names out of `WINDOWS`.
    parent
        Stream of the same fact towards which it is shrunk; it must have all these windows.
    whose
        The key in plain words, for the meaning of its features.
    """

    name: str
    fact: Fact
    key: tuple[str, ...]
    windows: tuple[str, ...]
    whose: str
    owner: str
    parent: str | None = None
    gives: tuple[str, ...] = ("count", "late_share", "delay_mean")

    @property
    def unknown(self) -> tuple[float, ...]:
        """What stands in `flat` for a leg that has no such key."""
        return (np.nan,) * (3 * len(self.windows))

    @property
    def window_lengths(self) -> tuple[int, ...]:
        """Lengths of the windows in microseconds."""
        return tuple(WINDOWS[window] for window in self.windows)


_VERB = {Fact.DEPARTURE: "departures", Fact.ARRIVAL: "arrivals", Fact.TRANSIT: "legs", Fact.SPREAD: "arrivals"}
_PRIOR_SQUARE = PRIOR_DELAY_MINUTES**2 + PRIOR_DELAY_SPREAD_MINUTES**2


class History:
    """Turns the answers of streams into features.

    `flat` holds, for each stream in order and each of its windows in order, count, late legs and delay minutes; NaN
    where the leg has no such key, and so are then its features.
    """

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.streams = tuple(streams)
        self.width = 3 * sum(len(stream.windows) for stream in streams)
        column: dict[tuple[str, str], int] = {}
        for stream in streams:
            for window in stream.windows:
                column[stream.name, window] = len(column)
        self._levels = self._by_level(column)
        # For one row a column reads its parent's answer, two places on; before them stand the priors.
        self._parents = [
            int(stream.fact is Fact.SPREAD) if stream.parent is None else 2 + column[stream.parent, window]
            for stream in streams
            for window in stream.windows
        ]
        if any(parent >= 2 + own for own, parent in enumerate(self._parents)):
            raise ValueError("a stream stands before its parent; declare the parent first")
        spread = [
            column[stream.name, window] for stream in streams if stream.fact is Fact.SPREAD for window in stream.windows
        ]
        self._spread, self._spread_of_one = np.array(spread, dtype=np.int64), tuple(spread)
        self._priors = np.array([_PRIOR_SQUARE if own in spread else PRIOR_LATE_SHARE for own in range(len(column))])
        picks: list[int] = []
        features: list[Feature] = []
        for stream in streams:
            for window in stream.windows:
                for place, (kind, unit, words) in enumerate(_KINDS):
                    if kind in stream.gives:
                        own = column[stream.name, window]
                        picks.append(place * len(column) + (spread.index(own) if kind == "spread" else own))
                        features.append(_declare(stream, window, kind, unit, words))
        self._picks = np.array(picks, dtype=np.int64)
        self._pick = itemgetter(*picks)
        self.features = tuple(features)

    def values(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the features: float64 [n, len(features)], from `flat`, float64 [n, width]."""
        counts, lates, delays = flat[:, 0::3], flat[:, 1::3], flat[:, 2::3]
        shares = np.empty_like(counts)
        means = np.empty_like(counts)
        for columns, parents in self._levels:
            legs = counts[:, columns] + PSEUDO_LEGS
            prior_share = self._priors[columns] if parents is None else shares[:, parents]
            prior_delay = PRIOR_DELAY_MINUTES if parents is None else means[:, parents]
            shares[:, columns] = (lates[:, columns] + PSEUDO_LEGS * prior_share) / legs
            means[:, columns] = (delays[:, columns] + PSEUDO_LEGS * prior_delay) / legs
        variances = shares[:, self._spread] - means[:, self._spread] * means[:, self._spread]
        spreads = np.sqrt(np.maximum(variances, 0.0))
        return np.concatenate([counts, shares, means, spreads], axis=1)[:, self._picks]

    def values_of_one(self, flat: Sequence[float]) -> list[float]:
        """Return `values` of one row: the same operations in the same order, so the same bits."""
        shares, means = [PRIOR_LATE_SHARE, _PRIOR_SQUARE], [PRIOR_DELAY_MINUTES, PRIOR_DELAY_MINUTES]
        numbers = iter(flat)
        for parent, count, late, delay in zip(self._parents, numbers, numbers, numbers, strict=True):
            legs = count + PSEUDO_LEGS
            shares.append((late + PSEUDO_LEGS * shares[parent]) / legs)
            means.append((delay + PSEUDO_LEGS * means[parent]) / legs)
        del shares[:2], means[:2]
        variances = [shares[own] - means[own] * means[own] for own in self._spread_of_one]
        spreads = [0.0 if variance <= 0.0 else sqrt(variance) for variance in variances]
        return list(self._pick([*flat[0::3], *shares, *means, *spreads]))

    def column(self, feature: str) -> int:
        """Return where a feature stands among `features`."""
        return [declared.name for declared in self.features].index(feature)

    def _by_level(
        self, column: Mapping[tuple[str, str], int]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64] | None]]:
        """Return (columns, their parents' columns), ancestors first."""
        parent_of = {stream.name: stream.parent for stream in self.streams}

        def depth(name: str) -> int:
            parent = parent_of[name]
            return 0 if parent is None else 1 + depth(parent)

        levels: dict[int, list[tuple[int, int]]] = {}
        for (name, window), own in column.items():
            parent = parent_of[name]
            levels.setdefault(depth(name), []).append((own, -1 if parent is None else column[parent, window]))
        return [
            (
                np.array([own for own, _ in pairs], dtype=np.int64),
                np.array([parent for _, parent in pairs], dtype=np.int64) if level else None,
            )
            for level, pairs in sorted(levels.items())
        ]


_KINDS = (
    ("count", "legs", "number of"),
    ("late_share", "share", "share late among"),
    ("delay_mean", "minutes", "mean delay of"),
    ("spread", "minutes", "standard deviation of the delays of"),
)


def _declare(stream: Stream, window: str, kind: str, unit: str, words: str) -> Feature:
    span = window.replace("h", " hours").replace("d", " days")
    what = f"{words} {_VERB[stream.fact]} {stream.whose} in the last {span}"
    if stream.fact is Fact.TRANSIT and kind == "delay_mean":
        what = f"mean time lost on the way by legs {stream.whose} in the last {span}"
    return Feature(
        name=f"{stream.name}_{kind}_{window}",
        unit=unit,
        meaning=what,
        source="shipments, stops, events",
        owner=stream.owner,
        window=window,
    )
