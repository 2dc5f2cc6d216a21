"""Batch build: the features of many (shipment, cutoff) questions at once, over canonical tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import backlog, shipment, weather
from features.backlog import Queue
from features.definitions import FEATURES, HISTORY, LOST_ON_THE_WAY
from features.errors import TimelineError
from features.history import Fact, Stream
from features.legs import Facts, Legs, Time, facts_of, micros_of
from features.revisions import RevisedTimeline
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.timeline import Ints, Latest, Spans

Progress = Callable[[int, int], None]
"""Called with (done, total) as the work goes on."""

_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """Features of n questions: `values` is float64 [n, len(FEATURES)], NaN where unknown."""

    values: NDArray[np.float64]
    names: tuple[str, ...]


def build(
    tables: RecordTables, questions: pd.DataFrame, settings: FeatureSettings, progress: Progress | None = None
) -> FeatureMatrix:
    """Build the features of each question, from what was known at its cutoff and from nothing else.

    Parameters
    ----------
    tables
        Canonical tables; records after a cutoff may be there and change nothing.
    questions
        Columns `shipment_id` and `cutoff_at` (aware).

    Raises
    ------
    TimelineError
        If a shipment is not in the tables, or was not yet known at its cutoff.
    """
    builder = Builder(tables, settings)
    shipments = builder.positions_of(questions["shipment_id"])
    cutoffs = micros_of(questions["cutoff_at"])
    values = np.empty((len(questions), len(FEATURES)))
    for start in range(0, len(questions), _CHUNK):
        chosen = slice(start, start + _CHUNK)
        values[chosen] = builder.values(shipments[chosen], cutoffs[chosen])
        if progress is not None:
            progress(min(start + _CHUNK, len(questions)), len(questions))
    return FeatureMatrix(values, tuple(feature.name for feature in FEATURES))


class Builder:
    """Timelines over the tables, made once, asked often."""

    def __init__(self, tables: RecordTables, settings: FeatureSettings) -> None:
        self.legs = Legs.of_tables(tables)
        self._positions = pd.Index(self.legs.shipment_ids)
        self._codes: dict[tuple[str, ...], Ints] = {}
        facts = facts_of(self.legs.times, settings)
        self._streams = [(stream, self._timeline(stream, facts[stream.fact])) for stream in HISTORY.streams]
        self._queues = [(queue, self._queue(queue)) for queue in backlog.QUEUES]
        self._vehicle, self._vehicle_answers = self._latest_departures(facts[Fact.DEPARTURE])
        self._weather = _Weather(tables.weather)

    def positions_of(self, shipment_ids: pd.Series) -> Ints:
        """Return the position of each shipment among those of the legs: int64 [n]."""
        positions = self._positions.get_indexer(pd.Index(shipment_ids))
        if (positions < 0).any():
            unknown = shipment_ids[positions < 0]
            raise TimelineError(
                f"{len(unknown)} of {len(shipment_ids)} questions name a shipment that is not in the tables, "
                f"the first '{unknown.iloc[0]}'. Import its shipment record, or leave the question out."
            )
        return positions.astype(np.int64)

    def values(self, shipments: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return the features of shipments, by position, at the cutoffs: float64 [n, len(FEATURES)]."""
        rows = self.legs.rows_at(shipments, cutoffs)
        times = self.legs.times[rows]
        early = times[:, Time.KNOWN] > cutoffs
        if early.any():
            raise TimelineError(
                f"{int(early.sum())} of {len(rows)} questions are asked before their shipment was known, "
                f"the first of '{self.legs.ids[rows[early][0]]}'. Move the cutoff, or leave the question out."
            )
        flat = np.empty((len(rows), HISTORY.width))
        column = 0
        for stream, timeline in self._streams:
            answers = timeline.at(self._code(stream.key)[rows], cutoffs)
            width = answers.shape[1] * answers.shape[2]
            flat[:, column : column + width] = answers.reshape(len(rows), width)
            column += width
        history = HISTORY.values(flat)
        queues = np.stack([line.at(self._code(queue.key)[rows], cutoffs) for queue, line in self._queues], axis=1)
        last = self._vehicle.at(self._code(("vehicle",))[rows], cutoffs)
        vehicle = np.where(last[:, None] < 0, np.array([shipment.NO_VEHICLE]), self._vehicle_answers[last])
        observed = [self._weather.at(self.legs.keys[place][rows], cutoffs) for place in weather.PLACES]
        own = shipment.values(times, self.legs.numbers[rows], cutoffs, history[:, LOST_ON_THE_WAY], vehicle)
        return np.concatenate([history, queues.astype(np.float64), *observed, own], axis=1)

    def _code(self, key: tuple[str, ...]) -> Ints:
        """Return the key of each leg as a number, -1 where a part of it is missing."""
        if key not in self._codes:
            code = np.zeros(len(self.legs.ids), dtype=np.int64)
            for field in key:
                part, words = pd.factorize(self.legs.keys[field])
                code = np.where((code < 0) | (part < 0), -1, code * (len(words) + 1) + part)
                # Renumber as we go, so that long keys stay small numbers.
                code = np.where(code < 0, -1, np.unique(code, return_inverse=True)[1])
            self._codes[key] = code
        return self._codes[key]

    def _timeline(self, stream: Stream, facts: Facts) -> RevisedTimeline:
        code = self._code(stream.key)
        chosen = facts.valid & (code >= 0)
        occurred, known, until = facts.occurred[chosen], facts.known[chosen], facts.until[chosen]
        return RevisedTimeline(code[chosen], occurred, known, until, stream.window_lengths, facts.values[chosen])

    def _queue(self, queue: Queue) -> Spans:
        code = self._code(queue.key)
        start, end = backlog.span_of(queue, self.legs.times)
        chosen = (code >= 0) & (start < end)
        return Spans(code[chosen], start[chosen], end[chosen])

    def _latest_departures(self, facts: Facts) -> tuple[Latest, NDArray[np.float64]]:
        code = self._code(("vehicle",))
        chosen = np.flatnonzero(facts.valid & (code >= 0))
        # Of two that left at one instant and were known at one, the later one counts, as in `LiveLatest`.
        chosen = chosen[np.argsort(facts.values[chosen, 1], kind="stable")]
        answers = np.stack([facts.values[chosen, 1], facts.occurred[chosen]], axis=1).astype(np.float64)
        latest = Latest(code[chosen], facts.occurred[chosen], facts.known[chosen], facts.until[chosen])
        return latest, np.vstack([answers, shipment.NO_VEHICLE])


class _Weather:
    """Newest observation by place."""

    def __init__(self, observations: pd.DataFrame) -> None:
        columns = [column for column, _, _ in weather.COLUMNS]
        measured = observations[columns].to_numpy(dtype=np.float64, na_value=np.nan)
        self._values = np.vstack([measured, np.full((1, len(columns)), np.nan)])
        code, self._places = pd.factorize(observations["place"].to_numpy(dtype=object))
        self._latest = Latest(code, micros_of(observations["occurred_at"]), micros_of(observations["known_at"]))

    def at(self, places: NDArray[np.object_], cutoffs: Ints) -> NDArray[np.float64]:
        code = pd.Index(self._places).get_indexer(pd.Index(places))
        return np.asarray(self._values[self._latest.at(code.astype(np.int64), cutoffs)])
