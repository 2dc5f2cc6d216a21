"""Data quality as features: how the carrier's feed of events is doing at each question's cutoff.

They are asked beside the features of `features.definitions` and are no part of those: a model that reads them is
another model. A rule may read them as they are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.declaration import Feature
from features.errors import TimelineError
from features.history import DAY, HOUR
from features.instants import MINUTE, micros_of
from features.moments import questions_of
from features.quality.feeds import FEEDS, actual
from features.tables import RecordTables
from features.timeline import Ints, Latest, Timeline

_OWNER = "carrier management"
_SOURCE = "shipments, events"
_PARTS = 1_000_000
"""Logarithms are counted in millionths: sums of whole numbers are exact."""
_SAME = next(feed.same for feed in FEEDS if feed.table == "events")

FEATURES = (
    Feature("carrier_feed_silence_hours", "hours", "time since news of this carrier last came", _SOURCE, _OWNER),
    Feature("carrier_feed_missed_events", "events", "events that usually come in that time", _SOURCE, _OWNER, "28d"),
    Feature("carrier_feed_lag_hours", "hours", "mean time until an actual event is known", _SOURCE, _OWNER, "7d"),
    Feature("carrier_feed_early_share", "share", "actual events known before they happened", _SOURCE, _OWNER, "7d"),
    Feature("carrier_feed_repeated_share", "share", "events that repeat an earlier one", _SOURCE, _OWNER, "7d"),
    Feature("carrier_feed_placeless_share", "share", "actual events that do not say where", _SOURCE, _OWNER, "7d"),
    Feature(
        "carrier_plans_weight_ratio",
        "ratio",
        "geometric mean of the weights planned in the last 7 days to that of the 28 days before",
        "shipments",
        "transport planning",
        "35d",
    ),
)
"""How the feed of a shipment's carrier is doing; a window looks back by when news came."""


def feeds_of(tables: RecordTables) -> pd.DataFrame:
    """Return `FEATURES` at each question of a history, beside shipment_id, moment and cutoff_at."""
    questions = questions_of(tables)
    return questions.assign(
        **dict(zip((feature.name for feature in FEATURES), feed_values(tables, questions).T, strict=True))
    )


def feed_values(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """Return the state of the feed of each question's carrier, from what was known at its cutoff.

    The carrier is that of the first plan of a shipment; news of a shipment counts once that plan is known.

    Parameters
    ----------
    questions
        Columns `shipment_id` and `cutoff_at` (aware).

    Returns
    -------
    float64 [n, len(FEATURES)]
        NaN where no news of the carrier was known, or none in the window.

    Raises
    ------
    TimelineError
        If a shipment is not in the tables.
    """
    plans = tables.shipments.sort_values("known_at", kind="stable").drop_duplicates("shipment_id")
    plans = plans.set_index("shipment_id")
    code = pd.Series(pd.factorize(plans["carrier_id"])[0].astype(np.int64), index=plans.index)
    asked = questions["shipment_id"].map(code)
    if asked.isna().any():
        first = questions.loc[asked.isna(), "shipment_id"].iloc[0]
        raise TimelineError(
            f"{int(asked.isna().sum())} of {len(questions)} questions name a shipment that is not in the tables, "
            f"the first '{first}'. Import its shipment record, or leave the question out."
        )
    keys, cutoffs = np.asarray(asked, dtype=np.int64), micros_of(questions["cutoff_at"])
    events = tables.events[tables.events["shipment_id"].isin(plans.index)]
    events = events.sort_values(["known_at", "occurred_at", "event_id"], kind="stable")
    told, happened = micros_of(events["known_at"]), micros_of(events["occurred_at"])
    known = np.maximum(told, micros_of(events["shipment_id"].map(plans["known_at"])))
    carrier = np.asarray(events["shipment_id"].map(code), dtype=np.int64)
    is_actual = actual(events).astype(np.int64)
    lag_minutes = is_actual * ((told - happened) // MINUTE)
    early, repeated = is_actual * (told < happened), events.duplicated(list(_SAME)).to_numpy(dtype=np.int64)
    placeless = is_actual * events["place"].isna().to_numpy(dtype=np.int64)

    newest = Latest(carrier, known, known).at(keys, cutoffs)
    silence = np.where(newest < 0, np.nan, (cutoffs - np.append(known, 0)[newest]) / HOUR)
    said = Timeline(carrier, known, known, (7 * DAY, 28 * DAY), (lag_minutes, early, repeated, is_actual, placeless))
    sums = said.at(keys, cutoffs).astype(np.float64)
    count, of_actual = (np.where(sums[:, 0, place] > 0, sums[:, 0, place], np.nan) for place in (0, 4))
    return np.stack(
        [
            silence,
            silence * sums[:, 1, 0] / (28 * 24),
            sums[:, 0, 1] / 60 / of_actual,
            sums[:, 0, 2] / of_actual,
            sums[:, 0, 3] / count,
            sums[:, 0, 5] / of_actual,
            _weight_ratio(plans[plans["weight_kg"] > 0], code, keys, cutoffs),
        ],
        axis=1,
    )


def _weight_ratio(plans: pd.DataFrame, code: pd.Series, keys: Ints, cutoffs: Ints) -> NDArray[np.float64]:
    """Return how the weights of each carrier's plans went up or down: a changed unit shows as its factor."""
    known = micros_of(plans["known_at"])
    logarithm = np.round(np.log(plans["weight_kg"].to_numpy(dtype=np.float64)) * _PARTS).astype(np.int64)
    planned = Timeline(np.asarray(code[plans.index], dtype=np.int64), known, known, (7 * DAY, 35 * DAY), (logarithm,))
    count, total = np.moveaxis(planned.at(keys, cutoffs).astype(np.float64), 2, 0)
    before = count[:, 1] - count[:, 0]
    both = (count[:, 0] > 0) & (before > 0)
    newer = total[:, 0] / np.where(both, count[:, 0], np.nan)
    older = (total[:, 1] - total[:, 0]) / np.where(both, before, np.nan)
    return np.asarray(np.exp((newer - older) / _PARTS), dtype=np.float64)
