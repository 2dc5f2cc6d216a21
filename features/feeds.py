"""What feeds tell of places and carriers about each leg: weather, disruptions, work and labour, tenders, claims, news.

Each feed stands alone: what it tells and what it is asked can be parted by subject, and each part be asked elsewhere.
`features_of` makes features of what was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import claims, disruption, forecast, labour, news, tenders, way, weather, work
from features.counted import EVERYBODY, JOIN, joined, subject_of
from features.tables import RecordTables, no_records
from features.timeline import Ints


class Told(Protocol):
    """What a feed has told, ready to be asked."""

    def at(self, subjects: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Answer for each subject and the time ahead of it, from what was known at its cutoff: float64 [q, width]."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed.

    Attributes
    ----------
    asked
        About which field of a leg it is asked, and for what time ahead.
    tables
        What it is told in.
    prepare
        Turns its whole tables into rows that each tell of one subject, named in the column `subject`.
    told
        Makes such rows, or those of some subjects, ready to be asked.
    parted_by
        Column of its tables by whose values they may be parted before `prepare`; empty where they must stay together.
    subject
        Names what a field of a leg with some value is to this feed.
    """

    asked: tuple[tuple[str, int], ...]
    tables: tuple[str, ...]
    prepare: Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]
    told: Callable[[pd.DataFrame], Told]
    subject: Callable[[str, str], str]
    parted_by: str = ""

    def subjects(self, field: str, fields: Mapping[str, NDArray[np.object_]]) -> NDArray[np.object_]:
        """Return the subject of each value of a field or of several joined, None where missing: object [q]."""
        if field == EVERYBODY:
            return np.full(len(next(iter(fields.values()))), EVERYBODY, dtype=object)
        code, words = pd.factorize(joined([fields[part] for part in field.split(JOIN)]))
        names = np.array([*(self.subject(field, word) for word in words), None], dtype=object)
        return np.asarray(names[code])


def _place(_: str, value: str) -> str:
    return value


def _feed_of_one(
    table: str,
    asked: tuple[tuple[str, int], ...],
    prepare: Callable[[pd.DataFrame], pd.DataFrame],
    told: Callable[[pd.DataFrame], Told],
    subject: Callable[[str, str], str],
    parted_by: str,
) -> Feed:
    return Feed(asked, (table,), lambda frames: prepare(frames[table]), told, subject, parted_by)


FEEDS: Mapping[str, Feed] = {
    "weather": Feed(weather.ASKED, ("weather", "places"), weather.prepare, weather.Observations, _place),
    "weather_forecasts": Feed(
        forecast.ASKED, ("weather_forecasts", "places"), forecast.prepare, forecast.Forecasts, _place
    ),
    "disruptions": _feed_of_one(
        "disruptions",
        disruption.ASKED,
        disruption.states_of,
        disruption.Disruptions,
        disruption.subject_of,
        "disruption_id",
    ),
    "warehouse_tasks": _feed_of_one("warehouse_tasks", work.ASKED, work.states_of, work.Work, _place, "task_id"),
    "labour_shifts": _feed_of_one("labour_shifts", labour.ASKED, labour.amounts_of, labour.Labour, _place, "shift_id"),
    "tenders": Feed(tenders.ASKED, tenders.TABLES, tenders.prepare, tenders.told, subject_of, "shipment_id"),
    "claims": Feed(claims.ASKED, claims.TABLES, claims.prepare, claims.told, subject_of, "claim_id"),
    "news": Feed(news.ASKED, news.TABLES, news.prepare, news.News, subject_of, "shipment_id"),
}
"""Every feed; what those before labour and the last one answer are features."""

FEATURES = (
    *weather.FEATURES,
    *forecast.FEATURES,
    *disruption.FEATURES,
    *work.FEATURES,
    *labour.FEATURES,
    *tenders.FEATURES,
    *claims.FEATURES,
    *news.FEATURES,
    *way.FEATURES,
)


def asked() -> Iterator[tuple[str, str, int]]:
    """Yield feed, field and time ahead of each question that is put to a feed, in the order of the features."""
    for name, feed in FEEDS.items():
        for field, time in feed.asked:
            yield name, field, time


def told_in(name: str, tables: RecordTables) -> Told:
    """Return what a feed has told in the tables. What one without a record tells is made once: most have none."""
    feed = FEEDS[name]
    frames = {table: getattr(tables, table) for table in feed.tables}
    if all(frame.empty for frame in frames.values()):
        return _nothing_told(name)
    rows = feed.prepare(frames)
    del tables, frames  # if nobody else has them, they need not be in memory beside what is made of the rows
    return feed.told(rows)


@cache
def _nothing_told(name: str) -> Told:
    feed = FEEDS[name]
    return feed.told(feed.prepare({table: getattr(no_records(), table) for table in feed.tables}))


def features_of(answers: Sequence[NDArray[np.float64]], delivered: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the features, in several arrays of q rows.

    Parameters
    ----------
    answers
        What was answered to each of `asked`.
    delivered : float64 [q, len(claims.DELIVERED)]
    """
    by_feed: dict[str, list[NDArray[np.float64]]] = {name: [] for name in FEEDS}
    for (name, _, _), answer in zip(asked(), answers, strict=True):
        by_feed[name].append(answer)
    (labouring,), working = by_feed["labour_shifts"], by_feed["warehouse_tasks"]
    claimed_of_all, claimed = by_feed["claims"]
    return [
        *by_feed["weather"],
        *by_feed["weather_forecasts"],
        *by_feed["disruptions"],
        *working,
        labour.values(labouring, working[0]),
        tenders.values(by_feed["tenders"]),
        claims.values(claimed_of_all, claimed, delivered),
        *by_feed["news"],
    ]
