"""One leg, ready to be asked at any time: what is live under each of its keys is looked for once, and kept.

The numbers are those of `features.keyed`. Plain numbers throughout: for one row an array costs more than what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from features import (
    claims,
    disruption,
    forecast,
    labour,
    plan,
    rotation,
    shipment,
    silence,
    tenders,
    typical,
    way,
    weather,
    work,
)
from features.definitions import DELIVERED, FEATURES, HISTORY, LOST_BY_CARRIER, LOST_BY_SERVICE, USUALLY_TOLD
from features.legs import Row, Time
from features.live import VEHICLE, LegKeys, LiveFacts

_ROW = Struct(f"{len(FEATURES)}d")


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
        "_claims",
        "_disrupted",
        "_facts",
        "_keys",
        "_live",
        "_numbers",
        "_reports",
        "_runs",
        "_spans",
        "_tenders",
        "_vehicle",
        "_way",
    )

    def __init__(
        self, live: LiveFacts, leg: LegKeys, numbers: Sequence[float], between: way.Way, *, lasting: bool
    ) -> None:
        keys, key_of = leg.fields, leg.of
        carrier, lane = keys["carrier"], (keys["origin"], keys["destination"])
        self._live, self._keys, self._numbers, self._way = live, keys, numbers, between
        self._vehicle = key_of[VEHICLE]
        self._facts = [
            timeline.under(key_of[stream.key], stream.unknown, lasting=lasting) for stream, timeline in live.streams
        ]
        self._spans = [line.under(key_of[queue.key], lasting=lasting) for queue, line in live.queues]
        self._reports = live.reports.under(key_of[silence.KEY], lasting=lasting)
        self._runs = [live.runs[parts].under(key_of[parts], lasting=lasting) for parts in typical.KEYS]
        self._disrupted = [
            (live.disruptions.under(field, keys[field], lasting=lasting), ahead) for field, ahead in disruption.ASKED
        ]
        self._tenders = live.tenders.under(carrier, lane, lasting=lasting)
        self._claims = live.claims.under(carrier, lasting=lasting)

    def features(self, row: Row, tracked: Sequence[float], cutoff: int) -> NDArray[np.float64]:
        """Return the features at the cutoff (microseconds): float64 [len(FEATURES)].

        Parameters
        ----------
        row
            Times of the leg in force at the cutoff.
        tracked
            What `tracking.values_of_one` and `course.values_of_one` returned, one after the other.
        """
        live, keys, numbers = self._live, self._keys, self._numbers
        flat: list[float] = []
        for facts in self._facts:
            since, until, alive = facts.held
            flat += alive if since <= cutoff < until else facts.at(cutoff)
        values = HISTORY.values_of_one(flat)
        by_service = values[LOST_BY_SERVICE]
        lost_on_the_way = values[LOST_BY_CARRIER] if isnan(by_service) else by_service
        delivered = [values[column] for column in DELIVERED]
        usually_told = values[USUALLY_TOLD]
        for spans in self._spans:
            since, until, number = spans.held
            values.append(number if since <= cutoff < until else spans.at(cutoff))
        values += silence.values_of_one(self._reports.last_start(cutoff), usually_told, cutoff)
        for place, _ in weather.ASKED:
            values += live.weather.at(keys[place], cutoff)
        for place, ahead in forecast.ASKED:
            values += live.forecasts.at(keys[place], row[ahead], cutoff)
        for subject, ahead in self._disrupted:
            values += subject.at(row[ahead], cutoff)
        working = [live.work.at(keys[place], cutoff) for place, _ in work.ASKED]
        for waiting in working:
            values += waiting
        for place, _ in labour.ASKED:
            values += labour.values_of_one(live.labour.at(keys[place], cutoff), working[0])
        values += tenders.values_of_one([facts.at(cutoff) for facts in self._tenders])
        against_all, against_carrier = self._claims
        values += claims.values_of_one(against_all.at(cutoff), against_carrier.at(cutoff), delivered)
        values += way.values_of_one(self._way, live.weather, live.forecasts, live.disruptions, cutoff)
        last = live.vehicle.at(self._vehicle, cutoff) or shipment.NO_VEHICLE
        own = shipment.values_of_one(row, numbers, cutoff, lost_on_the_way, last)
        values += own
        values += plan.values_of_one(numbers, own[shipment.TO_DEPARTURE], own[shipment.BOOKED_AHEAD])
        values += typical.values_of_one(self._runs, row, cutoff)
        planned = row[Time.PLANNED]
        values += rotation.values_of_one(planned, live.rotation.at(self._vehicle, planned, cutoff))
        values += tracked
        found = np.empty(len(FEATURES))
        _ROW.pack_into(found.data, 0, *values)
        return found
