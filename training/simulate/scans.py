"""How the truth is reported: late, twice, out of order, wrongly and put right, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import AssertedBy, Classifier, EventStatus
from training.simulate.bookings import Bookings
from training.simulate.frames import frame, instants
from training.simulate.journeys import Journeys, Runs
from training.simulate.network import CARRIERS, PLACES
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RAW_STATUS = {
    EventStatus.LOADED: "AM",
    EventStatus.DEPARTED: "AF",
    EventStatus.TERMINAL_ARRIVED: "X4",
    EventStatus.DELAYED: "SD",
    EventStatus.ATTEMPTED: "AH",
    EventStatus.DELIVERED: "D1",
    EventStatus.CANCELLED: "CA",
}
STATUSES = tuple(RAW_STATUS)
REASONS = ("NS", "AM", "AL", "AO", "AJ", "AI", "AG")
"""Normal, shipper, previous stop, weather, carrier, breakdown, consignee."""
REASON_OF_CAUSE = np.array([REASONS.index(code) for code in ("AM", "AL", "AO", "AJ")])
ASSERTERS = (AssertedBy.WAREHOUSE, AssertedBy.CARRIER, AssertedBy.DRIVER, AssertedBy.CUSTOMER)

TAIL_HOURS, TAIL_SHAPE, LONGEST_HOURS = 1.5, 1.3, 96.0
LOADED_MISSING_SHARE, DELIVERED_MISSING_SHARE = 0.04, 0.003
DELAY_TOLD_HOURS, DELAY_TOLD_SHARE = 1.0, 0.5


@dataclass(frozen=True, slots=True)
class Scans:
    """Reports, one entry each; `corrects` is the position of the report that it supersedes, or -1."""

    shipment: Ints
    status: Ints
    reason: Ints
    place: Ints
    asserted_by: Ints
    occurred: Floats
    known: Floats
    corrects: Ints

    def __len__(self) -> int:
        return len(self.shipment)

    def take(self, chosen: Ints) -> Scans:
        """Return the chosen reports."""
        return Scans(**{name: getattr(self, name)[chosen] for name in Scans.__dataclass_fields__})


def make_scans(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, runs: Runs, journeys: Journeys,
    rng: np.random.Generator,
) -> Scans:  # fmt: skip
    """Return all reports of all shipments, in the order in which they become known."""
    scans = _facts(timetable, bookings, runs, journeys, rng)
    carrier = timetable.carrier[bookings.departure[scans.shipment]]
    scans = replace(scans, known=_known(scans, carrier, rng))
    scans = scans.take(np.flatnonzero(rng.random(len(scans)) >= _missing_share(scans, carrier)))
    skewed = rng.random(len(scans)) < settings.clock_skew_share
    scans = replace(scans, known=np.where(skewed, scans.occurred - rng.uniform(5, 50, len(scans)) / 3600, scans.known))
    return _sorted(_with_corrections(scans, settings.correction_share, rng))


def events_frame(
    settings: SimulationSettings, scans: Scans, shipment_ids: NDArray[np.str_], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the canonical table, with its duplicates.

    Half of the duplicates are the same message again, with the same `event_id`; the other half are the same fact
    under a new `event_id`, known some minutes or hours later.
    """
    event_ids = np.array([f"E{number:07d}" for number in range(1, len(scans) + 1)])
    twice = np.flatnonzero((rng.random(len(scans)) < settings.duplicate_share) & ~_disputed(scans))
    renamed = rng.random(len(twice)) < 0.5
    again = scans.take(twice)
    later = rng.exponential(1.5, size=len(twice)) + 1 / 60
    again = replace(again, known=np.where(renamed, np.maximum(again.known, again.occurred) + later, again.known))
    ids_again = np.where(
        renamed, np.array([f"{event_id}R" for event_id in event_ids[twice]], dtype="U9"), event_ids[twice]
    )
    both = _join(scans, again)
    corrected = np.where(both.corrects >= 0, event_ids[np.maximum(both.corrects, 0)].astype(object), np.array(None))
    return frame(
        "events",
        {
            "event_id": np.concatenate([event_ids, ids_again]),
            "shipment_id": shipment_ids[both.shipment],
            "status": np.array(STATUSES)[both.status],
            "raw_status": np.array(list(RAW_STATUS.values()))[both.status],
            "reason": np.array(REASONS)[both.reason],
            "classifier": np.full(len(both), Classifier.ACTUAL.value),
            "place": np.array([place.code for place in PLACES])[both.place],
            "asserted_by": np.array(ASSERTERS)[both.asserted_by],
            "corrects": corrected,
            "occurred_at": instants(settings.start, both.occurred),
            "known_at": instants(settings.start, both.known),
        },
        by=("known_at", "occurred_at", "event_id"),
    )  # fmt: skip


def _facts(timetable: Timetable, bookings: Bookings, runs: Runs, journeys: Journeys, rng: np.random.Generator) -> Scans:
    """Return one report of each thing that happened, known at once."""
    departure = bookings.departure
    origin, destination = timetable.origin[departure], timetable.destination[departure]
    planned = timetable.planned_departure[departure]
    cause = REASON_OF_CAUSE[runs.cause[departure]]
    # A breakdown happens on the way: at the departure nobody can know of it.
    cause_on_the_way = np.where(runs.breakdown[departure], REASONS.index("AI"), cause)
    slip = journeys.departed - planned
    told = (slip > DELAY_TOLD_HOURS) & (rng.random(len(bookings)) < DELAY_TOLD_SHARE)
    announced = np.where(told, planned + rng.uniform(0.2, 0.8, len(bookings)) * slip, np.nan)
    overdue = journeys.terminal - timetable.planned_arrival[departure]
    told_on_the_way = (overdue > 3) & (rng.random(len(bookings)) < DELAY_TOLD_SHARE)
    on_the_way = np.where(told_on_the_way, journeys.departed + 0.6 * (journeys.terminal - journeys.departed), np.nan)
    called_off = bookings.booked + rng.uniform(0.05, 0.95, len(bookings)) * (planned - bookings.booked)
    cancelled = np.where(bookings.cancelled, called_off, np.nan)
    normal, consignee = np.full(len(bookings), REASONS.index("NS")), np.full(len(bookings), REASONS.index("AG"))
    departed_reason = np.where(slip > DELAY_TOLD_HOURS, cause, normal)
    parts = [
        _part(EventStatus.LOADED, journeys.loaded, normal, origin, AssertedBy.WAREHOUSE),
        _part(EventStatus.DELAYED, announced, cause, origin, AssertedBy.CARRIER),
        _part(EventStatus.DEPARTED, journeys.departed, departed_reason, origin, AssertedBy.CARRIER),
        _part(EventStatus.DELAYED, on_the_way, cause_on_the_way, destination, AssertedBy.CARRIER),
        _part(EventStatus.TERMINAL_ARRIVED, journeys.terminal, normal, destination, AssertedBy.CARRIER),
        _part(EventStatus.ATTEMPTED, journeys.attempted, consignee, destination, AssertedBy.DRIVER),
        _part(EventStatus.DELIVERED, journeys.delivered, normal, destination, AssertedBy.DRIVER),
        _part(EventStatus.CANCELLED, cancelled, normal, origin, AssertedBy.CUSTOMER),
    ]
    return _join(*parts)


def _part(status: EventStatus, occurred: Floats, reason: Ints, place: Ints, asserted_by: AssertedBy) -> Scans:
    happened = np.flatnonzero(~np.isnan(occurred))
    return Scans(
        shipment=happened,
        status=np.full(len(happened), STATUSES.index(status)),
        reason=reason[happened],
        place=place[happened],
        asserted_by=np.full(len(happened), ASSERTERS.index(asserted_by)),
        occurred=occurred[happened],
        known=occurred[happened],
        corrects=np.full(len(happened), -1),
    )


def _known(scans: Scans, carrier: Ints, rng: np.random.Generator) -> Floats:
    """Return when each report arrives: log-normal, then a heavy tail, then the carrier's batches.

    The warehouse and the customer speak for themselves, and soon.
    """
    count = len(scans)
    habits = [each.scans for each in CARRIERS]
    median = np.array([habit.median_minutes for habit in habits])[carrier] / 60
    spread = np.array([habit.spread for habit in habits])[carrier]
    tail = rng.random(count) < np.array([habit.tail_share for habit in habits])[carrier]
    lag = median * np.exp(spread * rng.standard_normal(count))
    lag = lag + np.where(tail, TAIL_HOURS * (1 + rng.pareto(TAIL_SHAPE, size=count)), 0.0)
    by_carrier = np.isin(scans.asserted_by, [ASSERTERS.index(AssertedBy.CARRIER), ASSERTERS.index(AssertedBy.DRIVER)])
    lag = np.where(by_carrier, np.minimum(lag, LONGEST_HOURS), rng.uniform(0.5, 6, size=count) / 60)
    known = scans.occurred + lag
    batch = np.array([habit.batch_hours for habit in habits])[carrier]
    sent_together = by_carrier & (batch > 0)
    every = np.where(sent_together, batch, 1.0)
    return np.where(sent_together, np.ceil(known / every) * every + lag / 20, known)


def _missing_share(scans: Scans, carrier: Ints) -> Floats:
    share = np.zeros(len(scans))
    habit = np.array([each.scans.missing_share for each in CARRIERS])[carrier]
    for status, missing in (
        (EventStatus.LOADED, np.full(len(scans), LOADED_MISSING_SHARE)),
        (EventStatus.DEPARTED, habit),
        (EventStatus.TERMINAL_ARRIVED, 1.5 * habit),
        (EventStatus.DELIVERED, np.full(len(scans), DELIVERED_MISSING_SHARE)),
    ):
        share = np.where(scans.status == STATUSES.index(status), missing, share)
    return share


def _with_corrections(scans: Scans, share: float, rng: np.random.Generator) -> Scans:
    """Let some departures and deliveries be reported hours too early; a second report, with the right time, follows."""
    correctable = np.isin(scans.status, [STATUSES.index(EventStatus.DEPARTED), STATUSES.index(EventStatus.DELIVERED)])
    wrong = np.flatnonzero(correctable & (rng.random(len(scans)) < 2 * share))
    right = scans.take(wrong)
    right = replace(right, known=right.known + rng.uniform(1, 20, size=len(wrong)), corrects=wrong)
    occurred = scans.occurred.copy()
    occurred[wrong] -= rng.uniform(1, 5, size=len(wrong))
    return _join(replace(scans, occurred=occurred), right)


def _disputed(scans: Scans) -> NDArray[np.bool_]:
    """Return which reports correct another, or are corrected: sent twice, they would leave no one truth."""
    disputed = scans.corrects >= 0
    disputed[scans.corrects[disputed]] = True
    return disputed


def _sorted(scans: Scans) -> Scans:
    order = np.lexsort((scans.shipment, scans.status, scans.occurred, scans.known))
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    taken = scans.take(order)
    return replace(taken, corrects=np.where(taken.corrects >= 0, position[np.maximum(taken.corrects, 0)], -1))


def _join(*parts: Scans) -> Scans:
    return Scans(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in Scans.__dataclass_fields__}
    )
