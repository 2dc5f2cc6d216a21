"""How long vehicles waited at the consignee, and what was asked for beside the freight; with the events that tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import AssertedBy, Classifier, EventStatus
from training.simulate.bookings import Bookings
from training.simulate.contracts import FREE_MINUTES, NOTIFICATION
from training.simulate.frames import SECONDS_PER_HOUR, frame, instants
from training.simulate.journeys import Journeys
from training.simulate.network import PLACES
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HELD_SHARE, LONGEST_SHORT_STAY_HOURS = 0.08, 1.8
TOLD_SHORT_SHARE = 0.15
REQUEST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Stays:
    """One entry a shipment; times are hours since the start, NaN where it did not happen or nobody tells.

    `waited_minutes` is the stay beyond the free time, in whole minutes.
    """

    arrived: Floats
    requested: Floats
    waited_minutes: Ints


def make_stays(timetable: Timetable, bookings: Bookings, journeys: Journeys, rng: np.random.Generator) -> Stays:
    """Let some vehicles wait at the consignee for longer than is free, and some customers ask to be told beforehand.

    A long stay is always told by the geofence, for the carrier bills it; a short one now and then.
    """
    count = len(bookings)
    on_site = journeys.delivered - journeys.terminal
    could_wait = (on_site > 4.0) & np.isnan(journeys.attempted)
    long_stay = np.minimum(FREE_MINUTES / 60 + rng.exponential(1.2, size=count), on_site - 0.3)
    short_stay = np.minimum(rng.uniform(0.2, LONGEST_SHORT_STAY_HOURS, size=count), on_site - 0.1)
    held = could_wait & (rng.random(count) < HELD_SHARE)
    told = rng.random(count) < TOLD_SHORT_SHARE
    stay = np.where(held, long_stay, np.where(told & np.isnan(journeys.attempted), short_stay, np.nan))
    arrived = np.where(np.isnan(journeys.delivered), np.nan, journeys.delivered - stay)
    planned = timetable.planned_departure[bookings.departure]
    asked_at = bookings.booked + rng.uniform(0.1, 0.9, size=count) * (planned - bookings.booked)
    asked = (rng.random(count) < REQUEST_SHARE) & ~bookings.cancelled
    return Stays(
        arrived=arrived,
        requested=np.where(asked, asked_at, np.nan),
        waited_minutes=_beyond_free(arrived, journeys.delivered),
    )


def stays_frame(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, stays: Stays,
    shipment_ids: NDArray[np.str_], rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Return the arrivals and the requests as events; they are known within minutes."""
    arrivals, requests = np.flatnonzero(~np.isnan(stays.arrived)), np.flatnonzero(~np.isnan(stays.requested))
    shipment = np.concatenate([arrivals, requests])
    is_arrival = np.arange(len(shipment)) < len(arrivals)
    occurred = np.concatenate([stays.arrived[arrivals], stays.requested[requests]])
    known = occurred + rng.uniform(0.5, 6.0, size=len(shipment)) / 60
    destination = timetable.destination[bookings.departure[shipment]]
    return frame(
        "events",
        {
            "event_id": [f"{'A' if arrived else 'N'}{number + 1:07d}" for number, arrived in enumerate(is_arrival)],
            "shipment_id": shipment_ids[shipment],
            "status": np.where(is_arrival, EventStatus.DELIVERY_ARRIVED.value, EventStatus.OTHER.value),
            "raw_status": np.where(is_arrival, "X1", NOTIFICATION),
            "classifier": np.full(len(shipment), Classifier.ACTUAL.value),
            "place": np.array([place.code for place in PLACES])[destination],
            "asserted_by": np.where(is_arrival, AssertedBy.GEOFENCE.value, AssertedBy.CUSTOMER.value),
            "occurred_at": instants(settings.start, occurred),
            "known_at": instants(settings.start, known),
        },
    )


def _beyond_free(arrived: Floats, delivered: Floats) -> Ints:
    """Return the whole minutes of each stay beyond the free ones, 0 where no stay is told. Clocks show seconds."""
    seconds = np.round(np.nan_to_num(delivered) * SECONDS_PER_HOUR) - np.round(
        np.nan_to_num(arrived) * SECONDS_PER_HOUR
    )
    minutes = np.floor(seconds / 60).astype(np.int64)
    return np.where(np.isnan(arrived), 0, np.maximum(minutes - FREE_MINUTES, 0))
