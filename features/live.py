"""Live facts: the timelines of `features.build`, kept up to date one shipment at a time.

Both sides share every definition: which facts milestones make (`legs.facts_of`), when they live (`timeline`), how
they become features (`history`, `backlog`, `shipment`). Only the arrays differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import backlog, shipment, weather
from features.definitions import HISTORY, LOST_ON_THE_WAY
from features.history import Fact
from features.legs import Facts, Legs, facts_of
from features.settings import FeatureSettings
from features.live_timeline import LiveLatest, LiveSpans, LiveTimeline
from features.timeline import Ints, starts_of

Keys = Mapping[str, str | None]
"""Value of each key field of a leg, None where missing."""


class LiveFacts:
    """Timelines of streams and queues, and the newest departure and weather, by key."""

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings = settings
        self._streams = [(stream, LiveTimeline(stream.window_lengths, 2)) for stream in HISTORY.streams]
        self._queues = [(queue, LiveSpans()) for queue in backlog.QUEUES]
        self._vehicle = LiveLatest()
        self._weather = LiveLatest()

    def replace(self, keys: Keys, old: Ints | None, new: Ints) -> None:
        """Take back what the old times of a leg had put in, and put in what the new ones say.

        Parameters
        ----------
        keys
            Key fields of the leg; the same at every call for the leg.
        old, new : int64 [1, len(Time)]
            `old` is None the first time.
        """
        facts = facts_of(new, self._settings)
        before: Mapping[Fact, Facts] = {} if old is None else facts_of(old, self._settings)
        changed = {kind for kind in Fact if not _same(before.get(kind), facts[kind])}
        for stream, timeline in self._streams:
            key = _key(keys, stream.key)
            if stream.fact not in changed or key is None:
                continue
            for fact, move in ((before.get(stream.fact), timeline.remove), (facts[stream.fact], timeline.add)):
                if fact is not None and fact.valid[0]:
                    move(key, int(fact.occurred[0]), int(fact.known[0]), fact.values[0].tolist())
        vehicle = keys["vehicle"]
        if Fact.DEPARTURE in changed and vehicle is not None:
            for fact, note in (
                (before.get(Fact.DEPARTURE), self._vehicle.remove),
                (facts[Fact.DEPARTURE], self._vehicle.add),
            ):
                if fact is not None and fact.valid[0]:
                    answer = (float(fact.values[0, 1]), float(fact.occurred[0]))
                    note(vehicle, int(fact.occurred[0]), int(fact.known[0]), answer)
        for queue, line in self._queues:
            key = _key(keys, queue.key)
            was, now = None if old is None else backlog.span_of(queue, old), backlog.span_of(queue, new)
            if key is None or was == now:
                continue
            for span, move in ((was, line.remove), (now, line.add)):
                if span is not None and span[0][0] < span[1][0]:
                    move(key, int(span[0][0]), int(span[1][0]))

    def load(self, legs: Legs) -> None:
        """Put in many legs at once; the outcome equals `replace` on each."""
        facts = facts_of(legs.times, self._settings)
        for stream, timeline in self._streams:
            fact = facts[stream.fact]
            codes, keys = _codes(legs, stream.key)
            chosen = fact.valid & (codes >= 0)
            timeline.add_many(keys, codes[chosen], fact.occurred[chosen], fact.known[chosen], fact.values[chosen])
        for queue, line in self._queues:
            codes, keys = _codes(legs, queue.key)
            start, end = backlog.span_of(queue, legs.times)
            chosen = (codes >= 0) & (start < end)
            line.add_many(keys, codes[chosen], start[chosen], end[chosen])
        left = facts[Fact.DEPARTURE]
        vehicles = legs.keys["vehicle"]
        usable = left.valid & pd.notna(vehicles)
        for row in np.flatnonzero(usable)[
            np.argsort(starts_of(left.occurred, left.known)[usable], kind="stable")
        ].tolist():
            answer = (float(left.values[row, 1]), float(left.occurred[row]))
            self._vehicle.add(vehicles[row], int(left.occurred[row]), int(left.known[row]), answer)

    def observe(self, place: str, occurred: int, known: int, measured: Sequence[float | None]) -> None:
        """Put in a weather observation; `measured` follows `weather.COLUMNS`."""
        self._weather.add(place, occurred, known, [np.nan if value is None else value for value in measured])

    def features(self, keys: Keys, times: Ints, numbers: NDArray[np.float64], cutoff: int) -> NDArray[np.float64]:
        """Return the features of one leg at the cutoff (microseconds): float64 [len(FEATURES)]."""
        flat: list[int] = []
        for stream, timeline in self._streams:
            flat += timeline.at(_key(keys, stream.key), cutoff)
        history = HISTORY.values(np.array([flat], dtype=np.float64))
        queues = [line.at(_key(keys, queue.key), cutoff) for queue, line in self._queues]
        observed = [self._weather.at(keys[place], cutoff) or _NO_WEATHER for place in weather.PLACES]
        last = np.array([self._vehicle.at(keys["vehicle"], cutoff) or shipment.NO_VEHICLE], dtype=np.float64)
        cutoffs = np.array([cutoff], dtype=np.int64)
        own = shipment.values(times, numbers, cutoffs, history[:, LOST_ON_THE_WAY], last)
        around = np.array([*queues, *observed[0], *observed[1]], dtype=np.float64)
        return np.concatenate([history[0], around, own[0]])

    def stream(self, name: str) -> LiveTimeline:
        """Return the timeline of the stream of that name."""
        return next(timeline for stream, timeline in self._streams if stream.name == name)

    def queue(self, feature_name: str) -> LiveSpans:
        """Return the spans of the queue of that feature."""
        return next(line for queue, line in self._queues if queue.feature.name == feature_name)


_NO_WEATHER = (np.nan,) * len(weather.COLUMNS)


def _key(keys: Keys, parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the key of a stream, None where a part is missing: nothing was ever added under that."""
    key = []
    for part in parts:
        value = keys[part]
        if value is None:
            return None
        key.append(value)
    return tuple(key)


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


def _same(one: Facts | None, other: Facts) -> bool:
    return (
        one is not None
        and bool(one.valid[0]) == bool(other.valid[0])
        and int(one.occurred[0]) == int(other.occurred[0])
        and int(one.known[0]) == int(other.known[0])
        and np.array_equal(one.values, other.values)
    )
