"""Facts: what the milestones of legs make known, with both clocks and what is counted, for many legs or for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.history import MAX_DELAY_MINUTES, MAX_TRANSIT_MINUTES, Fact
from features.instants import MINUTE
from features.legs import Row, Time
from features.settings import FeatureSettings
from features.timeline import NEVER, Ints


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one kind, one a version of a leg: `valid` says which versions have it.

    Attributes
    ----------
    occurred, known, until : int64 [n]
        When it happened, from when on it was known, and from when on it was no longer held to be so.
    values : int64 [n, 2 or 3]
        Late (0 or 1) and delay in whole minutes, of an arrival also the square of the delay; of a run, transit and
        delay.
    valid : bool [n]
    """

    occurred: Ints
    known: Ints
    until: Ints
    values: Ints
    valid: NDArray[np.bool_]


def facts_of(times: Ints, settings: FeatureSettings) -> dict[Fact, Facts]:
    """Return the facts that the milestones make: what happened, when it was known, how late it was.

    A fact of one version ends where the version ends; the next one has it again if it still holds.
    """
    planned, promised = times[:, Time.PLANNED], times[:, Time.PROMISED]
    since, until = times[:, Time.SINCE], times[:, Time.UNTIL]
    departed, delivered = times[:, Time.DEPARTED], times[:, Time.DELIVERED]
    left_known = np.maximum(times[:, Time.DEPARTED_KNOWN], since)
    delivered_known = np.maximum(times[:, Time.DELIVERED_KNOWN], since)
    both_known = np.maximum(left_known, delivered_known)
    left = (departed != NEVER) & (planned != NEVER)
    arrived = (delivered != NEVER) & (promised != NEVER)
    departure_delay = np.where(left, departed - planned, 0)
    arrival_delay = np.where(arrived, delivered - promised, 0)
    gained = np.where(left & arrived, arrival_delay - departure_delay, 0)
    transit = np.where(left & arrived, delivered - departed, 0)
    late = _late_and_minutes(arrival_delay, settings)
    minutes = late[:, 1]
    run = np.stack([np.clip(transit // MINUTE, -MAX_TRANSIT_MINUTES, MAX_TRANSIT_MINUTES), minutes], axis=1)
    arrival = np.column_stack([late, minutes * minutes])

    def facts(occurred: Ints, known: Ints, values: Ints, valid: NDArray[np.bool_]) -> Facts:
        return Facts(occurred, known, until, values, valid & (known < until))

    return {
        Fact.DEPARTURE: facts(departed, left_known, _late_and_minutes(departure_delay, settings), left),
        Fact.ARRIVAL: facts(delivered, delivered_known, arrival, arrived),
        Fact.TRANSIT: facts(delivered, both_known, _late_and_minutes(gained, settings), left & arrived),
        Fact.RUN: facts(delivered, both_known, run, left & arrived),
    }


_DEPARTURE, _ARRIVAL, _TRANSIT, _RUN = Fact  # read once: Python 3.11 takes long to read a member


class Happened(NamedTuple):
    """One fact of one version of a leg, as in `Facts`."""

    occurred: int
    known: int
    until: int
    values: tuple[int, ...]


def facts_of_one(row: Row, settings: FeatureSettings) -> dict[Fact, Happened]:
    """Return `facts_of` one version of a leg; a fact that it does not have is left out."""
    planned, promised, since, until = row[Time.PLANNED], row[Time.PROMISED], row[Time.SINCE], row[Time.UNTIL]
    departed, delivered = row[Time.DEPARTED], row[Time.DELIVERED]
    left_known, delivered_known = max(row[Time.DEPARTED_KNOWN], since), max(row[Time.DELIVERED_KNOWN], since)
    left = departed < NEVER and planned < NEVER and left_known < until
    arrived = delivered < NEVER and promised < NEVER and delivered_known < until
    facts: dict[Fact, Happened] = {}
    if left:
        late = _late_and_minutes_of(departed - planned, settings)
        facts[_DEPARTURE] = Happened(departed, left_known, until, late)
    if arrived:
        late = _late_and_minutes_of(delivered - promised, settings)
        facts[_ARRIVAL] = Happened(delivered, delivered_known, until, (*late, late[1] * late[1]))
        if left:
            both_known = max(left_known, delivered_known)
            gained = _late_and_minutes_of((delivered - promised) - (departed - planned), settings)
            facts[_TRANSIT] = Happened(delivered, both_known, until, gained)
            transit = min(max((delivered - departed) // MINUTE, -MAX_TRANSIT_MINUTES), MAX_TRANSIT_MINUTES)
            facts[_RUN] = Happened(delivered, both_known, until, (transit, late[1]))
    return facts


def _late_and_minutes(delay: Ints, settings: FeatureSettings) -> Ints:
    minutes = np.clip(delay // MINUTE, -MAX_DELAY_MINUTES, MAX_DELAY_MINUTES)
    return np.stack([delay > settings.late_after_minutes * MINUTE, minutes], axis=1).astype(np.int64)


def _late_and_minutes_of(delay: int, settings: FeatureSettings) -> tuple[int, int]:
    minutes = min(max(delay // MINUTE, -MAX_DELAY_MINUTES), MAX_DELAY_MINUTES)
    return int(delay > settings.late_after_minutes * MINUTE), minutes
