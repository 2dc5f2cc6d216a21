"""Batch build: the features of many (shipment, cutoff) questions at once, over canonical tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features.course import Courses
from features.definitions import FEATURES
from features.errors import TimelineError
from features.facts import facts_of
from features.feeds import FEEDS, Told, asked, told_in
from features.instants import micros_of
from features.keyed import KEYS, Keyed, assemble, codes_of
from features.legs import TABLES, Legs, Time
from features.progress import Progress
from features.rests import RestsByLevel
from features.settings import FeatureSettings
from features.tables import SCHEMAS, RecordTables
from features.timeline import Ints
from features.tracking import Reports, Scans
from features.way import FEEDS_ASKED, WAY, Ways, worst_of

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
    builder = Builder.of_tables(tables, settings)
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

    def __init__(self, legs: Legs, feeds: Mapping[str, Told], settings: FeatureSettings) -> None:
        self.legs, self._feeds = legs, feeds
        self._positions = pd.Index(legs.shipment_ids)
        self._codes = {key: codes_of(key, legs.keys) for key in KEYS}
        facts = facts_of(legs.times, settings)
        self._keyed = {key: Keyed(key, codes, legs.times, facts) for key, codes in self._codes.items()}
        reports = Reports.of(legs)
        self._scans, self._courses = Scans(legs, reports), Courses(legs)
        self._rests = RestsByLevel(legs, reports)
        self._ways = Ways(legs.stops)

    @classmethod
    def of_tables(cls, tables: RecordTables, settings: FeatureSettings) -> Builder:
        """Make the timelines of tables."""
        feeds = {name: told_in(name, tables) for name in FEEDS}
        return cls(Legs.of_tables(tables, currency=settings.currency), feeds, settings)

    @classmethod
    def of_folder(cls, folder: Path, settings: FeatureSettings) -> Builder:
        """Make the timelines of the tables in a folder; no table is held for longer than its own are made."""

        def read(tables: Collection[str]) -> RecordTables:
            return RecordTables.read(folder, without=SCHEMAS.keys() - tables)

        feeds = {name: told_in(name, read(feed.tables)) for name, feed in FEEDS.items()}
        legs = Legs.of_tables(read(TABLES), currency=settings.currency)
        pa.default_memory_pool().release_unused()  # Arrow keeps the room of tables that are gone, for others to come
        return cls(legs, feeds, settings)

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
        answers = {
            key: keyed.at(self._codes[key][rows], times[:, Time.PLANNED], cutoffs) for key, keyed in self._keyed.items()
        }
        fields = {field: values[rows] for field, values in self.legs.keys.items()}
        observed = [
            self._feeds[name].at(FEEDS[name].subjects(field, fields), times[:, ahead], cutoffs)
            for name, field, ahead in asked()
        ]
        of, places, planned = self._ways.ahead(self.legs.plan[rows], cutoffs)
        on_the_way = []
        for name in FEEDS_ASKED:
            told = self._feeds[name].at(FEEDS[name].subjects(WAY, {WAY: places}), planned, cutoffs[of])
            on_the_way.append(worst_of(name, of, told, len(rows)))
        last = self._scans.last_at(shipments, cutoffs)
        scans = self._scans.values(last, shipments, self.legs.plan[rows], times, cutoffs)
        tracked = np.concatenate([scans, self._courses.values(shipments, fields["transfer"], times, cutoffs)], axis=1)
        rested = self._rests.at(last, cutoffs)
        return assemble(answers, observed, on_the_way, tracked, rested, times, self.legs.numbers[rows], cutoffs)
