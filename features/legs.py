"""Legs: the plan and the milestones of shipments, as plain numbers, for all shipments of tables or for one record.

A milestone is the *first known* event of a status; a repeat of the same status changes nothing. Times are int64
microseconds, `NEVER` where missing; other numbers are float64, NaN where missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import MAX_DELAY_MINUTES, Fact
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.timeline import NEVER, Ints
from features.vocabulary import Classifier, CustomerTier, EventStatus

if TYPE_CHECKING:
    from features.records import DeliveryEvent, Shipment

MINUTE = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Time(IntEnum):
    """Columns of `Legs.times`."""

    BOOKED = 0
    KNOWN = 1
    PLANNED = 2
    PROMISED = 3
    DEPARTED = 4
    DEPARTED_KNOWN = 5
    DELIVERED = 6
    DELIVERED_KNOWN = 7
    CLOSED_KNOWN = 8


Row = tuple[int, ...]
"""Times of one leg, as the columns of `Legs.times`."""


class Number(IntEnum):
    """Columns of `Legs.numbers`."""

    DEPARTURE_MINUTE = 0
    DEPARTURE_WEEKDAY = 1
    PROMISE_MINUTE = 2
    DISTANCE_KM = 3
    WEIGHT_KG = 4
    PIECES = 5
    VALUE = 6
    TIER = 7


KEYS = ("carrier", "origin", "destination", "service", "vehicle")
"""Fields of a leg that streams may use as keys."""

CLOSED = frozenset({EventStatus.CANCELLED, EventStatus.DIVERTED, EventStatus.RETURNED, EventStatus.REFUSED})
"""Statuses after which a shipment will not be delivered as promised, and is no longer waited for."""

_TIERS = {tier.value: float(rank) for rank, tier in enumerate(CustomerTier)}


@dataclass(frozen=True, slots=True)
class Legs:
    """Plan and milestones of n shipments.

    Attributes
    ----------
    ids : str [n]
    keys : object [n] for each of `KEYS`; None where missing
    times : int64 [n, len(Time)]
    numbers : float64 [n, len(Number)]
    """

    ids: NDArray[np.object_]
    keys: Mapping[str, NDArray[np.object_]]
    times: Ints
    numbers: NDArray[np.float64]

    @classmethod
    def of_tables(cls, tables: RecordTables) -> Legs:
        """Return the legs of all shipments of the tables, in the order of the shipments."""
        shipments = tables.shipments
        stops = tables.stops.sort_values(["shipment_id", "sequence"], kind="stable")
        first = stops.drop_duplicates("shipment_id").set_index("shipment_id").reindex(shipments["shipment_id"])
        last = stops.drop_duplicates("shipment_id", keep="last").set_index("shipment_id")
        last = last.reindex(shipments["shipment_id"])

        times = np.full((len(shipments), len(Time)), NEVER, dtype=np.int64)
        times[:, Time.BOOKED] = micros_of(shipments["occurred_at"])
        times[:, Time.KNOWN] = micros_of(shipments["known_at"])
        times[:, Time.PLANNED] = micros_of(first["planned_at"])
        times[:, Time.PROMISED] = micros_of(last["promised_at"])
        _fill_milestones(times, shipments["shipment_id"], tables.events)

        numbers = np.full((len(shipments), len(Number)), np.nan)
        minute, weekday = _local(first["planned_at"], first["timezone"])
        numbers[:, Number.DEPARTURE_MINUTE], numbers[:, Number.DEPARTURE_WEEKDAY] = minute, weekday
        numbers[:, Number.PROMISE_MINUTE], _ = _local(last["promised_at"], last["timezone"])
        for column, name in (
            (Number.DISTANCE_KM, "distance_km"),
            (Number.WEIGHT_KG, "weight_kg"),
            (Number.PIECES, "pieces"),
        ):
            numbers[:, column] = shipments[name].to_numpy(dtype=np.float64, na_value=np.nan)
        numbers[:, Number.VALUE] = shipments["value_minor"].to_numpy(dtype=np.float64, na_value=np.nan) / 100.0
        numbers[:, Number.TIER] = shipments["customer_tier"].map(_TIERS).to_numpy(dtype=np.float64)
        keys = {
            "carrier": _text(shipments["carrier_id"]),
            "origin": _text(first["place"]),
            "destination": _text(last["place"]),
            "service": _text(shipments["service_id"]),
            "vehicle": _text(shipments["vehicle_id"]),
        }
        return cls(_text(shipments["shipment_id"]), keys, times, numbers)


def times_of(shipment: Shipment, events: Iterable[DeliveryEvent]) -> Row:
    """Return the times of one shipment with the events known of it."""
    row = [NEVER] * len(Time)
    row[Time.BOOKED] = micros(shipment.occurred_at)
    row[Time.KNOWN] = micros(shipment.known_at)
    row[Time.PLANNED] = micros(shipment.planned_departure_at)
    row[Time.PROMISED] = micros(shipment.promised_at)
    for event in sorted(events, key=_first_known):
        if event.classifier is not Classifier.ACTUAL:
            continue
        known = micros(event.known_at)
        if event.status is EventStatus.DEPARTED and row[Time.DEPARTED] == NEVER:
            row[Time.DEPARTED], row[Time.DEPARTED_KNOWN] = micros(event.occurred_at), known
        elif event.status is EventStatus.DELIVERED and row[Time.DELIVERED] == NEVER:
            row[Time.DELIVERED], row[Time.DELIVERED_KNOWN] = micros(event.occurred_at), known
        elif event.status in CLOSED and row[Time.CLOSED_KNOWN] == NEVER:
            row[Time.CLOSED_KNOWN] = known
    return tuple(row)


def numbers_of(shipment: Shipment) -> tuple[float, ...]:
    """Return the numbers of one shipment, as the columns of `Legs.numbers`."""
    row = [np.nan] * len(Number)
    planned, promised = shipment.planned_departure_at, shipment.promised_at
    if planned is not None:
        local = planned.astimezone(ZoneInfo(shipment.stops[0].timezone))
        row[Number.DEPARTURE_MINUTE], row[Number.DEPARTURE_WEEKDAY] = local.hour * 60 + local.minute, local.weekday()
    if promised is not None:
        local = promised.astimezone(ZoneInfo(shipment.stops[-1].timezone))
        row[Number.PROMISE_MINUTE] = local.hour * 60 + local.minute
    for column, value in (
        (Number.DISTANCE_KM, shipment.distance_km),
        (Number.WEIGHT_KG, shipment.weight_kg),
        (Number.PIECES, shipment.pieces),
        (Number.VALUE, None if shipment.value_minor is None else shipment.value_minor / 100.0),
    ):
        if value is not None:
            row[column] = float(value)
    row[Number.TIER] = _TIERS[shipment.customer_tier.value]
    return tuple(map(float, row))


def keys_of(shipment: Shipment) -> dict[str, str | None]:
    """Return the key fields of one shipment."""
    return {
        "carrier": shipment.carrier_id,
        "origin": shipment.origin,
        "destination": shipment.destination,
        "service": shipment.service_id,
        "vehicle": shipment.vehicle_id,
    }


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one kind, one a leg: `valid` says which legs have it.

    Attributes
    ----------
    occurred, known : int64 [n]
    values : int64 [n, 2], late (0 or 1) and delay in whole minutes
    valid : bool [n]
    """

    occurred: Ints
    known: Ints
    values: Ints
    valid: NDArray[np.bool_]


def facts_of(times: Ints, settings: FeatureSettings) -> dict[Fact, Facts]:
    """Return the facts that the legs' milestones make: what happened, when it was known, how late it was."""
    planned, promised, announced = times[:, Time.PLANNED], times[:, Time.PROMISED], times[:, Time.KNOWN]
    departed, delivered = times[:, Time.DEPARTED], times[:, Time.DELIVERED]
    left_known = np.maximum(times[:, Time.DEPARTED_KNOWN], announced)
    delivered_known = np.maximum(times[:, Time.DELIVERED_KNOWN], announced)
    left = (departed != NEVER) & (planned != NEVER)
    arrived = (delivered != NEVER) & (promised != NEVER)
    departure_delay = np.where(left, departed - planned, 0)
    arrival_delay = np.where(arrived, delivered - promised, 0)
    both = left & arrived
    return {
        Fact.DEPARTURE: Facts(departed, left_known, _late_and_minutes(departure_delay, settings), left),
        Fact.ARRIVAL: Facts(delivered, delivered_known, _late_and_minutes(arrival_delay, settings), arrived),
        Fact.TRANSIT: Facts(
            delivered,
            np.maximum(left_known, delivered_known),
            _late_and_minutes(np.where(both, arrival_delay - departure_delay, 0), settings),
            both,
        ),
    }


class Happened(NamedTuple):
    """One fact of one leg: when it occurred, when it was known, late (0 or 1) and delay in whole minutes."""

    occurred: int
    known: int
    values: tuple[int, int]


def facts_of_one(row: Row, settings: FeatureSettings) -> dict[Fact, Happened]:
    """Return `facts_of` one leg; a fact that it does not have is left out."""
    planned, promised, announced = row[Time.PLANNED], row[Time.PROMISED], row[Time.KNOWN]
    departed, delivered = row[Time.DEPARTED], row[Time.DELIVERED]
    left, arrived = NEVER not in (departed, planned), NEVER not in (delivered, promised)
    left_known = max(row[Time.DEPARTED_KNOWN], announced)
    delivered_known = max(row[Time.DELIVERED_KNOWN], announced)
    facts: dict[Fact, Happened] = {}
    if left:
        facts[Fact.DEPARTURE] = Happened(departed, left_known, _late_and_minutes_of(departed - planned, settings))
    if arrived:
        late = _late_and_minutes_of(delivered - promised, settings)
        facts[Fact.ARRIVAL] = Happened(delivered, delivered_known, late)
    if left and arrived:
        lost = _late_and_minutes_of((delivered - promised) - (departed - planned), settings)
        facts[Fact.TRANSIT] = Happened(delivered, max(left_known, delivered_known), lost)
    return facts


def micros(instant: datetime | None) -> int:
    """Return microseconds since 1970, `NEVER` for None."""
    if instant is None:
        return NEVER
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def micros_of(instants: pd.Series) -> Ints:
    """Return microseconds since 1970 of each time, `NEVER` where missing: int64 [n]."""
    naive = pd.to_datetime(instants, utc=True).dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(naive), NEVER, naive.astype(np.int64))


def _late_and_minutes(delay: Ints, settings: FeatureSettings) -> Ints:
    minutes = np.clip(delay // MINUTE, -MAX_DELAY_MINUTES, MAX_DELAY_MINUTES)
    return np.stack([delay > settings.late_after_minutes * MINUTE, minutes], axis=1).astype(np.int64)


def _late_and_minutes_of(delay: int, settings: FeatureSettings) -> tuple[int, int]:
    minutes = min(max(delay // MINUTE, -MAX_DELAY_MINUTES), MAX_DELAY_MINUTES)
    return int(delay > settings.late_after_minutes * MINUTE), minutes


def _first_known(event: DeliveryEvent) -> tuple[datetime, datetime, str]:
    return event.known_at, event.occurred_at, event.event_id


def _fill_milestones(times: Ints, shipment_ids: pd.Series, events: pd.DataFrame) -> None:
    actual = events[events["classifier"] == Classifier.ACTUAL.value]
    actual = actual.sort_values(["known_at", "occurred_at", "event_id"], kind="stable")
    position = pd.Series(np.arange(len(shipment_ids)), index=shipment_ids)
    for statuses, occurred_column, known_column in (
        ({EventStatus.DEPARTED}, Time.DEPARTED, Time.DEPARTED_KNOWN),
        ({EventStatus.DELIVERED}, Time.DELIVERED, Time.DELIVERED_KNOWN),
        (CLOSED, None, Time.CLOSED_KNOWN),
    ):
        first = actual[actual["status"].isin([status.value for status in statuses])].drop_duplicates("shipment_id")
        row = first["shipment_id"].map(position)
        first, announced = first[row.notna()], row[row.notna()].to_numpy(dtype=np.int64)
        times[announced, known_column] = micros_of(first["known_at"])
        if occurred_column is not None:
            times[announced, occurred_column] = micros_of(first["occurred_at"])


def _local(instants: pd.Series, zones: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return local minute of the day and weekday (Monday 0), NaN where the time is missing."""
    minute = np.full(len(instants), np.nan)
    weekday = np.full(len(instants), np.nan)
    zone_codes, zone_names = pd.factorize(zones.to_numpy(dtype=object))
    present = instants.notna().to_numpy()
    for code, zone in enumerate(zone_names):
        chosen = (zone_codes == code) & present
        local = instants[chosen].dt.tz_convert(zone).dt
        minute[chosen] = local.hour * 60 + local.minute
        weekday[chosen] = local.day_of_week
    return minute, weekday


def _text(column: pd.Series) -> NDArray[np.object_]:
    values = column.to_numpy(dtype=object)
    values[pd.isna(values)] = None
    return values
