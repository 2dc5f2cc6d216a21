"""News features: how the feed of events of the leg's carrier is doing. Is it fresh, on time, complete, told once?

An event is news of the carrier whose plan of its shipment was in force when it was told; one that came before the
first plan is news of that one's carrier. Corrections and what they correct are news alike: each was sent. An event
counts once it is known and its shipment announced, and one that tells what has happened not before that happened: a
sender with a fast clock makes no news of tomorrow. Windows look back by that instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.counted import subject_of
from features.declaration import Feature
from features.history import HOUR, WINDOWS
from features.instants import MINUTE, micros_of
from features.legs import Time
from features.timeline import NEVER, Ints, Latest, Timeline
from features.vocabulary import Classifier

WINDOW = "7d"

ASKED = (("carrier", Time.PLANNED),)
TABLES = ("shipments", "events")
SAME = ("shipment_id", "status", "classifier", "place", "occurred_at", "corrects")
"""Columns by which one event says again what another said."""

SUMS = ("lag", "early", "again", "actual", "placeless")
"""What is summed of news: minutes until it was told, and whether it was told before it happened, says again what was
told, tells what has happened, and does so without saying where. Lag and early are those of what has happened, too."""

_SOURCE, _OWNER = "shipments, events", "carrier management"
_SPAN = "in the last 7 days"

FEATURES = (
    Feature("carrier_feed_silence_hours", "hours", "time since news of this carrier last came", _SOURCE, _OWNER),
    Feature(
        "carrier_feed_missed_events",
        "events",
        f"events that come in as long as it has been silent, as they came {_SPAN}",
        _SOURCE,
        _OWNER,
        WINDOW,
    ),
    Feature(
        "carrier_feed_lag_hours", "hours", f"mean time until an actual event was told {_SPAN}", _SOURCE, _OWNER, WINDOW
    ),
    Feature(
        "carrier_feed_early_share",
        "share",
        f"share told before they happened among actual events {_SPAN}",
        _SOURCE,
        _OWNER,
        WINDOW,
    ),
    Feature(
        "carrier_feed_repeated_share",
        "share",
        f"share that says again what another event said among events {_SPAN}",
        _SOURCE,
        _OWNER,
        WINDOW,
    ),
    Feature(
        "carrier_feed_placeless_share",
        "share",
        f"share that does not say where among actual events {_SPAN}",
        _SOURCE,
        _OWNER,
        WINDOW,
    ),
)

_NAN = float("nan")
_WINDOW_HOURS = WINDOWS[WINDOW] / HOUR


def news_in(shipments: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Return the news in tables, which hold all rows of some shipments: each event once, as it became known first.

    Returns
    -------
    DataFrame
        Columns carrier, and int64: start (from when on it counts) and `SUMS`.
    """
    plans = shipments[["shipment_id", "carrier_id", "known_at"]]
    plans = plans.sort_values("known_at", kind="stable", ignore_index=True)
    first = plans.drop_duplicates("shipment_id")
    announced = pd.Index(first["shipment_id"])
    events = events[[*SAME, "event_id", "known_at"]].sort_values("known_at", kind="stable")
    of = announced.get_indexer(pd.Index(events["shipment_id"]))
    once = (of >= 0) & ~events.duplicated(["shipment_id", "event_id"]).to_numpy()
    events, of = events[once], of[once].astype(np.int64)

    told, happened = micros_of(events["known_at"]), micros_of(events["occurred_at"])
    planned = micros_of(plans["known_at"])
    newest = Latest(announced.get_indexer(pd.Index(plans["shipment_id"])).astype(np.int64), planned, planned)
    in_force = newest.at(of, told)
    first_of = first.index.to_numpy(dtype=np.int64)[of]
    carrier = plans["carrier_id"].to_numpy(dtype=object)[np.where(in_force < 0, first_of, in_force)]
    is_actual = (events["classifier"] == Classifier.ACTUAL.value).to_numpy(dtype=np.int64)
    columns = {
        "start": np.maximum(np.maximum(told, planned[first_of]), np.where(is_actual, happened, told)),
        "lag": is_actual * ((told - happened) // MINUTE),
        "early": is_actual * (told < happened),
        "again": events.duplicated(list(SAME)).to_numpy(dtype=np.int64),
        "actual": is_actual,
        "placeless": is_actual * events["place"].isna().to_numpy(dtype=np.int64),
    }
    return pd.DataFrame({"carrier": carrier, **columns})


def prepare(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the news in the tables `TABLES`, of each carrier."""
    news = news_in(frames["shipments"], frames["events"])
    code, carriers = pd.factorize(news.pop("carrier"))
    subjects = np.array([subject_of("carrier", carrier) for carrier in carriers], dtype=object)
    return news.assign(subject=subjects[code])


class News:
    """What `prepare` returned, or the part of some subjects, ready to be asked."""

    def __init__(self, facts: pd.DataFrame) -> None:
        codes, self._subjects = pd.factorize(facts["subject"].to_numpy(dtype=object))
        starts, *sums = (facts[column].to_numpy(dtype=np.int64) for column in ("start", *SUMS))
        self._starts = np.append(starts, 0)
        self._latest = Latest(codes.astype(np.int64), starts, starts)
        self._timeline = Timeline(codes.astype(np.int64), starts, starts, [WINDOWS[WINDOW]], sums)

    def at(self, subjects: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:  # noqa: ARG002  as every feed
        """Return the features: float64 [q, len(FEATURES)], NaN where there was no news to tell them by."""
        codes = pd.Index(self._subjects).get_indexer(pd.Index(subjects)).astype(np.int64)
        newest = self._latest.at(codes, cutoffs)
        count, lag, early, again, actual, placeless = self._timeline.at(codes, cutoffs)[:, 0].T.astype(np.float64)
        silent = np.where(newest < 0, np.nan, (cutoffs - self._starts[newest]) / HOUR)
        missed = silent * count / _WINDOW_HOURS
        some, told = (np.where(number > 0, number, np.nan) for number in (count, actual))
        return np.stack([silent, missed, lag / 60 / told, early / told, again / some, placeless / told], axis=1)


def values_of_one(newest: int, sums: Sequence[int], cutoff: int) -> list[float]:
    """Return the features of one row: the same operations as in bulk, so the same bits.

    Parameters
    ----------
    newest
        When the newest that counts started to, `-NEVER` if there is none.
    sums
        How many there were in the window, then `SUMS` of them.
    """
    count, lag, early, again, actual, placeless = sums
    silent = (cutoff - newest) / HOUR if newest > -NEVER else _NAN
    repeated = again / count if count else _NAN
    told = [lag / 60 / actual, early / actual, placeless / actual] if actual else [_NAN] * 3
    return [silent, silent * count / _WINDOW_HOURS, told[0], told[1], repeated, told[2]]
