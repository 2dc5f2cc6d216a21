"""Hourly weather of every place: auto-regressive, with storms that cross the map from west to east."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.simulate.frames import frame, instants
from training.simulate.network import PLACES
from training.simulate.processes import autoregressive
from training.simulate.settings import SimulationSettings

Floats = NDArray[np.float64]

STORMS_PER_DAY = 0.22
KM_PER_DEGREE = 111.0


@dataclass(frozen=True, slots=True)
class Weather:
    """What was measured: each field float64 [places, hours], rounded as it is published."""

    temperature_c: Floats
    dew_point_c: Floats
    humidity_pct: Floats
    wind_speed_ms: Floats
    wind_direction_deg: Floats
    precipitation_mm: Floats
    pressure_hpa: Floats
    visibility_km: Floats

    def severity(self) -> Floats:
        """Return how much the weather hinders work and traffic: 0 not at all, 1 badly, [places, hours].

        It is a function of what is published, so a model that reads the observations could learn it.
        """
        gusty = np.maximum(self.wind_speed_ms - 9.0, 0.0) / 8.0
        wet = self.precipitation_mm / 8.0
        icy = 0.6 * ((self.temperature_c < 0.5) & (self.precipitation_mm > 0.2))
        foggy = 0.4 * (self.visibility_km < 1.0)
        return np.asarray(np.minimum(gusty + wet + icy + foggy, 2.5), dtype=np.float64)


def make_weather(settings: SimulationSettings, rng: np.random.Generator) -> Weather:
    """Return the weather of `PLACES` for every hour of the horizon."""
    places, hours = len(PLACES), settings.horizon_hours
    hour = np.arange(hours)
    day_of_year = settings.start.timetuple().tm_yday + hour / 24
    latitudes = np.array([place.latitude for place in PLACES])[:, None]
    longitudes = np.array([place.longitude for place in PLACES])[:, None]
    storm = _storms(latitudes[:, 0], longitudes[:, 0], day_of_year, rng)

    season = -np.cos(2 * np.pi * (day_of_year - 20) / 365.25)
    daily = -np.cos(2 * np.pi * (hour - 3 + longitudes / 15) / 24)
    temperature = (
        22.0 - 0.25 * latitudes + 9.5 * season + 3.5 * daily
        + 3.5 * autoregressive(places, hours, 0.985, rng) - 2.0 * storm
    )  # fmt: skip
    damp = autoregressive(places, hours, 0.97, rng)
    humidity = np.clip(72.0 - 6.0 * daily + 11.0 * damp + 14.0 * storm, 20.0, 100.0)
    wind = np.clip(3.6 * np.exp(0.42 * autoregressive(places, hours, 0.93, rng)) + 12.0 * storm, 0.0, 45.0)
    direction = (250.0 + 55.0 * autoregressive(places, hours, 0.95, rng)) % 360.0
    shower = np.maximum(damp - 1.5, 0.0) + 1.6 * storm
    precipitation = np.where(shower > 0.15, shower * rng.gamma(1.6, 1.1, size=shower.shape), 0.0)
    pressure = 1015.0 - 22.0 * storm + 5.0 * autoregressive(places, hours, 0.99, rng)
    fog = (humidity > 95.0) & (wind < 2.5)
    visibility = np.where(fog, 0.6, np.clip(20.0 - 2.2 * precipitation, 2.0, 20.0))
    return Weather(
        temperature_c=_published(temperature),
        dew_point_c=_published(temperature - (100.0 - humidity) / 5.0),
        humidity_pct=_published(humidity, 0),
        wind_speed_ms=_published(wind),
        wind_direction_deg=_published(direction, -1) % 360.0,
        precipitation_mm=_published(precipitation),
        pressure_hpa=_published(pressure),
        visibility_km=_published(visibility),
    )


def weather_frame(weather: Weather, settings: SimulationSettings, rng: np.random.Generator) -> pd.DataFrame:
    """Return the canonical table; each hour is known 5 to 20 minutes later, seldom some hours later."""
    places, hours = weather.temperature_c.shape
    occurred = np.tile(np.arange(hours, dtype=np.float64), places)
    lag = rng.uniform(5, 20, size=places * hours) / 60
    held_up = rng.random(places * hours) < 0.004
    lag = lag + np.where(held_up, rng.uniform(1, 6, size=places * hours), 0.0)
    # A barometer fails now and then: a missing value is part of every real feed.
    pressure = weather.pressure_hpa.ravel().copy()
    pressure[rng.random(places * hours) < 0.02] = np.nan
    columns = {name: getattr(weather, name).ravel() for name in Weather.__dataclass_fields__}
    return frame(
        "weather",
        {
            **columns,
            "pressure_hpa": pressure,
            "place": np.repeat([place.code for place in PLACES], hours),
            "occurred_at": instants(settings.start, occurred),
            "known_at": instants(settings.start, occurred + lag),
        },
        by=("known_at", "place", "occurred_at"),
    )


def _published(values: NDArray[Any], digits: int = 1) -> Floats:
    return np.asarray(np.round(values, digits), dtype=np.float64)


def _storms(latitudes: Floats, longitudes: Floats, day_of_year: Floats, rng: np.random.Generator) -> Floats:
    """Return the strength of storms, float64 [places, hours]: each moves east, grows and fades."""
    hours = len(day_of_year)
    rate = STORMS_PER_DAY * (1 + 0.4 * np.cos(2 * np.pi * (day_of_year - 20) / 365.25))  # most in winter
    strength = np.zeros((len(latitudes), hours))
    for start in np.flatnonzero(rng.random(hours) < rate / 24).tolist():
        life = rng.uniform(30, 66)
        age = np.arange(min(int(life), hours - start), dtype=np.float64)
        speed_kmh, radius_km = rng.uniform(18, 45), rng.uniform(220, 520)
        latitude = rng.normal(50.5, 3.5) + 0.03 * age
        km_per_degree = KM_PER_DEGREE * np.cos(np.radians(latitude))
        longitude = rng.uniform(-12, 14) + speed_kmh * age / km_per_degree
        north = KM_PER_DEGREE * (latitudes[:, None] - latitude)
        east = km_per_degree * (longitudes[:, None] - longitude)
        reach = np.exp(-(north**2 + east**2) / (2 * radius_km**2))
        strength[:, start : start + len(age)] += rng.uniform(0.5, 1.5) * np.sin(np.pi * (age + 1) / life) * reach
    return strength
