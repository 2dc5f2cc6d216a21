"""Weather as foretold: once a day for the two days to come, the less right the farther ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.simulate.frames import frame, instants
from training.simulate.network import PLACES
from training.simulate.settings import SimulationSettings
from training.simulate.weather import Weather

EVERY_HOURS, STEP_HOURS, AHEAD_HOURS = 24, 3, 48
TOLD_AFTER_HOURS = 1.0
_ERRORS = {"temperature_c": (0.5, 0.05), "wind_speed_ms": (0.6, 0.06)}
"""Standard deviation of the error of a forecast for now, and what each hour ahead adds to it."""
_MISSED = 0.02
"""How fast rain that is foretold turns into what is usual, by the hour ahead."""


def make_forecasts(weather: Weather, settings: SimulationSettings, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table `weather_forecasts`."""
    hours = settings.horizon_hours
    place, issued, lead = (
        index.ravel()
        for index in np.meshgrid(
            np.arange(len(PLACES)),
            np.arange(0, hours, EVERY_HOURS),
            np.arange(STEP_HOURS, AHEAD_HOURS + 1, STEP_HOURS),
            indexing="ij",
        )
    )
    inside = issued + lead < hours
    place, issued, lead = place[inside], issued[inside], lead[inside]
    valid = issued + lead
    foretold = {
        name: np.round(getattr(weather, name)[place, valid] + (now + each * lead) * rng.standard_normal(len(valid)), 1)
        for name, (now, each) in _ERRORS.items()
    }
    trust = np.exp(-_MISSED * lead)
    rain, seen = weather.precipitation_mm, weather.visibility_km
    foretold["wind_speed_ms"] = np.maximum(foretold["wind_speed_ms"], 0.0)
    return frame(
        "weather_forecasts",
        {
            **foretold,
            "precipitation_mm": np.round(trust * rain[place, valid] + (1 - trust) * rain.mean(axis=1)[place], 1),
            "visibility_km": np.round(trust * seen[place, valid] + (1 - trust) * seen.mean(axis=1)[place], 1),
            "place": np.array([each.code for each in PLACES])[place],
            "valid_at": instants(settings.start, valid.astype(np.float64)),
            "occurred_at": instants(settings.start, issued.astype(np.float64)),
            "known_at": instants(settings.start, issued.astype(np.float64) + TOLD_AFTER_HOURS),
        },
        by=("known_at", "place", "valid_at"),
    )
