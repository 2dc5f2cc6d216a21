"""Weather features: the newest observation known at the cutoff, at the origin and at the destination."""

from __future__ import annotations

from features.declaration import Feature

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

PLACES = ("origin", "destination")

FEATURES = tuple(
    Feature(f"{place}_{column}", unit, f"{word} at the {place}", "weather", "network planning")
    for place in PLACES
    for column, unit, word in COLUMNS
)
"""First all of the origin, then all of the destination."""
