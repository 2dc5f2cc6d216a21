"""Forecast features: what the weather is foretold to be when the shipment is to leave and to arrive.

A forecast is known from its issue on, an observation never stands in for one. The hour it is about counts for the three
hours it lies in, so hourly and three-hourly feeds both answer; of several for the same three hours the newest issue
counts, and of one issue the latest hour.
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
from features.records import WeatherForecast
from features.stations import Stations, latest_of, stood_for
from features.timeline import NEVER, Ints

SLOT = 3 * HOUR

COLUMNS = (
    ("temperature_c", "°C", "temperature"),
    ("wind_speed_ms", "m/s", "wind"),
    ("precipitation_mm", "mm/h", "precipitation"),
    ("visibility_km", "km", "visibility"),
)
"""Columns of the table of forecasts, with unit and plain word."""

ASKED = (("origin", Time.PLANNED), ("destination", Time.PROMISED))
"""At which end of a leg, and for what time."""

WIDTH = len(COLUMNS) + 1
_OWNER = "network planning"
_WHEN = {Time.PLANNED: "the planned departure at the origin", Time.PROMISED: "the promised arrival at the destination"}


def _declared(place: str, time: int) -> tuple[Feature, ...]:
    measures = tuple(
        Feature(
            f"{place}_forecast_{column}",
            unit,
            f"{word} foretold for {_WHEN[time]}",
            "weather_forecasts, places",
            _OWNER,
        )
        for column, unit, word in COLUMNS
    )
    age = f"time since the forecast for {_WHEN[time]} was issued"
    return (*measures, Feature(f"{place}_forecast_age_hours", "hours", age, "weather_forecasts, places", _OWNER))


FEATURES = tuple(feature for place, time in ASKED for feature in _declared(place, time))
"""First all of the origin, then all of the destination."""


def prepare(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the whole table `weather_forecasts`, once for each place that a station stands for."""
    return stood_for(frames["weather_forecasts"], frames["places"])


class Forecasts:
    """The newest forecast by place and three hours.

    Parameters
    ----------
    frame
        What `prepare` returned, or the part of some subjects.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        frame = frame.sort_values(["known_at", "valid_at"], kind="stable")
        measured = frame[[column for column, _, _ in COLUMNS]].to_numpy(dtype=np.float64, na_value=np.nan)
        issued = micros_of(frame["occurred_at"])
        answers = np.column_stack([measured, issued.astype(np.float64)])
        self._answers = np.vstack([answers, np.full((1, WIDTH), np.nan)])
        code, self._places = pd.factorize(frame["subject"].to_numpy(dtype=object))
        self._slots, slot = np.unique(micros_of(frame["valid_at"]) // SLOT, return_inverse=True)
        self._latest = latest_of(frame, self._key(code, slot))

    def at(self, places: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return what is foretold at each place for its target, as known at its cutoff: float64 [q, WIDTH]."""
        code = pd.Index(self._places).get_indexer(pd.Index(places)).astype(np.int64)
        slot = pd.Index(self._slots).get_indexer(pd.Index(targets // SLOT)).astype(np.int64)
        key = np.where((code < 0) | (slot < 0) | (targets == NEVER), -1, self._key(code, slot))
        found = self._answers[self._latest.at(key, cutoffs)]
        found[:, -1] = (cutoffs - found[:, -1]) / HOUR
        return np.asarray(found)

    def _key(self, code: Ints, slot: Ints) -> Ints:
        return code.astype(np.int64) * (len(self._slots) + 1) + slot


class LiveForecasts:
    """The same, one forecast and one question at a time."""

    def __init__(self) -> None:
        self.stations = Stations()
        self._latest = LiveLatest()
        self._held: set[tuple[str, int, int, int]] = set()

    def add(self, record: WeatherForecast) -> bool:
        """Take a forecast in; False if it was there already."""
        valid, issued, known = micros(record.valid_at), micros(record.occurred_at), micros(record.known_at)
        identity = (record.place, valid, issued, known)
        if identity in self._held:
            return False
        self._held.add(identity)
        measured = [getattr(record, column) for column, _, _ in COLUMNS]
        # The hour comes first, so that of one issue the latest hour counts.
        answer = array("d", [valid, *(np.nan if value is None else value for value in measured), issued])
        self._latest.add((record.place, valid // SLOT), issued, known, answer)
        self.stations.hear(record.place, max(issued, known))
        return True

    def at(self, place: str | None, target: int, cutoff: int) -> Sequence[float]:
        """Return what is foretold at the place for the target, as known at the cutoff: WIDTH numbers."""
        match = None if target == NEVER or place is None else self.stations.at(place, cutoff)
        found = None if match is None else self._latest.at((match[1], target // SLOT), cutoff)
        if found is None:
            return _NOTHING
        _, *measured, issued = found
        measured.append((cutoff - issued) / HOUR)
        return measured


_NOTHING = (np.nan,) * WIDTH
