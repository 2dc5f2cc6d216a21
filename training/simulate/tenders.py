"""Loads offered to carriers before they are booked, and what the carriers answered.

A load goes to the carriers of its lane in turn until one accepts: that one carries it. So offers are made backwards
from the booking, which is the last answer. A carrier that is short of vehicles for some days declines more, or lets the
deadline pass.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import TenderPurpose, TenderReply
from training.simulate.bookings import Bookings
from training.simulate.frames import frame, instants
from training.simulate.network import CARRIERS, PLACES, carriers_of, lanes
from training.simulate.processes import autoregressive
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESPOND_WITHIN_HOURS = 2.0
REFUSALS_AT_MOST = 2
REFUSED_FIRST_SHARE = 0.16
"""Share of loads that some other carrier had turned down before, and of these again."""
SILENT_SHARE = 0.3
"""Share of refusals that are no answer at all."""
SHORTAGE_STRENGTH, SHORTAGE_MEMORY = 0.7, 0.8
RELUCTANCE = {"NORX": 0.5, "ALPK": 1.0, "VELO": 1.6, "OSTB": 2.0, "PAKT": 0.4, "RHEI": 0.9}
"""How readily a carrier turns a load down, against the others."""
ANSWER_MEDIAN_MINUTES = {"NORX": 12.0, "ALPK": 25.0, "VELO": 18.0, "OSTB": 55.0, "PAKT": 6.0, "RHEI": 70.0}
ANSWER_SPREAD = 0.5
TOLD_LATE_SHARE = 0.03


def make_tenders(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, shipment_ids: NDArray[np.str_],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return the tables `tenders` and `tender_responses`."""
    lane, carrier = timetable.lane[bookings.departure], timetable.carrier[bookings.departure]
    chance = _refusing(settings, rng)
    refusals = np.minimum(rng.geometric(1 - REFUSED_FIRST_SHARE, size=len(bookings)) - 1, REFUSALS_AT_MOST)
    ends = bookings.booked.copy()
    made = []
    for place in range(REFUSALS_AT_MOST + 1):  # 0 is the offer that was accepted, 1 the one before it, ...
        load = np.flatnonzero(refusals >= place)
        asked = carrier[load]
        if place > 0:
            day = np.maximum(ends[load] // 24, 0).astype(np.int64)
            asked = _drawn(chance[day, lane[load]], asked, rng)
            load, asked = load[asked >= 0], asked[asked >= 0]
        silent = (rng.random(len(load)) < SILENT_SHARE) & (place > 0)
        answered = np.where(silent, np.nan, ends[load])
        ends[load] -= np.where(silent, RESPOND_WITHIN_HOURS, _answer_hours(asked, rng))
        columns = {"load": load, "carrier": asked, "offered": ends[load], "answered": answered, "accepted": place == 0}
        made.append(pd.DataFrame(columns))
    offers = pd.concat(made).sort_values(["load", "offered"], kind="stable", ignore_index=True)
    return _frames(settings, timetable, bookings, shipment_ids, offers, rng)


def _refusing(settings: SimulationSettings, rng: np.random.Generator) -> Floats:
    """Return how likely each carrier is the one that turns a load down: float64 [days, lanes, carriers]."""
    reluctance = np.array([RELUCTANCE[each.carrier_id] for each in CARRIERS])
    shortage = autoregressive(len(CARRIERS), settings.horizon_hours // 24, SHORTAGE_MEMORY, rng)
    serves = np.zeros((len(lanes()), len(CARRIERS)))
    for number, each in enumerate(lanes()):
        serves[number, list(carriers_of(each))] = 1.0
    return np.asarray(serves * (reluctance * np.exp(SHORTAGE_STRENGTH * shortage.T))[:, None, :], dtype=np.float64)


def _drawn(chance: Floats, carrier: Ints, rng: np.random.Generator) -> Ints:
    """Return for each load a carrier other than its own, -1 where none serves the lane: int64 [n]."""
    chance[np.arange(len(carrier)), carrier] = 0.0
    running = np.cumsum(chance, axis=1)
    drawn = (running <= rng.random(len(carrier))[:, None] * running[:, -1:]).sum(axis=1)
    return np.where(running[:, -1] > 0, np.minimum(drawn, len(CARRIERS) - 1), -1)


def _answer_hours(carrier: Ints, rng: np.random.Generator) -> Floats:
    median = np.array([ANSWER_MEDIAN_MINUTES[each.carrier_id] for each in CARRIERS])[carrier]
    minutes = median * np.exp(ANSWER_SPREAD * rng.standard_normal(len(carrier)))
    return np.asarray(np.clip(minutes / 60, 0.02, RESPOND_WITHIN_HOURS - 0.02), dtype=np.float64)


def _frames(
    settings: SimulationSettings,
    timetable: Timetable,
    bookings: Bookings,
    shipment_ids: NDArray[np.str_],
    offers: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    count = len(offers)
    load, carrier = offers["load"].to_numpy(), offers["carrier"].to_numpy()
    offered, answered = offers["offered"].to_numpy(), offers["answered"].to_numpy()
    tender_ids = np.array([f"T{number:06d}" for number in range(1, count + 1)])
    carrier_ids = np.array([each.carrier_id for each in CARRIERS])[carrier]
    places, departure = np.array([place.code for place in PLACES]), bookings.departure[load]
    tenders = frame(
        "tenders",
        {
            "tender_id": tender_ids,
            "shipment_id": shipment_ids[load],
            "carrier_id": carrier_ids,
            "purpose": np.full(count, TenderPurpose.ORIGINAL.value),
            "mode": np.array([each.mode.value for each in CARRIERS])[carrier],
            "origin": places[timetable.origin[departure]],
            "destination": places[timetable.destination[departure]],
            "respond_by": instants(settings.start, offered + RESPOND_WITHIN_HOURS),
            "occurred_at": instants(settings.start, offered),
            "known_at": instants(settings.start, offered),
        },
        by=("known_at", "tender_id"),
    )
    lag = rng.uniform(0.2, 4.0, size=count) / 60
    lag += np.where(rng.random(count) < TOLD_LATE_SHARE, rng.uniform(1, 10, size=count), 0.0)
    told = ~np.isnan(answered)
    replies = np.where(offers["accepted"], TenderReply.ACCEPTED.value, TenderReply.DECLINED.value)
    responses = frame(
        "tender_responses",
        {
            "response_id": np.array([f"R{number:06d}" for number in range(1, count + 1)])[told],
            "shipment_id": shipment_ids[load][told],
            "carrier_id": carrier_ids[told],
            "tender_id": tender_ids[told],
            "reply": replies[told],
            "occurred_at": instants(settings.start, answered[told]),
            "known_at": instants(settings.start, (answered + lag)[told]),
        },
        by=("known_at", "response_id"),
    )
    return tenders, responses
