"""Rates and means over past legs: how a stream of facts, seen through windows, becomes features.

A *stream* is one kind of fact seen by one kind of key: departures by carrier, arrivals by lane. Each of its windows
gives a count, a late share and a mean delay. A share or mean of few legs is shrunk towards that of its parent stream
(carrier x lane -> lane -> all) as if the parent had contributed `PSEUDO_LEGS` legs: empirical Bayes with a fixed
weight, so a new carrier starts from its lane and not from zero. A spread is that of the same legs together: the root
of their mean square less the square of their mean (`features.rates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature
from features.rates import COUNT, MEAN, SHARE, SPREAD, Column, Layout, Shrunk, rates_of

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
    """A leg was delivered; delay against the promise, and the square of that delay."""
    TRANSIT = "transit"
    """A leg was delivered whose departure was known; delay gained on the way (arrival less departure delay)."""
    RUN = "run"
    """The same leg from end to end: how long it was on the way, and its delay against the promise."""


LATE, DELAY, SQUARE = range(3)
"""What a fact carries."""

SQUARE_AND_DELAY = (SQUARE, DELAY)


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
        Names out of `WINDOWS`, the shortest first.
    sums
        Which two of the values that its facts carry are summed; of the square and the delay a spread is made.
    parent
        Stream of the same sums towards which it is shrunk; it must have all these windows.
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
    sums: tuple[int, int] = (LATE, DELAY)

    @property
    def is_of_squares(self) -> bool:
        """Whether it is there for a spread."""
        return self.sums == SQUARE_AND_DELAY

    @property
    def window_lengths(self) -> tuple[int, ...]:
        """Lengths of the windows in microseconds."""
        return tuple(WINDOWS[window] for window in self.windows)


class Seen(NamedTuple):
    """What streams ask of facts of one kind by one key: windows (microseconds), and how many values are summed."""

    windows: tuple[int, ...]
    width: int


def seen_of(streams: Iterable[Stream]) -> dict[tuple[Fact, tuple[str, ...]], Seen]:
    """Return what is asked of the facts of each kind by each key: two streams may ask the same facts."""
    found: dict[tuple[Fact, tuple[str, ...]], Seen] = {}
    for stream in streams:
        windows, width = found.get((stream.fact, stream.key), Seen((), 0))
        found[stream.fact, stream.key] = Seen(
            tuple(sorted({*windows, *stream.window_lengths})), max(width, 1 + max(stream.sums))
        )
    return found


_VERB = {Fact.DEPARTURE: "departures", Fact.ARRIVAL: "arrivals", Fact.TRANSIT: "legs"}
_PRIOR_SQUARE = PRIOR_DELAY_MINUTES**2 + PRIOR_DELAY_SPREAD_MINUTES**2


class History:
    """Turns the answers of streams into features.

    Attributes
    ----------
    features
    keys
        The key of the stream that each feature comes from.
    shrunk
        A column for each stream in order and each of its windows in order, and what the features are of these.
    """

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.streams = tuple(streams)
        place = {
            (stream.name, window): own
            for own, (stream, window) in enumerate((stream, window) for stream in streams for window in stream.windows)
        }
        columns, wanted, features, keys = [], [], [], []
        for stream in streams:
            share = _PRIOR_SQUARE if stream.is_of_squares else PRIOR_LATE_SHARE
            for window in stream.windows:
                parent = None if stream.parent is None else place[stream.parent, window]
                columns.append(Column(parent, (share, PRIOR_DELAY_MINUTES)))
                for number, kind, unit, words in _KINDS:
                    if kind in stream.gives:
                        wanted.append((number, place[stream.name, window]))
                        features.append(_declare(stream, window, kind, unit, words))
                        keys.append(stream.key)
        self.shrunk = Shrunk(tuple(columns), tuple(wanted))
        self.features, self.keys = tuple(features), tuple(keys)
        self._layout = Layout(self.shrunk)

    def values(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the features: float64 [n, len(features)].

        Parameters
        ----------
        flat : float64 [n, 3 * windows of all streams]
            For each stream in order and each of its windows in order, the count and the two sums; NaN where the leg has
            no such key, and so are then its features.
        """
        return rates_of(self._layout, flat)

    def column(self, feature: str) -> int:
        """Return where a feature stands among `features`."""
        return [declared.name for declared in self.features].index(feature)


_KINDS = (
    (COUNT, "count", "legs", "number of"),
    (SHARE, "late_share", "share", "share late among"),
    (MEAN, "delay_mean", "minutes", "mean delay of"),
    (SPREAD, "spread", "minutes", "standard deviation of the delays of"),
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
