"""Weather features: the newest observation known at the cutoff, at the origin and at the destination."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.declaration import Feature
from features.instants import micros_of
from features.legs import Time
from features.timeline import Ints, Latest

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
    Feature(f"{place}_{column}", unit, f"{word} at the {place}", "weather", "network planning")
    for place, _ in ASKED
    for column, unit, word in COLUMNS
)
"""First all of the origin, then all of the destination."""


class Observations:
    """The newest observation by place.

    Parameters
    ----------
    frame
        Rows of the table `weather`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        columns = [column for column, _, _ in COLUMNS]
        measured = frame[columns].to_numpy(dtype=np.float64, na_value=np.nan)
        self._values = np.vstack([measured, np.full((1, len(columns)), np.nan)])
        code, self._places = pd.factorize(frame["place"].to_numpy(dtype=object))
        self._latest = Latest(code, micros_of(frame["occurred_at"]), micros_of(frame["known_at"]))

    def at(self, places: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:  # noqa: ARG002  as every feed
        """Return the newest observation known of each place at its cutoff: float64 [q, len(COLUMNS)]."""
        code = pd.Index(self._places).get_indexer(pd.Index(places))
        return np.asarray(self._values[self._latest.at(code.astype(np.int64), cutoffs)])
