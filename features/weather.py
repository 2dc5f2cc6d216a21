"""Weather features: the newest observation known at the cutoff, at the origin and at the destination.

It is that of the place's station (`features.stations`), and how far off that is comes with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.declaration import Feature
from features.history import HOUR
from features.instants import micros, micros_of
from features.legs import Time
from features.live_latest import LiveLatest
from features.records import WeatherObservation
from features.stations import Stations, latest_of, stood_for
from features.timeline import NEVER, Ints

COLUMNS = (
    ("temperature_c", "°C", "temperature"),
    ("dew_point_c", "°C", "dew point"),
    ("humidity_pct", "%", "humidity"),
    ("wind_speed_ms", "m/s", "wind"),
    ("wind_direction_deg", "°", "wind direction"),
    ("precipitation_mm", "mm/h", "precipitation"),
    ("pressure_hpa", "hPa", "air pressure"),
    ("visibility_km", "km", "visibility"),
)
"""Columns of the weather table, with unit and plain word."""

ASKED = (("origin", Time.PLANNED), ("destination", Time.PROMISED))
"""At which end of a leg; what is measured is asked for at the cutoff, whatever the time."""

FEATURES = tuple(
    Feature(name, unit, meaning, "weather, places", "network planning")
    for place, _ in ASKED
    for name, unit, meaning in (
        *((f"{place}_{column}", unit, f"{word} at the {place}") for column, unit, word in COLUMNS),
        (f"{place}_station_km", "km", f"distance of the weather station that stands for the {place}"),
    )
)
"""First all of the origin, then all of the destination."""

STALE_AFTER = 24 * HOUR
"""What was measured so long ago or longer is no weather of now. Yesterday's of the same hour may still do where a
station tells its weather once a day; what is older tells of the season alone."""

_NOTHING = (np.nan,) * (len(COLUMNS) + 1)


def prepare(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the whole table `weather`, once for each place that a station stands for."""
    return stood_for(frames["weather"], frames["places"])


class Observations:
    """The newest observation by place.

    Parameters
    ----------
    frame
        What `prepare` returned, or the part of some subjects.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        columns = [*(column for column, _, _ in COLUMNS), "station_km"]
        measured = frame[columns].to_numpy(dtype=np.float64, na_value=np.nan)
        self._values = np.vstack([measured, _NOTHING])
        self._occurred = np.append(micros_of(frame["occurred_at"]), -NEVER)
        code, self._places = pd.factorize(frame["subject"].to_numpy(dtype=object))
        self._latest = latest_of(frame, code.astype(np.int64))

    def at(self, places: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:  # noqa: ARG002  as every feed
        """Return the newest observation known of each place at its cutoff, and its distance: float64 [q, 9]."""
        code = pd.Index(self._places).get_indexer(pd.Index(places))
        newest = self._latest.at(code.astype(np.int64), cutoffs)
        return np.asarray(self._values[np.where(cutoffs - STALE_AFTER < self._occurred[newest], newest, -1)])


class LiveObservations:
    """The same, one observation and one question at a time."""

    def __init__(self) -> None:
        self.stations = Stations()
        self._latest = LiveLatest()
        self._held: set[tuple[str, int, int]] = set()

    def add(self, record: WeatherObservation) -> bool:
        """Take an observation in; False if it was there already."""
        occurred, known = micros(record.occurred_at), micros(record.known_at)
        identity = (record.place, occurred, known)
        if identity in self._held:
            return False
        self._held.add(identity)
        measured = [getattr(record, column) for column, _, _ in COLUMNS]
        answer = array("d", [*(np.nan if value is None else value for value in measured), occurred])
        self._latest.add(record.place, occurred, known, answer)
        self.stations.hear(record.place, max(occurred, known))
        return True

    def at(self, place: str | None, cutoff: int) -> Sequence[float]:
        """Return the newest observation known for the place at the cutoff, and its distance: 9 numbers."""
        match = None if place is None else self.stations.at(place, cutoff)
        observed = None if match is None else self._latest.at(match[1], cutoff)
        if match is None or observed is None or cutoff - STALE_AFTER >= observed[-1]:
            return _NOTHING
        return (*observed[:-1], match[0])
