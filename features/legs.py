"""Legs: the plan and the milestones of shipments, as plain numbers, for all shipments of tables.

What is known of a shipment changes in two ways. Most often something more is known, and each milestone carries the
time from which it counts. Now and then what was known is taken back: another plan, or an event that corrects another.
From that instant on a new *version* of the leg is in force, on `[since, until)`; the old one stays as it was known.
`features.versions` works them out for one shipment.

A milestone is the event of a status that stands and *counts first*; a repeat of the same status changes nothing. What
happened counts from when it is both past and known, so one that is said to happen tomorrow counts tomorrow, and not
at all if the true one is known before; a plan or an estimate counts from when it is known. An event stands until one
that corrects it is known. Times are int64 microseconds, `NEVER` where missing; other numbers are float64, NaN where
missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.columns import Columns
from features.instants import micros_of
from features.numbers import numbers_of_many
from features.standing import Told, gives_back, spells_of
from features.tables import STOPS, RecordTables, part_rows
from features.timeline import NEVER, Ints
from features.vocabulary import Classifier, Correction, EventStatus, StopKind

TABLES = ("shipments", "stops", "events")
"""The tables that legs are made of."""


class Time(Columns):
    """Columns of `Legs.times`; one that ends in `_KNOWN` is from when on that is known to have happened, not before."""

    BOOKED = 0
    KNOWN = 1
    PLANNED = 2
    PROMISED = 3
    DEPARTED = 4
    DEPARTED_KNOWN = 5
    DELIVERED = 6
    DELIVERED_KNOWN = 7
    CLOSED_KNOWN = 8
    EXCEPTION_KNOWN = 9
    """The first of `EXCEPTIONS` was reported."""
    SINCE = 10
    UNTIL = 11
    TRANSFERRED_KNOWN = 12
    """All that is planned to come to the transfer has come, as `Shipment.transfer` names it."""
    ARRIVED_KNOWN = 13
    """All that is planned to come to the destination has come there, and is to be delivered."""


Row = tuple[int, ...]
"""Times of one version of a leg, as the columns of `Legs.times`."""


KEYS = ("carrier", "origin", "transfer", "destination", "service", "vehicle", "customer")
"""Fields of a leg that streams may use as keys."""

CLOSED = frozenset({EventStatus.CANCELLED, EventStatus.DIVERTED, EventStatus.RETURNED, EventStatus.REFUSED})
"""Statuses after which a shipment will not be delivered as promised, and is no longer waited for."""

EXCEPTIONS = frozenset({EventStatus.ATTEMPTED, EventStatus.DAMAGED, EventStatus.CUSTOMS_HOLD})
"""Statuses after which a shipment is still waited for, but stands until somebody sees to it."""

ARRIVALS = frozenset({EventStatus.TERMINAL_ARRIVED, EventStatus.DELIVERY_ARRIVED})
"""Statuses of coming to a stop on the way or to the destination."""


@dataclass(frozen=True, slots=True)
class Legs:
    """Plan and milestones of shipments: n versions of m shipments, those of one shipment together, in order of time.

    Attributes
    ----------
    shipment_ids : str [m]
    first : int64 [m + 1]
        Where the versions of each shipment begin, and at the end n.
    ids : str [n]
        Shipment of each version.
    plan : int64 [n]
        Plan that each version follows, by its number.
    keys : object [n] for each of `KEYS`; None where missing
    times : int64 [n, len(Time)]
    numbers : float64 [n, len(features.numbers.Number)]
    told
        Delivery events of these shipments.
    stops
        Stops of the plans.
    """

    shipment_ids: NDArray[np.object_]
    first: Ints
    ids: NDArray[np.object_]
    plan: Ints
    keys: Mapping[str, NDArray[np.object_]]
    times: Ints
    numbers: NDArray[np.float64]
    told: Events
    stops: Stops

    @classmethod
    def of_tables(cls, tables: RecordTables, *, currency: str | None = None) -> Legs:
        """Return the legs of all shipments of the tables, in the order in which the shipments first appear.

        Amounts are in `currency`, and missing in any other; None takes each in its own.
        """
        leg, shipment_ids = pd.factorize(_text(tables.shipments["shipment_id"]))
        known, booked = micros_of(tables.shipments["known_at"]), micros_of(tables.shipments["occurred_at"])
        order = np.lexsort((booked, known, leg))
        plans, leg, known, booked = tables.shipments.iloc[order], leg[order], known[order], booked[order]
        first_plan = np.searchsorted(leg, np.arange(len(shipment_ids)))

        events = Events.of(tables.events, shipment_ids)
        version = _versions(leg, known, *events.corrections(after=known[first_plan]))
        first = np.searchsorted(version.leg, np.arange(len(shipment_ids) + 1))
        stop, of_plan = _stops_in_order(plans, tables.stops)
        pickup, delivery = _ends(plans, tables.stops, stop, of_plan)

        times = np.full((len(version.leg), len(Time)), NEVER, dtype=np.int64)
        times[:, Time.BOOKED], times[:, Time.KNOWN] = booked[first_plan][version.leg], known[first_plan][version.leg]
        times[:, Time.PLANNED] = micros_of(pickup["planned_at"])[version.plan]
        times[:, Time.PROMISED] = micros_of(delivery["promised_at"])[version.plan]
        times[:, Time.SINCE], times[:, Time.UNTIL] = version.since, version.until
        planned = micros_of(tables.stops["planned_at"])[stop]
        is_transfer = (tables.stops["kind"] == StopKind.TRANSFER.value).to_numpy(dtype=bool, na_value=False)[stop]
        stops = Stops(of_plan, _text(tables.stops["place"])[stop], planned, is_transfer)
        events.fill_milestones(times, first)

        keys = {
            "carrier": _text(plans["carrier_id"])[version.plan],
            "origin": _text(pickup["place"])[version.plan],
            "transfer": stops.transfers(len(plans))[version.plan],
            "destination": _text(delivery["place"])[version.plan],
            "service": _text(plans["service_id"])[version.plan],
            "vehicle": _text(plans["vehicle_id"])[version.plan],
            "customer": _text(plans["customer_id"])[version.plan],
        }
        events.fill_all_in(times, first, Time.TRANSFERRED_KNOWN, keys["transfer"])
        events.fill_all_in(times, first, Time.ARRIVED_KNOWN, keys["destination"])
        n_stops = np.bincount(of_plan, minlength=len(plans))
        numbers = numbers_of_many(plans, pickup, delivery, n_stops, currency)[version.plan]
        ids = shipment_ids[version.leg]
        return cls(shipment_ids, first, ids, version.plan, keys, times, numbers, events, stops)

    def rows_at(self, shipments: Ints, cutoffs: Ints) -> Ints:
        """Return the row of the version in force at the cutoff; before all of them, of the first.

        Parameters
        ----------
        shipments : int64 [q]
            Positions among `shipment_ids`.
        cutoffs : int64 [q]

        Returns
        -------
        int64 [q]
        """
        rows, end = self.first[shipments], self.first[shipments + 1]
        while True:
            later = np.minimum(rows + 1, end - 1)
            moves = (later > rows) & (self.times[later, Time.SINCE] <= cutoffs)
            if not moves.any():
                return rows
            rows = np.where(moves, later, rows)

    def first_rows(self) -> Ints:
        """Return the row of the first version of each shipment: int64 [m]."""
        return self.first[:-1]

    def last_rows(self) -> Ints:
        """Return the row of the last version of each shipment, what holds in the end: int64 [m]."""
        return self.first[1:] - 1


class _Versions(NamedTuple):
    """Versions in order: leg and plan (positions), on `[since, until)`; int64 [n] each."""

    leg: Ints
    plan: Ints
    since: Ints
    until: Ints


def _versions(leg: Ints, known: Ints, corrected_leg: Ints, corrected_known: Ints) -> _Versions:
    """Part the time of each leg where its plan changes or one of its events is corrected.

    `leg` and `known` are of the plans, in order; corrections come after the first plan of their leg.
    """
    plan = np.concatenate([np.arange(len(leg)), np.full(len(corrected_leg), -1)])
    leg, since = np.concatenate([leg, corrected_leg]), np.concatenate([known, corrected_known])
    order = np.lexsort((plan, since, leg))
    # Plans stand in order and every leg begins with one, so the running maximum is the plan in force.
    leg, since, plan = leg[order], since[order], np.maximum.accumulate(plan[order])
    same_leg = leg[1:] == leg[:-1]
    last = np.append(~(same_leg & (since[1:] == since[:-1])), True)[: len(leg)]
    leg, since, plan = leg[last], since[last], plan[last]
    until = np.append(np.where(leg[1:] == leg[:-1], since[1:], NEVER), NEVER)[: len(leg)]
    return _Versions(leg, plan, since, until)


_NAMED, _TEXTS = ("shipment_id", "event_id", "corrects"), ("status", "classifier", "place", "correction")
_TIMES = ("occurred_at", "known_at")
_IN_TURN = ["known_at", "occurred_at", "event_id"]


@dataclass(frozen=True, slots=True)
class Events:
    """Delivery events of announced shipments in the order in which they were known, each once.

    `frame` has the columns status, classifier, place, correction (categories), occurred_at and known_at. `leg` is the
    position of the shipment, `start` from when on it counts, `withdrawn` from when on it stands no longer; one that is
    given back (`features.standing`) is there once more, known from then on.
    """

    frame: pd.DataFrame
    leg: Ints
    start: Ints
    withdrawn: Ints

    @classmethod
    def of(cls, events: pd.DataFrame, shipment_ids: NDArray[np.object_]) -> Events:
        events = events[[*_NAMED, *_TEXTS, *_TIMES]].astype(dict.fromkeys(_TEXTS, "category"))
        events = events.sort_values(_IN_TURN, kind="stable")
        leg = pd.Index(shipment_ids).get_indexer(pd.Index(_text(events["shipment_id"])))
        once = ~pd.DataFrame({"leg": leg, "event_id": events["event_id"].to_numpy(dtype=object)}).duplicated()
        chosen = (leg >= 0) & once.to_numpy()
        events, leg = events[chosen], leg[chosen]
        withdrawn = np.full(len(events), NEVER, dtype=np.int64)
        corrections = events[events["corrects"].notna()]
        if len(corrections):
            first = corrections.drop_duplicates(["shipment_id", "corrects"])
            pairs = pd.MultiIndex.from_frame(first[["shipment_id", "corrects"]].astype(object))
            some = np.flatnonzero(np.isin(leg, leg[events["corrects"].notna()]))
            named = pd.MultiIndex.from_frame(events[["shipment_id", "event_id"]].iloc[some].astype(object))
            found = pairs.get_indexer(named)
            withdrawn[some[found >= 0]] = micros_of(first["known_at"])[found[found >= 0]]
            events, leg, withdrawn = _given_back(events, leg, withdrawn)
        is_actual = (events["classifier"] == Classifier.ACTUAL.value).to_numpy(dtype=bool, na_value=False)
        known = micros_of(events["known_at"])
        start = np.where(is_actual, np.maximum(known, micros_of(events["occurred_at"])), known)
        return cls(events[[*_TEXTS, *_TIMES]].reset_index(drop=True), leg.astype(np.int64), start, withdrawn)

    def corrections(self, *, after: Ints) -> tuple[Ints, Ints]:
        """Return leg and instant of each correction that ended an event, if known after this instant of its leg."""
        turns = (self.withdrawn < NEVER) & (self.withdrawn > after[self.leg])
        return self.leg[turns], self.withdrawn[turns]

    def fill_milestones(self, times: Ints, first: Ints) -> None:
        """Write into the times of each version the event of each status that stands in it and counts first."""
        counts = (self.frame["classifier"] == Classifier.ACTUAL.value) & ~self.void
        for statuses, occurred_column, known_column in (
            ({EventStatus.DEPARTED}, Time.DEPARTED, Time.DEPARTED_KNOWN),
            ({EventStatus.DELIVERED}, Time.DELIVERED, Time.DELIVERED_KNOWN),
            (CLOSED, None, Time.CLOSED_KNOWN),
            (EXCEPTIONS, None, Time.EXCEPTION_KNOWN),
        ):
            of_status = self.frame["status"].isin([status.value for status in statuses])
            chosen = self._in_turn((counts & of_status).to_numpy())
            version, event = _each_version_of(self.leg[chosen], first)
            stands = self.withdrawn[chosen[event]] > times[version, Time.SINCE]
            version, event = version[stands], event[stands]
            version, place = np.unique(version, return_index=True)
            found = chosen[event[place]]
            times[version, known_column] = self.start[found]
            if occurred_column is not None:
                times[version, occurred_column] = micros_of(self.frame["occurred_at"].iloc[found])

    def fill_all_in(self, times: Ints, first: Ints, column: int, places: NDArray[np.object_]) -> None:
        """Write into the times of each version when as many arrivals at its place are known as are planned by then."""
        classifier = self.frame["classifier"].to_numpy(dtype=object)
        counts = self.frame["status"].isin([status.value for status in ARRIVALS]).to_numpy() & ~self.void.to_numpy()
        chosen = self._in_turn(counts & (classifier != Classifier.ESTIMATED.value))
        version, event = _each_version_of(self.leg[chosen], first)
        there = self.frame["place"].to_numpy(dtype=object)[chosen]
        stands = (self.withdrawn[chosen[event]] > times[version, Time.SINCE]) & (places[version] == there[event])
        stands &= places[version] != np.array(None)
        version, event = version[stands], event[stands]
        order = np.lexsort((event, version))
        version, event = version[order], chosen[event[order]]
        is_planned = classifier[event] == Classifier.PLANNED.value
        start = np.searchsorted(version, version)
        planned, come = (
            total - np.append(0, total)[start] for total in (np.cumsum(is_planned), np.cumsum(~is_planned))
        )
        all_in = np.flatnonzero(~is_planned & (come >= np.maximum(planned, 1)))
        found, place = np.unique(version[all_in], return_index=True)
        times[found, column] = self.start[event[all_in[place]]]

    def _in_turn(self, chosen: NDArray[np.bool_]) -> Ints:
        """Return the positions of the chosen ones in the order in which they come to count."""
        places = np.flatnonzero(chosen)
        return places[np.argsort(self.start[places], kind="stable")]

    @property
    def void(self) -> pd.Series:
        """Which of them only say that another did not occur."""
        return _is_void(self.frame)


def _is_void(events: pd.DataFrame) -> pd.Series:
    return (events["correction"] == Correction.DID_NOT_OCCUR.value).fillna(value=False).astype(bool)


def _given_back(events: pd.DataFrame, leg: Ints, withdrawn: Ints) -> tuple[pd.DataFrame, Ints, Ints]:
    """Return events, their legs and until when they stand, where those that take back others are taken back as well."""
    void = np.flatnonzero(_is_void(events))
    ids, corrects = (events[column].to_numpy(dtype=object) for column in ("event_id", "corrects"))
    back: dict[int, list[tuple[str, str]]] = {}
    for place in void.tolist():
        back.setdefault(int(leg[place]), []).append((ids[place], corrects[place]))
    some = np.flatnonzero(np.isin(leg, [one for one, pairs in back.items() if gives_back(pairs)]))
    if not len(some):
        return events, leg, withdrawn
    known, is_void = micros_of(events["known_at"]), np.isin(np.arange(len(events)), void)
    told: dict[int, dict[int, Told]] = {}
    for place in some.tolist():
        corrected = None if pd.isna(corrects[place]) else corrects[place]
        one = Told(ids[place], corrected, bool(is_void[place]), int(known[place]))
        told.setdefault(int(leg[place]), {})[place] = one
    lives = []
    for of_leg in told.values():
        spells = spells_of(of_leg.values())
        lives += [(place, *spell) for place, one in of_leg.items() for spell in spells[one.event_id]]
    kept = np.setdiff1d(np.arange(len(events)), some)
    plain = np.stack([kept, known[kept], withdrawn[kept]], axis=1)
    place, since, until = np.concatenate([plain, np.array(lives, dtype=np.int64)]).T
    known_at = pd.to_datetime(since, unit="us", utc=True).astype(events["known_at"].dtype)
    events = events.iloc[place].assign(known_at=known_at)
    order = events.reset_index(drop=True).sort_values(_IN_TURN, kind="stable").index.to_numpy()
    return events.iloc[order], leg[place][order], until[order]


def _each_version_of(legs: Ints, first: Ints) -> tuple[Ints, Ints]:
    """Pair each leg in turn with all of its versions: (version, place among the legs)."""
    count = first[legs + 1] - first[legs]
    place = np.repeat(np.arange(len(legs)), count)
    before = np.repeat(np.cumsum(count) - count, count)
    return first[legs][place] + np.arange(len(place)) - before, place


class Stops(NamedTuple):
    """Stops of plans, those of one plan in order: number of the plan, place, planned time, whether it is a transfer."""

    plan: Ints
    place: NDArray[np.object_]
    planned: Ints
    is_transfer: NDArray[np.bool_]

    def between(self) -> Ints:
        """Return the positions of those between the ends of their plan: int64 [k]."""
        same = self.plan[1:] == self.plan[:-1]
        return np.flatnonzero(same[1:] & same[:-1]) + 1

    def transfers(self, plans: int) -> NDArray[np.object_]:
        """Return the place of the last transfer between the ends of each of so many plans, None if it has none."""
        found = np.full(plans, None, dtype=object)
        between = self.between()
        between = between[self.is_transfer[between]]
        found[self.plan[between]] = self.place[between]  # of several writes to one place the last one holds
        return found


def _stops_in_order(plans: pd.DataFrame, stops: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return the rows of the stops and the plan of each, plan after plan."""
    stop, plan = part_rows(STOPS, stops, plans)
    sequence = stops["sequence"].to_numpy(dtype=np.int64)[stop]
    order = np.lexsort((sequence, plan))
    return stop[order], plan[order]


def _ends(plans: pd.DataFrame, stops: pd.DataFrame, stop: Ints, plan: Ints) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the first and the last stop of each plan, in the order of the plans."""
    ends = np.full((2, len(plans)), -1)
    ends[0, plan[::-1]], ends[1, plan] = stop[::-1], stop  # of several writes to one place the last one holds
    numbered = stops.reset_index(drop=True)
    return numbered.reindex(ends[0]), numbered.reindex(ends[1])


def _text(column: pd.Series) -> NDArray[np.object_]:
    """Return texts, None where missing; equal ones are one object, as a million shipments have a few carriers."""
    code, words = pd.factorize(column)
    return np.array([*words, None], dtype=object)[code]
