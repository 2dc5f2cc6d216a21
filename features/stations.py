"""Which weather station stands for a place: the place itself, or the nearest that tells something, if it is near.

A place that weather is told of under its own name is its own station. Another one takes the nearest station within
`WITHIN_KM`; where there is none, its weather is missing. Both are read as they were known: a station counts from when
it was first heard of and it is known where it lies. One that has told nothing for `SILENT_AFTER` gives way to the
nearest that has, until it tells something again; where all are silent, the nearest stands all the same.

The limit is half of the 100 km that a synoptic station should stand for (WMO-No. 8, Guide to Instruments and Methods of
Observation, chapter 1), since freight also meets what is local. Distances are great-circle distances (haversine) on a
sphere.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd

from features.errors import RecordError
from features.history import HOUR
from features.instants import micros, micros_of
from features.records import Place
from features.timeline import NEVER, Ints, Latest, starts_of

WITHIN_KM = 50.0
SILENT_AFTER = 24 * HOUR
"""Some feeds of forecasts, and of climate, come twice a day: half a day late is not silent yet."""

_EARTH_RADIUS_KM = 6_371.0
_KM_PER_DEGREE = 110.0
"""No degree of latitude is shorter."""


class Match(NamedTuple):
    """A station stands for a place on `[since, until)`, so many kilometres away."""

    since: int
    until: int
    station: str
    km: float


class _Near(NamedTuple):
    """On `[since, until)` these stations, with their distances, may stand for a place, the nearest first."""

    since: int
    until: int
    stations: tuple[tuple[float, str], ...]


class _Position(NamedTuple):
    """Where a place lies, in the order in which that holds: what happened last, and was known last."""

    occurred: int
    known: int
    latitude: float
    longitude: float


class Stations:
    """Places and stations of one feed, told in any order."""

    __slots__ = ("_by_latitude", "_found", "_heard", "_held", "_positions")

    def __init__(self) -> None:
        self._positions: dict[str, list[_Position]] = {}
        self._heard: dict[str, array[int]] = {}
        self._found: dict[str, tuple[_Near, ...]] = {}
        self._held: dict[str, tuple[int, int, tuple[float, str]]] = {}
        self._by_latitude: list[tuple[float, str]] | None = None

    @classmethod
    def of_tables(cls, places: pd.DataFrame, told: pd.DataFrame) -> Stations:
        """Return the stations of the table `places` and of what a feed has told: its columns place and both clocks."""
        stations = cls()
        times = (micros_of(places[column]).tolist() for column in ("occurred_at", "known_at"))
        columns = (places["place"], *times, places["latitude"].tolist(), places["longitude"].tolist())
        for place, *position in zip(*columns, strict=True):
            stations._positions.setdefault(place, []).append(_Position(*position))
        heard = starts_of(micros_of(told["occurred_at"]), micros_of(told["known_at"]))
        reports = pd.Series(heard, dtype=np.int64).groupby(told["place"].to_numpy(object))
        stations._heard = {str(station): array("q", np.unique(times).tobytes()) for station, times in reports}
        return stations

    def check(self, record: Place) -> None:
        """Raise if a place is told twice in one instant, with other contents."""
        new = _position_of(record)
        for position in self._positions.get(record.place, ()):
            if position.known == new.known and position != new:
                raise RecordError(
                    f"Place '{record.place}' is told twice at {record.known_at.isoformat()}, so neither is the newer "
                    f"one. Give the changed one the `known_at` at which it was learnt."
                )

    def locate(self, record: Place) -> bool:
        """Take in where a place lies; False if that was known before."""
        position, positions = _position_of(record), self._positions.setdefault(record.place, [])
        if position in positions:
            return False
        positions.append(position)
        self._forget()
        return True

    def hear(self, station: str, start: int) -> None:
        """Take in that a station has told something, which counts from `start` on."""
        reports = self._heard.setdefault(station, array("q"))
        first = reports[0] if reports else NEVER
        insort(reports, start)
        if start < first:
            self._forget()

    def names(self) -> Iterable[str]:
        """Return the places that may have a station."""
        return dict.fromkeys((*self._heard, *self._positions))

    def matches(self, place: str) -> tuple[Match, ...]:
        """Return the stations of a place in order of time."""
        matches: list[Match] = []
        for since, until, near in self._nearby(place):
            turns = {turn for _, station in near for turn in self._turns(station) if since < turn < until}
            bounds = [since, *sorted(turns), until]
            for start, end in pairwise(bounds):
                km, station = self._chosen(near, start)
                last = matches[-1] if matches else None
                if last is not None and last[1:] == (start, station, km):
                    matches[-1] = last._replace(until=end)
                else:
                    matches.append(Match(start, end, station, km))
        return tuple(matches)

    def at(self, place: str, cutoff: int) -> tuple[float, str] | None:
        """Return distance and name of the station of a place at the cutoff."""
        held = self._held.get(place)
        if held is not None and held[0] <= cutoff < held[1]:
            return held[2]
        for since, until, near in reversed(self._nearby(place)):
            if since <= cutoff:
                if cutoff >= until:
                    return None
                told = self._newest_report(near[0][1], cutoff)
                if len(near) == 1:  # silent or not, there is no other
                    self._held[place] = since, until, near[0]
                elif cutoff < told + SILENT_AFTER:
                    # The nearest is not silent for so long, whatever it tells meanwhile.
                    self._held[place] = max(since, told), min(until, told + SILENT_AFTER), near[0]
                return self._chosen(near, cutoff)
        return None

    def _chosen(self, near: tuple[tuple[float, str], ...], instant: int) -> tuple[float, str]:
        """Return the nearest station that is not silent at the instant, the nearest if all are."""
        for one in near:
            if instant < self._newest_report(one[1], instant) + SILENT_AFTER:
                return one
        return near[0]

    def _newest_report(self, station: str, instant: int) -> int:
        """Return when a station told something last before the instant, long ago if it had not."""
        reports = self._heard[station]
        told = bisect_right(reports, instant)
        return reports[told - 1] if told else -NEVER

    def _turns(self, station: str) -> Iterable[int]:
        """Return when a station falls silent, and when it is heard again."""
        reports = np.frombuffer(self._heard[station], dtype=np.int64)
        ends = np.flatnonzero(np.diff(reports) > SILENT_AFTER)
        return [*reports[ends + 1].tolist(), *(reports[[*ends, -1]] + SILENT_AFTER).tolist()]

    def _nearby(self, place: str) -> tuple[_Near, ...]:
        found = self._found.get(place)
        if found is None:
            found = self._searched(place)
            if place in self._positions or place in self._heard:
                self._found[place] = found
        return found

    def _forget(self) -> None:
        self._found.clear()
        self._held.clear()
        self._by_latitude = None

    def _searched(self, place: str) -> tuple[_Near, ...]:
        own = self._heard[place][0] if place in self._heard else NEVER
        near = self._near(place)
        turns = {own} | {max(one.occurred, one.known) for one in self._positions.get(place, ())}
        for station in near:
            turns.add(self._heard[station][0])
            turns.update(max(one.occurred, one.known) for one in self._positions[station])
        found: list[_Near] = []
        for since in sorted(turns - {NEVER}):
            its_own = ((0.0, place),) if own <= since else ()
            stations = (*its_own, *self._within_reach(place, near, since))
            last = found[-1] if found else None
            if last is not None and last.until == NEVER:
                if stations == last.stations:
                    continue
                found[-1] = last._replace(until=since)
            if stations:
                found.append(_Near(since, NEVER, stations))
        return tuple(found)

    def _near(self, place: str) -> set[str]:
        """Return the stations in the belt of latitude that holds all within reach of the place, wherever it lay."""
        if self._by_latitude is None:
            self._by_latitude = sorted(
                (one.latitude, station) for station in self._heard for one in self._positions.get(station, ())
            )
        reach = WITHIN_KM / _KM_PER_DEGREE
        near: set[str] = set()
        for own in self._positions.get(place, ()):
            first = bisect_left(self._by_latitude, (own.latitude - reach,))
            end = bisect_right(self._by_latitude, (own.latitude + reach, "\U0010ffff"))
            near.update(station for _, station in self._by_latitude[first:end])
        return near - {place}

    def _within_reach(self, place: str, near: Iterable[str], instant: int) -> list[tuple[float, str]]:
        """Return distances and names of the stations known within reach of a place at the instant, nearest first."""
        here = self._position(place, instant)
        if here is None:
            return []
        found = []
        for station in near:
            there = self._position(station, instant)
            if there is not None and self._heard[station][0] <= instant:
                km = distance_km(here.latitude, here.longitude, there.latitude, there.longitude)
                if km <= WITHIN_KM:
                    found.append((km, station))
        return sorted(found)

    def _position(self, place: str, instant: int) -> _Position | None:
        known = (one for one in self._positions.get(place, ()) if max(one.occurred, one.known) <= instant)
        return max(known, default=None)


def stood_for(told: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Return what stations told, once for each place that they stand for.

    Parameters
    ----------
    told
        Rows of a feed, with the columns place, occurred_at and known_at.
    places
        Rows of the table `places`.

    Returns
    -------
    DataFrame
        The same columns, and `subject`, the place that it is told of; int64 `since` and `until`, from when and until
        when its station stands for that; `station_km`, how far off it is. In order of `known_at`.
    """
    stations = Stations.of_tables(places, told)
    rows = [(name, *match) for name in stations.names() for match in stations.matches(name)]
    pairs = pd.DataFrame(rows, columns=["subject", "since", "until", "place", "station_km"])
    types = {"subject": object, "place": object, "since": np.int64, "until": np.int64, "station_km": np.float64}
    told = told.sort_values("known_at", kind="stable").reset_index(drop=True)
    code = pd.Index(told["place"].unique())
    numbered = told.assign(number=code.get_indexer(told["place"])).drop(columns="place")
    pairs = pairs.astype(types).assign(number=code.get_indexer(pairs["place"]))
    return numbered.merge(pairs, on="number").drop(columns="number").sort_values("known_at", kind="stable")


def latest_of(frame: pd.DataFrame, keys: Ints) -> Latest:
    """Return the newest rows by key of what `stood_for` returned, each while its station stands for its subject."""
    occurred, until = micros_of(frame["occurred_at"]), frame["until"].to_numpy(dtype=np.int64)
    known = np.maximum(micros_of(frame["known_at"]), frame["since"].to_numpy(dtype=np.int64))
    # What was over before it was known never counted.
    return Latest(keys, occurred, known, np.maximum(until, starts_of(occurred, known)))


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the great-circle distance of two points given in degrees (haversine)."""
    north, other_north = radians(latitude), radians(other_latitude)
    across = sin((other_north - north) / 2) ** 2
    along = sin(radians(other_longitude - longitude) / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * asin(min(1.0, sqrt(across + cos(north) * cos(other_north) * along)))


def _position_of(record: Place) -> _Position:
    return _Position(micros(record.occurred_at), micros(record.known_at), record.latitude, record.longitude)
