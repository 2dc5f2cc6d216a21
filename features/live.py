"""Live facts: the timelines of `features.build`, kept up to date one shipment at a time.

Both sides share every definition: which facts milestones make (`legs.facts_of`), when they live (`timeline`), how
they become features (`history`, `backlog`, `shipment`). Only the arrays differ.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd

from features import backlog, rotation, silence, typical
from features.board import Board
from features.claims import LiveClaims
from features.definitions import HISTORY, QUEUES, RATES
from features.disruption import LiveDisruptions
from features.facts import Facts, Happened, facts_of, facts_of_one
from features.forecast import LiveForecasts
from features.history import WINDOWS, Fact, seen_of
from features.key_facts import Fact as Counted
from features.legs import Legs, Row, Time
from features.live_labour import LiveLabour
from features.live_latest import LiveLatest
from features.live_news import LiveNews
from features.live_rests import LiveRests
from features.live_tenders import LiveTenders
from features.live_timeline import LiveSpans, LiveTimeline
from features.live_work import LiveWork
from features.rates import Rates
from features.recent import LiveRecent, Run
from features.records import Place, Shipment
from features.rotation import LiveRotation
from features.settings import FeatureSettings
from features.timeline import NEVER, Ints, starts_of
from features.versions import keys_of
from features.weather import LiveObservations

Keys = Mapping[str, str | None]
"""Value of each key field of a leg, None where missing."""

KeyOf = Mapping[tuple[str, ...], tuple[str | None, ...] | None]
"""The leg's key for each set of key fields; None where a part is missing: nothing was ever added under that."""


@dataclass(frozen=True, slots=True, eq=False)
class LegKeys:
    """The key fields of one plan of a leg, and its key for each set of them, worked out once."""

    fields: Keys
    of: KeyOf

    @classmethod
    def of_plan(cls, plan: Shipment) -> LegKeys:
        """Return those of a plan."""
        fields = keys_of(plan)
        return cls(fields, _key_of_each(fields))


Placed = tuple[LegKeys, Row]
"""One version of a leg: where it counts, and its times."""

VEHICLE = ("vehicle",)
_DEPARTURE, _RUN = Fact.DEPARTURE, Fact.RUN


class LiveFacts:
    """Timelines of streams and queues, and the newest departure and weather, by key; `features.live_leg` asks them."""

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings = settings
        board = self.board = Board()
        self.timelines = {
            kept: LiveTimeline(seen.windows, board, seen.width) for kept, seen in seen_of(HISTORY.streams).items()
        }
        self._by_fact: dict[Fact, dict[int, list[tuple[tuple[str, ...], LiveTimeline]]]] = {kind: {} for kind in Fact}
        for (kind, key), seen in seen_of(HISTORY.streams).items():
            self._by_fact[kind].setdefault(seen.width, []).append((key, self.timelines[kind, key]))
        self.rates = Rates(RATES)
        self.queues = [(queue, LiveSpans(board)) for queue in QUEUES]
        rules = dict.fromkeys(queue.rule for queue in QUEUES)
        self._alike = [[(queue, line) for queue, line in self.queues if queue.rule == rule] for rule in rules]
        self.runs = {key: LiveRecent() for key in typical.KEYS}
        self.reports = LiveSpans()
        self.vehicle = LiveLatest()
        self.rotation = LiveRotation()
        self.weather = LiveObservations()
        self.forecasts = LiveForecasts()
        self.disruptions = LiveDisruptions()
        self.work = LiveWork(board)
        self.labour = LiveLabour(board)
        self.tenders = LiveTenders(board)
        self.claims = LiveClaims(board)
        self.news = LiveNews(board)
        self.rests = LiveRests(board)

    def replace(self, old: Sequence[Placed], new: Sequence[Placed]) -> None:
        """Take back what the old versions of a leg had put in, and put in what the new ones say."""
        self._change_reports(old, new)
        gone, come = [version for version in old if version not in new], [one for one in new if one not in old]
        if len(gone) == len(come) == 1 and gone[0][0].fields == come[0][0].fields:
            self._change(gone[0][0], gone[0][1], come[0][1])
            return
        for keys, row in gone:
            self._change(keys, row, None)
        for keys, row in come:
            self._change(keys, None, row)

    def change(self, keys: LegKeys, old: Row, new: Row) -> None:
        """Do as `replace` does where a leg had one version and has one now, both of one plan: it happens most often."""
        carrier = keys.of[silence.KEY]
        for _, known in silence.TOLD:
            if carrier is not None and old[known] != new[known]:
                was, now = silence.start_of_report(old, known), silence.start_of_report(new, known)
                if was < NEVER:
                    self.reports.remove(carrier, was, NEVER)
                if now < NEVER:
                    self.reports.add(carrier, now, NEVER)
        self._change(keys, old, new)

    def _change(self, keys: LegKeys, old: Row | None, new: Row | None) -> None:
        """Turn what one version has put in into what it says now; None says nothing."""
        before: Mapping[Fact, Happened] = {} if old is None else facts_of_one(old, self._settings)
        after: Mapping[Fact, Happened] = {} if new is None else facts_of_one(new, self._settings)
        key_of = keys.of
        vehicle = key_of[VEHICLE]
        for kind, by_width in self._by_fact.items():
            was, now = before.get(kind), after.get(kind)
            if was == now:
                continue
            for width, streams in by_width.items():
                gone, come = _summed(was, width), _summed(now, width)
                for parts, timeline in streams:
                    key = key_of[parts]
                    if key is not None and gone is not None:
                        timeline.remove(key, gone)
                    if key is not None and come is not None:
                        timeline.add(key, come)
            if kind is _RUN:
                self._change_run(key_of, was, now)
            if kind is _DEPARTURE and vehicle is not None:
                if was is not None:
                    self.vehicle.remove(vehicle, was.occurred, was.known, _left(was), was.until)
                if now is not None:
                    self.vehicle.add(vehicle, now.occurred, now.known, _left(now), now.until)
        if vehicle is not None:
            self._change_rotation(vehicle, old, new)
        self._change_queues(key_of, old, new)

    def _change_queues(self, key_of: KeyOf, old: Row | None, new: Row | None) -> None:
        for alike in self._alike:
            queue, _ = alike[0]
            if old is not None and new is not None and queue.times_of(old) == queue.times_of(new):
                continue
            was = None if old is None else backlog.span_of_one(queue, old)
            now = None if new is None else backlog.span_of_one(queue, new)
            if was == now:
                continue
            for one, line in alike:
                key = key_of[one.key]
                if key is None:
                    continue
                if was is not None and now is not None:
                    line.change(key, was, now)
                elif was is not None:
                    line.remove(key, *was)
                elif now is not None:
                    line.add(key, *now)

    def _change_reports(self, old: Sequence[Placed], new: Sequence[Placed]) -> None:
        was, now = (
            silence.reports_of_leg((keys.fields["carrier"], row) for keys, row in versions) for versions in (old, new)
        )
        if was == now:
            return
        for carrier, start in was:
            self.reports.remove((carrier,), start, NEVER)
        for carrier, start in now:
            self.reports.add((carrier,), start, NEVER)

    def _change_rotation(self, vehicle: Hashable, old: Row | None, new: Row | None) -> None:
        if old is not None and new is not None and rotation.times_of(old) == rotation.times_of(new):
            return
        was, now = (None if row is None else rotation.run_of(row) for row in (old, new))
        if was == now:
            return
        if was is not None:
            self.rotation.remove(vehicle, was)
        if now is not None:
            self.rotation.add(vehicle, now)

    def _change_run(self, key_of: KeyOf, was: Happened | None, now: Happened | None) -> None:
        gone, come = (None if fact is None else _run(*fact) for fact in (was, now))
        for parts, runs in self.runs.items():
            key = key_of[parts]
            if key is not None and gone is not None:
                runs.remove(key, gone)
            if key is not None and come is not None:
                runs.add(key, come)

    def load(self, legs: Legs) -> None:
        """Put in many legs at once; the outcome equals `replace` on each."""
        facts = facts_of(legs.times, self._settings)
        for (kind, parts), timeline in self.timelines.items():
            fact = facts[kind]
            codes, keys = _codes(legs, parts)
            chosen = fact.valid & (codes >= 0)
            columns = (column[chosen] for column in (codes, fact.occurred, fact.known, fact.until, fact.values))
            timeline.add_many(keys, *columns)
        for queue, line in self.queues:
            codes, keys = _codes(legs, queue.key)
            start, end = backlog.span_of(queue, legs.times)
            chosen = (codes >= 0) & (start < end)
            line.add_many(keys, codes[chosen], start[chosen], end[chosen])
        self._load_runs(legs, facts[Fact.RUN])
        codes, keys = _codes(legs, silence.KEY)
        told, starts = silence.starts_of_reports(codes, legs.times)
        self.reports.add_many(keys, told, starts, np.full(len(starts), NEVER))
        left = facts[Fact.DEPARTURE]
        vehicles = legs.keys["vehicle"]
        usable = np.flatnonzero(left.valid & pd.notna(vehicles))
        for row in usable[np.argsort(starts_of(left.occurred, left.known)[usable], kind="stable")].tolist():
            occurred, known, until = int(left.occurred[row]), int(left.known[row]), int(left.until[row])
            self.vehicle.add((vehicles[row],), occurred, known, (float(left.values[row, 1]), float(occurred)), until)
        runs = rotation.runs_of(legs.times)
        planned = runs.valid & pd.notna(vehicles)
        self.rotation.add_many([(vehicle,) for vehicle in vehicles[planned]], runs.columns[planned])
        self.rests.load(legs)

    def _load_runs(self, legs: Legs, facts: Facts) -> None:
        usable = np.flatnonzero(facts.valid)
        columns = (facts.occurred, facts.known, facts.until, facts.values)
        told = [_run(*fact) for fact in zip(*(column[usable].tolist() for column in columns), strict=True)]
        for parts, runs in self.runs.items():
            codes, keys = _codes(legs, parts)
            pairs = ((keys[code], run) for code, run in zip(codes[usable].tolist(), told, strict=True) if code >= 0)
            runs.add_many(pairs)

    def locate(self, record: Place) -> bool:
        """Take in where a place lies; False if that was known before."""
        self.forecasts.stations.locate(record)
        return self.weather.stations.locate(record)

    def legs_and_late(self, name: str, window: str, key: Hashable, cutoff: int) -> tuple[int, int]:
        """Return how many facts of a stream live in a window at the cutoff, and how many of them were late."""
        stream = next(stream for stream in HISTORY.streams if stream.name == name)
        timeline = self.timelines[stream.fact, stream.key]
        counts = timeline.at(key, cutoff)
        place = timeline.windows.index(WINDOWS[window]) * len(counts) // len(timeline.windows)
        return int(counts[place]), int(counts[place + 1])

    def queue(self, feature_name: str) -> LiveSpans:
        """Return the spans of the queue of that feature."""
        return next(line for queue, line in self.queues if queue.feature.name == feature_name)


def putting_in(row: Row) -> Row:
    """Return what puts facts in: all times but those of the arrivals of parts, which come last."""
    return row[: Time.TRANSFERRED_KNOWN]


def _left(fact: Happened) -> tuple[float, float]:
    """Return what a vehicle answers of its last departure: the delay, and when it left."""
    return float(fact.values[1]), float(fact.occurred)


def _summed(fact: Happened | None, width: int) -> Counted | None:
    """Return a fact with as many of its values as are summed."""
    return None if fact is None else (fact.occurred, fact.known, fact.until, fact.values[:width])


def _run(occurred: int, known: int, until: int, values: Sequence[int]) -> Run:
    return Run(max(occurred, known), occurred, values[0], values[1], until)


def _key_of_each(keys: Keys) -> KeyOf:
    found: dict[tuple[str, ...], tuple[str | None, ...] | None] = {(): ()}
    for part, value in keys.items():
        found[part,] = None if value is None else (value,)
    for parts, values_of in _SOME_PARTS:
        key = values_of(keys)
        found[parts] = None if None in key else key
    return found


_SOME_PARTS = tuple(
    (parts, itemgetter(*parts))
    for parts in {
        *(stream.key for stream in HISTORY.streams),
        *(queue.key for queue in QUEUES),
        *typical.KEYS,
    }
    if len(parts) > 1
)


def _codes(legs: Legs, parts: tuple[str, ...]) -> tuple[Ints, list[tuple[str, ...]]]:
    """Return a number for the key of each leg, -1 where a part is missing, and the keys by number."""
    if not parts:
        return np.zeros(len(legs.ids), dtype=np.int64), [()]
    frame = pd.DataFrame({part: legs.keys[part] for part in parts})
    complete = frame.notna().all(axis=1).to_numpy()
    codes = np.where(complete, frame.groupby(list(parts), sort=False, dropna=False).ngroup().to_numpy(), -1)
    uniques, first, renumbered = np.unique(codes, return_index=True, return_inverse=True)
    keys = [tuple(legs.keys[part][row] for part in parts) for row in first.tolist()]
    offset = int(bool(len(uniques)) and uniques[0] < 0)
    return renumbered.astype(np.int64) - offset, keys[offset:]
