"""Six quiet weeks of two carriers, made by hand: a plan and its two scans every two hours, weather every hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd

from features.fields import Record
from features.quality.check import measures_of
from features.quality.measures import Kind, Measure
from features.quality.settings import QualitySettings
from features.records import DeliveryEvent, Shipment, Stop, WeatherObservation
from features.tables import RecordTables
from features.vocabulary import EventStatus, Mode, StopKind

START = datetime(2026, 1, 5, tzinfo=UTC)
AT = START + timedelta(days=42)
SETTINGS = QualitySettings()
HOUR = timedelta(hours=1)


@cache
def quiet() -> RecordTables:
    rng = np.random.default_rng(5)
    records: list[Record] = []
    for number in range(42 * 12):
        booked = START + number * 2 * HOUR
        for carrier in ("RHEI", "VELO"):
            name = f"{carrier}{number}"
            left, came = booked + 5 * HOUR, booked + 14 * HOUR
            stops = (
                Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=left),
                Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=came),
            )
            weight = round(float(np.exp(rng.normal(5, 0.5))), 1)
            records.append(
                Shipment(
                    shipment_id=name, carrier_id=carrier, mode=Mode.ROAD_LTL, stops=stops, weight_kg=weight,
                    occurred_at=booked, known_at=booked,
                )
            )  # fmt: skip
            for status, happened in ((EventStatus.DEPARTED, left), (EventStatus.DELIVERED, came)):
                known = happened + timedelta(minutes=float(rng.uniform(5, 20)))
                records.append(
                    DeliveryEvent(
                        event_id=f"{name}-{status}", shipment_id=name, status=status, place="NLRTM", raw_status="X",
                        occurred_at=happened, known_at=known,
                    )
                )  # fmt: skip
    for hour in range(42 * 24):
        at = START + hour * HOUR
        records.append(WeatherObservation(place="NLRTM", temperature_c=5.0, occurred_at=at, known_at=at))
    return RecordTables.from_records(records)


def of_carrier(tables: RecordTables, carrier: str) -> pd.Series:
    """Tell which events are of a carrier."""
    return tables.events["shipment_id"].str.startswith(carrier)


def with_events(change: Callable[[pd.DataFrame], pd.DataFrame]) -> RecordTables:
    """Return the quiet weeks with changed events."""
    return replace(quiet(), events=change(quiet().events.copy()))


def alarms(tables: RecordTables, at: datetime = AT) -> list[Measure]:
    return [measure for measure in measures_of(tables, at, SETTINGS) if measure.alarm]


def only(tables: RecordTables, at: datetime = AT) -> Measure:
    """Return the only alarm."""
    (alarm,) = alarms(tables, at)
    return alarm


def measured(tables: RecordTables, kind: Kind, feed: str, carrier: str | None, field: str | None = None) -> Measure:
    """Return the measure of that kind."""
    (found,) = [
        one
        for one in measures_of(tables, AT, SETTINGS)
        if (one.kind, one.feed, one.carrier, one.field) == (kind, feed, carrier, field)
    ]
    return found
