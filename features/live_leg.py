"""One leg, ready to be asked at any time: where it is told what lives under its keys is looked for once, and kept.

The numbers are those of `features.keyed`. Rates and means are worked out in arrays, all at once; the others, of which
there are few of a kind, as plain numbers: an array of few costs more than what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from features import (
    claims,
    disruption,
    forecast,
    labour,
    news,
    plan,
    rests,
    rotation,
    shipment,
    silence,
    tracking,
    typical,
    way,
    weather,
    work,
)
from features.definitions import DELIVERED, FEATURES, HISTORY, LOST_BY_CARRIER, LOST_BY_SERVICE, QUEUES, USUALLY_TOLD
from features.leg_rows import RESTED, rows_of, told_at
from features.legs import Row, Time
from features.live import VEHICLE, LegKeys, LiveFacts

_HISTORY = len(HISTORY.features)
_RESTS = -len(rests.SHRUNK.wanted)
_REST = Struct(f"{len(FEATURES) - _HISTORY}d")
_REST_BEGINS = Struct(f"{_HISTORY}d").size

_BUILT_ON = {
    is_served: np.array([LOST_BY_SERVICE if is_served else LOST_BY_CARRIER, USUALLY_TOLD, *DELIVERED])
    for is_served in (False, True)
}
"""Columns that others build on, of a leg with a recurring service or without."""


def _places_by_key() -> dict[tuple[str, ...], list[int]]:
    places: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate((*HISTORY.keys, *(queue.key for queue in QUEUES))):
        places.setdefault(key, []).append(place)
    return places


_PLACES = _places_by_key()
"""Where the features stand that are unknown of a leg that lacks a part of the key."""


class LiveLeg:
    """A leg with its keys, among live facts.

    Parameters
    ----------
    live
        What is known; what comes to be known later is seen as well.
    leg
        Keys of one plan of it.
    numbers : sequence of len(Number) floats
        Of the same plan.
    between
        Stops of the same plan between its ends.
    lasting
        Whether it is kept; if not, nothing is made ready for keys of which nothing is known.
    """

    __slots__ = (
        "_built_on",
        "_carrier",
        "_disrupted",
        "_keys",
        "_lasting",
        "_live",
        "_numbers",
        "_reported",
        "_rows",
        "_runs",
        "_unknown",
        "_vehicle",
        "_way",
    )

    def __init__(
        self, live: LiveFacts, leg: LegKeys, numbers: Sequence[float], between: way.Way, *, lasting: bool
    ) -> None:
        keys, key_of = leg.fields, leg.of
        self._live, self._keys, self._numbers, self._way = live, keys, numbers, between
        self._rows, self._lasting = rows_of(live, leg, lasting=lasting), lasting
        self._reported: rests.Kind | None = None
        unknown = [place for key, places in _PLACES.items() if key_of[key] is None for place in places]
        self._unknown = np.array(unknown, dtype=np.int64)
        self._built_on = _BUILT_ON[key_of[typical.SERVICE] is not None]
        self._vehicle, self._carrier = key_of[VEHICLE], key_of[silence.KEY]
        self._runs = [live.runs[parts].under(key_of[parts], lasting=lasting) for parts in typical.KEYS]
        self._disrupted = [
            (live.disruptions.under(field, keys[field], lasting=lasting), ahead) for field, ahead in disruption.ASKED
        ]

    def features(
        self, row: Row, tracked: Sequence[float], reported: rests.Kind | None, cutoff: int
    ) -> NDArray[np.float64]:
        """Return the features at the cutoff (microseconds): float64 [len(FEATURES)].

        Parameters
        ----------
        row
            Times of the leg in force at the cutoff.
        tracked
            What `tracking.values_of_one` and `course.values_of_one` returned, one after the other.
        reported
            Of what kind its last report is, None if there is none.
        """
        live, keys, numbers = self._live, self._keys, self._numbers
        if reported != self._reported:
            self._rows[RESTED] = live.rests.rows(reported, lasting=self._lasting)
            self._reported = reported
        told = told_at(live, self._rows, cutoff)
        rates = live.rates.of(told.lives)
        lost_on_the_way, usually_told, *delivered = rates.take(self._built_on).tolist()
        values: list[float] = [*told.queued]
        values += silence.values_of_one(live.reports.last_start(self._carrier, cutoff), usually_told, cutoff)
        for place, _ in weather.ASKED:
            values += live.weather.at(keys[place], cutoff)
        for place, ahead in forecast.ASKED:
            values += live.forecasts.at(keys[place], row[ahead], cutoff)
        for subject, ahead in self._disrupted:
            values += subject.at(row[ahead], cutoff)
        working = [
            live.work.values(keys[place], counts, cutoff)
            for (place, _), counts in zip(work.ASKED, told.working, strict=True)
        ]
        for waiting in working:
            values += waiting
        values += labour.values_of_one(live.labour.values(keys[labour.AT], told.laboured, cutoff), working[0])
        others = rates[_HISTORY:].tolist()
        values += others[:_RESTS]
        values += claims.values_of_one(told.claimed, delivered)
        values += news.values_of_one(told.newest, told.heard, cutoff)
        values += way.values_of_one(self._way, live.weather, live.forecasts, live.disruptions, cutoff)
        last = live.vehicle.at(self._vehicle, cutoff) or shipment.NO_VEHICLE
        own = shipment.values_of_one(row, numbers, cutoff, lost_on_the_way, last)
        values += own
        values += plan.values_of_one(numbers, own[shipment.TO_DEPARTURE], own[shipment.BOOKED_AHEAD])
        values += typical.values_of_one(self._runs, row, cutoff)
        planned = row[Time.PLANNED]
        values += rotation.values_of_one(planned, live.rotation.at(self._vehicle, planned, cutoff))
        values += tracked
        values += rests.values_of_one(others[_RESTS:], tracked[tracking.AGE])
        found = np.empty(len(FEATURES))
        found[:_HISTORY] = rates[:_HISTORY]
        _REST.pack_into(found.data, _REST_BEGINS, *values)
        found[self._unknown] = np.nan
        return found
