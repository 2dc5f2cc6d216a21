"""What feeds tell of places and carriers, asked about the ends of each leg: weather, forecasts, disruptions, work.

Each feed stands alone: what it tells and what it is asked can be parted by subject, and each part be asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import disruption, forecast, weather, work
from features.legs import Time
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
    prepare
        Turns its whole table into rows that each tell of one subject, named in the column `subject`.
    told
        Makes such rows, or those of some subjects, ready to be asked.
    subject
        Names what a field of a leg with some value is to this feed.
    """

    asked: tuple[tuple[str, Time], ...]
    prepare: Callable[[pd.DataFrame], pd.DataFrame]
    told: Callable[[pd.DataFrame], Told]
    subject: Callable[[str, str], str]

    def subjects(self, field: str, values: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the subject of each value of a field of a leg, None where it is missing: object [q]."""
        code, words = pd.factorize(values)
        names = np.array([*(self.subject(field, word) for word in words), None], dtype=object)
        return np.asarray(names[code])


def _of_place(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(subject=frame["place"])


def _place(_: str, value: str) -> str:
    return value


FEEDS: Mapping[str, Feed] = {
    "weather": Feed(weather.ASKED, _of_place, weather.Observations, _place),
    "weather_forecasts": Feed(forecast.ASKED, _of_place, forecast.Forecasts, _place),
    "disruptions": Feed(disruption.ASKED, disruption.states_of, disruption.Disruptions, disruption.subject_of),
    "warehouse_tasks": Feed(work.ASKED, work.spans_of, work.Work, _place),
}
"""The feed of each table."""

FEATURES = weather.FEATURES + forecast.FEATURES + disruption.FEATURES + work.FEATURES


def asked() -> Iterator[tuple[str, str, Time]]:
    """Yield table, field and time ahead of each question that is put to a feed, in the order of the features."""
    for table, feed in FEEDS.items():
        for field, time in feed.asked:
            yield table, field, time
