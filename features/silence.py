"""Silence of the carrier: how long it has told of no departure and no delivery, against what it usually tells.

What is told counts from when it is both past and known, and what is told otherwise counts anew; a plan that says again
what was known, or changes something else, tells nothing. A carrier with ten
departures a day that has told of none for a day is silent; one with ten a month is not. So beside the hours stand the
departures that usually come in as long.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature
from features.history import HOUR, WINDOWS
from features.legs import Row, Time
from features.timeline import NEVER, Ints, Latest

KEY = ("carrier",)
WINDOW = "28d"
USUAL = f"carrier_departures_count_{WINDOW}"
"""The feature of the history that says how much the carrier usually tells."""

TOLD = ((Time.DEPARTED, Time.DEPARTED_KNOWN), (Time.DELIVERED, Time.DELIVERED_KNOWN))
"""What is told: the columns of when it happened and when it was known."""

_SOURCE, _OWNER = "shipments, stops, events", "carrier management"

FEATURES = (
    Feature(
        "carrier_silent_hours",
        "hours",
        "time since the carrier last told of a departure or a delivery",
        _SOURCE,
        _OWNER,
    ),
    Feature(
        "carrier_silence_departures",
        "legs",
        "departures that the carrier usually has in as long as it has been silent",
        _SOURCE,
        _OWNER,
        WINDOW,
    ),
)

_WINDOW_HOURS = WINDOWS[WINDOW] / HOUR


class Reports:
    """When something was told last, by key.

    Parameters
    ----------
    codes : int64 [n]
        Key of each version of a leg, negative where it has none.
    times : int64 [n, len(Time)]
    """

    def __init__(self, codes: Ints, times: Ints) -> None:
        keys, starts = starts_of_reports(codes, times)
        self._starts = np.append(starts, NEVER)
        self._latest = Latest(keys, starts, starts)

    def at(self, codes: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return when each key last told of anything, in microseconds, NaN if never: float64 [q, 1]."""
        last = self._starts[self._latest.at(codes, cutoffs)]
        return np.where(last == NEVER, np.nan, last.astype(np.float64))[:, None]


def starts_of_reports(codes: Ints, times: Ints) -> tuple[Ints, Ints]:
    """Return key and start of each thing that versions of legs tell first: both int64 [m].

    Parameters
    ----------
    codes, times
        Of the versions in order, leg after leg.
    """
    keys, starts = [], []
    # Versions of a leg stand one after the other, and the last of each has no end.
    follows = np.zeros(len(codes), dtype=bool)
    follows[1:] = (times[1:, Time.SINCE] == times[:-1, Time.UNTIL]) & (codes[1:] == codes[:-1])
    for happened, known in TOLD:
        # What a later version says was known only from when that version was.
        start = np.maximum(times[:, known], times[:, Time.SINCE])
        told = (codes >= 0) & (start < times[:, Time.UNTIL])
        again = follows & np.append(False, told)[: len(told)]
        for column in (happened, known, Time.KNOWN, Time.BOOKED):
            again[1:] &= times[1:, column] == times[:-1, column]
        told &= ~again
        keys.append(codes[told])
        starts.append(start[told])
    return np.concatenate(keys), np.concatenate(starts)


def reports_of_leg(versions: Iterable[tuple[str | None, Row]]) -> list[tuple[str, int]]:
    """Return what the versions of one leg, each with its carrier, tell first: the carrier and the start of each."""
    reports: list[tuple[str, int]] = []
    before: list[tuple[str, int, int] | None] = [None] * len(TOLD)
    for carrier, row in versions:
        for place, (happened, known) in enumerate(TOLD):
            start = start_of_report(row, known)
            told = None if carrier is None or start == NEVER else (carrier, row[happened], row[known])
            if told is not None and told != before[place]:
                reports.append((told[0], start))
            before[place] = told
    return reports


def start_of_report(row: Row, known: int) -> int:
    """Return from when one version of a leg tells of one of `TOLD`, `NEVER` if it does not."""
    start = max(row[known], row[Time.SINCE])
    return start if start < row[Time.UNTIL] else NEVER


def values(last: NDArray[np.float64], usual: NDArray[np.float64], cutoffs: Ints) -> NDArray[np.float64]:
    """Return the features: float64 [q, len(FEATURES)].

    Parameters
    ----------
    last : float64 [q, 1]
        What `Reports.at` returned.
    usual : float64 [q]
        The feature `USUAL`.
    cutoffs : int64 [q]
    """
    hours = (cutoffs - last[:, 0]) / HOUR
    return np.stack([hours, hours * usual / _WINDOW_HOURS], axis=1)


def values_of_one(last: int, usual: float, cutoff: int) -> list[float]:
    """Return `values` of one row: the same operations, so the same bits; `last` is `NEVER` if there is none."""
    hours = np.nan if last == NEVER else (cutoff - last) / HOUR
    return [hours, hours * usual / _WINDOW_HOURS]
