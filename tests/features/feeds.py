"""What a generated world does not tell: forecasts, disruptions, weather measured beside a place, and damage."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from features.fields import Record
from features.records import Disruption, Place, WeatherForecast
from features.tables import RecordTables
from features.vocabulary import DisruptionKind, Severity

STATION = "10870"
"""The station beside the place."""


def with_feeds(world: RecordTables, seed: int = 4) -> RecordTables:
    """Add generated forecasts, some known late, and disruptions that are told anew and end early.

    The weather of one place is measured at a station beside it.
    """
    rng = np.random.default_rng(seed)
    first, last = world.shipments["known_at"].min(), world.shipments["known_at"].max()
    days = (last - first).days
    told: list[Record] = []
    for place in pd.unique(world.stops["place"]):
        for step in range(days):
            issued = (first + timedelta(hours=24 * step)).to_pydatetime()
            told += [
                WeatherForecast(
                    place=place, occurred_at=issued, known_at=issued + timedelta(hours=float(rng.integers(3))),
                    valid_at=issued + timedelta(hours=ahead), wind_speed_ms=float(rng.gamma(2, 4)),
                )
                for ahead in range(3, 60, 3)
            ]  # fmt: skip
    carriers, places = pd.unique(world.shipments["carrier_id"]), pd.unique(world.stops["place"])
    for number in range(60):
        known = (first + timedelta(hours=float(rng.integers(days * 24)))).to_pydatetime()
        start = known + timedelta(hours=float(rng.integers(-12, 36)))
        hit = {"carrier_id": rng.choice(carriers)} if number % 3 == 0 else {"place": rng.choice(places)}
        one = Disruption(
            disruption_id=f"D{number}", kind=DisruptionKind.OTHER, severity=list(Severity)[number // 3 % 3],
            occurred_at=known, known_at=known, valid_from=start, **hit,
        )  # fmt: skip
        told.append(one)
        over = known + timedelta(hours=float(rng.integers(1, 48)))
        told.append(one.model_copy(update={"known_at": over, "valid_until": max(over, start) + timedelta(hours=1)}))
    known = first.to_pydatetime()
    lie = {places[-1]: 48.14, STATION: 48.35, places[0]: 51.92}
    told += [
        Place(place=place, latitude=latitude, longitude=11.58, occurred_at=known, known_at=known)
        for place, latitude in lie.items()
    ]
    feeds = RecordTables.from_records(told)
    tables = {field: getattr(world, field) for field in world.__slots__}
    elsewhere = world.weather.replace({"place": {places[-1]: STATION}})
    made = {table: getattr(feeds, table) for table in ("weather_forecasts", "disruptions", "places")}
    return RecordTables(**{**tables, **made, "weather": elsewhere})


def with_damage(world: RecordTables) -> RecordTables:
    """Let the reports of loading be reports of damage, of each third shipment."""
    third = world.events["shipment_id"].isin(pd.unique(world.shipments["shipment_id"])[::3])
    status = world.events["status"].mask(third & (world.events["status"] == "loaded"), "damaged")
    return replace(world, events=world.events.assign(status=status))
