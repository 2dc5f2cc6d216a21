"""Weather and disruptions along the way: the worst at the stops between the two ends that still lie ahead.

A stop lies ahead until its planned time has passed; one without a planned time always does. Of the stops the highest
wind and precipitation count, the lowest visibility and temperature, the worst disruption; what is missing at one stop
is left out. Without such stops all of it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray

from features import disruption, forecast, weather
from features.declaration import Feature
from features.instants import micros
from features.legs import Stops
from features.records import Shipment
from features.timeline import Ints

WAY = "way"
"""What a feed is asked about where the stops between the ends are meant."""

_AHEAD = "at the stops between the ends that still lie ahead"
_WORST = {
    "temperature_c": "lowest",
    "wind_speed_ms": "highest",
    "precipitation_mm": "highest",
    "visibility_km": "lowest",
}


def _measured(
    columns: Sequence[tuple[str, str, str]], prefix: str, source: str, words: str
) -> tuple[tuple[int, Feature], ...]:
    return tuple(
        (place, Feature(f"{prefix}{column}", unit, f"{_WORST[column]} {word} {words}", source, "network planning"))
        for place, (column, unit, word) in enumerate(columns)
        if column in _WORST
    )


def _disrupted(name: str, when: str) -> Feature:
    worst = f"worst severity (1 minor, 2 moderate, 3 severe) of what disrupts {when}"
    return Feature(name, "rank", worst, "disruptions, stops", "control tower")


_ASKED: Mapping[str, tuple[tuple[int, Feature], ...]] = {
    "weather": _measured(weather.COLUMNS, "way_", "weather, places, stops", _AHEAD),
    "weather_forecasts": _measured(
        forecast.COLUMNS,
        "way_forecast_",
        "weather_forecasts, places, stops",
        f"foretold {_AHEAD}, for their planned time",
    ),
    "disruptions": (
        (1, _disrupted("way_disruption_severity", "the stops between the ends that still lie ahead")),
        (2, _disrupted("way_disruption_severity_ahead", "such a stop at its planned time")),
    ),
}
"""For each feed that is asked: which of its answers count, and the features that the worst of them are."""

FEEDS_ASKED = tuple(_ASKED)
FEATURES = tuple(feature for features in _ASKED.values() for _, feature in features)

_COLUMNS = {name: np.array([column for column, _ in columns]) for name, columns in _ASKED.items()}
_SIGNS = {
    name: np.array([-1.0 if feature.meaning.startswith("lowest") else 1.0 for _, feature in columns])
    for name, columns in _ASKED.items()
}
_PICKED = {name: tuple(zip(_COLUMNS[name].tolist(), _SIGNS[name].tolist(), strict=True)) for name in _ASKED}
_WORST_BY_SIGN: Mapping[float, Callable[..., float]] = {1.0: max, -1.0: min}
_NOTHING = (np.nan,) * len(FEATURES)

Way = tuple[tuple[str, int], ...]
"""Place and planned time of each stop between the ends of one plan."""


class Ways:
    """The stops between the ends of many plans."""

    def __init__(self, stops: Stops) -> None:
        between = stops.between()
        self._plan, self._place, self._planned = stops.plan[between], stops.place[between], stops.planned[between]

    def ahead(self, plans: Ints, cutoffs: Ints) -> tuple[Ints, NDArray[np.object_], Ints]:
        """Return the stops between the ends of q plans that lie ahead of the cutoffs.

        Returns
        -------
        int64 [k], object [k], int64 [k]
            Which of the q it is a stop of, its place, its planned time.
        """
        first, end = (np.searchsorted(self._plan, plans, side=side) for side in ("left", "right"))
        count = end - first
        of = np.repeat(np.arange(len(plans)), count)
        stop = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + first[of]
        lies_ahead = self._planned[stop] >= cutoffs[of]
        of, stop = of[lies_ahead], stop[lies_ahead]
        return of, self._place[stop], self._planned[stop]


def unknown(name: str, size: int) -> NDArray[np.float64]:
    """Return the features of a feed for so many questions without a stop: NaN."""
    return np.full((size, len(_SIGNS[name])), np.nan)


def worst_of(name: str, of: Ints, answers: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the worst of what a feed answered about each stop: float64 [size, features of the feed].

    Parameters
    ----------
    name
        One of `FEEDS_ASKED`.
    of : int64 [k]
        Which of the `size` questions each stop belongs to.
    answers : float64 [k, width of the feed]
    """
    worst = unknown(name, size)
    np.fmax.at(worst, of, answers[:, _COLUMNS[name]] * _SIGNS[name])
    return np.asarray(worst * _SIGNS[name])


def way_of(plan: Shipment) -> Way:
    """Return the stops between the ends of one plan."""
    return tuple((stop.place, micros(stop.planned_at)) for stop in plan.stops[1:-1])


def values_of_one(
    way: Way,
    measured: weather.LiveObservations,
    foretold: forecast.LiveForecasts,
    disrupted: disruption.LiveDisruptions,
    cutoff: int,
) -> Sequence[float]:
    """Return the features of one plan at the cutoff: len(FEATURES) numbers."""
    ahead = [stop for stop in way if stop[1] >= cutoff]
    if not ahead:
        return _NOTHING
    answers: Mapping[str, Sequence[Sequence[float]]] = {
        "weather": [measured.at(place, cutoff) for place, _ in ahead],
        "weather_forecasts": [foretold.at(place, planned, cutoff) for place, planned in ahead],
        "disruptions": [disrupted.at(WAY, place, planned, cutoff) for place, planned in ahead],
    }
    return [
        _WORST_BY_SIGN[sign]((number for row in answers[name] if not isnan(number := row[column])), default=np.nan)
        for name in FEEDS_ASKED
        for column, sign in _PICKED[name]
    ]
